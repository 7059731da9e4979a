"""Single frames of saved videos, as pictures."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from videos.storage.probe import frame_at


@contextmanager
def open_frame(saved, at: float | None) -> Iterator[BinaryIO]:
    """The frame that a player shows at this second, or the last one, as an open JPEG. `saved` is a SavedVideo.

    Raises OSError, and NotAVideo if there is no picture at that time.
    """
    if at is None:
        with saved.last_frame.open("rb") as file:
            yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        path, target = Path(folder) / "video.mp4", Path(folder) / "frame.jpg"
        frame_at(local_copy(saved.file, path), at, target)
        with target.open("rb") as file:
            yield file


def local_copy(file, target: Path) -> Path:
    """The file itself if it is on disk; otherwise a fetched copy."""
    try:
        return Path(file.path)
    except NotImplementedError:  # in a bucket
        with file.open("rb") as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
        return target
