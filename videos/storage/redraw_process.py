"""Pictures are redrawn in processes of their own: few at once, each with a limit of memory and of time.

A picture of 170 kB can need 160 MB. Twenty at once in the web's own processes took 4.7 GB, which stayed; the memory
of a process of its own ends with it. Run as `python -m videos.storage.redraw_process`, this reads a picture from its
standard input and writes one line of JSON, then the bytes of the new picture.
"""

import io
import json
import os
import resource
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from videos.exception_place import place_of
from videos.host_locks import host_lock
from videos.storage.picture_limits import INTRICATE, MAX_BYTES, PictureRefused
from videos.storage.pictures import Redrawn, redraw

MAX_MEMORY = 1024**3  # address space; a picture within the limits needs a quarter of it
MAX_CPU_SECONDS = 15
MAX_SECONDS = 60.0  # on a machine that is busy with other work
LONGEST_WAIT = 45.0  # seconds for a lock; browsers and proxies wait for an answer for a minute
ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "videos.storage.redraw_process"]
BUSY = "The studio is reading too many pictures at the moment; wait a minute and add this one again."
OWN_FAULT = "The studio had an internal error when it read this picture; try another one, or ask the owner."


class RedrawFault(Exception):
    """A fault of the studio in the redrawing process: `error` is the exception's type, `place` the line."""

    def __init__(self, error: str, place: str):
        super().__init__(OWN_FAULT)
        self.error, self.place = error, place


def redraw_apart(file: BinaryIO, folder: Path, at_once: int) -> Redrawn:
    """`pictures.redraw` in a process of its own. Waits while `at_once` others run on this host, whichever of the web's
    processes began them; `folder` holds the locks by which they know. Raises PictureRefused and RedrawFault."""
    with host_lock(folder, at_once, LONGEST_WAIT) as is_free:
        if not is_free:
            raise PictureRefused(BUSY)
        file.seek(0)
        return result_of(run(file.read(MAX_BYTES + 1)))


def run(data: bytes) -> bytes:
    env = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}  # and no secret
    try:
        done = subprocess.run(COMMAND, input=data, capture_output=True, cwd=ROOT, env=env, timeout=MAX_SECONDS)
    except subprocess.TimeoutExpired:
        raise PictureRefused(INTRICATE) from None
    except OSError:  # no memory for another process
        raise PictureRefused(BUSY) from None
    if done.returncode < 0:  # killed, by a limit or by a decoder that broke
        raise PictureRefused(INTRICATE)
    return done.stdout


def result_of(output: bytes) -> Redrawn:
    head, _, data = output.partition(b"\n")
    try:
        found = json.loads(head)
    except ValueError:
        raise RedrawFault("NoAnswer", "videos/storage/redraw_process.py:1") from None
    if "refused" in found:
        raise PictureRefused(found["refused"])
    if "error" in found:
        raise RedrawFault(found["error"], found["place"])
    return Redrawn(data=data, **found)


# In the process itself
def main():
    limit(resource.RLIMIT_AS, MAX_MEMORY)
    limit(resource.RLIMIT_CPU, MAX_CPU_SECONDS)
    limit(resource.RLIMIT_CORE, 0)
    data = sys.stdin.buffer.read()
    try:
        redrawn = redraw(io.BytesIO(data))
    except PictureRefused as refusal:
        answer({"refused": str(refusal)})
    except MemoryError:
        answer({"refused": INTRICATE})
    except Exception as error:
        answer({"error": type(error).__name__, "place": place_of(error)})
    else:
        facts = asdict(redrawn)
        answer(facts, facts.pop("data"))


def answer(facts: dict, data: bytes = b""):
    sys.stdout.buffer.write(json.dumps(facts).encode() + b"\n" + data)


def limit(kind: int, value: int):
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


if __name__ == "__main__":
    main()
