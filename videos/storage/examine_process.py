"""Examines an uploaded video in a separate process, so that a broken decoder harms nothing else.

Run as `python -m videos.storage.examine_process VIDEO POSTER LAST_FRAME`, it writes both pictures and one line of JSON.
"""

import json
import resource
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from videos.storage import probe

MAX_CPU_SECONDS = 120
MAX_SECONDS = 180
MAX_MEMORY = 4 * 1024**3  # address space; decoding 4K with threads reserves a great deal
ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "videos.storage.examine_process"]


def examine_apart(path: Path, poster: Path, last_frame: Path) -> probe.VideoFacts:
    """Checks that this is a whole video and makes its two pictures. Raises NotAVideo."""
    arguments = [str(path), str(poster), str(last_frame)]
    try:
        done = subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, timeout=MAX_SECONDS, check=False)
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise probe.NotAVideo("video.no_decode") from error
    if "refused" in answer:
        raise probe.NotAVideo(answer["refused"], **answer["facts"])
    return probe.VideoFacts(**answer)


def main(path: str, poster: str, last_frame: str):
    for limit, value in ((resource.RLIMIT_CPU, MAX_CPU_SECONDS), (resource.RLIMIT_AS, MAX_MEMORY)):
        resource.setrlimit(limit, (value, value))
    try:
        facts = probe.check_video(Path(path))
        probe.poster(Path(path), Path(poster))
        probe.last_frame(Path(path), Path(last_frame))
    except probe.NotAVideo as error:
        sys.stdout.write(json.dumps({"refused": error.code, "facts": error.facts}))
        return
    sys.stdout.write(json.dumps(asdict(facts)))


if __name__ == "__main__":
    main(*sys.argv[1:4])
