"""Moves a studio's files from a folder to its bucket and verifies each by SHA-256. It can be stopped and continued.

The bucket is the studio's own, already in its settings; the folder is only read.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import models

from videos import bucket_errors
from videos.storage.digests import sha256_in_storage, sha256_of_path

AT_ONCE = 500
HASH = "sha256"  # the bucket's metadata key of each moved file


class CannotMove(Exception):
    """`str(error)` is a sentence for a person."""


@dataclass
class Moved:
    files: int = 0
    known: int = 0
    size: int = 0
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


def move(folder: Path, report: Callable[[str], None]) -> Moved:
    """Copies every file that a row names from `folder` into the bucket."""
    if not settings.BUCKET:
        raise CannotMove("STUDIO_BUCKET must name the bucket, with its AWS_* variables.")
    if not folder.is_dir():
        raise CannotMove(f"There is no folder {folder}.")
    moved = Moved()
    for name, expected in named_files():
        move_one(folder / name, name, expected, moved, report)
    return moved


def named_files() -> Iterator[tuple[str, str]]:
    """The name of every file in the rows, with its SHA-256 if the row has one."""
    for model in apps.get_models():
        fields = [one for one in model._meta.concrete_fields if isinstance(one, models.FileField)]
        if not fields:
            continue
        for row in model._base_manager.order_by("pk").iterator(AT_ONCE):
            for one in fields:
                if name := getattr(row, one.name).name:
                    yield name, getattr(row, HASH, "") if one.name == "file" else ""


def move_one(path: Path, name: str, expected: str, moved: Moved, report: Callable[[str], None]):
    try:
        found = sha256_of_path(path)
    except FileNotFoundError:
        moved.missing.append(name)
        report(f"missing: {name}")
        return
    if expected and found != expected:
        moved.changed.append(name)
        report(f"changed: {name} has other bytes than its row says, and is not moved")
        return
    item = default_storage.bucket.Object(name)
    moved.files, moved.size = moved.files + 1, moved.size + path.stat().st_size
    if is_there(item, path, found):
        moved.known += 1
        return
    item.upload_file(str(path), ExtraArgs={"Metadata": {HASH: found}, "ContentType": content_type(name)})
    if sha256_in_storage(name) != found:
        raise CannotMove(f"{name} arrived with other bytes. Nothing is lost: run the command again.")


def is_there(item, path: Path, found: str) -> bool:
    """Whether an earlier run moved this file and read it back."""
    try:
        item.load()
    except bucket_errors.named("ClientError"):
        return False
    return item.content_length == path.stat().st_size and item.metadata.get(HASH) == found


def content_type(name: str) -> str:
    endings = {".mp4": "video/mp4", ".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
    return endings.get(Path(name).suffix, "application/octet-stream")
