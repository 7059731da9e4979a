"""Backs up the whole studio while it runs, and restores it.

A backup is a folder: the database, the media, the side files of ids that could not be committed, and the secret key.
Media files never change once they have their final name, so they are hard links where the file system allows it: a
second backup on the same disk costs next to nothing. A backup that should survive the disk must be copied elsewhere.
"""

import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import DatabaseError, connection, connections
from django.utils import timezone

from videos import planner_statistics
from videos.lifecycle import Status
from videos.models import Generation, RemoteAccount
from videos.storage.folders import walk

MANIFEST, SQLITE, DUMP = "manifest.json", "database.sqlite3", "database.dump"
KEY_FILE = "secret-key"
FILE_SYSTEMS_OWN = "lost+found"  # at the root of a disk, readable by root only


class BackupError(Exception):
    """`str(error)` is a sentence for a person."""


def back_up(target: Path) -> dict:
    """Creates the folder `target`, completely or not at all; returns its manifest. The studio may keep running.

    Files are copied before the database and once more after it. Every file that the copied database names had its final
    name by then, and a file that is deleted or replayed in between was copied in the first pass.
    """
    if target.exists():
        raise BackupError(f"{target} already exists. Nothing was written; name a new folder.")
    if not settings.BUCKET and target.is_relative_to(media_folder()):
        raise BackupError("A backup cannot be inside the media folder. Nothing was written.")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    copy_files(partial)
    copy_database(partial)
    copy_files(partial)
    if (settings.DATA / KEY_FILE).exists():
        shutil.copy2(settings.DATA / KEY_FILE, partial / KEY_FILE)
    manifest = describe(partial)
    (partial / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    os.sync()
    partial.rename(target)
    return manifest


def restore(source: Path) -> dict:
    """Fills a fresh studio from the folder `source`; returns its manifest. The studio must not be running.

    Requests that were waiting may have been sent after the backup was made, and sending them again would cost
    money again: sending is paused until an owner has checked.
    """
    manifest = read_manifest(source)
    if manifest["database"] != connection.vendor:
        raise BackupError(f"The backup is of {manifest['database']}, and this studio uses {connection.vendor}.")
    if not is_fresh():
        raise BackupError("This studio is in use already. Nothing was changed; restore into a fresh STUDIO_DATA.")
    copy_folder(source / "accepted", settings.ACCEPTED_FOLDER)
    if (source / "media").exists() and not settings.BUCKET:
        copy_folder(source / "media", media_folder())
    if (source / KEY_FILE).exists():
        shutil.copy2(source / KEY_FILE, settings.DATA / KEY_FILE)
    put_back_database(source)
    call_command("migrate", interactive=False, verbosity=0)
    planner_statistics.refresh()
    pause_if_requests_waited(manifest["made_at"])
    return manifest


def media_folder() -> Path:
    return Path(default_storage.path(""))


def describe(folder: Path) -> dict:
    sizes = (path.stat().st_size for path in walk(folder / "media"))
    files, size = 0, 0
    for one in sizes:
        files, size = files + 1, size + one
    return {
        "made_at": timezone.now().isoformat(timespec="seconds"),
        "database": connection.vendor,
        "media": "in the bucket" if settings.BUCKET else "in this folder",
        "files": files,
        "bytes": size,
    }


def read_manifest(source: Path) -> dict:
    try:
        return json.loads((source / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise BackupError(f"{source} is not a complete backup: it has no readable {MANIFEST}.") from error


def copy_files(partial: Path):
    copy_folder(settings.ACCEPTED_FOLDER, partial / "accepted")
    if not settings.BUCKET:
        copy_folder(media_folder(), partial / "media")


def copy_folder(source: Path, target: Path):
    """Adds the files that `target` lacks, as hard links, or as copies where that is impossible.

    Hidden files are unfinished and are left out. Links to another disk are followed. Raises OSError for a folder that
    cannot be read, because the backup would be incomplete.
    """
    target.mkdir(parents=True, exist_ok=True)
    made = {target}
    for path in walk(source, on_error=refuse_unless_gone, left_out=FILE_SYSTEMS_OWN):
        if path.name.startswith("."):
            continue
        copy = target / path.relative_to(source)
        if copy.parent not in made:
            copy.parent.mkdir(parents=True, exist_ok=True)
            made.add(copy.parent)
        link_or_copy(path, copy)


def refuse_unless_gone(error: OSError):
    if not isinstance(error, FileNotFoundError):
        raise error


def link_or_copy(source: Path, target: Path):
    with suppress(FileNotFoundError):  # deleted since the folder was listed
        if target.exists() and target.stat().st_size == source.stat().st_size:
            return
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or one without links
            shutil.copy2(source, target)


# The database
def copy_database(folder: Path):
    if connection.vendor == "sqlite":
        copy_sqlite(str(connection.settings_dict["NAME"]), folder / SQLITE)
    else:
        run_postgres("pg_dump", "--format=custom", "--no-owner", f"--file={folder / DUMP}")


def copy_sqlite(source: str, target: Path):
    """SQLite's own online backup: a consistent copy, even while others write."""
    with closing(sqlite3.connect(source, timeout=60)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        [verdict] = copy.execute("PRAGMA quick_check").fetchone()
    if verdict != "ok":
        raise BackupError(f"The database's copy is damaged: {verdict}.")
    target.chmod(0o600)


def put_back_database(source: Path):
    connections.close_all()
    if connection.vendor == "sqlite":
        put_back_sqlite(source / SQLITE, Path(str(connection.settings_dict["NAME"])))
    else:
        database = f"--dbname={connection.settings_dict['NAME']}"
        options = ("--clean", "--if-exists", "--no-owner", "--single-transaction")
        run_postgres("pg_restore", *options, database, source / DUMP)


def put_back_sqlite(source: Path, target: Path):
    fresh = target.with_name(f".{target.name}.restored")
    shutil.copy2(source, fresh)
    for leftover in ("-wal", "-shm"):
        target.with_name(target.name + leftover).unlink(missing_ok=True)
    fresh.replace(target)


def run_postgres(program: str, *arguments: object):
    """Runs one of PostgreSQL's own programs. The password is passed by the environment: anybody can read arguments."""
    if not shutil.which(program):
        raise BackupError(f"{program} is not installed here. It comes with PostgreSQL's client programs.")
    database = connection.settings_dict
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    found = {name: str(database[key]) for name, key in names.items() if database.get(key)}
    command = [program, *map(str, arguments)]
    done = subprocess.run(command, env={**os.environ, **found}, capture_output=True, text=True)
    if done.returncode:
        raise BackupError(f"{program} failed: {done.stderr.strip()[:500]}")


def is_fresh() -> bool:
    try:
        return not (get_user_model().objects.exists() or Generation.objects.exists())
    except DatabaseError:  # a database without tables is fresh
        return True


def pause_if_requests_waited(made_at: str):
    waiting = Generation.objects.filter(status__in=[Status.QUEUED, Status.SENDING])
    if count := waiting.count():
        for backend in waiting.values_list("backend", flat=True).order_by().distinct():
            RemoteAccount.objects.of(backend)
        RemoteAccount.objects.all().pause("restored", backup=made_at, requests=count)
