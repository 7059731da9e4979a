"""Folders for files that must survive a power cut: closed to other users, and synced to the disk."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from videos.storage.private import make_private


def make_folder(folder: Path):
    """Creates the folder and its parents, closed to other users. (mkdir's `parents` ignores the mode.)"""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        make_private(folder)


def sync_folder(folder: Path):
    """Syncs the folder, so that a file created, renamed or removed in it stays so after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def ignore(error: OSError):
    pass


def walk(root: Path, on_error: Callable[[OSError], None] = ignore, left_out: str = "") -> Iterator[Path]:
    """All files below the folder, also behind links to another disk, one by one: a folder may hold a million.

    Folders named `left_out` are skipped.
    """
    try:
        entries = os.scandir(root)
    except OSError as error:
        on_error(error)
        return
    with entries:
        for entry in entries:
            if not entry.is_dir():
                yield Path(entry.path)
            elif entry.name != left_out:
                yield from walk(Path(entry.path), on_error, left_out)
