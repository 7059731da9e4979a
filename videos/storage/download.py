"""SSRF-safe, resumable download of one large file, bounded in size and time."""

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import httpcore

from videos.models.studio_settings import current
from videos.outages import is_of_storage
from videos.storage.checked_connection import Answer, Fault, FetchError, Guard, answered
from videos.text import bytes_in_words

OVERLAP = 256  # bytes: a resumed download begins this far before its end, and these must arrive unchanged
CHECK_SPACE_EVERY = 16 * 1024 * 1024
HEAD_BYTES = 12
DISK_IS_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# The server is busy or broken; the link may still be valid.
TEMPORARY = frozenset({408, 416, 425, 429})


def guard_for(trusted_origin: str) -> Guard:
    """The limits for a video, by the settings; it may always come from this origin."""
    return Guard(
        trusted_origin=trusted_origin,
        largest=current().max_video_bytes,
        keep_free=current().min_free_bytes,
        looks_right=lambda head: head[4:8] == b"ftyp",
    )


@dataclass
class ServerFacts:
    """The server's description of the file, stored next to the partial file, so that any process can resume."""

    etag: str = ""  # strong ones only
    modified: str = ""
    length: int | None = None
    starts_over: bool = False  # the server always sends the whole file, even if a part was requested

    @property
    def validator(self) -> str:
        return self.etag or self.modified

    def learn(self, answer: "Answer", length: int | None):
        self.etag, self.modified, self.length = answer.strong_etag, answer.header("last-modified"), length

    def forget(self):
        self.etag, self.modified, self.length = "", "", None


def download(
    link: str,
    file: BinaryIO,
    facts: ServerFacts,
    guard: Guard,
    tick: Callable[[], None] = lambda: None,
    learned: Callable[[], None] = lambda: None,
) -> None:
    """Downloads `link` into `file` (unbuffered, open for reading and writing) until it is complete.

    Resumes after the bytes that `file` already has if the server still has the same file, and starts over if not.
    `tick` is called at least twice a second and may raise to stop the download. `learned` is called when `facts` have
    changed, before the bytes that they describe. Raises FetchError; the bytes that arrived stay for the next attempt.
    """
    have = size_of(file)
    first = have - OVERLAP if have > OVERLAP else 0
    with answered(link, range_headers(first, facts), guard, tick) as answer:
        if answer.status == 416 and first and answer.content_range[1] == have:
            facts.length = have
            return
        refuse_unusable(answer, first, file, facts)
        resumes = answer.status == 206
        chunks = resumed(answer, first, file, facts) if resumes else start_over(answer, file, facts)
        learned()
        refuse_too_large(facts.length, guard)
        require_space(file, (facts.length or 0) - size_of(file), guard)
        try:
            write_all(chunks, file, guard)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
            if size_of(file) != facts.length:  # a connection that breaks after the last byte did no harm
                raise interrupted(size_of(file)) from None
    require_length(file, facts)


def look(link: str, guard: Guard) -> None:
    """Requests only the first bytes of `link`. Raises FetchError if they are not available, or not a video's."""
    began = time.monotonic()

    def tick():
        if time.monotonic() - began > guard.window:
            raise FetchError(Fault.STALLED, "saving.stalled")

    with answered(link, {"Range": f"bytes=0-{HEAD_BYTES - 1}"}, guard, tick) as answer:
        if answer.status not in {200, 206}:
            raise fault_of(answer.status)
        head = b""
        for chunk in answer.chunks:
            head += chunk
            if len(head) >= HEAD_BYTES:
                break
        refuse_wrong(head[:HEAD_BYTES], guard)


def refuse_wrong(head: bytes, guard: Guard):
    if not guard.looks_right(head):
        raise FetchError(Fault.WRONG_BYTES, "saving.not_a_video")


def range_headers(first: int, facts: ServerFacts) -> dict[str, str]:
    if not first:
        return {}
    condition = {"If-Range": facts.validator} if facts.validator else {}
    return {"Range": f"bytes={first}-", **condition}


