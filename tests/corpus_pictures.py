"""Hostile and odd pictures, made in code: each a case with a name, its bytes, and its fate.

`CASES[name].make()` gives the bytes, the same ones every time. Run as a program, this file redraws every file of a
folder and prints what each one cost, so that a test can watch memory from outside. Results go to another folder:

    python -m tests.corpus_pictures FOLDER RESULTS
"""

import base64
import io
import json
import pickle
import random
import struct
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms, PngImagePlugin

from videos.storage.picture_limits import PictureRefused
from videos.storage.pictures import redraw

# Planted in every kind of metadata: it must not survive.
SECRET = "SECRET-PLACE"
CLEAR_REFS = Path("/proc/self/clear_refs")  # Linux: begins a new count of the most memory used
RED, GREEN, BLUE, YELLOW = (200, 40, 40), (40, 160, 60), (40, 40, 200), (220, 200, 40)


@dataclass(frozen=True)
class Case:
    """`fate` is "redrawn" or "refused"; `says` is a part of the sentence that refuses it."""

    make: Callable[[], bytes]
    fate: str
    says: str = ""


CASES: dict[str, Case] = {}


def redrawn(make):
    CASES[make.__name__] = Case(make, "redrawn")
    return make


def refused(says):
    def keep(make):
        CASES[make.__name__] = Case(make, "refused", says)
        return make

    return keep


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def quarters(width: int = 96, height: int = 64) -> Image.Image:
    """Red, green, blue and yellow, in reading order: any turn or flip shows."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    image.paste(YELLOW, (width // 2, height // 2, width, height))
    return image


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    pixels = random.Random(7).randbytes(width * height * len(mode))
    return Image.frombytes(mode, (width, height), pixels)


def exif(orientation: int = 1) -> Image.Exif:
    data = Image.Exif()
    data[0x010E] = data[0x010F] = SECRET
    data[0x0112] = orientation
    gps = data.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4], gps[29] = "N", (52.0, 31.0, 12.0), "E", (13.0, 24.0, 36.0), SECRET
    return data


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth=8, colour=2, body=b"", before=b"", after=b"", interlace=0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", header),
            before,
            png_chunk(b"IDAT", body),
            after,
            png_chunk(b"IEND", b""),
        )
    )


def rows(width_in_bytes: int, height: int) -> bytes:
    """The packed rows of a black picture, never held unpacked."""
    packer, row = zlib.compressobj(9), bytes(1 + width_in_bytes)
    return b"".join(packer.compress(row) for _ in range(height)) + packer.flush()


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def with_jpeg_size(jpeg: bytes, width: int, height: int) -> bytes:
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


def riff(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def webp_of(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def with_heic_size(width: int, height: int) -> bytes:
    at = HEIC.index(b"ispe") + 8
    return HEIC[:at] + struct.pack(">II", width, height) + HEIC[at + 8 :]


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def heic_grid(tiles: int, size: tuple[int, int], same: bool = False, shared: int = 0, kind: bytes = b"hvc1") -> bytes:
    """The structure of a HEIC whose picture is a grid of tiles, with nothing in them."""
    ids = [2] * tiles if same else range(2, 2 + tiles)
    ispe = box(b"ispe", bytes(4), struct.pack(">II", *size))
    measured = b"".join(struct.pack(">HBB", item, 1, 1) for item in (1, *ids))
    extents = b"".join(struct.pack(">HHHII", item, 0, 1, 0, shared) for item in (1, *ids))
    entries = (
        box(b"infe", b"\2\0\0\0", struct.pack(">HH", item, 0), kind if item > 1 else b"grid") for item in (1, *ids)
    )
    parts = (
        box(b"pitm", bytes(4), struct.pack(">H", 1)),
        box(b"iinf", bytes(4), struct.pack(">H", tiles + 1), *entries),
        box(b"iref", bytes(4), box(b"dimg", struct.pack(f">HH{tiles}H", 1, tiles, *ids))),
        box(b"iprp", box(b"ipco", ispe), box(b"ipma", bytes(4), struct.pack(">I", tiles + 1), measured)),
        box(b"iloc", bytes(4), struct.pack(">BBH", 0x44, 0, tiles + 1), extents),
    )
    return box(b"ftyp", b"heic", bytes(4), b"mif1heic") + box(b"meta", bytes(4), *parts)


def swapped_profile() -> bytes:
    """An sRGB profile whose red and blue are exchanged: only a reader that heeds it sees red as blue."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")


