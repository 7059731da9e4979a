"""HTTP for polls: many free GETs at once, over connections that are kept open. aiohttp, on the caller's event loop.

At 500 requests a second, `python -m tests.benchmarks.transport` found 0.19 s of CPU for a thousand of them, 0.47 for
httpx on aiohttp and 0.92 for one httpx client for each connection. httpx's own pool, which goes through all its
connections for every request, made 160 a second. What is paid for never goes through here: aiohttp repeats a GET once
when a kept connection turns out to be closed.
"""

import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from videos.remotes import transport
from videos.remotes.errors import Cause, RemoteError
from videos.remotes.transport import LARGEST_REPLY, Reply

CONNECT_SECONDS = 10
IDLE_SECONDS = 60  # a connection that was idle for this long is closed
# The caller limits the time of a whole poll.
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
EITHER_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS


@asynccontextmanager
async def open_session() -> AsyncIterator[aiohttp.ClientSession]:
    """A session without cookies, proxies or redirects. How many requests use it at once is up to the caller."""
    connector = aiohttp.TCPConnector(limit=0, ssl=transport.certificates(), keepalive_timeout=IDLE_SECONDS)
    async with aiohttp.ClientSession(
        connector=connector,
        headers=transport.HEADERS,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=TIMEOUT,
        auto_decompress=False,
        trust_env=False,
    ) as session:
        yield session


async def get_async(session: aiohttp.ClientSession, address: str, headers: dict[str, str]) -> Reply:
    """One free GET, of at most LARGEST_REPLY bytes. Raises RemoteError; the caller limits the time."""
    try:
        async with session.get(URL(address, encoded=True), headers=headers, allow_redirects=False) as response:
            body = await read_body(response.content)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        words = transport.what_broke(error, late=TimeoutError, unconnected=aiohttp.ClientConnectorError)
        raise RemoteError(Cause.NETWORK, words) from error
    return Reply(response.status, response.headers, unpacked(body, response.headers.get("Content-Encoding", "")))


async def read_body(content: aiohttp.StreamReader) -> bytes:
    body = await content.readany()
    while len(body) <= LARGEST_REPLY and (more := await content.readany()):
        body += more
    return body


def unpacked(body: bytes, encoding: str) -> bytes:
    """The body from a server that compresses without being asked to: at most LARGEST_REPLY bytes of it."""
    if encoding.strip().lower() not in {"gzip", "deflate"}:
        return body
    try:
        return zlib.decompressobj(EITHER_ZLIB_OR_GZIP).decompress(body, LARGEST_REPLY)
    except zlib.error as error:
        raise RemoteError(Cause.UNREADABLE, "The answer cannot be unpacked.") from error