def refuse_unusable(answer: Answer, first: int, file: BinaryIO, facts: ServerFacts):
    status = answer.status
    if status == 416:
        discard(file, facts)
        raise FetchError(Fault.CHANGED, "saving.changed")
    if status not in {200, 206} or (status == 206 and not first):
        raise fault_of(status)
    if answer.header("content-encoding").strip().lower() not in {"", "identity"}:
        raise FetchError(Fault.WRONG_BYTES, "saving.compressed")


def fault_of(status: int) -> FetchError:
    if 400 <= status < 500 and status not in TEMPORARY:
        return FetchError(Fault.DEAD_LINK, "saving.dead_link")
    return FetchError(Fault.SERVER, "saving.server", http=status)


def resumed(answer: Answer, first: int, file: BinaryIO, facts: ServerFacts) -> Iterable[bytes]:
    """The rest of a partly downloaded file, if it is still the same file; the bytes of the overlap must match."""
    begins, total = answer.content_range
    other_etag = bool(facts.etag and answer.strong_etag and facts.etag != answer.strong_etag)
    other_length = None not in (total, facts.length) and total != facts.length and not facts.etag
    if begins != first or other_etag or other_length or (total is not None and total < size_of(file)):
        discard(file, facts)
        raise FetchError(Fault.CHANGED, "saving.changed")
    # A total in Content-Range is about the file; a Content-Length may have been a lie about one answer.
    facts.length = total if total is not None else facts.length
    return after_overlap(answer.chunks, file, facts)


def after_overlap(chunks: Iterable[bytes], file: BinaryIO, facts: ServerFacts) -> Iterator[bytes]:
    file.seek(-OVERLAP, os.SEEK_END)
    expected, came = file.read(OVERLAP), b""
    for chunk in chunks:
        if len(came) == OVERLAP:
            yield chunk
            continue
        missing = OVERLAP - len(came)
        came += chunk[:missing]
        if not expected.startswith(came):
            discard(file, facts)
            raise FetchError(Fault.CHANGED, "saving.changed")
        if chunk[missing:]:
            yield chunk[missing:]


def start_over(answer: Answer, file: BinaryIO, facts: ServerFacts) -> Iterable[bytes]:
    facts.starts_over = size_of(file) > OVERLAP
    discard(file, facts)
    facts.learn(answer, answer.content_length)
    return answer.chunks


def discard(file: BinaryIO, facts: ServerFacts):
    facts.forget()
    file.truncate(0)


def write_all(chunks: Iterable[bytes], file: BinaryIO, guard: Guard):
    size = file.seek(0, os.SEEK_END)
    head, unchecked = b"", 0
    for chunk in chunks:
        if size < HEAD_BYTES:
            head += chunk[: HEAD_BYTES - size]
            if len(head) >= HEAD_BYTES:
                refuse_wrong(head, guard)
        refuse_too_large(size + len(chunk), guard)
        write(file, chunk)
        size, unchecked = size + len(chunk), unchecked + len(chunk)
        if unchecked > CHECK_SPACE_EVERY:
            require_space(file, 0, guard)
            unchecked = 0


def write(file: BinaryIO, chunk: bytes):
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        if not is_of_storage(error):
            raise
        raise disk_fault(error) from None


def disk_fault(error: OSError) -> FetchError:
    if error.errno in DISK_IS_FULL:
        return FetchError(Fault.DISK, "saving.disk_full")
    return FetchError(Fault.DISK, "saving.storage", detail=error.strerror or "unknown fault")


def size_of(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def refuse_too_large(size: int | None, guard: Guard):
    if size is not None and size > guard.largest:
        raise FetchError(Fault.TOO_LARGE, "saving.too_large", size=bytes_in_words(guard.largest))


def require_space(file: BinaryIO, needed: int, guard: Guard):
    free = os.fstatvfs(file.fileno())
    if free.f_bavail * free.f_frsize - max(0, needed) < guard.keep_free:
        raise FetchError(Fault.DISK, "saving.disk_nearly_full")


def require_length(file: BinaryIO, facts: ServerFacts):
    size = size_of(file)
    if facts.length is not None and size > facts.length:
        discard(file, facts)
        raise FetchError(Fault.CHANGED, "saving.changed")
    if facts.length is not None and size < facts.length:
        raise interrupted(size)


def interrupted(size: int) -> FetchError:
    return FetchError(Fault.INTERRUPTED, "saving.interrupted_after", size=bytes_in_words(size))
