"""Lease files: show which claims a process of this host held when it died, long before its lease expires.

Every claim has a token, and every token has a file that its process keeps locked. The kernel unlocks the file when the
process ends, however it ended. So a file that can be locked belongs to a process that died while it worked. Other
hosts cannot see these files, and have to wait until the lease expires.
"""

import fcntl
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

logger = logging.getLogger(__name__)


@contextmanager
def new_lease() -> Iterator[uuid.UUID]:
    """A token for one claim, with a file that stays locked until the block ends, or this process."""
    token = uuid.uuid4()
    try:
        file = locked_file(token)
    except OSError as error:  # a full disk, for example: the lease then ends only when it expires
        logger.warning("There is no lease file (%s)", error.strerror)
        yield token
        return
    with file:
        yield token
        path_of(token).unlink(missing_ok=True)


def path_of(token: uuid.UUID) -> Path:
    return settings.DATA / "leases" / str(token)


def locked_file(token: uuid.UUID) -> BinaryIO:
    """The file is locked before it gets its name: an unlocked one would look like a dead process's."""
    path = path_of(token)
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(f".{token}")
    file = partial.open("wb")
    fcntl.flock(file, fcntl.LOCK_EX)
    partial.rename(path)
    return file


def left_behind() -> list[uuid.UUID]:
    """The tokens of claims whose process died on this host. Call `forget` once they are freed."""
    return [uuid.UUID(path.name) for path in path_of(uuid.UUID(int=0)).parent.glob("[!.]*") if is_unlocked(path)]


def is_unlocked(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:  # an error: it is locked, or gone by now
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return path.exists()
    return False


def forget(tokens: list[uuid.UUID]):
    for token in tokens:
        path_of(token).unlink(missing_ok=True)
