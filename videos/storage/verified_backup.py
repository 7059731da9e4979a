"""Nightly backups, each verified by restoring its database into a scratch one and reading it there."""

import json
import logging
import re
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db import connection
from django.utils import timezone

from videos.exception_place import kind_and_place
from videos.models import Alarm
from videos.storage.backup import DUMP, MANIFEST, SQLITE, BackupError, back_up, read_manifest, run_postgres
from videos.storage.digests import sha256_of

logger = logging.getLogger(__name__)

NAME = re.compile(r"studio-(\d{4}-\d\d-\d\dT\d{6})")
PROOF = "verified.json"
FAILED = ".failed"  # suffix of an incomplete backup, which is kept until the next night
RECENT = timedelta(hours=12)  # a second run in one night makes no second backup
MEDIA = "media"


def is_wanted() -> bool:
    return bool(settings.BACKUP_FOLDER or settings.BACKUP_BUCKET)


def back_up_tonight():
    """Makes tonight's backup at every destination. A failure is shown on the screen until a backup succeeds."""
    if not is_wanted():
        return
    try:
        for destination in destinations():
            if not is_recent(destination.newest()):
                make_in(destination)
    except Exception as error:  # of any kind: there is no backup, and a person has to know
        words = str(error) if isinstance(error, BackupError) else kind_and_place(error)
        logger.error("The backup failed: %s", words)
        sentence = (
            f"The nightly backup failed: {words}. The studio keeps working; until this is fixed, a lost disk means "
            "losing what was made since the last one."
        )
        Alarm.objects.set_off(Alarm.Kind.BACKUP, "", sentence, is_lasting=True)
    else:
        Alarm.objects.end(Alarm.Kind.BACKUP, "")


def is_recent(name: str | None) -> bool:
    made_at = made_when(name)
    return made_at is not None and timezone.now() - made_at < RECENT


def made_when(name: str | None) -> datetime | None:
    found = NAME.fullmatch(name or "")
    return datetime.strptime(f"{found[1]}+0000", "%Y-%m-%dT%H%M%S%z") if found else None


def new_name() -> str:
    return f"studio-{timezone.now():%Y-%m-%dT%H%M%S}"


def make_in(destination: "FolderDestination | BucketDestination") -> dict[str, Any]:
    """Makes one verified backup. Older ones beyond BACKUP_KEEP are removed only after it is complete."""
    proof = destination.make(new_name())
    for name in destination.names()[: -settings.BACKUP_KEEP]:
        destination.remove(name)
    return proof


# Destinations
class FolderDestination:
    def __init__(self, folder: Path):
        self.folder = folder

    def __str__(self):
        return str(self.folder)

    def names(self) -> list[str]:
        """The names of verified backups, the oldest first."""
        found = [path.parent.name for path in self.folder.glob(f"studio-*/{PROOF}")]
        return sorted(name for name in found if NAME.fullmatch(name))

    def newest(self) -> str | None:
        return next(reversed(self.names()), None)

    def make(self, name: str) -> dict[str, Any]:
        for failed in self.folder.glob(f"studio-*{FAILED}"):
            shutil.rmtree(failed)
        back_up(self.folder / name)
        try:
            return verify(self.folder / name)
        except BackupError:
            (self.folder / name).rename(self.folder / f"{name}{FAILED}")
            raise

    def remove(self, name: str):
        shutil.rmtree(self.folder / name)


class BucketDestination:
    """Each backup has the database and all small files under its name. Media never change, so they are stored once,
    under `media/`, for all backups."""

    def __init__(self, storage: Storage):
        self.storage = storage

    def __str__(self):
        return f"the bucket {self.storage.bucket_name}"

    def names(self) -> list[str]:
        folders, _ = self.storage.listdir("")
        return sorted(name for name in folders if NAME.fullmatch(name) and self.storage.exists(f"{name}/{MANIFEST}"))

    def newest(self) -> str | None:
        return next(reversed(self.names()), None)

    def make(self, name: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=settings.DATA) as folder:
            local = Path(folder) / name
            back_up(local)
            proof = verify(local)
            self.upload(local, name)
        return proof

    def upload(self, local: Path, name: str):
        for path in sorted(local.rglob("*")):
            inside = path.relative_to(local).as_posix()
            if path.is_file() and inside != MANIFEST:
                self.put(path, inside if inside.startswith(f"{MEDIA}/") else f"{name}/{inside}")
        self.put(local / MANIFEST, f"{name}/{MANIFEST}")  # the last: without it, a backup is not whole
        database = SQLITE if (local / SQLITE).exists() else DUMP
        with self.storage.open(f"{name}/{database}") as stored, (local / database).open("rb") as own:
            if sha256_of(stored) != sha256_of(own):
                raise BackupError("The bucket returns other bytes of the database than were sent to it")

    def put(self, path: Path, name: str):
        if name.startswith(f"{MEDIA}/") and self.storage.exists(name):
            return
        with path.open("rb") as file:
            self.storage.save(name, File(file))

    def remove(self, name: str):
        for stored in self.storage.bucket.objects.filter(Prefix=f"{name}/"):
            stored.delete()


