"""How much a picture may demand of a decoder, read from its headers before anything is decoded.

20 MB and 40 megapixels may come in. Some formats have tighter limits, because their decoders need more memory or time
for each pixel.
"""

import struct
from itertools import islice

from videos.storage.mp4_boxes import BrokenBox, boxes_of

MAX_BYTES = 20_000_000
MAX_PIXELS = 40_000_000
# libwebp holds three whole canvases and Pillow a fourth: 16 bytes for each pixel. A phone's 12 megapixels fit.
MAX_WEBP_PIXELS = 4096 * 3072
# libavif holds the planes, up to 6 bytes for each pixel, and the picture, and Pillow a copy of that.
MAX_AVIF_PIXELS = 16_000_000
# Resampling weights grow with the ratio of the sides; no camera, panoramas included, makes a longer one.
MAX_SIDE = 20_000

# A file may hold millions of empty segments or chunks, each a turn of a loop in Python.
MAX_PARTS = 20_000
# An HEVC decoder needs a second for each 12 MB, and another for each 40 megapixels.
MAX_HEIC_BYTES = 12_000_000
MAX_HEIC_TILE_PIXELS = 60_000_000
# A JPEG in several scans keeps all its coefficients, and each scan walks over all of them.
MAX_JPEG_COEFFICIENT_BYTES = 160_000_000
MAX_JPEG_SCANNED_PIXELS = 1_000_000_000

ACCEPTED = "JPEG, PNG, WebP, HEIC or AVIF"
DAMAGED = "This picture is damaged or cut short; save it again or choose another one."
ANIMATED = "This picture is animated; save one frame of it as a JPEG or PNG and add that."
INTRICATE = "This picture is built in a way that takes too long to read; save it again as a plain JPEG or PNG."

_JPEG_SIZES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}


class PictureRefused(Exception):
    """The picture cannot be accepted. `str(error)` is the one sentence for the person who added it."""


def check_size(width: int, height: int, limit: int = MAX_PIXELS) -> None:
    if width < 1 or height < 1:
        raise PictureRefused(DAMAGED)
    if width * height > limit:
        raise PictureRefused(
            f"This picture has {width:,} × {height:,} pixels, more than {limit // 1_000_000} megapixels; "
            "make it smaller and add it again."
        )
    if max(width, height) > MAX_SIDE:
        raise PictureRefused(
            f"This picture is {width:,} × {height:,} pixels, and no side may be longer than {MAX_SIDE:,}; "
            "crop it and add it again."
        )


def check_jpeg(data: bytes) -> None:
    """Walks the segments up to the first scan: sizes, and how much work the scans need."""
    at, frame = 2, None
    for _ in range(MAX_PARTS):
        marker = data[at + 1] if data[at] == 0xFF else None
        if marker is None or marker == 0xFF:
            at += 1
        elif marker == 0xDA:
            break
        elif marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD9:
            at += 2
        else:
            if marker in _JPEG_SIZES:
                frame = at
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    else:
        raise PictureRefused(INTRICATE)
    if frame is None:
        raise PictureRefused(DAMAGED)
    height, width, components = struct.unpack(">HHB", data[frame + 5 : frame + 10])
    check_size(width, height)
    if data[frame + 1] in _JPEG_PROGRESSIVE or data[at + 4] < components:
        check_jpeg_scans(data[frame + 10 : frame + 10 + 3 * components], width * height, data.count(b"\xff\xda", at))


def check_jpeg_scans(components: bytes, pixels: int, scans: int) -> None:
    samples = [(factors >> 4) * (factors & 15) for factors in components[1::3]]
    if 2 * pixels * sum(samples) > MAX_JPEG_COEFFICIENT_BYTES * max(samples):
        raise PictureRefused(
            "This progressive JPEG is too large to read safely; save it as a plain JPEG or make it smaller."
        )
    if pixels * scans > MAX_JPEG_SCANNED_PIXELS:
        raise PictureRefused(INTRICATE)


def check_heic(data: bytes, limit: int = MAX_PIXELS) -> None:
    """The amount to decode: every coded size in the file, and the sum of all tiles.

    A cropped picture shows the size of its crop and decodes all of it; tiles of a grid may each be as large as the
    whole, lie on the same few bytes, and stand in grids of grids.
    """
    if len(data) > MAX_HEIC_BYTES:
        raise PictureRefused("This HEIC or AVIF is larger than 12 MB; save it as a JPEG or make it smaller.")
    for kind, body in _boxes_of(data):
        if kind == b"mini":
            raise PictureRefused(INTRICATE)
        if kind == b"meta":
            check_heic_items(_boxes_of(body[4:]), limit)


