"""The old name of tests/parts/generations.py."""

from tests.parts.generations import (  # noqa: F401
    complete,
    make_queued,
    make_ready,
    make_running,
    make_saving,
)
from tests.parts.generations import picture as _picture


def make_picture(owner):
    return _picture(by=owner)
