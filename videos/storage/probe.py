"""Checks that a file is a whole, playable MP4, and makes its poster and its last frame.

libav is lenient: it opens a JPEG named .mp4, and a fast-start MP4 that is cut in half can be opened and gives a poster.
So the boxes are read first, without decoding, and a frame near the end must decode before a file counts as whole.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
from av.stream import Disposition
from PIL import Image

from videos.codecs import codec_string
from videos.storage.mp4_boxes import nested_boxes
from videos.storage.not_saved import NotSaved

# 4K, either way up. An H.264 decoder may hold 17 frames: at this size that is about 240 MB.
MAX_PIXELS = 4096 * 2304
MAX_SIDE = 8192  # of a frame that is stretched to the shape of its pixels
POSTER_SIDE = 960
COLORSPACE_UNSPECIFIED = 2  # ITU-T H.273; PyAV names only the others

# libav builds its index in memory, 24 bytes for each sample and once more for each edit, from counts that
# a file of a few hundred bytes can claim. A day of 4 K video has two million frames.
MAX_INDEX = 5_000_000
MAX_BOXES = 200_000

# Where the 32-bit count stands, after the box's own header.
_COUNTS = {b"stsz": 8, b"stz2": 8, b"trun": 4, b"elst": 4}

_LOOKS_LIKE = (
    (b"<", "a web page"),
    (b"{", "JSON text"),
    (b"[", "JSON text"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x1aE\xdf\xa3", "a WebM video"),
    (b"PK\x03\x04", "a ZIP archive"),
)


# The signs of a track's matrix (a, b, c, d), and the rotation that they mean.
_TURNS = {
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
}
_ON_ITS_SIDE = {
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.TRANSVERSE,
}


class NotAVideo(NotSaved):
    """The bytes are not a whole, playable MP4. `str(error)` is one sentence for a person."""


class Unreadable(NotAVideo):
    """Complete, as far as we can see, but made in a way that this studio cannot check."""


@dataclass(frozen=True)
class VideoFacts:
    """A video's size as a browser shows it (pixel shape and rotation applied), its length in seconds, and its codec.

    `codec_string` is the codec as browsers are asked about it (RFC 6381).
    """

    width: int
    height: int
    seconds: float
    codec: str
    codec_string: str
    fps: float
    has_sound: bool


def check_video(path: Path) -> VideoFacts:
    """Checks that `path` is a whole, playable MP4, and returns its facts.

    Whole means: MP4 by its first bytes, no box cut short, a length, a video stream, and a frame that decodes
    both near the start and near 98 %. Raises NotAVideo; a missing file stays an OSError.
    """
    with _opened(path) as (container, stream):
        seconds = _seconds(container, stream)
        first = next(_frames(container, stream), None)
        if first is None:
            raise NotAVideo("video.no_start")
        _require_frame_near_end(container, stream)
        width, height = _Shape.of(first, stream).displayed
        codec = stream.codec_context.codec.canonical_name
        return VideoFacts(
            width=width,
            height=height,
            seconds=seconds,
            codec=codec,
            codec_string=_codec_string(codec, stream.codec_context),
            fps=float(stream.average_rate or stream.guessed_rate or 0),
            has_sound=bool(container.streams.audio),
        )


def poster(path: Path, target: Path) -> None:
    """Writes a progressive JPEG, long side at most 960 px, of the frame at 0.5 s (at 10 % if that is sooner).

    Raises NotAVideo if no frame decodes. `target` appears whole or not at all.
    """
    with _opened(path) as (container, stream):
        wanted = _start(stream) + min(0.5, 0.1 * _seconds(container, stream))
        chosen = None
        for frame in _frames(container, stream):
            chosen = frame
            if frame.time >= wanted:
                break
        if chosen is None:
            raise NotAVideo("video.no_start")
        _write_jpeg(_picture(chosen, stream, POSTER_SIDE), target, quality=82, progressive=True)


def last_frame(path: Path, target: Path) -> None:
    """Writes the video's very last frame, full size, as a JPEG of quality 92 without colour subsampling.

    Raises NotAVideo if no frame decodes. `target` appears whole or not at all.
    """
    with _opened(path) as (container, stream):
        _seek(container, stream, _start(stream) + _video_seconds(container, stream))
        last = _latest(container, stream)
        if last is None:
            container.seek(0)
            last = _latest(container, stream)
        if last is None:
            raise NotAVideo("video.no_last_picture")
        _write_jpeg(_picture(last, stream), target, quality=92, subsampling=0)


def frame_at(path: Path, seconds: float, target: Path) -> None:
    """Writes the frame that a player shows at `seconds`, as `last_frame` writes its own. Raises NotAVideo."""
    with _opened(path) as (container, stream):
        wanted = _start(stream) + seconds
        _seek(container, stream, wanted)
        chosen = None
        for frame in _frames(container, stream):
            if chosen is not None and frame.time > wanted:
                break
            chosen = frame
        if chosen is None:
            raise NotAVideo("video.no_start")
        _write_jpeg(_picture(chosen, stream), target, quality=92, subsampling=0)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """The container and its first real video stream, with libav's errors turned into NotAVideo."""
    with path.open("rb") as file:
        _check_boxes(file)
        file.seek(0)
        try:
            # max_pixels reaches the decoder while libav still guesses at the streams, before we see a size.
            limits = {"max_pixels": str(MAX_PIXELS), "threads": "1"}
            with av.open(file, format="mp4", options=limits, metadata_errors="ignore") as container:
                yield container, _video_stream(container)
        # libav's own memory errors come first: a damaged count may ask for any amount.
        except (av.FFmpegError, ArithmeticError, EOFError) as error:
            raise NotAVideo("video.no_decode") from error
        except MemoryError as error:
            raise Unreadable("video.memory") from error


