"""The demo server's entry point: `python -m videos.standin.server --port N --folder F [--speed X] …`.

It answers, on 127.0.0.1 alone and over real HTTP/1.1:

    POST /v1/workflows/executions         submit       GET /v1/workflows/executions/{id}   poll
    POST /v3/models/videos                submit       GET /v3/models/videos/{id}          poll
    POST /v3/assets                       upload       POST /v1/asset                      upload, older
    GET  /v3/users/me                     account      GET /files/….mp4?Expires&Signature  a video link
    GET  /assets/{name}                   an uploaded picture, public
    /control/…                            only with --control: see `fault_rules.py`

In the demo, any key that is not empty is accepted. A prompt with the word "violence" or "gore" is refused at
once (`content_policy_violation`); one with the word "fails" or "failure" is accepted and fails later.
"""

import argparse
import asyncio
import os
import resource
import signal
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

from videos.standin.api import Api, call_of
from videos.standin.apis import contract_of
from videos.standin.contract import Refused, error
from videos.standin.control import Control
from videos.standin.fault_rules import Faults
from videos.standin.wire import HEAD_LIMIT, BadRequest, Reply, Request, read_request, write_reply

BACKLOG = 4096


class Standin:
    """The APIs behind a socket, with the faults and the control route for tests."""

    def __init__(self, folder: Path, *, control: bool, **options):
        self.api = Api(folder, **options)
        self._connections: set[asyncio.Task] = set()
        self._in_flight: set[tuple[str, str]] = set()
        self._faults = Faults(self.api) if control else None
        self._control = Control(self.api, self._faults, self._connections) if control else None

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection until either side closes it."""
        task = asyncio.current_task()
        self._connections.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                while await self._serve_one(reader, writer):
                    pass
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._connections.discard(task)
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
        """The reply to one request, with any fault that a test has set."""
        if self._control and request.path.startswith("/control/"):
            return await self._control.answer(request)
        call, era = call_of(request), self.api.era
        honest = self.api.handle if self._faults is None else self._faults.around
        try:
            with self._one_at_a_time(call, request):
                reply = await honest(call, request)
        except Refused as refusal:
            reply = refusal.reply()
        if self._control:
            self._control.remember(call, request, reply.status, era)
        return reply

    @contextmanager
    def _one_at_a_time(self, call: str | None, request: Request):
        """While the first request under a repeat key is being answered, another one under it is a 409."""
        contract, _ = contract_of(request)
        key = contract.repeat_key(request) if contract and call == "submit" else ""
        if not key:
            yield
            return
        place = (contract.key, key)
        if place in self._in_flight:
            raise Refused(409, "request_in_progress", "The first request with this key is still being answered.")
        self._in_flight.add(place)
        try:
            yield
        finally:
            self._in_flight.discard(place)

    async def close(self) -> None:
        for task in self._connections:
            task.cancel()
        await self.api.close()


async def serve(port: int, folder: Path, **options) -> None:
    """Listens until SIGTERM or SIGINT; prints the ready line once it accepts connections."""
    standin = Standin(folder, **options)
    server = await asyncio.start_server(
        standin.connection, "127.0.0.1", port, limit=HEAD_LIMIT, backlog=BACKLOG, reuse_address=True
    )
    standin.api.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    standin.api.resume()
    done = asyncio.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, done.set)
    print(f"stand-in ready on {standin.api.base}", flush=True)
    await done.wait()
    server.close()
    await standin.close()


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
    is_open: bool = False,
) -> None:
    """Runs the demo server until SIGTERM or SIGINT.

    `port` 0 lets the system choose. `speed` divides the providers' times. `draft` draws one second of
    160 pixels per ratio, once, about `weight` bytes large if given. `link_seconds` is a video link's life,
    `link_base` its scheme and host if not our own. `key` is the one right key (default: any). `capacity`
    is how many executions may run before a submission gets 429 (0: no limit). `control` opens the
    control route for tests. `is_open` also takes providers that the contracts do not name.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else max(soft, 65536), hard))
    options = {"control": control, "speed": speed, "draft": draft, "link_seconds": link_seconds, "key": key}
    options |= {"link_base": link_base, "capacity": capacity, "weight": weight, "is_open": is_open}
    asyncio.run(serve(port, Path(folder).resolve(), **options))


def arguments() -> argparse.ArgumentParser:
    """The options of the command line, named like the parameters of `main`."""
    parser = argparse.ArgumentParser(prog="stand-in", description="A local imitation of the remote API.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", default="standin")
    parser.add_argument("--control", action="store_true", help="open the control route, for tests")
    parser.add_argument("--speed", type=float, default=1.0, help="divide the providers' times by this")
    parser.add_argument("--draft", action="store_true", help="tiny videos, for tests")
    parser.add_argument("--weight", type=int, default=0, help="bytes of a draft video, about")
    parser.add_argument("--link-seconds", type=float, default=3600.0)
    parser.add_argument("--link-base", help="scheme and host of the video links")
    key = os.environ.get("STANDIN_KEY")
    parser.add_argument("--key", default=key, help="the one right key (default: STANDIN_KEY, else any)")
    parser.add_argument("--is-open", action="store_true", help="take any provider")
    parser.add_argument("--capacity", type=int, default=0, help="running executions before 429")
    return parser


if __name__ == "__main__":
    main(**vars(arguments().parse_args()))
