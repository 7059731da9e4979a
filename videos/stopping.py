"""The flag that asks everything in this worker to stop soon. All longer work checks it.

It is one byte of shared memory without a lock. A `multiprocessing.Event` has a lock, and a process that is killed while
holding it would leave all others waiting forever.
"""

import time
from ctypes import c_bool, c_double
from multiprocessing.sharedctypes import RawValue

STEP = 0.05  # seconds


class Flag:
    """A one-way switch that processes share by fork. `waited_at` says when a process last waited for it."""

    def __init__(self):
        self._is_set = RawValue(c_bool, False)
        self._waited_at = RawValue(c_double, 0.0)

    def set(self):
        self._is_set.value = True

    def is_set(self) -> bool:
        return self._is_set.value

    def wait(self, seconds: float) -> bool:
        """Waits for the flag; whether it was set within these seconds."""
        deadline = time.monotonic() + seconds
        self._waited_at.value = time.monotonic()
        while not self._is_set.value and time.monotonic() < deadline:
            time.sleep(STEP)
        return self._is_set.value

    @property
    def waited_at(self) -> float:
        """By the monotonic clock; 0 for never."""
        return self._waited_at.value


_current = Flag()


def renew() -> Flag:
    """A new flag for processes forked from now on; those forked before keep theirs."""
    global _current
    _current = Flag()
    return _current


def is_set() -> bool:
    """True once this process should end: work that can wait for the next start should not begin."""
    return _current.is_set()


def request():
    """Asks this process and all that share its flag to end."""
    _current.set()
