"""Recovery: completes what a crash left unfinished, and replays remote ids that the database could not store.

An id of a paid job that cannot be committed is written to a side file, one for each generation, named by its public id.
Side files lie on the host that wrote them, so every host's worker replays its own.
"""

import fcntl
import logging
import os
import uuid
from pathlib import Path
from secrets import token_hex
from typing import TextIO

from django.conf import settings
from django.db import DatabaseError, IntegrityError

from videos import lease_files
from videos.engine.enqueue import correct_times
from videos.exception_place import kind_and_place
from videos.models import Generation, Job, ProcessLock, StudioFault
from videos.storage import space
from videos.storage.folders import make_folder, sync_folder

logger = logging.getLogger(__name__)


def recover():
    """Completes what a crash left unfinished in the database. Runs in the poller's process."""
    correct_times()
    Generation.objects.give_up_lost_replies()
    Generation.objects.add_missing_settlements()
    Generation.objects.flag_rows_of_other_backend()
    space.has_room()  # for its alarm: pages say so before anybody presses Generate


def free_claims_of_dead_processes() -> int:
    """Frees the claims of processes that died on this host: on generations, on the poller's lock. Returns how many."""
    dead = lease_files.left_behind()
    if dead:
        ProcessLock.objects.free(dead)
        Generation.objects.free_claims(dead)
        lease_files.forget(dead)
    return len(dead)


def write_side_file(public_id: uuid.UUID, remote_id: str) -> bool:
    """Writes the id of a paid job to a side file, which outlives this process and a power cut, until it is replayed.

    False when no file can be written.
    """
    folder = settings.ACCEPTED_FOLDER
    try:
        make_folder(folder)
        partial = folder / f".{public_id}.{token_hex(4)}"
        with partial.open("x") as file:
            file.write(remote_id)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(folder / str(public_id))
        for changed in (folder, folder.parent):
            sync_folder(changed)
    except OSError as error:
        logger.error("The remote id %s cannot be written to a side file: %s", remote_id, kind_and_place(error))
        return False
    return True


def replay_accepted() -> None:
    """Stores the id from every side file in its generation. An id without a generation is kept, and reported once.

    A side file that cannot be read or moved does not stop the others.
    """
    for path in sorted(settings.ACCEPTED_FOLDER.glob("[!.]*")):
        try:
            with path.open(errors="replace") as file:
                replay(path, file)
        except DatabaseError:
            raise
        except Exception as error:  # a folder, a file that is gone or unreadable, or one that we did not write
            if path.is_file():
                logger.error("The side file of %s cannot be replayed: %s", path.name, kind_and_place(error))
            if not isinstance(error, (OSError, ValueError)):
                StudioFault.objects.record(Job.RECOVERY, error)


def replay(path: Path, file: TextIO) -> None:
    """If two workers open the same side file, the one that locks it replays it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    remote_id = file.read().strip()
    if not path.exists():  # the other worker replayed it between our opening and our lock
        return
    if adopt(path.name, remote_id):
        path.unlink()
    else:
        logger.warning("No generation accepts the remote id %s, kept for %s", remote_id, path.name)
        unclaimed = path.parent / "unclaimed"
        unclaimed.mkdir(exist_ok=True)
        path.rename(unclaimed / path.name)
        sync_folder(unclaimed)
    sync_folder(path.parent)


def adopt(public_id: str, remote_id: str) -> bool:
    try:
        return Generation.objects.adopt(uuid.UUID(public_id), remote_id)
    except (ValueError, IntegrityError):
        return False
