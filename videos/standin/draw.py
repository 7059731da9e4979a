"""Draws one video for each job: a fast-start MP4 with H.264 (yuv420p), in the requested ratio.

Run by `render_queue.py` as a process of low priority: a job is a JSON line on stdin (`path`, `id`, the contract's
input, `frames`, `draft`, `weight`), and the answer is a JSON line on stdout (`problem`: null or a few words).
"""

import json
import os
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random

import av
from av.filter import Graph
from PIL import Image, ImageOps

from videos.standin.contract import WITH_SOUND, name_of
from videos.standin.frames import is_reserved
from videos.standin.palette import palette_for, scene_for, seed_of
from videos.standin.scene import SCENES, Stage, disc, vertical
from videos.standin.titles import title_layer

AREA = 960 * 540
LONGEST = 1280
FPS = 24
SECONDS = 5.0
SHORTEST, LONGEST_SECONDS = 2.0, 12.0
FADE_SECONDS = 1.2
DRAFT_SIDE = 160
DRAFT_SECONDS = 1
NICENESS = 10
TIME = Fraction(1, FPS)
LOOK = {"preset": "veryfast", "crf": "22", "g": str(FPS)}
CHORDS = ((220.0, 277.18, 329.63), (196.0, 246.94, 293.66), (174.61, 220.0, 261.63), (164.81, 207.65, 246.94))


def size_for(aspect_ratio: str, area: int = AREA, longest: int = LONGEST) -> tuple[int, int]:
    """Even width and height in pixels, of about this area, in the ratio "W:H" (8:1 at the most)."""
    width, height = (float(side) for side in aspect_ratio.split(":"))
    ratio = min(8.0, max(0.125, width / height))
    wide = min(longest, (area * ratio) ** 0.5, longest * ratio)
    return max(16, 2 * round(wide / 2)), max(16, 2 * round(wide / ratio / 2))


def seconds_for(config: dict) -> float:
    """config.duration in seconds, from 2 to 12; 5 if it is missing or is not a number."""
    asked = config.get("duration")
    if isinstance(asked, str) and asked.removesuffix("s").isdecimal():
        asked = float(asked.removesuffix("s"))
    if isinstance(asked, bool) or not isinstance(asked, int | float):
        return SECONDS
    return min(LONGEST_SECONDS, max(SHORTEST, float(asked)))


def draw(job: dict) -> None:
    """Draw one job to its `path`."""
    if job["draft"]:
        draw_draft(job["path"], job["aspect_ratio"], job["weight"])
    else:
        draw_video(job)


