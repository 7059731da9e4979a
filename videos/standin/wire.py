"""HTTP/1.1 on asyncio streams: enough for httpx, requests, curl and browsers.

A library would be shorter, but with it a test could not send a wrong length, or break off a reply.
"""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import parse_qs, unquote, urlsplit

HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 40 * 1024 * 1024
PHRASES = {status.value: status.phrase for status in HTTPStatus}


class BadRequest(Exception):
    """The bytes received are not a request that we can answer. Carries the HTTP status of the reply."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


@dataclass
class Request:
    """One request. `headers` has lower-case names; `query` holds the first value of each name."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    version: str = "HTTP/1.1"

    @property
    def keeps_alive(self) -> bool:
        wish = self.headers.get("connection", "").lower()
        return "close" not in wish and (self.version != "HTTP/1.0" or "keep-alive" in wish)


@dataclass
class Reply:
    """One reply. `chunks` streams a body; `length` is what Content-Length claims (None: until close).

    `ending` is "keep" (serve the next request), "close" or "reset"; `status` 0 sends nothing;
    `wire_bytes` sends only that many bytes of the whole reply and then resets the connection.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    chunks: AsyncIterator[bytes] | None = None
    length: int | None = None
    ending: str = "keep"
    wire_bytes: int | None = None

    def __post_init__(self):
        if self.chunks is None and self.length is None:
            self.length = len(self.body)


def json_reply(status: int, value: object, headers: dict[str, str] | None = None) -> Reply:
    """A JSON reply; `value` is anything the json module can write."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return Reply(status, body, {"Content-Type": "application/json", **(headers or {})})


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    """The next request on this connection, or None if the other side has closed it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise BadRequest(431, "The headers are too large.") from None
    request = _parse_head(head)
    if request.headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.body = await _read_body(reader, request.headers)
    return request


def _parse_head(head: bytes) -> Request:
    lines = head[:-4].decode("latin-1").split("\r\n")
    try:
        method, target, version = lines[0].split(" ")
        pairs = [line.split(":", 1) for line in lines[1:]]
        headers = {name.lower(): value.strip() for name, value in pairs}
        parts = urlsplit(target)
    except ValueError:
        raise BadRequest(400, "That is not an HTTP request.") from None
    query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    return Request(method, unquote(parts.path), query, headers, version=version)


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _read_chunked(reader)
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise BadRequest(400, "Content-Length is not a number.")
    if int(length) > BODY_LIMIT:
        raise BadRequest(413, "The body is too large.")
    return await reader.readexactly(int(length)) if int(length) else b""


async def _read_chunked(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        line = (await reader.readuntil(b"\r\n")).split(b";")[0].strip()
        try:
            size = int(line, 16)
        except ValueError:
            raise BadRequest(400, "A chunk has no size.") from None
        if len(body) + size > BODY_LIMIT:
            raise BadRequest(413, "The body is too large.")
        if size == 0:
            break
        body += (await reader.readexactly(size + 2))[:-2]
    while (await reader.readuntil(b"\r\n")) != b"\r\n":
        pass
    return bytes(body)


async def write_reply(writer: asyncio.StreamWriter, request: Request | None, reply: Reply) -> bool:
    """Sends a reply. True if the connection can serve another request."""
    if reply.status == 0:
        return _end(writer, reply.ending)
    keeps = reply.ending == "keep" and reply.length is not None and request is not None and request.keeps_alive
    head = _head(reply, keeps)
    if reply.wire_bytes is not None:
        writer.write((head + reply.body)[: reply.wire_bytes])
        await writer.drain()
        return _end(writer, "reset")
    if reply.chunks is None or (request is not None and request.method == "HEAD"):
        writer.write(head if request is not None and request.method == "HEAD" else head + reply.body)
        await writer.drain()
    else:
        await _stream(writer, head, reply.chunks)
    return keeps or _end(writer, reply.ending)


async def _stream(writer: asyncio.StreamWriter, head: bytes, chunks: AsyncIterator[bytes]) -> None:
    writer.write(head)
    await writer.drain()
    async for chunk in chunks:
        writer.write(chunk)
        await writer.drain()
        if writer.is_closing():
            raise ConnectionResetError


def _head(reply: Reply, keeps: bool) -> bytes:
    phrase = PHRASES.get(reply.status, "Odd")
    headers = {"Server": "stand-in", "Date": formatdate(usegmt=True), **reply.headers}
    if reply.length is not None and reply.status not in (204, 304):
        headers.setdefault("Content-Length", str(reply.length))
    headers["Connection"] = "keep-alive" if keeps else "close"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} {phrase}\r\n{lines}\r\n".encode()


def _end(writer: asyncio.StreamWriter, ending: str) -> bool:
    if ending == "reset":
        reset(writer)
    return False


def reset(writer: asyncio.StreamWriter) -> None:
    """Breaks the connection with a TCP reset, as a crashed peer or a balancer does."""
    line = writer.get_extra_info("socket")
    if line is not None:
        # A zero linger makes close() send RST instead of FIN.
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
