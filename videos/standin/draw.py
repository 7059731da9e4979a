"""Draws one video per job: real H.264 (yuv420p), fast-start MP4, in the asked ratio.

Run by `easel.py` as a process of low priority: a job is a JSON line on stdin (`path`, `id`, the contract's
input, `frames`, `draft`, `weight`), the answer a JSON line on stdout (`problem`: null or a few words).
"""

import json
import os
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av

AREA = 960 * 540
FPS = 24
DRAFT_SIDE = 160
DRAFT_SECONDS = 1
NICENESS = 10


def size_for(aspect_ratio: str, area: int = AREA, longest: int = 1280) -> tuple[int, int]:
    """Even width and height in pixels, of about this area, in the ratio "W:H"."""
    width, height = (float(side) for side in aspect_ratio.split(":"))
    ratio = min(8.0, max(0.125, width / height))
    wide = min(longest, (area * ratio) ** 0.5, longest * ratio)
    return max(16, 2 * round(wide / 2)), max(16, 2 * round(wide / ratio / 2))


def draw_draft(path: str, aspect_ratio: str, weight: int) -> None:
    """A second of moving colour, 160 pixels on its longer side; noise makes it `weight` bytes large."""
    width, height = size_for(aspect_ratio, DRAFT_SIDE * DRAFT_SIDE, DRAFT_SIDE)
    graph = av.filter.Graph()
    source = graph.add("gradients", f"s={width}x{height}:r={FPS}:d={DRAFT_SECONDS}:n=3:seed=7:speed=0.05")
    noise = graph.add("noise", "alls=40:allf=t" if weight else "alls=0")
    link(graph, source, noise, graph.add("format", "yuv420p"), graph.add("buffersink"))
    options = {"preset": "ultrafast", "crf": "30"}
    if weight:
        rate = str(weight * 8 // DRAFT_SECONDS)
        options = {"preset": "ultrafast", "b": rate, "minrate": rate, "maxrate": rate, "bufsize": rate}
    encode(path, graph, width, height, options)


def link(graph: av.filter.Graph, *nodes) -> None:
    """Link filters in a row and make the graph ready."""
    for left, right in pairwise(nodes):
        left.link_to(right)
    graph.configure()


def frames_of(graph: av.filter.Graph):
    """Every frame that the graph gives."""
    while True:
        try:
            yield graph.pull()
        except (av.error.EOFError, av.error.BlockingIOError):
            return


def encode(path: str, graph: av.filter.Graph, width: int, height: int, options: dict[str, str]) -> None:
    """Write the graph's frames as a fast-start MP4, under another name until it is whole."""
    part = f"{path}.{os.getpid()}.part"
    with av.open(part, "w", format="mp4", options={"movflags": "+faststart"}) as output:
        stream = output.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, FPS)
        stream.codec_context.thread_count = 1
        for number, frame in enumerate(frames_of(graph)):
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            frame.pict_type = 0
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    Path(part).replace(path)


def draw(job: dict) -> None:
    """Draw one job to its `path`."""
    draw_draft(job["path"], job["aspect_ratio"], job["weight"])


def main() -> None:
    """Take jobs from stdin until it ends."""
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