# 64 × 32, left half red and right half blue, with GPS, and turned a quarter right by its `irot`.
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAchtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA"
    "ADRpbG9jAAAAAERAAAIAAQAAAAAB7AABAAAAAAAAAEAAAgAAAAACLAABAAAAAAAAAH4AAAA4aWluZgAAAAAAAgAAABVpbmZlAgAA"
    "AAABAABodmMxAAAAABVpbmZlAgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAABB2lwcnAAAADmaXBjbwAAAHZodmNDAQNwAAAA"
    "kAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq"
    "5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xh"
    "cAAAAEAAAAABAAAAIAAAAAEAAAAAAAAAAv///+AAAAACAAAAEHBpeGkAAAAAAwgICAAAAAlpcm90AwAAABlpcG1hAAAAAAAAAAEA"
    "AQaBAgMFhIYAAAAaaXJlZgAAAAAAAAAOY2RzYwACAAEAAQAAAMZtZGF0AAAAPCgBr1jm9Oq//+J8//o2kh8eP/X/89vVftM/P+js"
    "laV9tHbBRIcPyrBEyKVv3GQGkTdV6NB8du1Vrys3oAAAAAZFeGlmAABNTQAqAAAACAADAQ8AAgAAAAwAAAAyARIAAwAAAAEABgAA"
    "iCUABAAAAAEAAAA+AAAAAFNFQ1JFVE1BS0VSAAACAAEAAgAAAAJOAAAAAAIABQAAAAMAAABcAAAAAAAAADQAAAABAAAAHwAAAAEA"
    "AAAMAAAAAQ=="
)
# The same, upright, ever less see-through towards its foot.
SEE_THROUGH_HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAmttZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA"
    "ADRpbG9jAAAAAERAAAIAAQAAAAACjwABAAAAAAAAAEAAAgAAAAACzwABAAAAAAAAABwAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAA"
    "AAABAABodmMxAAAAABVpbmZlAgAAAAACAABodmMxAAAAAA5waXRtAAAAAAABAAABqmlwcnAAAAGCaXBjbwAAAHZodmNDAQNwAAAA"
    "kAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq"
    "5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xh"
    "cAAAAEAAAAABAAAAIAAAAAEAAAAAAAAAAv///+AAAAACAAAAEHBpeGkAAAAAAwgICAAAAHBodmNDAQQIAAAAn/gAAAAAHvAA/Pz4"
    "+AAADwNgAAEAF0ABDAH//wQIAAADAJ/4AAADAAAeugJAYQABACVCAQEECAAAAwCf+AAAAwAAHsCCBBZbq5Ka5sCAAAAMgAAAAwCE"
    "YgABAAZEAcFzwIkAAAAOcGl4aQAAAAABCAAAACdhdXhDAAAAAHVybjptcGVnOmhldmM6MjAxNTphdXhpZDoxAAAAACBpcG1hAAAA"
    "AAAAAAIAAQWBAgMFhAACBYYDB4iEAAAAGmlyZWYAAAAAAAAADmF1eGwAAgABAAEAAABkbWRhdAAAADwoAa9Y5vTqv//ifP/6NpIf"
    "Hj/1//Pb1X7TPz/o7JWlfbR2wUSHD8qwRMilb9xkBpE3VejQfHbtVa8rN6AAAAAYKAGusLRVgMz05ovVL5bSH91l9+gtu0b8"
)

AVIF = saved(quarters(), "AVIF")

# What is not a picture at all, or one of a kind that is not taken.


@refused("empty")
def nothing():
    return b""


@refused("not a readable picture")
def one_nul():
    return b"\0"


@refused("not a readable picture")
def a_megabyte_of_nuls():
    return bytes(1_000_000)


@refused("not a readable picture")
def random_bytes():
    return random.Random(1).randbytes(50_000)


@refused("not a readable picture")
def plain_text():
    return b"a picture of a cat"


@refused("larger than 20 MB")
def a_jpeg_followed_by_20_mb():
    return saved(quarters(), "JPEG") + bytes(20_000_000)


