"""The partial file of a video, and the record of its progress, from which any process can resume its download.

The file is locked for as long as a process works on it. Publishing gives it its final name, for good.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage

from videos import bucket_errors
from videos.storage.download import ServerFacts, size_of
from videos.storage.folders import make_folder, sync_folder
from videos.storage.names import final_path, partial_path, progress_path
from videos.storage.not_saved import NotSaved
from videos.storage.private import make_private

FILE_MODE = 0o600
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class OpenElsewhere(Exception):
    """Another process still has the partial file open: one that was frozen past its lease, for example."""


class NotStored(NotSaved):
    """The whole file is here and cannot be stored yet."""


@dataclass
class DownloadProgress:
    """How far the download of a partial file is, stored next to it.

    `fruitless` counts the attempts in a row that brought no byte. `is_synced` says that the whole file was checked
    and is on the disk itself. `link_failed` is the fault because of which another link is needed.
    """

    facts: ServerFacts = field(default_factory=ServerFacts)
    fruitless: int = 0
    is_synced: bool = False
    link_failed: str = ""

    @classmethod
    def read(cls, path: Path) -> "DownloadProgress | None":
        """None if there is no reliable record: after a power cut the file may be long and full of zeros."""
        try:
            stored = json.loads(path.read_text())
            boot = stored.pop("boot")
            progress = cls(**{**stored, "facts": ServerFacts(**stored["facts"])})
            return progress if progress.is_synced or boot == this_boot() else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path):
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_text(json.dumps({**asdict(self), "boot": this_boot()}))
        fresh.replace(path)


def this_boot() -> str:
    """An id that changes when the machine restarts; "" if the system has none."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


# Open and lock
@contextmanager
def opened(partial: Path, final: Path | None) -> Iterator[BinaryIO]:
    """The partial file, unbuffered, and locked for as long as it is open. Raises OpenElsewhere.

    A larger file that already has the final name, because a process died between the rename and the row or because
    it came back from a backup, becomes the partial file again and is checked like any other.
    """
    make_folder(partial.parent)
    with locked(partial) as file:
        is_final = final is not None and final.is_file() and final.stat().st_size > size_of(file)
        if not is_final:
            yield file
            return
        make_partial_again(final, partial)
    with locked(partial) as file:
        yield file


@contextmanager
def locked(path: Path) -> Iterator[BinaryIO]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        lock(file, path)
        yield file


def lock(file: BinaryIO, path: Path):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_same = path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except (BlockingIOError, FileNotFoundError):
        is_same = False
    if not is_same:  # locked by another process, or renamed between our open and our lock
        raise OpenElsewhere


def make_partial_again(final: Path, partial: Path):
    """Reopens a file that already has its final name. A file gets it only when all its bytes are on the
    disk, so the new record says that they are.

    A file with a second hard link belongs to a backup too, and its bytes must never be written to: it is copied.
    """
    DownloadProgress(ServerFacts(length=final.stat().st_size), is_synced=True).write(progress_path(partial))
    if final.stat().st_nlink == 1:
        final.replace(partial)
        return
    copy = partial.with_name(f"{partial.name}.new")
    shutil.copyfile(final, copy)
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    copy.replace(partial)
    final.unlink()


# Publish
def publish(name: str):
    """Gives a checked partial file its final name, in the bucket, or in the folder and on the disk itself.

    Raises NotStored when the bucket does not take it.
    """
    partial = partial_path(name)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    if settings.BUCKET:
        put_in_bucket(name, partial)
        return
    final = final_path(name)
    make_folder(final.parent)
    partial.replace(final)
    make_private(final)
    sync_folder(final.parent)


def put_in_bucket(name: str, partial: Path):
    try:
        with partial.open("rb") as file:
            stored = default_storage.save(name, File(file))
        is_whole = stored == name and default_storage.size(name) == partial.stat().st_size
    except bucket_errors.refused():
        raise NotStored("saving.bucket_refused") from None
    if not is_whole:
        raise NotStored("saving.bucket_part")