def check_heic_items(boxes: list[tuple[bytes, memoryview]], limit: int) -> None:
    sizes: list[tuple[int, int] | None] = []
    pixels: dict[int, int] = {}
    tiles: list[int] = []
    properties = [part for kind, body in boxes if kind == b"iprp" for part in _boxes_of(body)]
    for body in (body for kind, body in properties if kind == b"ipco"):
        sizes += [struct.unpack(">II", part[4:12]) if kind == b"ispe" else None for kind, part in _boxes_of(body)]
    for width, height in filter(None, sizes):
        check_size(width, height, limit)
    for body in (body for kind, body in properties if kind == b"ipma"):
        for item, index in _heic_associations(body):
            size = sizes[index - 1] if 0 < index <= len(sizes) else None
            if size:
                pixels[item] = max(pixels.get(item, 0), size[0] * size[1])
    tone_maps = {item for kind, body in boxes if kind == b"iinf" for item in _heic_tone_maps(body)}
    for body in (body for kind, body in boxes if kind == b"iref"):
        tiles += [tile for item, tile in _heic_derivations(body) if item not in tone_maps]
    primary = {int.from_bytes(body[4:], "big") for kind, body in boxes if kind == b"pitm"}
    unmeasured = any(tile not in pixels for tile in tiles)
    if (
        tone_maps & {*tiles, *primary}
        or unmeasured
        or len(set(tiles)) < len(tiles)
        or sum(pixels[tile] for tile in tiles) > MAX_HEIC_TILE_PIXELS
    ):
        raise PictureRefused(INTRICATE)
    if sum(_heic_extent_lengths(body) for kind, body in boxes if kind == b"iloc") > MAX_HEIC_BYTES:
        raise PictureRefused(INTRICATE)


def _heic_tone_maps(body: memoryview) -> list[int]:
    """The items in an `iinf` box that say how others are shown on an HDR screen (ISO 23008-12, 6.6.2.4).

    They derive from the picture itself and its gain map: nothing more is decoded for them.
    """
    start = 6 if body[0] == 0 else 8
    found = []
    for _, entry in _boxes_of(body[start:]):
        width = 2 if entry[0] == 2 else 4
        if bytes(entry[4 + width + 2 : 4 + width + 6]) == b"tmap":
            found.append(int.from_bytes(entry[4 : 4 + width], "big"))
    return found


def _heic_derivations(body: memoryview) -> list[tuple[int, int]]:
    """(item, one of those that it is derived from), for all in an `iref` box (ISO 14496-12, 8.11.12)."""
    width = 4 if body[0] else 2
    found = []
    for kind, part in _boxes_of(body[4:]):
        if kind == b"dimg":
            item, sources = int.from_bytes(part[:width], "big"), part[width + 2 :]
            found += [(item, int.from_bytes(sources[at : at + width], "big")) for at in range(0, len(sources), width)]
    return found


def _heic_extent_lengths(body: memoryview) -> int:
    """How many bytes all items in an `iloc` box have together, shared ones counted again (ISO 14496-12, 8.11.3)."""
    version, (offset, length) = body[0], divmod(body[4], 16)
    base, index = divmod(body[5], 16)
    index = index if version else 0
    id_width = 4 if version > 1 else 2
    # Before the extents: the item, how it is built (from version 1 on), its file, where its extents start.
    lead = id_width + (2 if version else 0) + 2 + base
    total, at = 0, 6 + id_width
    for _ in range(min(int.from_bytes(body[6:at], "big"), MAX_PARTS)):
        extents = int.from_bytes(body[at + lead : at + lead + 2], "big")
        at += lead + 2
        for _ in range(min(extents, MAX_PARTS)):
            at += index + offset + length
            total += int.from_bytes(body[at - length : at], "big")
    return total


def _heic_associations(body: memoryview) -> list[tuple[int, int]]:
    """(item, index of one of its properties, from 1), for all in an `ipma` box (ISO 14496-12, 8.11.14)."""
    id_width, index_width = (4 if body[0] else 2), (2 if body[3] & 1 else 1)
    found, at = [], 8
    for _ in range(min(int.from_bytes(body[4:8], "big"), MAX_PARTS)):
        item = int.from_bytes(body[at : at + id_width], "big")
        at += id_width + 1
        for _ in range(body[at - 1]):
            # The highest bit says that the property is essential.
            index = int.from_bytes(body[at : at + index_width], "big") & (0x7FFF if index_width == 2 else 0x7F)
            found.append((item, index))
            at += index_width
    return found


def _boxes_of(data: bytes | memoryview) -> list[tuple[bytes, memoryview]]:
    """Kind and body of each box, no more than a picture has. Raises PictureRefused."""
    try:
        found = list(islice(boxes_of(data), MAX_PARTS + 1))
    except BrokenBox:
        raise PictureRefused(DAMAGED) from None
    if len(found) > MAX_PARTS:
        raise PictureRefused(DAMAGED)
    return found