@refused("a GIF")
def a_gif():
    return saved(quarters(), "GIF")


@refused("a GIF")
def a_gif_that_moves():
    return saved(quarters(), "GIF", save_all=True, append_images=[noise(96, 64)])


@refused("a BMP")
def a_bmp():
    return saved(quarters(), "BMP")


@refused("a TIFF")
def a_tiff():
    return saved(quarters(), "TIFF")


@refused("a TIFF")
def a_big_endian_tiff():
    return b"MM\0*\0\0\0\x08\0\0"


@refused("a JPEG 2000")
def a_jpeg_2000_called_jpg():
    return b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100)


@refused("a JPEG XL")
def a_jpeg_xl():
    return b"\xff\x0a" + bytes(100)


@refused("damaged")
def the_first_bytes_of_an_avif_alone():
    return struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"avif", 0, b"mif1", b"avif") + bytes(100)


@refused("a video")
def a_video_called_heic():
    return struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"isom", 0, b"mp41", b"avc1") + bytes(100)


@refused("an SVG")
def an_svg_with_a_script():
    return b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@refused("an SVG")
def an_svg_behind_a_byte_order_mark():
    return b'\xef\xbb\xbf\n <?xml version="1.0"?><svg/>'


@refused("a web page")
def html_called_png():
    return b"<!doctype html><title>x</title>"


@refused("a PDF")
def a_pdf():
    return b"%PDF-1.7\n" + bytes(100)


@refused("a ZIP")
def a_zip_called_jpg():
    return b"PK\3\4" + bytes(100)


@refused("an icon")
def an_icon():
    return saved(quarters(), "ICO")


@refused("a Photoshop")
def a_photoshop_file():
    return b"8BPS\0\1" + bytes(100)


@refused("not a readable picture")
def postscript():
    return b"%!PS-Adobe-3.0 EPSF-3.0\n"


@refused("not a readable picture")
def a_ppm():
    return saved(quarters(), "PPM")


@refused("not a readable picture")
def a_riff_that_is_sound():
    return b"RIFF" + struct.pack("<I", 100) + b"WAVEfmt " + bytes(100)


# Two kinds in one file: the picture is redrawn, the stowaway goes.


@redrawn
def a_jpeg_with_a_web_page_behind_it():
    return saved(quarters(), "JPEG") + f"<script>{SECRET}</script>".encode()


@redrawn
def a_jpeg_with_a_web_page_in_its_comment():
    return saved(quarters(), "JPEG", comment=f"<script>{SECRET}</script>".encode())


@redrawn
def a_png_with_a_zip_behind_it():
    return saved(quarters(), "PNG") + b"PK\3\4" + SECRET.encode()


@redrawn
def a_png_with_a_script_in_its_text():
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", f"<?php {SECRET}", zip=True)
    text.add_itxt("XML:com.adobe.xmp", f"<x:xmpmeta>{SECRET}</x:xmpmeta>")
    return saved(quarters(), "PNG", pnginfo=text)


@redrawn
def a_png_with_a_script_in_a_chunk_of_its_own():
    return png(8, 8, body=rows(24, 8), before=png_chunk(b"prVt", SECRET.encode()))


# Cut short or damaged.


def _cut(name, whole, share):
    def make():
        data = whole()
        return data[: int(len(data) * share)]

    CASES[name] = Case(make, "refused", "damaged")


for _percent in (1, 5, 20, 50, 80, 95):
    _cut(f"a_jpeg_cut_at_{_percent}_percent", lambda: saved(noise(300, 200), "JPEG"), _percent / 100)
    _cut(f"a_png_cut_at_{_percent}_percent", lambda: saved(noise(300, 200), "PNG"), _percent / 100)
    _cut(f"a_webp_cut_at_{_percent}_percent", lambda: saved(noise(300, 200), "WEBP"), _percent / 100)
for _percent in (20, 50, 80, 95):
    _cut(f"a_heic_cut_at_{_percent}_percent", lambda: HEIC, _percent / 100)


@refused("damaged")
def only_the_first_bytes_of_a_jpeg():
    return b"\xff\xd8\xff"


@refused("damaged")
def only_the_first_bytes_of_a_png():
    return b"\x89PNG\r\n\x1a\n"


