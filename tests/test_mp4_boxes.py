"""One reader of MP4 boxes, for downloads, videos and HEIC pictures alike."""

import io
import struct

import pytest

from videos.storage.mp4_boxes import Box, BrokenBox, boxes, boxes_of, brands, end_of_boxes, nested_boxes


def box(kind: bytes, body: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack(">I4s", 8 + len(body) if length is None else length, kind) + body


def large_box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body


def end(data: bytes) -> int | None:
    return end_of_boxes(io.BytesIO(data), len(data))


def test_boxes_that_follow_each_other_are_read_with_their_offsets():
    data = box(b"ftyp", b"mp42") + large_box(b"mdat", b"12345")
    assert list(boxes(io.BytesIO(data), 0, len(data))) == [Box(b"ftyp", 0, 8, 12), Box(b"mdat", 12, 28, 33)]


def test_a_length_of_zero_reaches_to_the_end():
    data = box(b"mdat", b"12345", length=0)
    assert list(boxes_of(data)) == [(b"mdat", b"12345")]
    assert end(data) == len(data)


def test_boxes_inside_parents_are_found_and_those_inside_others_are_not():
    data = box(b"moov", box(b"trak", box(b"tkhd", b"x"))) + box(b"udta", box(b"tkhd", b"y"))
    kinds = [one.kind for one in nested_boxes(io.BytesIO(data), 0, len(data))]
    assert kinds == [b"moov", b"trak", b"tkhd", b"udta"]


def test_a_broken_box_ends_only_the_boxes_beside_it():
    data = box(b"moov", box(b"trak", box(b"tkhd", length=3) + box(b"mdia"))) + box(b"mdat")
    kinds = [one.kind for one in nested_boxes(io.BytesIO(data), 0, len(data))]
    assert kinds == [b"moov", b"trak", b"mdat"]
    with pytest.raises(BrokenBox):
        list(boxes_of(box(b"tkhd", length=3)))


@pytest.mark.parametrize(
    ("data", "claimed"),
    [
        (b"", None),
        (b"\0" * 7, None),
        (b"<html>" + b"\0" * 20, 0x3C68746D),
        (b"\xff" * 40, None),
        (box(b"ftyp") + box(b"mdat", b"12", length=50), 58),
        (box(b"ftyp") + box(b"mdat", b"12") + b"\0\0\0", 18),
        (box(b"ftyp") + struct.pack(">I4s", 1, b"mdat") + b"\0\0", 25),
        (box(b"ftyp") + b"\xff" * 30, 8),
    ],
)
def test_the_claimed_end_distinguishes_a_whole_file_from_one_cut_short(data, claimed):
    assert end(data) == claimed


def test_brands_are_read_from_the_first_box_alone():
    assert brands(box(b"ftyp", b"avif\0\0\0\0mif1")) >= {b"avif", b"mif1"}
    assert brands(b"\xff\xd8\xff") == set()
