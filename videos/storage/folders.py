"""Folders for files that must survive a power cut: closed to other users, and synced to the disk."""

import os
from pathlib import Path

from videos.storage.private import close


def make_folder(folder: Path):
    """Creates the folder and its parents, closed to other users. (mkdir's `parents` ignores the mode.)"""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        close(folder)


def sync_folder(folder: Path):
    """Syncs the folder, so that a file created, renamed or removed in it stays so after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