@refused("damaged")
def only_the_first_bytes_of_a_webp():
    return b"RIFF\0\0\0\0WEBP"


@refused("damaged")
def only_the_first_bytes_of_a_heic():
    return HEIC[:24]


@refused("damaged")
def a_progressive_jpeg_cut_short():
    return saved(noise(300, 200), "JPEG", progressive=True)[:9_000]


@refused("damaged")
def a_png_whose_header_fails_its_crc():
    data = bytearray(saved(quarters(), "PNG"))
    data[29] ^= 0xFF
    return bytes(data)


@refused("damaged")
def a_png_whose_pixels_fail_their_checksum():
    data = bytearray(saved(noise(64, 64), "PNG"))
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


@refused("damaged")
def a_png_without_pixels():
    return png(64, 64, body=b"")


@redrawn
def a_png_with_fewer_rows_than_it_says():
    return png(64, 64, body=rows(192, 10))


@refused("damaged")
def a_png_of_an_unknown_colour_type():
    return png(8, 8, colour=5, body=rows(24, 8))


@refused("damaged")
def a_png_of_no_width():
    return png(0, 8, body=rows(0, 8))


@refused("damaged")
def a_jpeg_of_no_height():
    return with_jpeg_size(saved(quarters(), "JPEG"), 96, 0)


@refused("damaged")
def a_jpeg_without_tables():
    data = saved(quarters(), "JPEG")
    return data[:2] + data[data.index(b"\xff\xc0") :]


@refused("damaged")
def a_jpeg_of_twelve_bits():
    return saved(quarters(), "JPEG").replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc1\x00\x11\x0c")


@refused("damaged")
def a_lossless_jpeg():
    return saved(quarters(), "JPEG").replace(b"\xff\xc0", b"\xff\xc3")


@refused("damaged")
def a_webp_with_noise_inside():
    return webp_of(riff(b"VP8 ", random.Random(2).randbytes(500)))


@refused("damaged")
def a_heic_with_noise_inside():
    return HEIC[:-200] + random.Random(3).randbytes(200)


@refused("damaged")
def a_heic_that_hides_a_larger_picture():
    """Its box says 16 × 8, its pixels are 64 × 32: the door would measure the wrong one."""
    return with_heic_size(16, 8)


# Bombs: small files that ask for much.


@refused("40 megapixels")
def a_png_of_120_megapixels_in_14_kb():
    return png(12_000, 10_000, depth=1, colour=0, body=rows(1_500, 10_000))


@refused("40 megapixels")
def a_png_of_two_thousand_million_a_side():
    return png(2**31 - 1, 2**31 - 1, body=rows(3, 1))


@refused("40 megapixels")
def a_jpeg_of_65500_a_side():
    return with_jpeg_size(saved(quarters(), "JPEG"), 65_500, 65_500)


@refused("12 megapixels")
def a_webp_of_16383_a_side():
    bits = 0x3FFE | 0x3FFE << 14 | 0x3FFE << 28
    return webp_of(riff(b"VP8L", b"\x2f" + struct.pack("<I", bits & 0xFFFFFFFF) + bytes(50)))


@refused("12 megapixels")
def a_webp_canvas_of_16_million_a_side():
    canvas = riff(b"VP8X", b"\0\0\0\0" + b"\xff" * 6)
    return webp_of(canvas, saved(quarters(), "WEBP")[12:])


@refused("40 megapixels")
def a_heic_that_says_7000_a_side():
    return with_heic_size(7_000, 7_000)


@refused("40 megapixels")
def a_heic_that_says_60000_a_side():
    return with_heic_size(60_000, 60_000)


@refused("takes too long")
def a_heic_grid_whose_tiles_lie_on_the_same_bytes():
    return heic_grid(tiles=100, size=(64, 64), shared=200_000)


@refused("12 MB")
def a_heic_followed_by_13_mb():
    return HEIC + bytes(13_000_000)


@refused("takes too long")
def a_heic_grid_of_a_thousand_tiles_as_large_as_the_whole():
    return heic_grid(tiles=1_000, size=(4096, 4096))


@refused("takes too long")
def a_heic_grid_that_shows_one_tile_twice():
    return heic_grid(tiles=2, size=(64, 64), same=True)


