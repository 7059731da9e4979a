"""Folders of what must outlive a power cut: made closed to other users, and written to the disk."""

import os
from pathlib import Path

MODE = 0o750


def make_folder(folder: Path):
    """Also its parents, none of them open to other users: mkdir's own `parents` forgets the mode."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True, mode=MODE)


def sync_folder(folder: Path):
    """A file made, renamed or removed in it stays so after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
