"""Reading the boxes of ISO media files (MP4, HEIC, AVIF; ISO/IEC 14496-12, 4.2). Nothing is decoded here."""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

PARENTS = frozenset({b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl", b"moof", b"traf"})


class BrokenBox(Exception):
    """A box claims to end before its own header does; what follows cannot be read as boxes."""


@dataclass(frozen=True)
class Box:
    """One box: offsets of its header, its body, and of its end as it claims, which may lie beyond the file."""

    kind: bytes
    start: int
    body: int
    end: int


def boxes(file: BinaryIO, start: int, stop: int) -> Iterator[Box]:
    """The boxes that follow each other between two offsets. Raises BrokenBox."""
    while start + 8 <= stop:
        file.seek(start)
        header = file.read(16)
        if len(header) < 8:
            return
        length, kind = struct.unpack(">I4s", header[:8])
        body = start + 8
        if length == 1:  # the real length follows, in 64 bits
            body = start + 16
            (length,) = struct.unpack(">Q", header[8:]) if len(header) == 16 else (body - start + 1,)
        end = max(stop, body) if length == 0 else start + length  # 0 means "to the end"
        if end < body:
            raise BrokenBox
        yield Box(kind, start, body, end)
        start = end


def nested_boxes(file: BinaryIO, start: int, stop: int) -> Iterator[Box]:
    """Each box between two offsets, and the boxes inside them. A broken box ends only the boxes at its own level."""
    try:
        for box in boxes(file, start, stop):
            yield box
            if box.kind in PARENTS:
                yield from nested_boxes(file, box.body, min(box.end, stop))
    except BrokenBox:
        return


def boxes_of(data: bytes | memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and body of each box in these bytes; a body is cut where the bytes end. Raises BrokenBox."""
    view = memoryview(data)
    for box in boxes(io.BytesIO(view), 0, len(view)):
        yield box.kind, view[box.body : box.end]


def end_of_boxes(file: BinaryIO, size: int) -> int | None:
    """Where the last of a file's top-level boxes claims to end; None if the bytes are no boxes.

    Less than `size` means bytes after the last box; more, that the file is cut short.
    """
    end = 0
    try:
        for box in boxes(file, 0, size):
            if not box.kind.isascii():
                break
            end = box.end
    except BrokenBox:
        pass
    return end or None


def brands(data: bytes) -> set[bytes]:
    """The brands in the leading `ftyp` box; empty for anything that is no ISO media file."""
    if data[4:8] != b"ftyp":
        return set()
    body = data[8 : min(int.from_bytes(data[:4], "big"), 264)]
    return {body[at : at + 4] for at in range(0, len(body), 4)}
