"""The interface of a contract in the demo server."""

import secrets
import string
from abc import ABC, abstractmethod
from typing import Any

from videos.standin.contract import Refused
from videos.standin.ledger import Execution
from videos.standin.wire import Reply, Request, json_reply

LETTERS = string.ascii_lowercase + string.digits


class Contract(ABC):
    """One API. `key` names it in the ledger; `id_name` is the field that holds a job's id."""

    key: str
    id_name: str
    picture_fields = {"start": "image", "end": "image"}  # the places of pictures in a submission
    repeat_seconds = 0.0  # how long the same repeat key replays the first answer; 0: it has no such keys

    def check_key(self, request: Request, key: str | None) -> None:
        """Raises Refused (401) unless the request has the right key; where `key` is None, any key is right."""
        given = request.headers.get("x-api-key", "")
        if not given or (key is not None and not secrets.compare_digest(given.encode(), key.encode())):
            raise Refused(401, "unauthorized", "The X-Api-Key header is missing or wrong.")

    @abstractmethod
    def call_of(self, request: Request) -> str | None:
        """submit, poll, upload or account; None for a request to another API."""

    @abstractmethod
    def job_of(self, request: Request) -> str:
        """The id in a poll's address."""

    @abstractmethod
    def checked_input(self, body: object, is_open: bool) -> dict[str, Any]:
        """prompt, provider, aspect_ratio and config, as drawn. Raises Refused. `is_open`: any provider is accepted."""

    @abstractmethod
    def pictures_of(self, body: Any) -> dict[str, Any]:
        """{"start": …, "end": …}: an address, {"asset_id": id}, or bytes."""

    @abstractmethod
    def accepted(self, row: Execution) -> Reply:
        """The answer to a submission."""

    @abstractmethod
    def state(self, row: Execution, word: str, link: str) -> dict[str, Any]:
        """`data` of a poll's answer. `word` is submitted, processing, completed (then `link` is given) or failed."""

    def answer(self, data: dict[str, Any]) -> Reply:
        """The reply to a poll that carries `data`."""
        return with_data(200, data)

    def new_id(self) -> str:
        return "".join(secrets.choice(LETTERS) for _ in range(24))

    def repeat_key(self, request: Request) -> str:
        return ""

    def settle(self, given: dict[str, Any], pictures: dict[str, str], execution_id: str) -> None:
        """Fills in values that the remote API chooses, such as a seed or the ratio of a picture."""
        return

    def odd_submission(self, data: dict[str, Any], do: dict[str, Any], before: str | None) -> dict[str, Any]:
        """`data` of an accepted submission's answer, changed as a test wants it."""
        if "execution_id" in do:
            data[self.id_name] = do["execution_id"]
        if do.get("repeat_id"):
            data[self.id_name] = before or data[self.id_name]
        if do.get("omit_id"):
            del data[self.id_name]
        return do.get("data", data)

    @abstractmethod
    def odd_state(self, data: dict[str, Any], row: Execution, word: str | None, do: dict[str, Any]) -> dict[str, Any]:
        """`data` of a poll's answer, changed as a test wants it; `word` replaces the real status."""


def with_data(status: int, data: Any) -> Reply:
    return json_reply(status, {"data": data})


def other_base(link: str, base: str) -> str:
    """The same link with another scheme and host."""
    return base + "/files/" + link.split("/files/", 1)[1]
