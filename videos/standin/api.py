"""The calls of the remote API, answered truly: requests in, replies out, no sockets and no faults."""

import asyncio
import hashlib
import json
import secrets
import string
from pathlib import Path

from videos.standin import contract, frames
from videos.standin.contract import Refused, error
from videos.standin.files import file_reply, film
from videos.standin.ledger import Asset, Execution, Ledger
from videos.standin.links import Clock, Links
from videos.standin.render_queue import RenderQueue
from videos.standin.uploads import checked_mime, multipart_file, raw_file
from videos.standin.wire import Reply, Request, json_reply

EXECUTIONS = "/v1/workflows/executions"
HANDS = 2
_LETTERS = string.ascii_lowercase + string.digits
_LINK_REFUSED = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>%s</Message></Error>'


class Api:
    """The remote API, told truly. `folder` keeps its state; the options are those of `server.main`."""

    def __init__(self, folder: Path, *, speed, draft, link_seconds, key, link_base, capacity, weight):
        for name in ("", "videos", "drafts", "assets", "frames"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.folder, self.speed, self.link_base, self.capacity = folder, speed, link_base, capacity
        self._key = key
        self.ledger = Ledger(folder / "ledger.sqlite3")
        self.clock = Clock(self.ledger)
        self.links = Links(self.ledger, self.clock, link_seconds)
        self.render_queue = RenderQueue(folder, HANDS, draft, weight)
        self.base = ""

    async def handle(self, call: str | None, request: Request) -> Reply:
        """The honest reply; raises Refused."""
        if call is None:
            raise Refused(404, "not_found", "There is nothing at this address.")
        if call in ("file", "picture"):
            return self._file(request) if call == "file" else self._picture(request)
        self._check_key(request)
        if call == "submit":
            return await self._submit(request)
        if call == "poll":
            return self._poll(request)
        return self._upload(request) if call == "upload" else self._account()

    def _check_key(self, request: Request) -> None:
        given = request.headers.get("x-api-key", "")
        if not given or (self._key is not None and not secrets.compare_digest(given.encode(), self._key.encode())):
            raise Refused(401, "unauthorized", "The X-Api-Key header is missing or wrong.")

    async def _submit(self, request: Request) -> Reply:
        try:
            body = json.loads(request.body)
        except ValueError:
            raise Refused(400, "invalid_parameter", "The body is not JSON.") from None
        given = contract.checked_input(body)
        pictures = await self._fetch_frames(given)
        if self.capacity and self._running() >= self.capacity:
            busy = error(429, "rate_limit_exceeded", "Too many executions are running.")
            busy.headers["Retry-After"] = "5"
            return busy
        row = self._accept(body, given, pictures)
        return json_reply(200, {"data": {"execution_id": row.execution_id, "status": "submitted"}})

    async def _fetch_frames(self, given: dict) -> dict[str, str]:
        found = {}
        for name, field in (("start", "reference_image_url"), ("end", "tail_image_url")):
            if given[field]:
                try:
                    found[name] = await self._frame(given[field])
                except frames.Unreachable as problem:
                    sentence = f"The picture could not be downloaded: {problem}."
                    raise Refused(400, "download_failed", sentence, f"input.{field}") from None
        return found

    async def _frame(self, url: str) -> str:
        if frames.is_reserved(url):
            return url
        asset = self._asset_at(url.removeprefix(self.base)) if url.startswith(self.base) else None
        # Its own uploads need no round trip through its own socket.
        return asset.file if asset else await asyncio.to_thread(frames.fetch, url, self.folder / "frames")

    def _running(self) -> int:
        now = self.clock.now()
        return sum(row.ready_at > now for row in self.ledger.executions.values())

    def _accept(self, body: object, given: dict, pictures: dict[str, str]) -> Execution:
        execution_id = "node-gw-" + "".join(secrets.choice(_LETTERS) for _ in range(12))
        now = self.clock.now()
        ready_at = now + contract.believable_seconds(given["provider"], execution_id) / self.speed
        asset_id = f"asset-{secrets.token_hex(6)}"
        row = Execution(execution_id, secrets.token_hex(16), asset_id, now, ready_at, body, given, pictures)
        if contract.words(given["prompt"]) & contract.FAILING_WORDS:
            row.failure = {"code": "generation_failed", "message": "The model could not make this video."}
        self.ledger.accept(row)
        if row.failure is None:
            self.render_queue.put(row)
        return row

    def _poll(self, request: Request) -> Reply:
        row = self.ledger.executions.get(execution_of(request))
        if row is None:
            raise Refused(404, "execution_not_found", "There is no execution with this id.", "execution_id")
        return json_reply(200, {"data": self.state(row)})

    def state(self, row: Execution) -> dict:
        """`data` of a poll's reply; a completed one carries a fresh link."""
        data = {"execution_id": row.execution_id, "status": self.status_word(row)}
        if data["status"] == "failed":
            data["error"] = row.failure
        if data["status"] == "completed":
            video = {"video_url": self.link(row), "video_id": row.video_id}
            data["output"] = {"video": video, "asset_id": row.asset_id}
        return data

    def link(self, row: Execution) -> str:
        return (self.link_base or self.base) + self.links.issue(row.video_id)

    def status_word(self, row: Execution) -> str:
        now = self.clock.now()
        if now < row.at + 0.2 * (row.ready_at - row.at):
            return "submitted"
        if now < row.ready_at or not (row.drawn or row.failure):
            return "processing"
        return "failed" if row.failure else "completed"

    def _upload(self, request: Request) -> Reply:
        newer = request.path == "/v3/assets"
        data = multipart_file(request) if newer else raw_file(request)
        mime = checked_mime(data)
        asset = self._keep_asset(data, mime)
        url = f"{self.base}/assets/{Path(asset.file).name}"
        if newer:
            reply = {"asset_id": asset.id, "url": url, "mime_type": mime, "size_bytes": len(data)}
            return json_reply(200, {"data": reply})
        reply = {"id": asset.id, "name": asset.id, "file_type": "image", "url": url}
        return json_reply(200, {"code": 100, "data": reply, "message": "Success"})

    def _keep_asset(self, data: bytes, mime: str) -> Asset:
        name = secrets.token_hex(16)
        path = self.folder / "assets" / f"{name}.{mime.removeprefix('image/').replace('jpeg', 'jpg')}"
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        asset = Asset(name, self.clock.now(), str(path), mime, len(data), digest)
        self.ledger.keep_asset(asset)
        return asset

    def _asset_at(self, path: str) -> Asset | None:
        return self.ledger.assets.get(path.removeprefix("/assets/").split(".")[0].split("?")[0])

    def _picture(self, request: Request) -> Reply:
        asset = self._asset_at(request.path)
        if asset is None:
            raise Refused(404, "asset_not_found", "There is no such picture.")
        return Reply(200, Path(asset.file).read_bytes(), {"Content-Type": asset.mime})

    def _account(self) -> Reply:
        wallet = {"currency": "usd", "remaining_balance": 100.0, "auto_reload": {"enabled": False}}
        account = {"username": "stand-in", "email": "stand-in@example.com", "first_name": "Stand", "last_name": "In"}
        return json_reply(200, {"data": {**account, "billing_type": "wallet", "wallet": wallet}})

    def execution_behind(self, call: str | None, request: Request) -> Execution | None:
        """The execution that a poll or a video link is about, good link or not."""
        if call == "poll":
            return self.ledger.executions.get(execution_of(request))
        if call == "file":
            return self.ledger.by_video.get(request.path.removeprefix("/files/").split("-")[0])
        return None

    def link_refused(self, why: str) -> Reply:
        """403 as a file host says it."""
        return Reply(403, (_LINK_REFUSED % why).encode(), {"Content-Type": "application/xml"})

    def _file(self, request: Request) -> Reply:
        if request.method not in ("GET", "HEAD"):
            raise Refused(405, "method_not_allowed", "Videos are read with GET or HEAD.")
        refusal = self.links.refusal(request.path, request.query)
        if refusal:
            return self.link_refused(refusal)
        row = self.execution_behind("file", request)
        if row is None or not row.drawn:
            raise Refused(404, "not_found", "There is no such video.")
        return file_reply(request, film(row, self.render_queue.path(row)), row)

    def resume(self) -> None:
        """After a restart: draw what a stop left undrawn."""
        for row in self.ledger.executions.values():
            if row.failure is None:
                self.render_queue.put(row)

    async def close(self) -> None:
        await self.render_queue.stop()
        self.ledger.close()


def call_of(request: Request) -> str | None:
    """Which call of the contract this is: submit, poll, upload, account, file, picture or None."""
    line = (request.method, request.path)
    if line == ("POST", EXECUTIONS):
        return "submit"
    if line in (("POST", "/v3/assets"), ("POST", "/v1/asset")):
        return "upload"
    if line == ("GET", "/v3/users/me"):
        return "account"
    if request.method == "GET" and request.path.startswith(EXECUTIONS + "/"):
        return "poll"
    if request.path.startswith("/files/"):
        return "file"
    return "picture" if request.path.startswith("/assets/") else None


def execution_of(request: Request) -> str:
    """The execution id that a poll asks for."""
    return request.path.removeprefix(EXECUTIONS + "/")
