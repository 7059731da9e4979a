"""The shared parts of all contracts: errors, plausible times, and the effects of special words in a prompt.

Errors are of HeyGen's newest family: `{"error": {"code", "message", "param", "doc_url"}}`.
"""

import hashlib
import re

from videos.standin.wire import Reply, json_reply

# Seconds from acceptance to completion: short enough to wait for, and different for each provider.
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
    "heygen_video_1": 9.0,
}
USUAL_SECONDS = 8.0  # of a provider that an administrator added
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
    "heygen_video_1": "HeyGen Video 1",
}
WITH_SOUND = {"veo_3_1", "veo_3_1_fast", "veo3", "veo3_fast", "sora_v2", "sora_v2_pro", "heygen_video_1"}

# Words in a prompt with which a person can see a refusal, or a failure after acceptance, in the demo.
REFUSED_WORDS = {"violence", "violent", "gore"}
FAILING_WORDS = {"failure", "fails"}

_WORD = re.compile(r"[^\W\d_]+")


class Refused(Exception):
    """The contract does not allow the request. Carries the error reply."""

    def __init__(self, status: int, code: str, message: str, param: str | None = None):
        super().__init__(message)
        self.status, self.code, self.message, self.param = status, code, message, param

    def reply(self) -> Reply:
        return error(self.status, self.code, self.message, self.param)


def error(status: int, code: str, message: str, param: str | None = None) -> Reply:
    """An error reply of the newest family."""
    doc_url = f"https://docs.heygen.com/errors#{code}"
    return json_reply(status, {"error": {"code": code, "message": message, "param": param, "doc_url": doc_url}})


def invalid(message: str, param: str | None) -> Refused:
    return Refused(400, "invalid_parameter", message, param)


def sides(aspect_ratio: str) -> tuple[float, float]:
    """`"16:9"` as (16.0, 9.0)."""
    width, height = aspect_ratio.split(":")
    return float(width), float(height)


def words(prompt: str) -> set[str]:
    """The prompt's words in lower case."""
    return set(_WORD.findall(prompt.lower()))


def believable_seconds(provider: str, execution_id: str) -> float:
    """How long this execution takes: the provider's time, varied by up to 8 % by the execution's id; 3 to 20 s."""
    spread = int.from_bytes(hashlib.sha256(execution_id.encode()).digest()[:4], "big") / 0xFFFFFFFF
    return min(20.0, max(3.0, SECONDS.get(provider, USUAL_SECONDS) * (0.92 + 0.16 * spread)))


def name_of(provider: str) -> str:
    """The text on the video."""
    return NAMES.get(provider) or provider.replace("_", " ").title()


def check_words(prompt: str, param: str) -> None:
    """Raises Refused (400) if the content policy blocks the prompt."""
    if words(prompt) & REFUSED_WORDS:
        raise Refused(400, "content_policy_violation", "The prompt was blocked by the content policy.", param)