@refused("takes too long")
def a_heic_grid_whose_tiles_are_tone_maps():
    return heic_grid(tiles=2, size=(64, 64), kind=b"tmap")


@refused("16 megapixels")
def an_avif_that_says_6000_a_side():
    at = AVIF.index(b"ispe") + 8
    return AVIF[:at] + struct.pack(">II", 6_000, 6_000) + AVIF[at + 8 :]


@refused("animated")
def an_avif_that_moves():
    frames = [quarters(), quarters().transpose(Image.Transpose.ROTATE_180)]
    return saved(frames[0], "AVIF", save_all=True, append_images=frames[1:], duration=100)


@refused("40 megapixels")
def a_png_with_two_headers():
    second = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0))
    return png(8, 8, body=rows(24, 8), before=second)


@refused("no side")
def a_thread_of_one_by_forty_thousand():
    return png(1, 40_000, body=rows(3, 40_000))


@refused("no side")
def a_line_of_39_million_by_one():
    return png(39_000_000, 1, colour=0, body=rows(39_000_000, 1))


@refused("takes too long")
def a_png_of_a_million_empty_chunks():
    return png(8, 8, body=rows(24, 8), before=png_chunk(b"tEXt", b"a\0") * 1_000_000)


@refused("takes too long")
def a_jpeg_of_four_million_empty_segments():
    return with_segments(saved(quarters(), "JPEG"), jpeg_segment(0xFE, b"") * 4_000_000)


@refused("takes too long")
def a_jpeg_padded_with_19_mb():
    return with_segments(saved(quarters(), "JPEG"), b"\xff" * 19_000_000)


@refused("takes too long")
def a_progressive_jpeg_of_thousands_of_scans():
    data = saved(Image.new("L", (4000, 3000), 90), "JPEG", progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * 2_000 + b"\xff\xd9"


@refused("progressive JPEG is too large")
def a_progressive_jpeg_whose_coefficients_need_240_mb():
    data = saved(Image.new("RGB", (64, 64)), "JPEG", progressive=True, subsampling=0)
    at = data.index(b"\xff\xc2") + 5
    return data[:at] + struct.pack(">HH", 5000, 8000) + data[at + 4 :]


@redrawn
def a_png_whose_text_unpacks_to_60_mb():
    packed = zlib.compress(bytes(1_000_000))
    texts = b"".join(png_chunk(b"zTXt", b"a\0\0" + packed) for _ in range(60))
    return png(8, 8, body=rows(24, 8), before=texts)


@refused("damaged")
def a_png_whose_profile_unpacks_to_500_mb():
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1_000_000)) for _ in range(500)) + packer.flush()
    return png(8, 8, body=rows(24, 8), before=png_chunk(b"iCCP", b"a\0\0" + packed))


# The largest that are taken: memory and time are watched on these.


@redrawn
def a_jpeg_of_40_megapixels():
    return saved(noise(1000, 625).resize((8000, 5000)), "JPEG", quality=70)


@redrawn
def a_progressive_jpeg_of_40_megapixels():
    return saved(noise(1000, 625).resize((8000, 5000)), "JPEG", quality=70, progressive=True)


@redrawn
def a_progressive_jpeg_of_25_megapixels_with_full_colour():
    return saved(noise(775, 512).resize((6200, 4096)), "JPEG", quality=70, progressive=True, subsampling=0)


@redrawn
def a_see_through_png_of_40_megapixels():
    return png(8000, 5000, colour=6, body=rows(32_000, 5000))


@redrawn
def a_see_through_png_of_40_megapixels_in_16_bits():
    return png(8000, 5000, depth=16, colour=6, body=rows(64_000, 5000))


@redrawn
def a_palette_png_of_40_megapixels():
    palette = png_chunk(b"PLTE", bytes(768)) + png_chunk(b"tRNS", bytes(range(256)))
    return png(8000, 5000, colour=3, body=rows(8000, 5000), before=palette)


@redrawn
def a_see_through_png_just_under_twice_the_long_side():
    return png(4095, 4095, colour=6, body=rows(4 * 4095, 4095))