def _video_stream(container: av.container.InputContainer) -> av.VideoStream:
    # Cover art on a sound file is a video stream of one picture.
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise NotAVideo("video.no_picture")
    context = streams[0].codec_context
    if context is None:
        raise Unreadable("video.codec")
    _check_size(context.width, context.height)
    context.thread_count = 1
    context.options = {"max_pixels": str(MAX_PIXELS)}
    return streams[0]


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Unreadable("video.pixels", width=width, height=height)


def _check_boxes(file: BinaryIO) -> None:
    """Walks the MP4's boxes: the first one is `ftyp`, none is cut short, and no count is beyond reason."""
    size = os.fstat(file.fileno()).st_size
    head = file.read(16)
    if not head:
        raise NotAVideo("video.empty")
    if head[4:8] != b"ftyp":
        looks = next((name for magic, name in _LOOKS_LIKE if head.lstrip().startswith(magic)), None)
        raise NotAVideo("video.looks_like", looks=looks) if looks else NotAVideo("video.not_mp4")
    found, samples, edits = set(), 0, 1
    for number, box in enumerate(nested_boxes(file, 0, size)):
        kind = box.kind
        found.add(kind)
        if number > MAX_BOXES or kind == b"cmov":
            raise NotAVideo("video.odd_index")
        if box.end > size and kind in (b"mdat", b"moov", b"moof"):
            raise NotAVideo("video.cut_short", missing=f"{box.end - size:,}")
        if kind in _COUNTS:
            count = _count(file, box.body + _COUNTS[kind])
            edits = max(edits, count) if kind == b"elst" else edits
            samples += count if kind != b"elst" else 0
    if not found & {b"moov"} or not found & {b"mdat"}:
        raise NotAVideo("video.incomplete")
    if samples * edits > MAX_INDEX:
        raise NotAVideo("video.odd_index")


def _count(file: BinaryIO, offset: int) -> int:
    file.seek(offset)
    return int.from_bytes(file.read(4), "big")


