"""Holds back requests of a page, to see what the page shows meanwhile."""

import time

from tests.parts.processes import WAIT_SECONDS


def until_held(page, held):
    """Waits until something is in the list `held`, in the browser's loop, which also runs the routes."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not held:
        assert time.monotonic() < deadline, "nothing was asked"
        page.wait_for_timeout(100)
