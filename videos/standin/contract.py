"""What the remote contract says, as this imitation of it keeps it: fields, errors, believable times.

Source: the contract file of the project (heygen-video-generation.txt) and its notes. Errors are of the
newest family: `{"error": {"code", "message", "param", "doc_url"}}`.
"""

import hashlib
import re

from videos.standin.wire import Reply, json_reply

WORKFLOW = "GenerateVideoNode"
DEFAULT_PROVIDER = "veo_3_1"
DEFAULT_RATIO = "16:9"

# Seconds from acceptance to completion: short enough to wait for, different enough to tell apart.
SECONDS = {
    "veo_3_1": 14.0,
    "veo_3_1_fast": 6.5,
    "veo3": 13.0,
    "veo3_fast": 6.0,
    "veo2": 10.0,
    "kling_pro": 11.0,
    "kling_v2": 9.0,
    "sora_v2": 15.0,
    "sora_v2_pro": 18.0,
    "runway_gen4": 8.0,
    "seedance_lite": 5.0,
    "seedance_pro": 10.0,
    "ltx_distilled": 3.0,
}
NAMES = {
    "veo_3_1": "VEO 3.1",
    "veo_3_1_fast": "VEO 3.1 Fast",
    "veo3": "VEO 3",
    "veo3_fast": "VEO 3 Fast",
    "veo2": "VEO 2",
    "kling_pro": "Kling Pro",
    "kling_v2": "Kling V2",
    "sora_v2": "Sora V2",
    "sora_v2_pro": "Sora V2 Pro",
    "runway_gen4": "Runway Gen-4",
    "seedance_lite": "Seedance Lite",
    "seedance_pro": "Seedance Pro",
    "ltx_distilled": "LTX Distilled",
}
WITH_SOUND = {"veo_3_1", "veo_3_1_fast", "veo3", "veo3_fast", "sora_v2", "sora_v2_pro"}

# Plain words that let a person see a refusal, and a failure after acceptance, in the demo.
REFUSED_WORDS = {"violence", "violent", "gore"}
FAILING_WORDS = {"failure", "fails"}

_RATIO = re.compile(r"[0-9]{1,5}(\.[0-9]{1,4})?:[0-9]{1,5}(\.[0-9]{1,4})?")
_WORD = re.compile(r"[^\W\d_]+")


class Refused(Exception):
    """A request the contract does not allow; carries the reply that says so."""

    def __init__(self, status: int, code: str, message: str, param: str | None = None):
        super().__init__(message)
        self.status, self.code, self.message, self.param = status, code, message, param

    def reply(self) -> Reply:
        return error(self.status, self.code, self.message, self.param)


def error(status: int, code: str, message: str, param: str | None = None) -> Reply:
    """An error reply of the newest family."""
    doc_url = f"https://docs.heygen.com/errors#{code}"
    return json_reply(status, {"error": {"code": code, "message": message, "param": param, "doc_url": doc_url}})


def checked_input(body: object) -> dict:
    """The `input` of a submission with its defaults filled in, or Refused (400)."""
    if not isinstance(body, dict):
        raise _invalid("The body must be a JSON object.", None)
    if body.get("workflow_type") != WORKFLOW:
        raise _invalid(f'workflow_type must be "{WORKFLOW}".', "workflow_type")
    given = body.get("input")
    if not isinstance(given, dict):
        raise _invalid("input must be an object.", "input")
    prompt = given.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise _invalid("input.prompt is required and must be a non-empty string.", "input.prompt")
    checked = {
        "prompt": prompt,
        "provider": _text(given, "provider", DEFAULT_PROVIDER),
        "aspect_ratio": _text(given, "aspect_ratio", DEFAULT_RATIO),
        "reference_image_url": _text(given, "reference_image_url", None),
        "tail_image_url": _text(given, "tail_image_url", None),
        "config": {} if given.get("config") is None else given["config"],
    }
    _check_values(checked)
    return checked


def _text(given: dict, name: str, default: str | None) -> str | None:
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise _invalid(f"input.{name} must be a string.", f"input.{name}")
    return value


def _check_values(checked: dict) -> None:
    if checked["provider"] not in SECONDS:
        raise _invalid(f"Unknown provider. Use one of: {', '.join(SECONDS)}.", "input.provider")
    if not _RATIO.fullmatch(checked["aspect_ratio"]) or 0.0 in sides(checked["aspect_ratio"]):
        raise _invalid('input.aspect_ratio must look like "16:9".', "input.aspect_ratio")
    if not isinstance(checked["config"], dict):
        raise _invalid("input.config must be an object.", "input.config")
    if words(checked["prompt"]) & REFUSED_WORDS:
        sentence = "The prompt was blocked by the content policy."
        raise Refused(400, "content_policy_violation", sentence, "input.prompt")


def _invalid(message: str, param: str | None) -> Refused:
    return Refused(400, "invalid_parameter", message, param)


def sides(aspect_ratio: str) -> tuple[float, float]:
    """`"16:9"` as (16.0, 9.0)."""
    width, height = aspect_ratio.split(":")
    return float(width), float(height)


def words(prompt: str) -> set[str]:
    """The prompt's words in lower case."""
    return set(_WORD.findall(prompt.lower()))


def believable_seconds(provider: str, execution_id: str) -> float:
    """How long this execution takes: the provider's own time, ±8 % by the execution's id; 3 to 20 s."""
    spread = int.from_bytes(hashlib.sha256(execution_id.encode()).digest()[:4], "big") / 0xFFFFFFFF
    return min(20.0, max(3.0, SECONDS[provider] * (0.92 + 0.16 * spread)))
