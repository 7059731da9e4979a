"""One connection from its first byte to its last: a request's head, its body, the answer, and again.

Only the application itself runs in a thread, and only once the whole request is here; it is free again before the
first byte of its answer is sent. A slow client only occupies a socket, and not for ever.
"""

import asyncio
import io
from contextlib import suppress
from enum import Enum
from http import HTTPStatus
from pathlib import Path

from gunicorn.http.body import LengthReader
from gunicorn.http.errors import LimitRequestHeaders, ParseException
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from gunicorn.http.wsgi import create

from heygen_studio.web import body
from heygen_studio.web.remembered import Permission, key_of
from heygen_studio.web.reply import Collected, Reply
from heygen_studio.web.sent_files import SentFile, answer
from heygen_studio.web.wire import MORE_FOLLOWS, Wire

IDLE_SECONDS = 60  # without a request
HEAD_SECONDS = 15  # from the first byte of a head to its last
LARGEST_HEAD = 64 * 1024
ASK_BEYOND = 64 * 1024  # a body larger than this is read only if the application would take it from this person
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
UNREADABLE = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
FAULT = b"HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Stage(Enum):
    """The state of a connection."""

    IDLE = "idle"
    RECEIVING = "receiving"
    ANSWERING = "answering"
    SENDING = "sending"


class Connection:
    """`server` is the worker that accepted it: its pools, its application, and whether it is about to stop."""

    def __init__(self, server, sock, client):
        self.server, self.client = server, client
        self.address = client[0] if isinstance(client, tuple) else ""  # "" on a Unix socket
        self.wire = Wire(sock)
        self.buffer = bytearray()
        self.stage = Stage.IDLE
        self.task: asyncio.Task | None = None

    async def serve(self):
        try:
            while await self.serve_one():
                pass
        except OSError:  # it disconnected, or stalled for too long
            pass
        finally:
            self.wire.close()

    async def serve_one(self) -> bool:
        """One request and its answer; whether the connection stays open for another."""
        self.stage = Stage.RECEIVING if self.buffer else Stage.IDLE
        head = await self.read_head()
        if not head:
            return False
        try:
            request = parsed(head, self.server.cfg, self.client)
        except (ParseException, OSError) as error:
            return await self.refuse(error)
        key = key_of(request, self.address)
        if key and (permission := self.server.permissions.find(key)):
            with suppress(FileNotFoundError):
                return await self.send_remembered(request, permission)
        return await self.ask_application(request, key)

    async def read_head(self) -> bytes:
        """The request head, up to its empty line; b"" if none arrives. Raises TimeoutError."""
        if not self.buffer:
            self.buffer += await self.wire.receive(IDLE_SECONDS)
            self.stage = Stage.RECEIVING
        deadline = self.wire.loop.time() + HEAD_SECONDS
        while (end := self.buffer.find(b"\r\n\r\n")) < 0 and len(self.buffer) <= LARGEST_HEAD:
            more = await self.wire.receive(max(0, deadline - self.wire.loop.time()))
            if not more:
                return b""
            self.buffer += more
        size = end + 4 if end >= 0 else len(self.buffer)
        head = bytes(self.buffer[:size])
        del self.buffer[:size]
        return head

    async def refuse(self, error: Exception) -> bool:
        """Answers anything that is not HTTP, or whose head is too large, with gunicorn's own error."""
        collected = Collected()
        self.server.handle_error(None, collected, self.client, error)
        await self.wire.send(collected.take())
        await self.wire.linger()
        return False

    # The application
    async def ask_application(self, request: Request, key) -> bool:
        collected = Collected()
        expects_more, request._expected_100_continue = request._expected_100_continue, False
        reply, environ = create(request, collected, self.client, self.server.address, self.server.cfg, Reply)
        environ["wsgi.multithread"] = True
        try:
            is_read = await self.read_body(request, environ, expects_more)
        except TimeoutError:
            await self.wire.send(TOO_SLOW)
            return False
        except body.BadChunk:
            await self.wire.send(UNREADABLE)
            return False
        if not is_read or self.server.is_stopping:
            reply.force_close()
        with environ["wsgi.input"]:
            await self.answer(reply, environ, key)
        if not is_read:
            await self.wire.linger()
        return not reply.should_close() and not self.server.is_stopping

    async def read_body(self, request: Request, environ: dict, expects_more: bool) -> bool:
        """Puts the body into `environ`; False if it is refused unread, which the application then explains."""
        reader = request.body.reader
        length = reader.length if isinstance(reader, LengthReader) else None
        limit = ASK_BEYOND
        if length is None or length > ASK_BEYOND:
            limit = await self.in_thread(self.server.wsgi.largest_body, environ)
        environ["wsgi.input"] = io.BytesIO()
        try:
            if expects_more and (length is None or length <= limit):
                await self.wire.send(CONTINUE)
            environ["wsgi.input"] = await body.receive(self.wire, self.buffer, length, limit)
        except body.TooLarge:
            environ["CONTENT_LENGTH"] = str(length or limit + 1)
            return False
        if length is None:
            environ["CONTENT_LENGTH"] = str(environ["wsgi.input"].seek(0, io.SEEK_END))
            environ["wsgi.input"].seek(0)
            del environ["HTTP_TRANSFER_ENCODING"]
        return True

    async def answer(self, reply: Reply, environ: dict, key):
        files: list[SentFile] = []
        environ["studio.remember_file"] = files.append
        try:
            self.stage = Stage.ANSWERING
            await self.in_thread(reply.run, self.server.wsgi, environ)
            self.stage = Stage.SENDING
            if files and key and reply.status_code in (200, 206):
                self.server.permissions.keep(key, files[0], reply.headers)
            await self.wire.send(reply.take(), MORE_FOLLOWS if reply.file else 0)
            if reply.file:
                await self.wire.send_file(reply.file, reply.offset, reply.count)
            elif reply.stream:
                await self.server.in_stream_thread(reply.send_stream, self.send_from_thread)
        finally:
            reply.close()

    async def in_thread(self, function, *arguments):
        """The application catches its own exceptions; an uncaught one ends the connection."""
        try:
            return await self.server.in_thread(function, *arguments)
        except Exception:
            self.server.log.exception("The application failed.")
            await self.wire.send(FAULT)
            raise ConnectionAbortedError from None

    def send_from_thread(self, data: bytes):
        asyncio.run_coroutine_threadsafe(self.wire.send(data), self.wire.loop).result()

    # A file that was given to the same person a moment ago
    async def send_remembered(self, request: Request, permission: Permission) -> bool:
        asked = {name.title(): value for name, value in request.headers}
        found = answer(permission.file, request.method, asked)
        self.stage = Stage.SENDING
        reply = Reply(request, collected := Collected(), self.server.cfg)
        with Path(permission.file.path).open("rb", buffering=0) as file:
            status = f"{found.status} {HTTPStatus(found.status).phrase}"
            headers = [("Content-Type", permission.file.content_type), *found.headers.items(), *permission.headers]
            reply.start_response(status, headers)
            if self.server.is_stopping:
                reply.force_close()
            reply.send_headers()
            await self.wire.send(collected.take(), MORE_FOLLOWS if found.length else 0)
            if found.length:
                await self.wire.send_file(file, found.start, found.length)
        return not reply.should_close()


def parsed(head: bytes, cfg, client) -> Request:
    if not head.endswith(b"\r\n\r\n"):
        raise LimitRequestHeaders("the head is larger than 64 kB")
    return Request(cfg, IterUnreader([head]), client)
