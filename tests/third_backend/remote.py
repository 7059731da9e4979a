"""The imaginary API of Dreamworks Lane: a bearer token, pictures as bytes, statuses of its own, no idempotency.

Goes to videos/remotes/dreamlane.py.
"""

from base64 import b64encode
from collections.abc import Callable

from aiohttp import ClientSession

from videos.remotes import async_transport, transport
from videos.remotes.base import Accepted, Account, Backend, Image, Progress, RemoteJob, State
from videos.remotes.errors import Cause, RemoteError
from videos.remotes.transport import Reply, inside, text

CAUSES = {
    401: Cause.KEY,
    402: Cause.CREDITS,
    404: Cause.RETIRED,
    422: Cause.INVALID,
    451: Cause.REFUSED,
    429: Cause.BUSY,
}
STATES = {"DREAMT": State.COMPLETED, "NIGHTMARE": State.FAILED}


class Dreamlane(Backend):
    key = "dreamlane"
    name = "Dreamlane"
    api_name = "Dreamlane's dream API"
    id_example = "dream-1"

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"}

    def submit(self, job: RemoteJob, before_first_byte: Callable[[], None], seconds: float) -> Accepted:
        body = {"wish": job.prompt, "shape": job.aspect_ratio, "how": job.settings}
        if job.start:
            body["first_picture"] = b64encode(job.start.data).decode()
        content = transport.as_json(body)
        reply = transport.post_once(f"{self.api_url}/dreams", self.headers(), content, before_first_byte, seconds)
        dream = text(inside(self.require_success(reply).data, "dream"))
        if not self.is_valid_id(dream):
            raise RemoteError(Cause.UNREADABLE, "The answer names no dream.")
        return Accepted(dream)

    def poll(self, remote_id: str, seconds: float = 30) -> Progress:
        return self.read(transport.request("GET", self.address(remote_id), self.headers(), seconds))

    async def poll_async(self, session: ClientSession, remote_id: str) -> Progress:
        return self.read(await async_transport.get_async(session, self.address(remote_id), self.headers()))

    def address(self, remote_id: str) -> str:
        return f"{self.api_url}/dreams/{remote_id}"

    def read(self, reply: Reply) -> Progress:
        if reply.status == 404:
            return Progress(State.MISSING, "unknown")
        said = self.require_success(reply).data
        state = STATES.get(text(said.get("mood")), State.RUNNING)
        failure = RemoteError(Cause.FAULT, self.clean(said.get("why")), is_definite=True)
        return Progress(
            state,
            self.clean(said.get("mood")),
            video_url=text(said.get("film")),
            failure=failure if state == State.FAILED else None,
        )

    def prepare_image(self, image: Image, seconds: float) -> Image:
        if image.address:
            raise RemoteError(Cause.PICTURE, "Pictures travel as bytes here.", is_definite=True)
        return image

    def check_account(self, seconds: float = 30) -> Account:
        self.require_success(transport.request("GET", f"{self.api_url}/dreamer", self.headers(), seconds))
        return Account(plan="dreamer")

    def require_success(self, reply: Reply) -> Reply:
        if reply.is_success:
            return reply
        words = self.clean(reply.data.get("why") or f"HTTP status {reply.status}.")
        raise RemoteError(CAUSES.get(reply.status, Cause.FAULT), words, is_definite=reply.status in CAUSES)


BACKEND = Dreamlane()