def draw_draft(path: str, aspect_ratio: str, weight: int) -> None:
    """A second of moving colour, 160 pixels on its longer side; noise makes it `weight` bytes large."""
    size = size_for(aspect_ratio, DRAFT_SIDE * DRAFT_SIDE, DRAFT_SIDE)
    graph = Graph()
    source = graph.add("gradients", f"s={size[0]}x{size[1]}:r={FPS}:d={DRAFT_SECONDS}:n=3:seed=7:speed=0.05")
    noise = graph.add("noise", "alls=40:allf=t" if weight else "alls=0")
    chain(source, noise, graph.add("format", "yuv420p"), graph.add("buffersink"))
    graph.configure()
    look = {"preset": "ultrafast", "crf": "30"}
    if weight:
        rate = str(weight * 8 // DRAFT_SECONDS)
        look = {"preset": "ultrafast", "b": rate, "minrate": rate, "maxrate": rate, "bufsize": rate}
    encode(path, size, taken(graph, FPS * DRAFT_SECONDS), look)


def draw_video(job: dict) -> None:
    """Draws the start frame, or a scene for the prompt; then the end frame, if any, with the prompt on top."""
    size, seconds = tuple(job.get("size") or size_for(job["aspect_ratio"])), seconds_for(job["config"])
    graph, stills = Graph(), []
    node = _opening(graph, stills, job, size, seconds)
    if "end" in job["frames"]:
        closing = zoom(graph, stills, picture(job["frames"]["end"], size), size, seconds, "1.08-0.08*on")
        node = crossfade(graph, node, closing, seconds - FADE_SECONDS * 1.6)
    words = title_layer(*size, job["prompt"], name_of(job["provider"]))
    node = laid_over(graph, stills, node, words, "0", "0")
    chain(node, graph.add("noise", "alls=4:allf=t"), graph.add("format", "yuv420p"), graph.add("buffersink"))
    graph.configure()
    push(stills)
    sound = chord(job, seconds) if has_sound(job) else None
    encode(job["path"], size, taken(graph, round(seconds * FPS)), LOOK, sound)


def _opening(graph: Graph, stills: list, job: dict, size: tuple[int, int], seconds: float):
    if "start" in job["frames"]:
        return zoom(graph, stills, picture(job["frames"]["start"], size), size, seconds, "1+0.14*on")
    seed = str(job["config"].get("seed", job["id"]))
    rng = Random(seed_of(job["prompt"], job["provider"]))
    palette, name = palette_for(job["prompt"], rng), scene_for(job["prompt"], rng)
    backdrop, layers = SCENES[name](Stage(*size, seconds, palette, Random(seed_of(job["prompt"], seed))))
    node = graph.add("color", f"s={size[0]}x{size[1]}:r={FPS}:d={seconds}")
    node = laid_over(graph, stills, chain(node, graph.add("format", "yuv444p")), backdrop.convert("RGBA"), "0", "0")
    for layer in layers:
        node = laid_over(graph, stills, node, layer.image, *layer.course())
    return node


def chain(*nodes):
    """Links filters in a row, and returns the last one."""
    for left, right in pairwise(nodes):
        left.link_to(right)
    return nodes[-1]


def still(graph: Graph, stills: list, image: Image.Image):
    """A source of one picture, which is pushed once the graph is ready."""
    frame = av.VideoFrame(image.width, image.height, "rgba")
    frame.pts, frame.time_base = 0, TIME
    # VideoFrame.from_image would drop the alpha; a plane's rows may be longer than the picture's.
    row = frame.planes[0].line_size // 4
    frame.planes[0].update(image.convert("RGBA").crop((0, 0, row, image.height)).tobytes())
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=TIME)
    stills.append((source, frame))
    return source


def push(stills: list) -> None:
    """Pushes each picture into its source."""
    for source, frame in stills:
        source.push(frame)
        source.push(None)


def laid_over(graph: Graph, stills: list, below, image: Image.Image, x: str, y: str):
    """Lays a picture over a stream; its position is an expression of the time t."""
    # With 4:4:4 a layer moves by single pixels; with 4:2:0 by two.
    over = graph.add("overlay", f"x='{x}':y='{y}':format=yuv444:eof_action=repeat")
    below.link_to(over, 0, 0)
    still(graph, stills, image).link_to(over, 0, 1)
    return over


def zoom(graph: Graph, stills: list, image: Image.Image, size: tuple[int, int], seconds: float, course: str):
    """Slowly zooms into the middle of a still of twice the size, or out of it."""
    count = round(seconds * FPS)
    place = "x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2'"
    move = f"z='{course}/{count}':{place}:d={count}:s={size[0]}x{size[1]}:fps={FPS}"
    node = chain(still(graph, stills, image), graph.add("format", "yuv444p"), graph.add("zoompan", move))
    return chain(node, graph.add("settb", f"1/{FPS}"))


def crossfade(graph: Graph, before, after, offset: float):
    """Fade from one stream to the other, `offset` seconds in."""
    fade = graph.add("xfade", f"transition=fade:duration={FADE_SECONDS}:offset={offset:.3f}")
    for pad, node in enumerate((before, after)):
        chain(node, graph.add("settb", f"1/{FPS}"), graph.add("fps", str(FPS))).link_to(fade, 0, pad)
    return fade