@redrawn
def a_webp_as_phones_with_12_megapixels_make_it():
    return saved(noise(504, 378).resize((4032, 3024)), "WEBP", quality=60, method=0)


@redrawn
def a_webp_of_4096_by_3072():
    return saved(noise(512, 384).resize((4096, 3072)), "WEBP", quality=60, method=0)


@redrawn
def an_avif_of_12_megapixels():
    return saved(noise(504, 378).resize((4032, 3024)), "AVIF", quality=60, speed=10)


@redrawn
def an_iphone_picture_of_24_megapixels_with_a_tone_map():
    """iOS 18: a grid of 108 tiles, a gain map of 30, and an item that names both once more."""
    return (Path(__file__).parent / "files" / "iphone-24mp-ios18-tmap.heic").read_bytes()


@redrawn
def see_through_noise_that_outgrows_10_mb():
    return saved(noise(2048, 2048, "RGBA"), "PNG", compress_level=1)


# Animated: refused, in one sentence.


@refused("animated")
def an_animated_png():
    return saved(quarters(), "PNG", save_all=True, append_images=[noise(96, 64)])


@refused("animated")
def an_animated_webp():
    return saved(quarters(), "WEBP", save_all=True, append_images=[noise(96, 64)])


@redrawn
def an_animated_png_of_one_frame():
    return png(8, 8, body=rows(24, 8), before=png_chunk(b"acTL", struct.pack(">II", 1, 0)))


# Odd, and redrawn.


@redrawn
def one_pixel():
    return saved(Image.new("RGB", (1, 1), RED), "PNG")


@redrawn
def two_thousand_and_forty_nine_wide():
    return saved(Image.new("RGB", (2049, 3), RED), "PNG")


@redrawn
def a_banner_of_20000_by_2():
    return saved(Image.new("RGB", (20_000, 2), RED), "PNG")


@redrawn
def a_cmyk_jpeg():
    return saved(quarters().convert("CMYK"), "JPEG")


@redrawn
def a_large_cmyk_jpeg():
    return saved(quarters(3000, 2000).convert("CMYK"), "JPEG")


@redrawn
def a_grey_jpeg():
    return saved(quarters().convert("L"), "JPEG")


@redrawn
def a_progressive_jpeg():
    return saved(quarters(), "JPEG", progressive=True)


@redrawn
def a_jpeg_in_rgb_without_a_colour_transform():
    return saved(quarters(), "JPEG", keep_rgb=True)


@redrawn
def a_jpeg_of_two_pictures():
    return saved(quarters(), "MPO", save_all=True, append_images=[noise(96, 64)])


@redrawn
def a_jpeg_with_junk_before_its_tables():
    return with_segments(saved(quarters(), "JPEG"), b"\xff\xff\xff\xff")


