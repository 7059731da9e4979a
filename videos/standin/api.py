"""The calls of the remote APIs, answered without faults: requests in, replies out, no sockets."""

import asyncio
import hashlib
import json
import secrets
from pathlib import Path

from videos.standin import frames
from videos.standin.apis import CONTRACTS, contract_of
from videos.standin.apis.base import Contract
from videos.standin.contract import FAILING_WORDS, Refused, believable_seconds, error, words
from videos.standin.files import file_reply, film
from videos.standin.ledger import Asset, Execution, Ledger
from videos.standin.links import Clock, Links
from videos.standin.render_queue import RenderQueue
from videos.standin.uploads import checked_mime, multipart_file, raw_file
from videos.standin.wire import Reply, Request, json_reply

RENDERERS = 2
_LINK_REFUSED = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>%s</Message></Error>'


class Api:
    """A faithful imitation of the remote APIs. `folder` keeps its state; the options are those of `server.main`."""

    def __init__(self, folder: Path, *, speed, draft, link_seconds, key, link_base, capacity, weight, is_open=False):
        for name in ("", "videos", "drafts", "assets", "frames"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.folder, self.speed, self.link_base, self.capacity = folder, speed, link_base, capacity
        self._key, self.is_open = key, is_open
        self.ledger = Ledger(folder / "ledger.sqlite3")
        self.clock = Clock(self.ledger)
        self.links = Links(self.ledger, self.clock, link_seconds)
        self.render_queue = RenderQueue(folder, RENDERERS, draft, weight)
        self.base = ""
        self.era = 0  # a test's: what it sent has no effect in the next one's

    async def handle(self, call: str | None, request: Request) -> Reply:
        """The reply that the real API would give. Raises Refused."""
        if call is None:
            raise Refused(404, "not_found", "There is nothing at this address.")
        if call in ("file", "picture"):
            return self._file(request) if call == "file" else self._picture(request)
        contract, _ = contract_of(request)
        contract.check_key(request, self._key)
        if call == "submit":
            return await self._submit(contract, request)
        if call == "poll":
            return self._poll(contract, request)
        return self._upload(request) if call == "upload" else self._account()

    async def _submit(self, contract: Contract, request: Request) -> Reply:
        if known := self._made_before(contract, request):
            return contract.accepted(known)
        try:
            body = json.loads(request.body)
        except ValueError:
            raise Refused(400, "invalid_parameter", "The body is not JSON.") from None
        given = contract.checked_input(body, self.is_open)
        pictures = await self._fetch_frames(contract, body)
        if self.capacity and self._running() >= self.capacity:
            busy = error(429, "rate_limit_exceeded", "Too many executions are running.")
            busy.headers["Retry-After"] = "5"
            return busy
        return contract.accepted(self._accept(contract, request, body, given, pictures))

    def _made_before(self, contract: Contract, request: Request) -> Execution | None:
        """The job made under this repeat key, while the API remembers the key; the body is not compared."""
        key = contract.repeat_key(request)
        since = self.clock.now() - contract.repeat_seconds
        return self.ledger.accepted_under(contract.key, key, since) if key and contract.repeat_seconds else None

    async def _fetch_frames(self, contract: Contract, body: dict) -> dict[str, str]:
        found = {}
        for name, source in contract.pictures_of(body).items():
            try:
                found[name] = await self._picture_at(source)
            except frames.Unreachable as problem:
                sentence = f"The picture could not be downloaded: {problem}."
                raise Refused(400, "download_failed", sentence, contract.picture_fields[name]) from None
        return found

    async def _picture_at(self, source: str | bytes | dict) -> str:
        if isinstance(source, bytes):
            return await asyncio.to_thread(frames.keep, source, self.folder / "frames")
        if isinstance(source, dict):
            asset = self.ledger.assets.get(source["asset_id"])
            if asset is None:
                raise frames.Unreachable("there is no such asset")
            return asset.file
        return await self._frame(source)

    async def _frame(self, url: str) -> str:
        if frames.is_reserved(url):
            return url
        asset = self._asset_at(url.removeprefix(self.base)) if url.startswith(self.base) else None
        # Pictures uploaded here are read directly, not over HTTP.
        return asset.file if asset else await asyncio.to_thread(frames.fetch, url, self.folder / "frames")

    def _running(self) -> int:
        now = self.clock.now()
        return sum(row.ready_at > now for row in self.ledger.executions.values())

    def _accept(self, contract: Contract, request: Request, body: object, given: dict, pictures: dict) -> Execution:
        execution_id, now = contract.new_id(), self.clock.now()
        contract.settle(given, pictures, execution_id)
        ready_at = now + believable_seconds(given["provider"], execution_id) / self.speed
        asset_id = f"asset-{secrets.token_hex(6)}"
        row = Execution(execution_id, secrets.token_hex(16), asset_id, now, ready_at, body, given, pictures)
        row.api, row.repeat_key = contract.key, contract.repeat_key(request)
        if words(given["prompt"]) & FAILING_WORDS:
            row.failure = {"code": "generation_failed", "message": "The model could not make this video."}
        self.ledger.accept(row)
        if row.failure is None:
            self.render_queue.put(row)
        return row

    def _poll(self, contract: Contract, request: Request) -> Reply:
        row = self.ledger.executions.get(contract.job_of(request))
        if row is None or row.api != contract.key:
            raise Refused(404, f"{contract.id_name.removesuffix('_id')}_not_found", "There is nothing with this id.")
        return contract.answer(self.state(row))

    def state(self, row: Execution) -> dict:
        """`data` of a poll's reply; a completed one carries a fresh link."""
        word = self.status_word(row)
        return CONTRACTS[row.api].state(row, word, self.link(row) if word == "completed" else "")

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
        """The execution that a poll or a video link is about, even if the link is invalid."""
        if call == "poll":
            contract, _ = contract_of(request)
            row = self.ledger.executions.get(contract.job_of(request))
            return row if row and row.api == contract.key else None
        if call == "file":
            return self.ledger.by_video.get(request.path.removeprefix("/files/").split("-")[0])
        return None

    def link_refused(self, why: str) -> Reply:
        """403 in the words of a file host."""
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
        """After a restart: queues the videos that were not drawn before the stop."""
        for row in self.ledger.executions.values():
            if row.failure is None:
                self.render_queue.put(row)

    async def close(self) -> None:
        await self.render_queue.stop()
        self.ledger.close()


def call_of(request: Request) -> str | None:
    """The kind of call: submit, poll, upload, account, file, picture or None."""
    _, call = contract_of(request)
    if call:
        return call
    if request.path.startswith("/files/"):
        return "file"
    return "picture" if request.path.startswith("/assets/") else None


def api_of(request: Request) -> str | None:
    """The key of the contract that this request belongs to."""
    contract, _ = contract_of(request)
    return contract.key if contract else None