def picture(source: str, size: tuple[int, int]) -> Image.Image:
    """A frame's picture, cropped to the ratio, at twice the video's size; for a reserved name, a drawn one."""
    double = (size[0] * 2, size[1] * 2)
    if is_reserved(source):
        return example_picture(source, double)
    with Image.open(source) as image:
        image.draft("RGB", double)
        upright = ImageOps.exif_transpose(image).convert("RGBA")
    ground = Image.new("RGBA", upright.size, (245, 244, 242, 255))
    ground.alpha_composite(upright)
    return ImageOps.fit(ground.convert("RGB"), double, Image.Resampling.BICUBIC)


def example_picture(url: str, size: tuple[int, int]) -> Image.Image:
    """A bowl of light on a table, drawn in place of any picture at example.com."""
    palette = palette_for(url, Random(seed_of(url)))
    image = vertical(size, [(0, palette.middle), (0.62, palette.horizon), (0.64, palette.near), (1, palette.middle)])
    radius = min(size) * 0.24
    for reach, colour, strength in ((2.2, palette.light, 0.6), (1.0, palette.light, 1.0)):
        light = disc(radius * reach, colour, strength, 1.2)
        image.paste(light, (size[0] // 2 - light.width // 2, size[1] // 2 - light.height // 2), light)
    return image


def taken(graph: Graph, count: int):
    """The first `count` frames that a graph gives."""
    for _ in range(count):
        try:
            yield graph.pull()
        except (av.error.EOFError, av.error.BlockingIOError):
            return


def has_sound(job: dict) -> bool:
    return job["provider"] in WITH_SOUND and job["config"].get("generate_audio") is not False


def chord(job: dict, seconds: float) -> Graph:
    """A soft chord that swells and fades. The prompt decides its key."""
    notes = CHORDS[seed_of(job["prompt"]) % len(CHORDS)]
    tones = "+".join(f"sin(2*PI*{note}*t+0.6*sin(2*PI*{0.11 + 0.07 * i}*t))" for i, note in enumerate(notes))
    graph = Graph()
    source = graph.add("aevalsrc", f"exprs='0.05*({tones})*(0.75+0.25*sin(2*PI*0.2*t))':d={seconds}:s=44100:c=mono")
    fades = graph.add("afade", "t=in:d=1.2"), graph.add("afade", f"t=out:st={seconds - 1.2}:d=1.2")
    shape = graph.add("aformat", "sample_fmts=fltp:channel_layouts=mono")
    chain(source, *fades, shape, graph.add("abuffersink"))
    graph.configure()
    return graph


def encode(path: str, size: tuple[int, int], pictures, look: dict[str, str], sound: Graph | None = None) -> None:
    """Writes frames and sound as a fast-start MP4, under a temporary name until it is complete."""
    part = f"{path}.{os.getpid()}.part"
    with av.open(part, "w", format="mp4", options={"movflags": "+faststart", "max_interleave_delta": "0"}) as output:
        video = output.add_stream("libx264", rate=FPS, options=look)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.codec_context.thread_count = 1
        if sound is not None:
            _encode_sound(output, sound)
        for number, frame in enumerate(pictures):
            frame.pts, frame.time_base, frame.pict_type = number, TIME, 0
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    Path(part).replace(path)


def _encode_sound(output, sound: Graph) -> None:
    stream = output.add_stream("aac", rate=44100, layout="mono")
    stream.bit_rate = 64_000
    for frame in taken(sound, 1 << 20):
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def main() -> None:
    """Reads jobs from stdin until it ends."""
    os.nice(NICENESS)
    av.logging.set_level(av.logging.PANIC)
    for line in sys.stdin:
        try:
            draw(json.loads(line))
            answer = {"problem": None}
        except (av.FFmpegError, OSError, ValueError, KeyError, TypeError) as problem:
            answer = {"problem": f"{type(problem).__name__}: {problem}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
