"""HeyGen's own video models: `/v3/models/videos`, with idempotency.

Source: HeyGen's page of that call; the studio's module for the same API says which parts are used.
"""

from base64 import b64decode
from binascii import Error as NotBase64
from secrets import randbelow
from typing import Any

from PIL import Image

from videos.standin.apis.base import Contract, other_base, with_data
from videos.standin.contract import check_words, invalid
from videos.standin.frames import is_reserved
from videos.standin.ledger import Execution
from videos.standin.wire import Reply, Request

VIDEOS = "/v3/models/videos"
MODEL = "heygen-video-1"
MODES = ("text_to_video", "image_to_video", "reference_to_video")
RESOLUTIONS = {"480p": 480, "768p": 768, "1080p": 1080, "2k": 1440}
LARGE = ("1080p", "2k")
RATIOS = ("21:9", "16:9", "4:3", "1:1", "3:4", "9:16")
ENHANCEMENTS = ("turbo", "quality", "ultraquality", "disabled")
FIELDS = {
    "model",
    "mode",
    "prompt",
    "duration",
    "resolution",
    "aspect_ratio",
    "seed",
    "prompt_enhancement",
    "image",
    "callback_url",
    "callback_id",
}
LONGEST_PROMPT = 32_000
SHORTEST, LONGEST = 5, 30  # seconds
LARGEST_BYTES = 5 * 1024 * 1024
DRAWN_HEIGHT = 720  # the demo's largest size
DRAWN_SECONDS = 12
WORDS = {"submitted": "pending"}


class Models(Contract):
    key = "models"
    id_name = "video_id"
    repeat_seconds = 24 * 3600.0

    def call_of(self, request: Request) -> str | None:
        if (request.method, request.path) == ("POST", VIDEOS):
            return "submit"
        return "poll" if request.method == "GET" and request.path.startswith(VIDEOS + "/") else None

    def job_of(self, request: Request) -> str:
        return request.path.removeprefix(VIDEOS + "/")

    def repeat_key(self, request: Request) -> str:
        return request.headers.get("idempotency-key", "")

    def checked_input(self, body: object, is_open: bool) -> dict[str, Any]:
        if not isinstance(body, dict):
            raise invalid("The body must be a JSON object.", None)
        if unknown := sorted(set(body) - FIELDS):
            raise invalid(f"Unknown field: {unknown[0]}.", unknown[0])
        if body.get("model") != MODEL and not (is_open and isinstance(body.get("model"), str)):
            raise invalid(f'model must be "{MODEL}".', "model")
        check_prompt(body)
        mode = one_of(body, "mode", MODES, "reference_to_video")
        check_picture(body, mode)
        check_shape(body, mode)
        check_numbers(body)
        one_of(body, "prompt_enhancement", ENHANCEMENTS, "quality")
        config = {name: body[name] for name in ("duration", "resolution", "seed") if body.get(name) is not None}
        ratio = body.get("aspect_ratio") or "16:9"
        model = body["model"].replace("-", "_")
        return {"prompt": body["prompt"], "provider": model, "aspect_ratio": ratio, "config": config}

    def pictures_of(self, body: Any) -> dict[str, Any]:
        image = body.get("image")
        if not image:
            return {}
        if image["type"] == "url":
            return {"start": image["url"]}
        return {"start": {"asset_id": image["asset_id"]} if image["type"] == "asset_id" else b64decode(image["data"])}

    def settle(self, given: dict[str, Any], pictures: dict[str, str], execution_id: str) -> None:
        given["config"].setdefault("seed", randbelow(2**32))
        given["config"].setdefault("duration", 5)
        if "start" in pictures and not is_reserved(pictures["start"]):
            with Image.open(pictures["start"]) as image:
                given["aspect_ratio"] = f"{image.width}:{image.height}"
        given["size"] = drawn_size(given["aspect_ratio"], given["config"].get("resolution", "768p"))

    def accepted(self, row: Execution) -> Reply:
        return with_data(202, {"video_id": row.execution_id, "status": "pending"})

    def state(self, row: Execution, word: str, link: str) -> dict[str, Any]:
        data = {**dict.fromkeys(("video_url", "duration", "width", "height", "failure_code", "failure_message"))}
        data |= {"status": WORDS.get(word, word), "aspect_ratio": None, "seed": None, "timings": None}
        if word == "failed":
            data |= {"failure_code": row.failure["code"], "failure_message": row.failure["message"]}
        if word == "completed":
            width, height = row.input["size"]
            config = row.input["config"]
            data |= {"video_url": link, "width": width, "height": height, "seed": config["seed"]}
            data |= {"duration": min(DRAWN_SECONDS, config["duration"]), "aspect_ratio": row.input["aspect_ratio"]}
            data |= {"timings": {"inference": round(row.ready_at - row.at, 1)}}
        return data

    def odd_state(self, data: dict[str, Any], row: Execution, word: str | None, do: dict[str, Any]) -> dict[str, Any]:
        if word is not None and word != data["status"]:
            data = self.state(row, "processing", "") | {"status": word}
        if isinstance(do.get("error"), dict):
            data |= {"failure_code": do["error"].get("code"), "failure_message": do["error"].get("message")}
        if do.get("no_link"):
            data["video_url"] = None
        if data["video_url"] and "link_base" in do:
            data["video_url"] = other_base(data["video_url"], do["link_base"])
        if data["video_url"] and "video_url" in do:
            data["video_url"] = do["video_url"]
        return do.get("data", data)


