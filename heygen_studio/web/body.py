"""Receives the body of a request, as long as it is announced or in chunks, within limits of size and time."""

import re
from tempfile import SpooledTemporaryFile

from heygen_studio.web.wire import Wire

KEPT_IN_MEMORY = 256 * 1024
PAUSE_SECONDS = 20  # between two pieces
GRACE_SECONDS = 30
BYTES_PER_SECOND = 8 * 1024  # the minimum average rate after the grace period
LONGEST_LINE = 4096  # of a chunk's size, or of a trailer
MAX_TRAILERS = 50
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(;.*)?")


class TooLarge(Exception):
    """The body is larger than this request may have."""


class BadChunk(Exception):
    """The body's chunks cannot be separated."""


class Incoming:
    """Reads from a connection, starting with `buffer`. Raises TimeoutError when the body comes too slowly."""

    def __init__(self, wire: Wire, buffer: bytearray):
        self.wire, self.buffer = wire, buffer
        self.started_at, self.received = wire.loop.time(), 0

    async def more(self):
        data = await self.wire.receive(PAUSE_SECONDS)
        if not data:
            raise ConnectionAbortedError("The request ended before its body did.")
        self.buffer += data
        self.received += len(data)
        overtime = self.wire.loop.time() - self.started_at - GRACE_SECONDS
        if self.received < overtime * BYTES_PER_SECOND:
            raise TimeoutError

    async def pieces(self, count: int):
        """The next `count` bytes, as they arrive."""
        while count:
            if not self.buffer:
                await self.more()
            piece = bytes(self.buffer[:count])
            del self.buffer[: len(piece)]
            count -= len(piece)
            yield piece

    async def line(self) -> bytes:
        while (end := self.buffer.find(b"\r\n")) < 0:
            if len(self.buffer) > LONGEST_LINE:
                raise BadChunk
            await self.more()
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 2]
        return line


async def receive(wire: Wire, buffer: bytearray, length: int | None, limit: int) -> SpooledTemporaryFile:
    """The body as a file, at position 0. Without a length it arrives in chunks. Raises TooLarge, BadChunk, OSError."""
    if length is not None and length > limit:
        raise TooLarge
    incoming = Incoming(wire, buffer)
    body = SpooledTemporaryFile(KEPT_IN_MEMORY)  # noqa: SIM115 – closed by the caller
    try:
        async for piece in incoming.pieces(length) if length is not None else unchunked(incoming, limit):
            body.write(piece)
    except BaseException:
        body.close()
        raise
    body.seek(0)
    return body


async def unchunked(incoming: Incoming, limit: int):
    total = 0
    while True:
        found = CHUNK_SIZE.fullmatch(await incoming.line())
        if not found:
            raise BadChunk
        size = int(found[1], 16)
        total += size
        if total > limit:
            raise TooLarge
        if not size:
            break
        async for piece in incoming.pieces(size):
            yield piece
        if await incoming.line():
            raise BadChunk
    for _ in range(MAX_TRAILERS):
        if not await incoming.line():
            return
    raise BadChunk
