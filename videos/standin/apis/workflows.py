"""HeyGen's workflow API: `/v1/workflows/executions`, the uploads and the account.

Source: HeyGen's page *Video Generation* and the pages next to it.
"""

import re
from typing import Any

from videos.standin.apis.base import Contract, other_base, with_data
from videos.standin.contract import SECONDS, check_words, invalid, sides
from videos.standin.ledger import Execution
from videos.standin.wire import Reply, Request

EXECUTIONS = "/v1/workflows/executions"
WORKFLOW = "GenerateVideoNode"
DEFAULT_PROVIDER = "veo_3_1"
DEFAULT_RATIO = "16:9"
OTHER_APIS = {"heygen_video_1"}

_RATIO = re.compile(r"[0-9]{1,5}(\.[0-9]{1,4})?:[0-9]{1,5}(\.[0-9]{1,4})?")
_NAME = re.compile(r"[\w.-]{1,64}")


class Workflows(Contract):
    key = "workflows"
    id_name = "execution_id"
    picture_fields = {"start": "input.reference_image_url", "end": "input.tail_image_url"}

    def call_of(self, request: Request) -> str | None:
        line = (request.method, request.path)
        if line == ("POST", EXECUTIONS):
            return "submit"
        if line in (("POST", "/v3/assets"), ("POST", "/v1/asset")):
            return "upload"
        if line == ("GET", "/v3/users/me"):
            return "account"
        return "poll" if request.method == "GET" and request.path.startswith(EXECUTIONS + "/") else None

    def job_of(self, request: Request) -> str:
        return request.path.removeprefix(EXECUTIONS + "/")

    def new_id(self) -> str:
        return "node-gw-" + super().new_id()[:12]

    def checked_input(self, body: object, is_open: bool) -> dict[str, Any]:
        return checked_input(body, is_open)

    def pictures_of(self, body: Any) -> dict[str, Any]:
        given = body["input"]
        found = {"start": given.get("reference_image_url"), "end": given.get("tail_image_url")}
        return {name: address for name, address in found.items() if address}

    def accepted(self, row: Execution) -> Reply:
        return with_data(200, {"execution_id": row.execution_id, "status": "submitted"})

    def state(self, row: Execution, word: str, link: str) -> dict[str, Any]:
        data: dict[str, Any] = {"execution_id": row.execution_id, "status": word}
        if word == "failed":
            data["error"] = row.failure
        if word == "completed":
            data["output"] = {"video": {"video_url": link, "video_id": row.video_id}, "asset_id": row.asset_id}
        return data

    def odd_state(self, data: dict[str, Any], row: Execution, word: str | None, do: dict[str, Any]) -> dict[str, Any]:
        if word is not None and word != data["status"]:
            data = {"execution_id": row.execution_id, "status": word}
        if "error" in do:
            data["error"] = do["error"]
        if do.get("no_link"):
            data.pop("output", None)
        video = data.get("output", {}).get("video")
        if video is not None:
            bend_video(data, video, row, do)
        return do.get("data", data)


def bend_video(data: dict[str, Any], video: dict[str, Any], row: Execution, do: dict[str, Any]) -> None:
    if "link_base" in do:
        video["video_url"] = other_base(video["video_url"], do["link_base"])
    video["video_url"] = do.get("video_url", video["video_url"])
    if do.get("flat_output"):
        data["output"] = {"video_url": video["video_url"], "video_id": row.video_id}


def checked_input(body: object, is_open: bool) -> dict:
    """The `input` of a submission with its defaults filled in. Raises Refused (400)."""
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object.", None)
    if body.get("workflow_type") != WORKFLOW:
        raise invalid(f'workflow_type must be "{WORKFLOW}".', "workflow_type")
    given = body.get("input")
    if not isinstance(given, dict):
        raise invalid("input must be an object.", "input")
    prompt = given.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise invalid("input.prompt is required and must be a non-empty string.", "input.prompt")
    checked = {
        "prompt": prompt,
        "provider": _text(given, "provider", DEFAULT_PROVIDER),
        "aspect_ratio": _text(given, "aspect_ratio", DEFAULT_RATIO),
        "reference_image_url": _text(given, "reference_image_url", None),
        "tail_image_url": _text(given, "tail_image_url", None),
        "config": {} if given.get("config") is None else given["config"],
    }
    _check_values(checked, is_open)
    return checked


def _text(given: dict, name: str, default: str | None) -> str | None:
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise invalid(f"input.{name} must be a string.", f"input.{name}")
    return value


def _check_values(checked: dict, is_open: bool) -> None:
    known = [value for value in SECONDS if value not in OTHER_APIS]
    if checked["provider"] not in known and not (is_open and _NAME.fullmatch(checked["provider"])):
        raise invalid(f"Unknown provider. Use one of: {', '.join(known)}.", "input.provider")
    if not _RATIO.fullmatch(checked["aspect_ratio"]) or 0.0 in sides(checked["aspect_ratio"]):
        raise invalid('input.aspect_ratio must look like "16:9".', "input.aspect_ratio")
    if not isinstance(checked["config"], dict):
        raise invalid("input.config must be an object.", "input.config")
    check_words(checked["prompt"], "input.prompt")


CONTRACT = Workflows()