def check_prompt(body: dict[str, Any]) -> None:
    prompt = body.get("prompt")
    if not isinstance(prompt, str) or not 1 <= len(prompt.strip()) <= LONGEST_PROMPT:
        raise invalid(f"prompt is required and must have 1 to {LONGEST_PROMPT} characters.", "prompt")
    check_words(prompt, "prompt")


def one_of(body: dict[str, Any], name: str, known: tuple[str, ...], default: str) -> str:
    value = body.get(name, default)
    if value not in known:
        raise invalid(f"{name} must be one of {', '.join(known)}.", name)
    return value


def check_picture(body: dict[str, Any], mode: str) -> None:
    image = body.get("image")
    if (image is not None) != (mode == "image_to_video"):
        raise invalid("image belongs to image_to_video, which needs it.", "image")
    if image is None:
        return
    kinds = {"url": "url", "asset_id": "asset_id", "base64": "data"}
    kind = image.get("type") if isinstance(image, dict) else None
    if kind not in kinds or not isinstance(image.get(kinds[kind]), str):
        raise invalid("image must be an asset of the type url, asset_id or base64.", "image")
    if kind == "base64":
        check_bytes(image)


def check_bytes(image: dict[str, Any]) -> None:
    try:
        data = b64decode(image["data"], validate=True)
    except (NotBase64, ValueError):
        raise invalid("image.data is not base64.", "image.data") from None
    if len(data) > LARGEST_BYTES or image.get("media_type") not in ("image/png", "image/jpeg"):
        raise invalid("image.data must be a PNG or JPEG of at most 5 MB.", "image")


def check_shape(body: dict[str, Any], mode: str) -> None:
    resolution = one_of(body, "resolution", tuple(RESOLUTIONS), "768p")
    if mode == "image_to_video" and "aspect_ratio" in body:
        raise invalid("Leave aspect_ratio out: the image decides.", "aspect_ratio")
    ratio = one_of(body, "aspect_ratio", RATIOS, "16:9")
    if resolution in LARGE and ratio not in ("16:9", "9:16"):
        raise invalid(f"{resolution} is made in 16:9 and 9:16 only.", "resolution")


def check_numbers(body: dict[str, Any]) -> None:
    duration, seed = body.get("duration", SHORTEST), body.get("seed", 0)
    if not is_whole(duration) or not SHORTEST <= duration <= LONGEST:
        raise invalid(f"duration must be a whole number of seconds from {SHORTEST} to {LONGEST}.", "duration")
    if not is_whole(seed) or not 0 <= seed < 2**32:
        raise invalid("seed must be an unsigned 32-bit number.", "seed")


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def drawn_size(ratio: str, resolution: str) -> tuple[int, int]:
    """Even width and height in pixels: the shorter side is the resolution, up to the demo's largest size."""
    width, height = (float(side) for side in ratio.split(":"))
    short = min(DRAWN_HEIGHT, RESOLUTIONS[resolution])
    scale = short / min(width, height)
    scale = min(scale, 1280 / max(width, height))
    return 2 * round(width * scale / 2), 2 * round(height * scale / 2)


CONTRACT = Models()
