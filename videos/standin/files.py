"""Serving a drawn video's bytes: Range, If-Range, ETag, HEAD, as an object store does."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from videos.standin.ledger import Execution
from videos.standin.wire import Reply, Request

CHUNK = 64 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class Film:
    """The bytes of one execution's video: a drawn file, and one more MP4 box at its end.

    Every player skips the box (`free`). It gives two videos of one drawing different hashes.
    """

    path: Path
    drawn_size: int
    tail: bytes

    @property
    def size(self) -> int:
        return self.drawn_size + len(self.tail)

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.tail, usedforsecurity=False).hexdigest()}-{self.size}"'

    def read(self, start: int, stop: int) -> bytes:
        """Bytes `start` up to `stop` of the drawing and the box after it."""
        data = b""
        if start < self.drawn_size:
            with self.path.open("rb") as file:
                file.seek(start)
                data = file.read(min(stop, self.drawn_size) - start)
        return data + self.tail[max(0, start - self.drawn_size) : max(0, stop - self.drawn_size)]

    def sha256(self) -> str:
        return hashlib.sha256(self.read(0, self.size)).hexdigest()


def film(row: Execution, path: Path) -> Film:
    """The film of an execution whose drawing lies at `path`."""
    name = row.video_id.encode()
    box = (8 + len(name)).to_bytes(4, "big") + b"free" + name
    return Film(path, path.stat().st_size, box)


def file_reply(request: Request, content: Film, row: Execution) -> Reply:
    """200, 206 or 416 for this request. Every byte sent is counted in the row."""
    headers = {"Content-Type": "video/mp4", "Accept-Ranges": "bytes", "ETag": content.etag}
    wanted = asked_range(request, content)
    if wanted is None:
        return _span(200, headers, content, row, 0, content.size)
    start, stop = wanted
    if start >= stop:
        return Reply(416, headers={"Content-Range": f"bytes */{content.size}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{content.size}"
    return _span(206, headers, content, row, start, stop)


def _span(status: int, headers: dict, content: Film, row: Execution, start: int, stop: int) -> Reply:
    return Reply(status, b"", headers, _chunks(content, row, start, stop), stop - start)


def asked_range(request: Request, content: Film) -> tuple[int, int] | None:
    """The requested byte range as (start, stop); None for the whole file, start >= stop for an impossible range."""
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    condition = request.headers.get("if-range")
    if not match or match.group() == "bytes=-" or (condition is not None and condition != content.etag):
        return None
    first, last = match.groups()
    if not first:
        return max(0, content.size - int(last)), content.size
    return int(first), min(content.size, int(last) + 1) if last else content.size


async def _chunks(content: Film, row: Execution, start: int, stop: int) -> AsyncIterator[bytes]:
    while start < stop:
        chunk = content.read(start, min(stop, start + CHUNK))
        row.bytes_sent += len(chunk)
        yield chunk
        start += len(chunk)
        await asyncio.sleep(0)
