"""Holds back requests, of a page or of the studio, to see what happens meanwhile."""

import threading
import time
from contextlib import contextmanager

from django.db import connections

from tests.parts.processes import WAIT_SECONDS


def until_held(page, held):
    """Waits until something is in the list `held`, in the browser's loop, which also runs the routes."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not held:
        assert time.monotonic() < deadline, "nothing was asked"
        page.wait_for_timeout(100)


@contextmanager
def held_at(remote, call, work, *arguments, **do):
    """`work` runs in a thread of its own. Its requests of this `call` are held at the demo server while the block runs,
    or until it replaces the rules, and then answered as `do` says. Gives the thread."""
    remote.faults([{"call": call, "do": {"delay": "held", **do}}])
    thread = threading.Thread(target=in_own_connection, args=(work, *arguments))
    thread.start()
    try:
        yield thread
    finally:
        remote.faults([])
        thread.join()


def in_own_connection(work, *arguments):
    try:
        work(*arguments)
    finally:
        connections.close_all()
