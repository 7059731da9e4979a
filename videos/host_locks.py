"""Locks for work of which a host does only so much at once, whichever of its processes does it.

Each is a file that its holder keeps locked. The kernel unlocks it when the process ends, however it ended.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

LOOK_EVERY = 0.05  # seconds


@contextmanager
def one_of(folder: Path, limit: int, wait: float = 0.0) -> Iterator[bool]:
    """Whether one of the `limit` locks in `folder` was free, at once or within `wait` seconds.

    It is held until the block or the process ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait
    while (lock := free_lock(folder, limit)) is None and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)
    with lock or nullcontext():
        yield lock is not None


def free_lock(folder: Path, limit: int) -> BinaryIO | None:
    for number in range(limit):
        file = (folder / str(number)).open("wb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
        else:
            return file
    return None
