"""SHA-256 of files, read in chunks: on this disk, or in the storage. All are hexadecimal."""

import hashlib
from pathlib import Path
from typing import BinaryIO

from django.core.files.storage import default_storage

CHUNK = 1024 * 1024  # bytes


def sha256_of(file: BinaryIO) -> str:
    """Of an open file from its present position on; of a bucket's file too, which has no descriptor."""
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def sha256_of_path(path: Path) -> str:
    """Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_in_storage(name: str) -> str:
    """Of the file of this name in the studio's folder or bucket. Raises OSError."""
    with default_storage.open(name) as file:
        return sha256_of(file)
