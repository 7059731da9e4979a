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
def host_lock(folder: Path, limit: int, wait: float = 0.0) -> Iterator[bool]:
    """Takes one of the `limit` locks in `folder` until the block or the process ends. False: none was free, at once or
    within `wait` seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait
    while (lock := free_lock(folder, limit)) is None and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)
    with lock or nullcontext():
        yield lock is not None


def free_lock(folder: Path, limit: int) -> BinaryIO | None:
    """The file of a lock that was free, locked as long as it is open; None if all are taken."""
    for number in range(limit):
        file = (folder / str(number)).open("wb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
        else:
            return file
    return None