@redrawn
def a_jpeg_with_broken_exif():
    return with_segments(saved(quarters(), "JPEG"), jpeg_segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\x7f" + b"\xff" * 50))


@redrawn
def a_jpeg_whose_exif_points_at_itself():
    loop = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    return with_segments(saved(quarters(), "JPEG"), jpeg_segment(0xE1, b"Exif\0\0" + loop))


@redrawn
def a_jpeg_with_a_foolish_orientation():
    return saved(quarters(), "JPEG", exif=exif(77))


@redrawn
def a_jpeg_with_every_kind_of_metadata():
    xmp = f"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>{SECRET}</x:xmpmeta>".encode()
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\x10" + SECRET.encode()
    data = saved(quarters(), "JPEG", exif=exif(), comment=SECRET.encode(), dpi=(300, 300))
    return with_segments(data, jpeg_segment(0xE1, xmp), jpeg_segment(0xED, iptc))


@redrawn
def a_webp_with_gps_and_xmp():
    return saved(quarters(), "WEBP", exif=exif(), xmp=f"<x:xmpmeta>{SECRET}</x:xmpmeta>".encode())


@redrawn
def a_png_with_gps_and_a_date():
    date = png_chunk(b"tIME", struct.pack(">HBBBBB", 2020, 1, 2, 3, 4, 5))
    data = saved(quarters(), "PNG", exif=exif(), dpi=(300, 300))
    return data[:33] + date + data[33:]


@redrawn
def a_heic_with_gps():
    return HEIC


@redrawn
def a_heic_that_is_see_through():
    return SEE_THROUGH_HEIC


@redrawn
def a_webp_that_is_see_through():
    image = quarters().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return saved(image, "WEBP")


@redrawn
def an_avif_that_is_see_through():
    image = quarters().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return saved(image, "AVIF")


@redrawn
def an_avif_with_gps():
    return saved(quarters(), "AVIF", exif=exif())


@redrawn
def a_webp_without_loss():
    return saved(quarters(), "WEBP", lossless=True)


@redrawn
def a_grey_png_of_16_bits():
    ramp = b"".join(struct.pack(">H", x * 257) for x in range(256))
    return png(256, 4, depth=16, colour=0, body=zlib.compress((b"\0" + ramp) * 4))


@redrawn
def a_colour_png_of_16_bits_with_one_see_through_colour():
    pixels = (b"\0" + b"\xff\x01\x80\x02\x40\x03" * 16) * 16
    key = png_chunk(b"tRNS", b"\xff\x01\x80\x02\x40\x03")
    return png(16, 16, depth=16, colour=2, body=zlib.compress(pixels), before=key)


@redrawn
def a_grey_png_with_one_see_through_shade():
    return png(8, 8, colour=0, body=rows(8, 8), before=png_chunk(b"tRNS", b"\0\0"))


@redrawn
def a_grey_png_of_16_bits_with_one_see_through_shade():
    return png(8, 8, depth=16, colour=0, body=rows(16, 8), before=png_chunk(b"tRNS", b"\0\0"))


@redrawn
def a_png_of_one_bit():
    return saved(quarters().convert("1"), "PNG")


@redrawn
def a_palette_png():
    return saved(quarters().quantize(4), "PNG")


@redrawn
def a_palette_png_with_see_through_entries():
    return saved(quarters().quantize(4), "PNG", transparency=bytes([0, 128, 255, 255]))


@redrawn
def a_palette_png_whose_pixels_point_outside_it():
    return png(8, 8, colour=3, body=zlib.compress((b"\0" + b"\xf0" * 8) * 8), before=png_chunk(b"PLTE", bytes(9)))


@redrawn
def a_grey_png_with_alpha():
    return saved(quarters().convert("LA"), "PNG")


@redrawn
def an_interlaced_png():
    return png(1, 1, body=zlib.compress(b"\0" + bytes(RED)), interlace=1)


@redrawn
def a_png_whose_end_is_missing():
    return saved(quarters(), "PNG")[:-12]


@redrawn
def a_png_with_a_profile_of_noise():
    noise_profile = zlib.compress(random.Random(4).randbytes(3_000))
    return png(8, 8, body=rows(24, 8), before=png_chunk(b"iCCP", b"a\0\0" + noise_profile))


@redrawn
def a_jpeg_with_a_profile_cut_short():
    return saved(quarters(), "JPEG", icc_profile=swapped_profile()[:400])


@redrawn
def a_grey_jpeg_with_a_colour_profile():
    return saved(quarters().convert("L"), "JPEG", icc_profile=swapped_profile())


@redrawn
def a_cmyk_jpeg_with_a_colour_profile():
    return saved(quarters().convert("CMYK"), "JPEG", icc_profile=swapped_profile())


def measure(folder: Path, results: Path) -> None:
    """Redraw each file of the folder; print what it cost, in CPU seconds and in bytes above the start."""
    redraw(io.BytesIO(saved(quarters(), "JPEG")))
    started = _memory("VmRSS")
    for path in sorted(folder.iterdir()):
        if CLEAR_REFS.exists():
            CLEAR_REFS.write_text("5")
        begun = time.process_time()
        with path.open("rb") as file:
            try:
                made, refusal = redraw(file), ""
            except PictureRefused as error:
                made, refusal = None, str(error)
        cpu = time.process_time() - begun
        row = {"name": path.name, "cpu": cpu, "bytes": _memory("VmHWM") - started, "refusal": refusal}
        print(json.dumps(row), flush=True)
        (results / path.name).write_bytes(pickle.dumps(made))


def _memory(field: str) -> int:
    if not CLEAR_REFS.exists():
        return 0
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


if __name__ == "__main__":
    measure(Path(sys.argv[1]), Path(sys.argv[2]))
