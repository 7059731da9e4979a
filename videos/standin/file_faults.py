"""What a rule can do to a video's bytes (`do` of a rule whose call is `file`; see `fault_rules.py`).

expire        403, as an expired link answers, before the first byte
cut           drop the connection (reset) after this many bytes of the body: a number, a share below 1.0,
              or "random"; `gently` closes it instead; `withdraw` makes this link answer 403 from then on
etag          another ETag: a value, or "random" for a new one at each request
no_etag       no ETag at all
length        how much Content-Length is too large (10) or too small (-10)
no_length     no Content-Length: the end of the connection ends the body
truncate      only this much of the body (bytes, or a share below 1.0), with the matching length
body          "html", "json", "jpeg", "zeros" or "empty" in place of the video, called video/mp4
drip          bytes per second
endless       a body that never ends, with no length
gzip          this many bytes of zeros as a gzip bomb (Content-Encoding: gzip)
redirect      a Location; `hops` first follows this many redirects of our own (alone: then the video);
              `redirect_status` default 302
ignore_range  answer 200 with everything
content_range a Content-Range to claim, or "wrong"
"""

import asyncio
import secrets
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random
from urllib.parse import urlencode

from videos.standin.api import Api
from videos.standin.ledger import Execution
from videos.standin.wire import Reply, Request

PIECE = 64 * 1024
FILE_FAULTS = {"expire", "cut", "gently", "withdraw", "etag", "no_etag", "length", "no_length", "truncate", "body"}
FILE_FAULTS |= {"drip", "endless", "gzip", "redirect", "redirect_status", "hops", "ignore_range", "content_range"}
_JPEG_HEAD = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
BODIES = {
    "html": b"<!doctype html><title>Sorry</title><p>This page is not a video.</p>" * 40,
    "json": b'{"error": "this is not a video"}' * 40,
    "jpeg": _JPEG_HEAD + b"\xff\xdb" + bytes(4000) + b"\xff\xd9",
    "zeros": bytes(65536),
    "empty": b"",
}


def spoiled_request(request: Request, do: dict) -> Request:
    """The request as it is passed to the server without faults."""
    if not do.get("ignore_range"):
        return request
    return replace(request, headers={name: value for name, value in request.headers.items() if name != "range"})


def spoil(api: Api, request: Request, row: Execution | None, reply: Reply, do: dict, rng: Random) -> Reply:
    """The real reply, with the fault added; a refusal stays as it is."""
    if reply.status >= 400:
        return reply
    if do.get("expire"):
        api.links.withdraw(request.path)
        return api.link_refused("Request has expired")
    hop = int(request.query.get("hop", "0"))
    if "redirect" in do or hop < do.get("hops", 0):
        return _redirect(request, do, hop)
    reply = _other_body(reply, do)
    _other_headers(reply, do)
    _other_end(api, request, reply, do, rng)
    return reply


def _redirect(request: Request, do: dict, hop: int) -> Reply:
    target = do.get("redirect")
    if hop < do.get("hops", 0):
        target = f"{request.path}?{urlencode({**request.query, 'hop': hop + 1})}"
    return Reply(do.get("redirect_status", 302), headers={"Location": target})


def _other_body(reply: Reply, do: dict) -> Reply:
    if "body" in do:
        return Reply(200, BODIES[do["body"]], {"Content-Type": "video/mp4"})
    if do.get("endless"):
        return Reply(200, b"", dict(reply.headers), _endless(reply.chunks))
    if "gzip" in do:
        headers = {**reply.headers, "Content-Encoding": "gzip"}
        return Reply(200, b"", headers, _bomb(do["gzip"]), ending="close")
    return reply


def _other_headers(reply: Reply, do: dict) -> None:
    if "etag" in do:
        reply.headers["ETag"] = f'"{secrets.token_hex(8)}"' if do["etag"] == "random" else do["etag"]
    if do.get("no_etag"):
        reply.headers.pop("ETag", None)
    if "content_range" in do and reply.status == 206:
        reply.headers["Content-Range"] = _claimed_range(reply.headers["Content-Range"], do["content_range"])


def _claimed_range(honest: str, claim: str) -> str:
    if claim != "wrong":
        return claim
    span, total = honest.removeprefix("bytes ").split("/")
    start, last = span.split("-")
    return f"bytes {int(start) + 1}-{int(last) + 1}/{total}"


def _other_end(api: Api, request: Request, reply: Reply, do: dict, rng: Random) -> None:
    if reply.chunks is None:
        reply.chunks = _once(reply.body)
    whole = reply.length
    if "truncate" in do:
        reply.length = _amount(do["truncate"], whole, rng)
        reply.chunks = _first(reply.chunks, reply.length)
    if "length" in do:
        reply.length += do["length"]
        reply.ending = "close"
    if do.get("no_length"):
        reply.length = None
    if "drip" in do:
        reply.chunks = _drip(reply.chunks, do["drip"])
    if "cut" in do:
        reply.chunks = _cut(reply.chunks, _amount(do["cut"], whole or PIECE, rng), api, request, do)
        reply.ending = "close" if do.get("gently") else "reset"


def _amount(asked: float | str, whole: int, rng: Random) -> int:
    if asked == "random":
        return rng.randrange(whole)
    return int(asked * whole) if isinstance(asked, float) and asked < 1 else int(asked)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _first(chunks: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk[:count]
        count -= len(chunk)
        if count <= 0:
            return


async def _cut(chunks, count: int, api: Api, request: Request, do: dict) -> AsyncIterator[bytes]:
    if count:
        async for chunk in _first(chunks, count):
            yield chunk
    if do.get("withdraw"):
        api.links.withdraw(request.path)
    # A reset discards what the other side has not read yet, so wait a moment.
    await asyncio.sleep(0.05)


async def _drip(chunks: AsyncIterator[bytes], rate: float) -> AsyncIterator[bytes]:
    piece = max(1, int(rate / 10))
    async for chunk in chunks:
        for start in range(0, len(chunk), piece):
            yield chunk[start : start + piece]
            await asyncio.sleep(piece / rate)


async def _endless(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk
    while True:
        yield bytes(PIECE)
        await asyncio.sleep(0)


async def _bomb(size: int) -> AsyncIterator[bytes]:
    # 16 + MAX_WBITS asks zlib for a gzip frame.
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for _ in range(0, size, 1 << 20):
        packed = packer.compress(bytes(1 << 20))
        if packed:
            yield packed
        await asyncio.sleep(0)
    yield packer.flush()
