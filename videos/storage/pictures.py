"""Uploaded pictures: checked by their bytes, then redrawn, so that only pixels are stored.

What may come in is decided in `picture_limits.py`, before anything is decoded. At most 2048 px on the long side and
10 MB come out. Memory stays under 256 MB because big pictures are reduced in strips of
rows, each converted by itself, and no full-size copy is ever made.
"""

import hashlib
import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Literal

import pi_heif
from PIL import AvifImagePlugin, Image, ImageCms

from videos.storage.mp4_boxes import brands
from videos.storage.picture_limits import (
    ACCEPTED,
    ANIMATED,
    DAMAGED,
    INTRICATE,
    MAX_AVIF_PIXELS,
    MAX_BYTES,
    MAX_PARTS,
    MAX_PIXELS,
    MAX_WEBP_PIXELS,
    PictureRefused,
    check_heic,
    check_jpeg,
    check_size,
)

LONG_SIDE = 2048
MAX_BYTES_OUT = 10_000_000
STRIP_PIXELS = 1_000_000
# Each thread of libheif holds a tile of its own, and a tile may be as large as the picture.
pi_heif.options.DECODE_THREADS = 1
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

# Raised by a mistake of ours, or by a changed library, and never because of a picture.
OUR_OWN = (AttributeError, NameError, ImportError, NotImplementedError, AssertionError)

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_NEEDED = {b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"eXIf", b"IDAT", b"IEND"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_AVIF_BRANDS = {b"avif", b"avis"}

_REFUSED_KINDS = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"%PDF", "a PDF"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"8BPS", "a Photoshop file"),
    (b"\0\0\1\0", "an icon"),
    (b"PK\3\4", "a ZIP archive"),
    (b"<", "a web page or an SVG drawing"),
)

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Redrawn:
    """A picture as it is stored: redrawn by us, upright, sRGB, without metadata.

    The same upload gives the same bytes, so `sha256` (hexadecimal, of `data`) shows when a picture is already stored.
    """

    data: bytes
    format: Literal["JPEG", "PNG"]
    extension: str
    content_type: str
    width: int
    height: int
    sha256: str


@dataclass(frozen=True)
class _Source:
    """A decoded picture, handed out by rows: `rows(top, bottom)` is an image of those rows."""

    size: tuple[int, int]
    rows: Callable[[int, int], Image.Image]
    orientation: int
    profile: bytes | None


def redraw(file: BinaryIO) -> Redrawn:
    """Checks an upload and redraws it. `file` needs `seek` and `read`; its name and type are ignored.

    JPEG, PNG, WebP, HEIC and AVIF are accepted, if not animated. The result is at most 2048 px on its long side and
    10 MB: a PNG if any pixel is transparent, else a JPEG. Raises PictureRefused, or OUR_OWN.
    """
    file.seek(0)
    data = file.read(MAX_BYTES + 1)
    if not data:
        raise PictureRefused(f"This file is empty; choose a {ACCEPTED} picture.")
    if len(data) > MAX_BYTES:
        raise PictureRefused("This picture is larger than 20 MB; make it smaller and add it again.")
    opened = _opener(data)
    try:
        source = opened(data)
        del data
        return _encoded(_finished(source))
    except PictureRefused:
        raise
    except OUR_OWN:
        raise
    except MemoryError as error:
        raise PictureRefused(INTRICATE) from error
    except Exception as error:
        # Decoders fed with hostile bytes raise nearly anything: SyntaxError, struct.error, TypeError.
        raise PictureRefused(DAMAGED) from error


def _opener(data: bytes) -> Callable[[bytes], _Source]:
    """The reader for these bytes, chosen by the first ones. Raises PictureRefused, which names the format if known."""
    if data.startswith(b"\xff\xd8\xff"):
        return _open_jpeg
    if data.startswith(_PNG_SIGNATURE):
        return _open_png
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _open_webp
    found = brands(data)
    if found & _HEIC_BRANDS:
        return _open_heic
    if found & _AVIF_BRANDS:
        return _open_avif
    if found:
        kind = "a video"
    else:
        start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
        kind = next((name for magic, name in _REFUSED_KINDS if start.startswith(magic)), None)
    if kind:
        raise PictureRefused(f"This is {kind}; choose a {ACCEPTED} picture instead.")
    raise PictureRefused(f"This file is not a readable picture; choose a {ACCEPTED} picture.")