def _seconds(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    seconds = container.duration / av.time_base if container.duration else _video_seconds(container, stream)
    if seconds <= 0:
        raise NotAVideo("video.no_length")
    return seconds


def _video_seconds(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """The length of the video track alone: sound may continue after it."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def _start(stream: av.VideoStream) -> float:
    return float((stream.start_time or 0) * stream.time_base)


def _seek(container: av.container.InputContainer, stream: av.VideoStream, seconds: float) -> None:
    """Goes to the key frame at or before `seconds`."""
    container.seek(int(seconds / stream.time_base), stream=stream, backward=True)


def _frames(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Decoded frames from here to the end. A damaged packet costs its own frame only, as in a browser."""
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            continue
        for frame in frames:
            if frame.time is not None:
                _check_size(frame.width, frame.height)
                yield frame


def _latest(container: av.container.InputContainer, stream: av.VideoStream) -> av.VideoFrame | None:
    return max(_frames(container, stream), key=lambda frame: frame.time, default=None)


def _require_frame_near_end(container: av.container.InputContainer, stream: av.VideoStream) -> None:
    length = _video_seconds(container, stream)
    wanted = _start(stream) + 0.98 * length
    # Encoders round the length of the last frame; one frame, or 2 %, of slack costs nothing.
    slack = max(0.02 * length, 1 / float(stream.average_rate or 25))
    _seek(container, stream, wanted)
    for frame in _frames(container, stream):
        shown_until = frame.time + float((frame.duration or 0) * stream.time_base)
        if shown_until >= wanted - slack:
            return
    raise NotAVideo("video.no_end")


def _codec_string(codec: str, context: av.VideoCodecContext) -> str:
    return codec_string(codec, context.codec_tag, bytes(context.extradata or b""))


@dataclass(frozen=True)
class _Shape:
    """How a browser shows a frame: stretched to the shape of its pixels, then turned or mirrored."""

    width: int
    height: int
    turn: Image.Transpose | None

    @classmethod
    def of(cls, frame: av.VideoFrame, stream: av.VideoStream) -> "_Shape":
        """One side is stretched, never shrunk (HTML, 4.8.8). A shape that would pass our limits is not believed."""
        width, height = frame.width, frame.height
        aspect = float(stream.sample_aspect_ratio or 1)
        stretched = (round(width * aspect), height) if aspect > 1 else (width, round(height / (aspect or 1)))
        if aspect > 0 and max(stretched) <= MAX_SIDE and stretched[0] * stretched[1] <= MAX_PIXELS:
            width, height = stretched
        return cls(width, height, _turn(frame))

    @property
    def displayed(self) -> tuple[int, int]:
        return (self.height, self.width) if self.turn in _ON_ITS_SIDE else (self.width, self.height)


def _turn(frame: av.VideoFrame) -> Image.Transpose | None:
    """The rotation by the track's matrix. Angles in between are ignored, as browsers do."""
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            a, b, _, c, d = struct.unpack("=5i", bytes(data)[:20])
            return _TURNS.get(tuple((value > 0) - (value < 0) for value in (a, b, c, d)))
    return None


def _picture(frame: av.VideoFrame, stream: av.VideoStream, long_side: int | None = None) -> Image.Image:
    """The frame as an RGB picture as a browser shows it, no larger than `long_side`."""
    shape = _Shape.of(frame, stream)
    scale = min(1.0, long_side / max(shape.displayed)) if long_side else 1.0
    # An untagged HD video is BT.709, as browsers take it; libav alone takes BT.601 and shifts its colours.
    untagged = frame.colorspace == COLORSPACE_UNSPECIFIED
    image = frame.to_image(
        width=max(2, round(shape.width * scale)),
        height=max(2, round(shape.height * scale)),
        src_colorspace="ITU709" if untagged and min(frame.width, frame.height) >= 720 else None,
        interpolation="AREA" if scale < 1 else "BICUBIC",
    )
    return image if shape.turn is None else image.transpose(shape.turn)


def _write_jpeg(image: Image.Image, target: Path, **options: object) -> None:
    part = target.with_name(target.name + ".part")
    try:
        image.save(part, format="JPEG", **options)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
