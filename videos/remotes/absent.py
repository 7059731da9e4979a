"""Stands for an API whose module is no longer part of the studio. Its videos stay; nothing can be asked of it."""

from collections.abc import Callable

from aiohttp import ClientSession

from videos.remotes.base import Accepted, Account, Backend, Image, Progress, RemoteJob
from videos.remotes.errors import Cause, RemoteError


class Absent(Backend):
    """Every call fails before anything is sent."""

    api_url = api_key = ""

    def __init__(self, key: str):
        self.key = self.name = self.api_name = key

    def submit(self, job: RemoteJob, before_first_byte: Callable[[], None], seconds: float) -> Accepted:
        raise self.error()

    def poll(self, remote_id: str, seconds: float = 30) -> Progress:
        raise self.error()

    async def poll_async(self, session: ClientSession, remote_id: str) -> Progress:
        raise self.error()

    def prepare_image(self, image: Image, seconds: float) -> Image:
        raise self.error()

    def check_account(self, seconds: float = 30) -> Account:
        raise self.error()

    def error(self) -> RemoteError:
        return RemoteError(Cause.RETIRED, "This studio no longer has a module for this API.", is_definite=True)