def _open_jpeg(data: bytes) -> _Source:
    check_jpeg(data)
    image = _open_with_pillow(data, "JPEG")
    width, height = image.size
    shrink = max(1, max(width, height) // LONG_SIDE)
    image.draft(None, (max(1, width // shrink), max(1, height // shrink)))
    return _pillow_source(image)


def _open_png(data: bytes) -> _Source:
    return _pillow_source(_open_with_pillow(_plain_png(data), "PNG"))


def _plain_png(data: bytes) -> bytes:
    """The PNG with only the chunks that its pixels need: texts may unpack to 64 MB."""
    kept, at = [_PNG_SIGNATURE], len(_PNG_SIGNATURE)
    for _ in range(MAX_PARTS):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 16]
        if kind == b"IHDR":
            check_size(*struct.unpack(">II", body))
        if kind == b"acTL" and int.from_bytes(body[:4], "big") > 1:
            raise PictureRefused(ANIMATED)
        if kind in _PNG_NEEDED:
            kept.append(data[at : at + 12 + length])
        at += 12 + length
        if kind == b"IEND" or at >= len(data):
            return b"".join(kept)
    raise PictureRefused(INTRICATE)


def _open_webp(data: bytes) -> _Source:
    check_size(*_webp_size(data), MAX_WEBP_PIXELS)
    image = _open_with_pillow(data, "WEBP")
    if image.n_frames > 1:
        raise PictureRefused(ANIMATED)
    check_size(*image.size, MAX_WEBP_PIXELS)
    # The copy lets go of libwebp's own canvases.
    return _pillow_source(image.copy())


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L" and data[20:21] == b"\x2f":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    raise PictureRefused(DAMAGED)


def _open_with_pillow(data: bytes, kind: str, limit: int = MAX_PIXELS) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=[kind])
    # Pillow believes the last of several headers; ours was one of them.
    check_size(*image.size, limit)
    return image


def _pillow_source(image: Image.Image) -> _Source:
    image.load()
    width, height = image.size
    return _Source(
        size=(width, height),
        rows=lambda top, bottom: image.crop((0, top, width, bottom)),
        orientation=_orientation(image),
        profile=image.info.get("icc_profile"),
    )


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(_EXIF_ORIENTATION, 1)
    except OUR_OWN:
        raise
    except Exception:
        # Broken EXIF says nothing about the pixels: the picture is not rotated.
        return 1


def _open_heic(data: bytes) -> _Source:
    check_heic(data)
    # pi-heif turns the picture upright itself, regardless of its EXIF.
    heif = pi_heif.open_heif(io.BytesIO(data))
    check_size(*heif.size)
    width, height = heif.size

    def rows(top: int, bottom: int) -> Image.Image:
        # The view does not keep its memory: `heif` has to outlive it.
        pixels = heif.data[top * heif.stride : bottom * heif.stride]
        return Image.frombytes(heif.mode, (width, bottom - top), pixels, "raw", heif.mode, heif.stride)

    return _Source((width, height), rows, orientation=1, profile=heif.info.get("icc_profile"))


def _open_avif(data: bytes) -> _Source:
    check_heic(data, MAX_AVIF_PIXELS)
    image = _open_with_pillow(data, "AVIF", MAX_AVIF_PIXELS)
    if image.n_frames > 1:
        raise PictureRefused(ANIMATED)
    return _pillow_source(image)


def _finished(source: _Source) -> Image.Image:
    """The picture as RGB or RGBA: reduced, upright, in sRGB, with no info left."""
    image = _reduced(source) if max(source.size) > LONG_SIDE else _plain(source.rows(0, source.size[1]))
    if source.orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[source.orientation])
    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    image = _as_srgb(image, source.profile)
    if alpha is not None and alpha.getextrema()[0] < 255:
        image.putalpha(alpha)
    image.info = {}
    return image


def _fitted(size: tuple[int, int]) -> tuple[int, int]:
    scale = LONG_SIDE / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _reduced(source: _Source) -> Image.Image:
    """The picture with its long side made LONG_SIDE: halved, thirded, … strip by strip, then resampled."""
    width, height = source.size
    divisor = max(1, max(width, height) // LONG_SIDE)
    step = max(1, STRIP_PIXELS // width // divisor) * divisor
    canvas = None
    for top in range(0, height, step):
        strip = _premultiplied(_plain(source.rows(top, min(top + step, height)))).reduce(divisor)
        if canvas is None:
            canvas = Image.new(strip.mode, (-(-width // divisor), -(-height // divisor)))
        canvas.paste(strip, (0, top // divisor))
    return _straight(canvas.resize(_fitted(source.size), Image.Resampling.LANCZOS))


def _premultiplied(image: Image.Image) -> Image.Image:
    # Resampling needs it, and Pillow would do it on a copy of the whole picture.
    return image.convert({"LA": "La", "RGBA": "RGBa"}.get(image.mode, image.mode))


def _straight(image: Image.Image) -> Image.Image:
    return image.convert({"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode))


def _plain(image: Image.Image) -> Image.Image:
    """The same pixels with 8 bits for each of L, LA, RGB, RGBA or CMYK, transparency as alpha."""
    if image.mode.startswith("I"):
        # Pillow's own conversion cuts 16 bits off at 255 and makes them nearly all white.
        return image.point(lambda value: value * (1 / 256)).convert("L")
    if "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        return image
    return image.convert("RGBA" if image.mode in ("PA", "RGBa", "La") else "RGB")


def _as_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    base = {"LA": "L", "RGBA": "RGB"}.get(image.mode, image.mode)
    image = image.convert(base)
    wanted = {"L": b"GRAY", "RGB": b"RGB ", "CMYK": b"CMYK"}[base]
    if profile and profile[16:20] == wanted:
        try:
            return ImageCms.profileToProfile(
                image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except ImageCms.PyCMSError:
            # A nonsensical profile is ignored.
            return image.convert("RGB")
    return image.convert("RGB")


def _encoded(image: Image.Image) -> Redrawn:
    see_through = image.mode == "RGBA"
    data = _png(image) if see_through else _jpeg(image)
    while len(data) > MAX_BYTES_OUT:
        smaller = (max(1, image.width * 3 // 4), max(1, image.height * 3 // 4))
        image = image.resize(smaller, Image.Resampling.LANCZOS)
        data = _png(image) if see_through else _jpeg(image)
    return Redrawn(
        data=data,
        format="PNG" if see_through else "JPEG",
        extension=".png" if see_through else ".jpg",
        content_type="image/png" if see_through else "image/jpeg",
        width=image.width,
        height=image.height,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=90)
    return buffer.getvalue()
