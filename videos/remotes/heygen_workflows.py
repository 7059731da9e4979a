"""HeyGen's workflow API: the thirteen video models behind `/v1/workflows/executions`.

The contract's parts are named in each docstring: "Execute Video Generation" and "Check Status" of HeyGen's Video
Generation page.
"""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings

from videos.remotes import transport
from videos.remotes.base import Accepted, Image, Progress, RemoteJob, State
from videos.remotes.end_notice import read_end_notice
from videos.remotes.errors import Cause, RemoteError
from videos.remotes.heygen import MISSING, HeyGen, error_words, is_about_job
from videos.remotes.transport import Reply, inside, text

WORKFLOW = "GenerateVideoNode"
# All providers are behind the one type of workflow: without it, this API has ended for the studio.
GONE = {
    **dict.fromkeys(("provider_not_found", "model_not_found"), Cause.MODEL),
    **dict.fromkeys(("workflow_type_not_found", "workflow_not_found"), Cause.RETIRED),
}


class HeyGenWorkflows(HeyGen):
    key = "heygen_workflows"
    api_name = "HeyGen's workflow API"
    jobs_path = "/v1/workflows/executions"
    id_name = "execution_id"
    id_example = "node-gw-v1d2e3o4"
    takes_any_provider = True
    missing = MISSING | GONE

    # The paid call
    def submit(self, job: RemoteJob, before_first_byte: Callable[[], None], seconds: float = 60) -> Accepted:
        """ "Execute Video Generation"."""
        headers, content = self.headers(**{"Content-Type": "application/json"}), transport.as_json(body_of(job))
        return self.post_job(headers, content, before_first_byte, seconds)

    # Polls
    def read_progress(self, remote_id: str, reply: Reply) -> Progress:
        """ "Check Status"."""
        body = reply.data
        data = body.get("data")
        word = inside(data, "status")
        notice = read_end_notice(reply, self.clean)
        if reply.status == 404 and (word == "not_found" or is_about_job(body)):
            return Progress(State.MISSING, "not_found", notice=notice)
        if not reply.is_success or not isinstance(word, str):
            raise self.read_error(reply) or RemoteError(Cause.UNREADABLE)
        if inside(data, "execution_id") not in (None, remote_id):
            raise RemoteError(Cause.UNREADABLE, "The answer is about another execution.")
        word = self.clean(word).lower()[:64]
        if word not in STATES:
            return Progress(State.RUNNING, word, notice=notice)
        output = inside(data, "output")
        video_url = text(inside(output, "video", "video_url")) or text(inside(output, "video_url"))
        return Progress(
            STATES[word] if video_url or word != "completed" else State.RUNNING,
            word,
            video_url=video_url,
            video_id=self.clean(inside(output, "video", "video_id") or inside(output, "video_id"))[:200],
            asset_id=self.clean(inside(output, "asset_id"))[:200],
            has_no_link=word == "completed" and not video_url,
            failure=self.read_failure(*error_words(inside(data, "error") or body.get("error")))
            if word == "failed"
            else None,
            notice=notice,
        )

    # Pictures
    def prepare_image(self, image: Image, seconds: float = 60) -> Image:
        """Frames are public addresses, so a picture is uploaded to HeyGen first.

        Tries the newer call, then the older one if the newer does not exist. HEYGEN_UPLOAD_CALL can select one.
        """
        if image.address:
            return image
        image = self.upload_by_either_call(image, seconds)
        if not image.address:
            raise RemoteError(Cause.UNREADABLE, "The upload's answer names no address.")
        return image

    def upload_by_either_call(self, image: Image, seconds: float) -> Image:
        until = time.monotonic() + seconds
        if settings.HEYGEN_UPLOAD_CALL != "asset":
            try:
                return self.upload(image, seconds)
            except RemoteError as error:
                if settings.HEYGEN_UPLOAD_CALL == "assets" or not error.is_absent:
                    raise
        return self.upload_the_older_way(image, max(1.0, until - time.monotonic()))


STATES = {"completed": State.COMPLETED, "failed": State.FAILED, "not_found": State.MISSING}


def body_of(job: RemoteJob) -> dict[str, Any]:
    """The body of "Execute Video Generation". Empty fields are left out; frames are public addresses."""
    required = {"prompt": job.prompt, "provider": job.model, "aspect_ratio": job.aspect_ratio}
    optional = {
        "reference_image_url": job.start.address if job.start else "",
        "tail_image_url": job.end.address if job.end else "",
        "config": job.settings,
    }
    return {"workflow_type": WORKFLOW, "input": required | {name: value for name, value in optional.items() if value}}


BACKEND = HeyGenWorkflows()