def folder_destination() -> FolderDestination | None:
    return FolderDestination(Path(settings.BACKUP_FOLDER).resolve()) if settings.BACKUP_FOLDER else None


def bucket_destination() -> BucketDestination | None:
    if not settings.BACKUP_BUCKET:
        return None
    options = {**settings.BUCKET_STORAGE["OPTIONS"], "bucket_name": settings.BACKUP_BUCKET}
    return BucketDestination(storages.create_storage({**settings.BUCKET_STORAGE, "OPTIONS": options}))


def destinations() -> list[FolderDestination | BucketDestination]:
    return [destination for destination in (folder_destination(), bucket_destination()) if destination]


# Verification
def verify(source: Path) -> dict[str, Any]:
    """Restores the backup's database into a scratch one, reads it, and looks for every file that it names.

    Returns the result, which is also written next to the backup. Raises BackupError.
    """
    manifest = read_manifest(source)
    restored = restored_sqlite if manifest["database"] == "sqlite" else restored_postgres
    with restored(source) as ask:
        found = {name: ask(f"SELECT COUNT(*) FROM {table}")[0][0] for name, table in TABLES.items()}
        missing = [] if manifest["media"] == "in the bucket" else missing_files(source, ask)
    if missing:
        raise BackupError(f"It lacks {len(missing)} of the saved videos, such as {missing[0]}")
    proof = {"verified_at": timezone.now().isoformat(timespec="seconds"), **found}
    (source / PROOF).write_text(json.dumps(proof, indent=2) + "\n")
    return proof


TABLES = {"users": "auth_user", "generations": "videos_generation", "videos": "videos_savedvideo"}
Ask = Callable[[str], list[tuple]]


def missing_files(source: Path, ask: Ask) -> list[str]:
    rows = ask("SELECT file, size FROM videos_savedvideo")
    return [name for name, size in rows if not is_whole(source / MEDIA / name, size)]


def is_whole(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


@contextmanager
def restored_sqlite(source: Path) -> Iterator[Ask]:
    with tempfile.TemporaryDirectory(prefix="studio-verify-") as folder:
        scratch = Path(folder) / SQLITE
        shutil.copy2(source / SQLITE, scratch)
        with closing(sqlite3.connect(scratch)) as database:
            try:
                [verdict] = database.execute("PRAGMA integrity_check").fetchone()
                strays = database.execute("PRAGMA foreign_key_check").fetchone()
            except sqlite3.DatabaseError as error:
                raise BackupError(f"The backup's database cannot be read ({error})") from None
            if verdict != "ok" or strays:
                raise BackupError(f"The backup's database is damaged ({verdict})")
            yield lambda statement: database.execute(statement).fetchall()


@contextmanager
def restored_postgres(source: Path) -> Iterator[Ask]:
    name = f"studio_verify_{uuid.uuid4().hex[:12]}"
    with connection.Database.connect(**address(), autocommit=True) as server:
        try:
            server.execute(f'CREATE DATABASE "{name}"')
        except connection.Database.errors.InsufficientPrivilege:
            user = connection.settings_dict["USER"]
            words = (
                f"its user may not create a scratch database, so the backup is not verified: ALTER ROLE {user} CREATEDB"
            )
            raise BackupError(words) from None
        try:
            run_postgres("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={name}", source / DUMP)
            with connection.Database.connect(**address(dbname=name)) as scratch:
                yield lambda statement: scratch.execute(statement).fetchall()
        finally:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def address(**changes: str) -> dict[str, Any]:
    database = connection.settings_dict
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    return {name: database[key] for name, key in names.items() if database.get(key)} | changes
