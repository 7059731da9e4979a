"""HeyGen's own video models: `/v3/models/videos`, which repeats safely under an idempotency key.

Source: HeyGen's page of that call. Its limits change; they are data of the provider's row, not of this module.
"""

from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from videos.remotes import transport
from videos.remotes.base import Accepted, Image, Progress, RemoteJob, State
from videos.remotes.end_notice import read_end_notice
from videos.remotes.errors import Cause, RemoteError
from videos.remotes.heygen import BY_CODE, MISSING, HeyGen, is_about_job
from videos.remotes.transport import Reply, inside, text

LARGEST_BYTES = 5 * 1024 * 1024  # of an image inside the request
SETTINGS = ("duration", "resolution", "seed", "prompt_enhancement")
GONE = {"model_not_found": Cause.MODEL}
FAILURES = {**BY_CODE, "filtered": Cause.REFUSED, "moderation": Cause.REFUSED, "image_download_failed": Cause.PICTURE}
STATES = {"failed": State.FAILED, "cancelled": State.FAILED, "canceled": State.FAILED, "completed": State.COMPLETED}


class HeyGenModels(HeyGen):
    key = "heygen_models"
    api_name = "HeyGen's video model API"
    jobs_path = "/v3/models/videos"
    id_name = "video_id"
    id_example = "5f0c8a1e2b9d4c7f"
    repeats_for = timedelta(hours=24)  # "Idempotency": within 24 hours the same key replays the first response
    has_end_frame = False
    missing = MISSING | GONE

    # The paid call
    def submit(self, job: RemoteJob, before_first_byte: Callable[[], None], seconds: float = 60) -> Accepted:
        """`POST /v3/models/videos`: 202 with the id of the video."""
        headers = self.headers(**{"Content-Type": "application/json", "Idempotency-Key": job.repeat_key})
        return self.post_job(headers, transport.as_json(body_of(job)), before_first_byte, seconds)

    # Polls
    def read_progress(self, remote_id: str, reply: Reply) -> Progress:
        """`GET /v3/models/videos/{video_id}`; each answer to a completed one brings a fresh link."""
        data = reply.data.get("data")
        word = inside(data, "status")
        notice = read_end_notice(reply, self.clean)
        if reply.status == 404 and is_about_job(reply.data):
            return Progress(State.MISSING, "not_found", notice=notice)
        if not reply.is_success or not isinstance(word, str):
            raise self.read_error(reply) or RemoteError(Cause.UNREADABLE)
        if inside(data, self.id_name) not in (None, remote_id):
            raise RemoteError(Cause.UNREADABLE, "The answer is about another video.")
        word = self.clean(word).lower()[:64]
        video_url = text(inside(data, "video_url"))
        state = STATES.get(word, State.RUNNING)
        has_no_link = state == State.COMPLETED and not video_url
        return Progress(
            State.RUNNING if has_no_link else state,
            word,
            video_url=video_url,
            video_id=remote_id,
            has_no_link=has_no_link,
            failure=self.failure_of(word, data) if state == State.FAILED else None,
            facts=facts_of(data),
            notice=notice,
        )

    def failure_of(self, word: str, data: Any) -> RemoteError:
        code, message = self.clean(inside(data, "failure_code")), text(inside(data, "failure_message"))
        if word.startswith("cancel"):
            return RemoteError(Cause.CANCELLED, self.clean(message or code or "No reason was given."), is_definite=True)
        return self.read_failure(code, message or code, FAILURES)

    # Pictures
    def prepare_image(self, image: Image, seconds: float = 60) -> Image:
        """Uploads the picture as an asset; if there is no such call, its bytes are sent inside the request."""
        if image.address:
            return image
        try:
            asset = self.upload(image, seconds)
        except RemoteError as error:
            if not error.is_absent:
                raise
            return self.inline(image)
        if not (asset.asset_id or asset.address):
            raise RemoteError(Cause.UNREADABLE, "The upload's answer names no asset.")
        return asset

    def inline(self, image: Image) -> Image:
        if len(image.data) > LARGEST_BYTES:
            raise RemoteError(Cause.TOO_LARGE, "A picture inside a request may have at most 5 MB.", is_definite=True)
        return image


def body_of(job: RemoteJob) -> dict[str, Any]:
    """The mode is always sent: without it, the most expensive one is used. An image determines the ratio."""
    unknown = sorted(set(job.settings) - set(SETTINGS))
    if unknown or job.end:
        detail = f"This call knows no {', '.join(unknown)}." if unknown else "This call takes no end frame."
        raise RemoteError(Cause.INVALID, detail, is_definite=True)
    body = {"model": job.model.replace("_", "-"), "prompt": job.prompt, **job.settings}
    if job.start:
        return body | {"mode": "image_to_video", "image": asset_of(job.start)}
    return body | {"mode": "text_to_video", "aspect_ratio": job.aspect_ratio}


def asset_of(image: Image) -> dict[str, str]:
    if image.asset_id:
        return {"type": "asset_id", "asset_id": image.asset_id}
    if image.address:
        return {"type": "url", "url": image.address}
    return {"type": "base64", "media_type": image.content_type, "data": b64encode(image.data).decode()}


def facts_of(data: Any) -> dict[str, int | float]:
    """The seed that was used, the size in pixels and the length in seconds, if given and sensible."""
    names = {"seed": "seed", "width": "width", "height": "height", "seconds": "duration"}
    facts = {name: inside(data, field) for name, field in names.items()}
    return {name: value for name, value in facts.items() if is_number(value) and 0 <= value < 2**53}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


BACKEND = HeyGenModels()
