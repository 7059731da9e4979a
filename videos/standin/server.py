"""The stand-in's server: `python -m videos.standin.server --port N --folder F [--speed X] …`.

It answers, on 127.0.0.1 alone and over real HTTP/1.1:

    POST /v1/workflows/executions         submit       GET /v1/workflows/executions/{id}   poll
    POST /v3/assets                       upload       POST /v1/asset                      upload, older
    GET  /v3/users/me                     account      GET /files/….mp4?Expires&Signature  a video link
    GET  /assets/{name}                   an uploaded picture, public
    /control/…                            only with --control: see `faults.py`

In the demo any key that is not empty will do. A prompt with the word "violence" or "gore" is refused at
once (`content_policy_violation`); one with the word "fails" or "failure" is accepted and fails later.
"""

import argparse
import asyncio
import hashlib
import json
import resource
import secrets
import signal
import string
import threading
from contextlib import suppress
from pathlib import Path

from videos.standin import contract, frames
from videos.standin.contract import Refused, error
from videos.standin.easel import Easel
from videos.standin.faults import Control, Faults
from videos.standin.files import file_reply, film
from videos.standin.ledger import Asset, Execution, Ledger
from videos.standin.links import Clock, Links
from videos.standin.uploads import checked_mime, multipart_file, raw_file
from videos.standin.wire import HEAD_LIMIT, BadRequest, Reply, Request, json_reply, read_request, write_reply

EXECUTIONS = "/v1/workflows/executions"
HANDS = 2
BACKLOG = 4096
STOP_SECONDS = 0.2
_LETTERS = string.ascii_lowercase + string.digits
_LINK_REFUSED = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>%s</Message></Error>'


class Standin:
    """The remote API in one process. `folder` keeps its state; see `main` for the options."""

    def __init__(self, folder: Path, *, control, speed, draft, link_seconds, key, link_base, capacity, weight):
        for name in ("", "videos", "drafts", "assets", "frames"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.folder, self.speed, self.link_base, self.capacity = folder, speed, link_base, capacity
        self._key = key
        self.ledger = Ledger(folder / "ledger.sqlite3")
        self.clock = Clock(self.ledger)
        self.links = Links(self.ledger, self.clock, link_seconds)
        self.easel = Easel(folder, HANDS, draft, weight)
        self.faults = Faults() if control else None
        self.control = Control(self) if control else None
        self.base = ""
        self.connections: set[asyncio.Task] = set()

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side is done with it."""
        task = asyncio.current_task()
        self.connections.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                while await self._serve_one(reader, writer):
                    pass
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self.connections.discard(task)
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            request = await read_request(reader, writer)
        except BadRequest as problem:
            reply = error(problem.status, "invalid_request", str(problem))
            reply.ending = "close"
            return await write_reply(writer, None, reply)
        if request is None:
            return False
        return await write_reply(writer, request, await self.answer(request))

    async def answer(self, request: Request) -> Reply:
        """The reply to one request, with whatever fault a test has asked for."""
        if self.control and request.path.startswith("/control/"):
            return await self.control.answer(request)
        call = call_of(request)
        try:
            if self.faults is None:
                return await self._handle(call, request)
            return await self.faults.around(self, call, request)
        except Refused as refusal:
            return refusal.reply()

    async def handle(self, call: str | None, request: Request) -> Reply:
        """The honest reply; raises Refused."""
        return await self._handle(call, request)

    async def _handle(self, call: str | None, request: Request) -> Reply:
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
            self.easel.put(row)
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

    def row_of_file(self, request: Request) -> Execution | None:
        """The execution a link belongs to, good link or not."""
        name = request.path.removeprefix("/files/").split("-")[0]
        return self.ledger.by_video.get(name)

    def _file(self, request: Request) -> Reply:
        if request.method not in ("GET", "HEAD"):
            raise Refused(405, "method_not_allowed", "Videos are read with GET.")
        refusal = self.links.refusal(request.path, request.query)
        if refusal:
            return Reply(403, (_LINK_REFUSED % refusal).encode(), {"Content-Type": "application/xml"})
        row = self.row_of_file(request)
        if row is None or not row.drawn:
            raise Refused(404, "not_found", "There is no such video.")
        return file_reply(request, film(row, self.easel.path(row)), row)

    def resume(self) -> None:
        """After a restart: draw what a stop left undrawn."""
        for row in self.ledger.executions.values():
            if row.failure is None:
                self.easel.put(row)

    def close(self) -> None:
        self.easel.stop()
        for task in self.connections:
            task.cancel()
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


async def serve(port: int, folder: Path, **options) -> None:
    """Listen until SIGTERM or SIGINT; prints the ready line once connections are taken."""
    standin = Standin(folder, **options)
    server = await asyncio.start_server(
        standin.connection, "127.0.0.1", port, limit=HEAD_LIMIT, backlog=BACKLOG, reuse_address=True
    )
    standin.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    standin.resume()
    done = asyncio.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, done.set)
    print(f"stand-in ready on {standin.base}", flush=True)
    await done.wait()
    server.close()
    standin.close()


def main(
    port: int = 0,
    folder: str | Path = "standin",
    *,
    control: bool = False,
    speed: float = 1.0,
    draft: bool = False,
    link_seconds: float = 3600.0,
    key: str | None = None,
    link_base: str | None = None,
    capacity: int = 0,
    weight: int = 0,
) -> None:
    """Run the stand-in until SIGTERM or SIGINT.

    `port` 0 lets the system choose. `speed` divides the providers' times. `draft` draws one second of
    160 pixels per ratio, once, about `weight` bytes large if given. `link_seconds` is a video link's life,
    `link_base` its scheme and host if not our own. `key` is the one right key (default: any). `capacity`
    is how many executions may run before a submission gets 429 (0: no limit). `control` opens the
    control route for tests.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else max(soft, 65536), hard))
    options = {"control": control, "speed": speed, "draft": draft, "link_seconds": link_seconds, "key": key}
    options |= {"link_base": link_base, "capacity": capacity, "weight": weight}
    asyncio.run(serve(port, Path(folder).resolve(), **options))


def arguments() -> argparse.ArgumentParser:
    """The command line's options, by the names that `main` gives them."""
    parser = argparse.ArgumentParser(prog="stand-in", description="A local imitation of the remote API.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", default="standin")
    parser.add_argument("--control", action="store_true", help="open the control route, for tests")
    parser.add_argument("--speed", type=float, default=1.0, help="divide the providers' times by this")
    parser.add_argument("--draft", action="store_true", help="tiny videos, for tests")
    parser.add_argument("--weight", type=int, default=0, help="bytes of a draft video, about")
    parser.add_argument("--link-seconds", type=float, default=3600.0)
    parser.add_argument("--link-base", help="scheme and host of the video links")
    parser.add_argument("--key", help="the one right key (default: any)")
    parser.add_argument("--capacity", type=int, default=0, help="running executions before 429")
    return parser


if __name__ == "__main__":
    main(**vars(arguments().parse_args()))
