"""A copy of a saved MP4 with a description inside, put together while it is read. The saved file is not touched.

The tags are an `ilst` in the movie's user data, as iTunes writes it, so that players and ffprobe show them. One more
item holds everything as JSON, which the studio can read back. The provider's own tags stay. The movie box
grows by the tags, so the offsets of the media data in it are moved. A file whose boxes do not allow that
(fragments, or offsets beyond 32 bits) gets the JSON in a `uuid` box at its end.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from videos.storage.mp4_boxes import Box, BrokenBox, boxes, nested_boxes

MARK = '{"heygen_studio":'  # how the JSON begins; static/studio/dropped.js looks for it
LARGEST_MOVIE = 64 * 1024**2  # bytes of the box that is read into memory
OUR_BOX = b"heygen-studio-01"  # the 16 bytes that name a `uuid` box
FRAGMENTED = {b"moof", b"mfra", b"sidx"}
HANDLER = b"\0" * 8 + b"mdirappl" + b"\0" * 9
OFFSETS = {b"stco": (">I", 4), b"co64": (">Q", 8)}


@dataclass(frozen=True)
class Part:
    """`length` bytes of the saved file from `start` on, or the bytes themselves."""

    start: int = 0
    length: int = 0
    own: bytes = b""

    @property
    def size(self) -> int:
        return len(self.own) or self.length


class CannotGrow(Exception):
    """The tags do not fit into this movie box."""


def described(file: BinaryIO, size: int, texts: dict[bytes, str], everything: str) -> list[Part]:
    """The parts of the copy. `texts`: an iTunes key such as ©nam → its words; `everything`: JSON that begins with
    MARK."""
    whole = Part(0, size)
    try:
        top = list(boxes(file, 0, size))
        if not top or top[-1].end != size:
            return [whole]
        return with_tags(file, size, top, texts, everything)
    except BrokenBox:
        return [whole]
    except CannotGrow:
        if is_open_ended(file, top[-1]):
            return [whole]
        return [whole, Part(own=box(b"uuid", OUR_BOX, everything.encode()))]


def is_open_ended(file: BinaryIO, last: Box) -> bool:
    """A last box without a length would include the bytes that are appended."""
    file.seek(last.start)
    return file.read(4) == b"\0\0\0\0"


def with_tags(file: BinaryIO, size: int, top: list[Box], texts: dict[bytes, str], everything: str) -> list[Part]:
    movies = [one for one in top if one.kind == b"moov"]
    if len(movies) != 1 or FRAGMENTED & {one.kind for one in top} or movies[0].end - movies[0].start > LARGEST_MOVIE:
        raise CannotGrow
    [movie] = movies
    file.seek(movie.body)
    body = with_user_data(file.read(movie.end - movie.body), texts, everything)
    grown = len(body) + 8 - (movie.end - movie.start)
    new = moved(box(b"moov", body), movie.start, grown)
    return [Part(0, movie.start), Part(own=new), Part(movie.end, size - movie.end)]


def with_user_data(movie: bytes, texts: dict[bytes, str], everything: str) -> bytes:
    """The movie's boxes with our items added."""
    children = split(movie)
    user_data = next((body for kind, body in children if kind == b"udta"), b"")
    inner = split(user_data)
    meta = next((body for kind, body in inner if kind == b"meta"), None)
    if meta is None:
        inner.append((b"meta", new_meta(texts, everything)))
    elif not is_itunes(meta):  # of another kind, which stays as it is; ours is added
        return movie + box(b"udta", box(b"meta", new_meta(texts, everything)))
    else:
        inner = [(kind, grown_meta(body, texts, everything) if kind == b"meta" else body) for kind, body in inner]
    rest = b"".join(box(kind, body) for kind, body in children if kind != b"udta")
    return rest + box(b"udta", *(box(kind, body) for kind, body in inner))


def is_itunes(meta: bytes) -> bool:
    return meta[8:12] == b"hdlr" and meta[20:24] == b"mdir" and any(kind == b"ilst" for kind, _ in split(meta[4:]))


def new_meta(texts: dict[bytes, str], everything: str) -> bytes:
    return b"\0" * 4 + box(b"hdlr", HANDLER) + box(b"ilst", items(texts, everything))


def grown_meta(meta: bytes, texts: dict[bytes, str], everything: str) -> bytes:
    grown = []
    for kind, body in split(meta[4:]):
        if kind == b"ilst":
            taken = {key for key, _ in split(body)}
            body += items({key: words for key, words in texts.items() if key not in taken}, everything)
        grown.append(box(kind, body))
    return meta[:4] + b"".join(grown)


def items(texts: dict[bytes, str], everything: str) -> bytes:
    whole = [box(b"mean", b"\0" * 4, b"heygen.studio"), box(b"name", b"\0" * 4, b"studio"), text_data(everything)]
    return b"".join(box(key, text_data(words)) for key, words in texts.items()) + box(b"----", *whole)


def text_data(words: str) -> bytes:
    return box(b"data", struct.pack(">II", 1, 0), words.encode())


def box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def split(data: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and body of each box. Raises CannotGrow where one is cut or broken, because it could not be put back."""
    try:
        found = list(boxes(io.BytesIO(data), 0, len(data)))
    except BrokenBox:
        raise CannotGrow from None
    if any(one.end > len(data) for one in found):
        raise CannotGrow
    return [(one.kind, data[one.body : one.end]) for one in found]


def moved(movie: bytes, behind: int, by: int) -> bytes:
    """The movie box with every file offset beyond `behind` moved."""
    data, view = bytearray(movie), io.BytesIO(movie)
    for table in nested_boxes(view, 0, len(movie)):
        if table.kind not in OFFSETS:
            continue
        form, width = OFFSETS[table.kind]
        (count,) = struct.unpack_from(">I", movie, table.body + 4)
        if table.body + 8 + count * width > table.end:
            raise CannotGrow
        for at in range(table.body + 8, table.body + 8 + count * width, width):
            (place,) = struct.unpack_from(form, movie, at)
            if place > behind:
                if place + by >= 1 << (8 * width):
                    raise CannotGrow
                struct.pack_into(form, data, at, place + by)
    return bytes(data)


class SplicedFile(io.RawIOBase):
    """The parts one after the other as a file, from `start` on, `length` bytes of them."""

    def __init__(self, file: BinaryIO, parts: list[Part], start: int = 0, length: int | None = None):
        self.file, self.parts = file, parts
        whole = size_of(parts)
        self.at, self.stop = start, whole if length is None else start + length

    def readable(self):
        return True

    def readinto(self, buffer):
        wanted = min(len(buffer), self.stop - self.at)
        first = self.at
        for part in self.parts:
            if first < part.size:
                return self.read_part(part, first, memoryview(buffer)[: max(0, wanted)])
            first -= part.size
        return 0

    def read_part(self, part: Part, first: int, buffer) -> int:
        count = min(len(buffer), part.size - first)
        if part.own:
            buffer[:count] = part.own[first : first + count]
        else:
            self.file.seek(part.start + first)
            data = self.file.read(count)
            count = len(data)
            buffer[:count] = data
        self.at += count
        return count

    def close(self):
        self.file.close()
        super().close()


def size_of(parts: list[Part]) -> int:
    return sum(part.size for part in parts)


def chunks_of(spliced: SplicedFile, size: int) -> Iterator[bytes]:
    with spliced:
        while data := spliced.read(size):
            yield data
