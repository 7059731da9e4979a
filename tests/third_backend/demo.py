"""The demo server's part of the imaginary API. Goes to videos/standin/apis/dreamlane.py."""

from base64 import b64decode
from typing import Any

from videos.standin.apis.base import Contract
from videos.standin.contract import Refused
from videos.standin.ledger import Execution
from videos.standin.wire import Reply, Request, json_reply

MOODS = {"submitted": "DOZING", "processing": "DREAMING", "completed": "DREAMT", "failed": "NIGHTMARE"}


class Dreams(Contract):
    key = "dreamlane"
    id_name = "dream"

    def check_key(self, request: Request, key: str | None) -> None:
        if not request.headers.get("authorization", "").startswith("Bearer "):
            raise Refused(401, "who_are_you", "No bearer token.")

    def call_of(self, request: Request) -> str | None:
        if (request.method, request.path) == ("POST", "/dreams"):
            return "submit"
        if (request.method, request.path) == ("GET", "/dreamer"):
            return "account"
        return "poll" if request.method == "GET" and request.path.startswith("/dreams/") else None

    def job_of(self, request: Request) -> str:
        return request.path.removeprefix("/dreams/")

    def checked_input(self, body: object, is_open: bool) -> dict[str, Any]:
        if not isinstance(body, dict) or not body.get("wish"):
            raise Refused(422, "no_wish", "There is no wish.")
        config = dict(body.get("how") or {})
        return {"prompt": body["wish"], "provider": "dream_1", "aspect_ratio": body["shape"], "config": config}

    def pictures_of(self, body: Any) -> dict[str, Any]:
        return {"start": b64decode(body["first_picture"])} if body.get("first_picture") else {}

    def accepted(self, row: Execution) -> Reply:
        return json_reply(201, {"dream": row.execution_id})

    def answer(self, data: dict[str, Any]) -> Reply:
        return json_reply(200, data)

    def state(self, row: Execution, word: str, link: str) -> dict[str, Any]:
        why = row.failure["message"] if word == "failed" else None
        return {"mood": MOODS[word], "film": link or None, "why": why}

    def odd_state(self, data: dict[str, Any], row: Execution, word: str | None, do: dict[str, Any]) -> dict[str, Any]:
        return do.get("data", data | ({"mood": word} if word else {}))


CONTRACT = Dreams()
