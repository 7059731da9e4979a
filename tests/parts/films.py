"""Small videos of every kind that a test needs: encoder, layout, shape of pixels, sound."""

from fractions import Fraction
from pathlib import Path

import av
from PIL import Image

FAST_START = {"movflags": "+faststart"}


def scene(number: int, size: tuple[int, int]) -> Image.Image:
    """Green above, blue below, and a red corner that is brighter in each frame: 2 more for each one."""
    width, height = size
    image = Image.new("RGB", size, (20, 140, 40))
    image.paste((20, 40, 160), (0, height // 2, width, height))
    image.paste((min(255, 40 + 2 * number), 0, 0), (0, 0, width // 4, height // 4))
    return image


# What each encoder needs to be quick, and the pixels that it takes.
ENCODERS = {
    "libx264": ({"preset": "ultrafast", "crf": "18"}, "yuv420p"),
    "libx265": ({"preset": "ultrafast", "x265-params": "log-level=none"}, "yuv420p"),
    "libsvtav1": ({"preset": "12"}, "yuv420p"),
    "libvpx-vp9": ({"deadline": "realtime", "cpu-used": "8"}, "yuv420p"),
    "mpeg4": ({}, "yuv420p"),
    "prores_ks": ({}, "yuv422p10le"),
}


def film(
    path,
    size=(320, 180),
    frames=48,
    fps=24,
    sound_seconds=0.0,
    options=FAST_START,
    gop=250,
    encoder="libx264",
    kind="mp4",
    pixels=(1, 1),
) -> Path:
    with av.open(str(path), "w", format=kind, options=options) as container:
        picture = container.add_stream(encoder, rate=fps)
        quick, pixel_format = ENCODERS[encoder]
        picture.width, picture.height, picture.pix_fmt = *size, pixel_format
        picture.options = {**quick, "g": str(gop)}
        picture.codec_context.sample_aspect_ratio = Fraction(*pixels)
        sound = container.add_stream("aac", rate=48_000, layout="mono") if sound_seconds else None
        for number in range(frames):
            container.mux(picture.encode(untagged(scene(number, size))))
        container.mux(picture.encode())
        if sound is not None:
            hum(container, sound, sound_seconds)
    return path


def untagged(image: Image.Image) -> av.VideoFrame:
    """The picture in the colours that browsers take a video to have which does not say: BT.709 if it is HD."""
    colours = "ITU709" if min(image.size) >= 720 else "ITU601"
    return av.VideoFrame.from_image(image).reformat(format="yuv420p", dst_colorspace=colours)


def hum(container, stream, seconds):
    for number in range(int(seconds * 48_000 / 1024)):
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.planes[0].update(bytes(4096))
        frame.sample_rate, frame.pts = 48_000, number * 1024
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def patched(path: Path, box: bytes, offset: int, new: bytes) -> Path:
    """The file with bytes changed at `offset` in the body of the first such box."""
    data = path.read_bytes()
    at = data.index(box) + 4 + offset
    path.write_bytes(data[:at] + new + data[at + len(new) :])
    return path
