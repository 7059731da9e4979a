"""Keeps the data folder readable by its own user only, and saved files by nginx's group where nginx sends them."""

import logging
import os
import stat
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)


def wanted_mode(path: Path, mode: int) -> int:
    """The mode that `path`, which has `mode`, should have: the same for its user, and almost nothing for others."""
    own = stat.S_IMODE(mode) & stat.S_IRWXU
    if not settings.ACCEL_LOCATION:
        return own
    media = Path(settings.MEDIA_ROOT)
    if path == media or media in path.parents:
        return own | (0o050 if stat.S_ISDIR(mode) else 0o040)
    return own | (0o010 if path == Path(settings.DATA) else 0)


def make_data_folder_private():
    """Repairs a data folder of an earlier version, or one that was copied here. Takes no time when all is well.

    Only the folder and its direct entries are checked; if any of them is open, everything below is checked too.
    The top folder is repaired last, so that an interrupted repair starts again.
    """
    data = Path(settings.DATA)
    if not any(is_too_open(path) for path in [data, *data.iterdir()]):
        return
    refused = 0
    for folder, _, names in os.walk(data, topdown=False):
        refused += sum(not make_private(Path(folder) / name) for name in [*names, ""])
    if refused:
        logger.warning("%s files in %s belong to another user and may be readable by others.", refused, data)


def is_too_open(path: Path) -> bool:
    mode = path.lstat().st_mode
    return not stat.S_ISLNK(mode) and stat.S_IMODE(mode) != wanted_mode(path, mode)


def make_private(path: Path) -> bool:
    """False if we may not change it. A file that is gone by now is ignored."""
    try:
        if is_too_open(path):
            path.chmod(wanted_mode(path, path.lstat().st_mode))
    except FileNotFoundError:
        return True
    except PermissionError:
        return False
    return True
