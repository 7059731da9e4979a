"""A file as HTTP sends it: all of it, one part, or 304 if it is unchanged (RFC 9110, sections 13 and 14)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


class Unsatisfiable(Exception):
    """The range lies outside of the file."""


@dataclass(frozen=True)
class SentFile:
    """A file on disk that the client may have."""

    path: str
    size: int
    etag: str
    content_type: str


@dataclass(frozen=True)
class FileAnswer:
    """`length` bytes from `start` on follow the headers; none where length is None. The content type is the file's."""

    status: int
    headers: dict[str, str]
    start: int = 0
    length: int | None = None


def answer(file: SentFile, method: str, asked: Mapping[str, str]) -> FileAnswer:
    """The answer to a GET or HEAD with the headers `asked`, whose get() ignores case."""
    if is_known(asked.get("If-None-Match", ""), file.etag):
        return FileAnswer(304, {"ETag": file.etag})
    try:
        part = asked_part(asked.get, file.size, file.etag) if method == "GET" else None
    except Unsatisfiable:
        return FileAnswer(416, {"Content-Range": f"bytes */{file.size}", "Accept-Ranges": "bytes", "ETag": file.etag})
    start, length = part or (0, file.size)
    headers = {"Content-Length": str(length), "Accept-Ranges": "bytes", "ETag": file.etag}
    if part:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{file.size}"
    return FileAnswer(206 if part else 200, headers, start, length if method == "GET" else None)


def is_known(known: str, etag: str) -> bool:
    """If-None-Match compares weakly: a proxy may have marked our tag as weak (RFC 9110, 13.1.2)."""
    known = known.strip()
    return known == "*" or etag in {tag.strip().removeprefix("W/") for tag in known.split(",")}


def asked_part(asked: Callable[[str, str], str], size: int, etag: str) -> tuple[int, int] | None:
    """Start and length of the one range asked for; None for the whole file. Raises Unsatisfiable.

    A range without an end goes to the end of the file. A range that cannot be read, several at once, or one of an
    older version all mean the whole file.
    """
    found = RANGE.fullmatch(asked("Range", "").strip())
    if not found or found.groups() == ("", "") or asked("If-Range", etag) != etag:
        return None
    first, last = (int(text[:18]) if text else None for text in found.groups())
    if first is None:  # the last bytes of the file
        if not last:
            raise Unsatisfiable
        first, last = max(0, size - last), size - 1
    elif last is not None and last < first:
        return None
    if first >= size:
        raise Unsatisfiable
    last = size - 1 if last is None else min(last, size - 1)
    return first, last - first + 1
