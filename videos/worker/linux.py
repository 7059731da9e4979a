"""Linux system calls: end a process with its parent, adopt orphans, set a process's name. No-ops elsewhere."""

import ctypes
import os
import sys
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 15, 36
LIBC = ctypes.CDLL(None)
LONGEST_NAME = 15  # bytes


def prctl(option: int, argument: int | bytes):
    if sys.platform == "linux":
        LIBC.prctl(option, argument, 0, 0, 0)


def die_with(parent: int, number: int):
    """Sends this process the signal when its parent dies; ends it if that has already happened."""
    prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def show_name(name: str):
    """Sets the name that `ps -o comm` and `top` show for this process."""
    prctl(PR_SET_NAME, name.encode()[:LONGEST_NAME])


def adopt_orphans():
    """From now on, descendants that lose their parent become our children."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def children() -> set[int]:
    """The ids of our children, including adopted ones and ended ones that were not waited for."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {int(pid) for task in tasks for pid in task.read_text().split()}
