"""Whether the database and the storage can be written to now.

Each is tried with a real write, within a second, and the answer is kept for a few seconds: frequent checks cost little.
"""

import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, connections, transaction

from videos.models import ProcessLock

LONGEST_TRY = 0.8  # seconds, after which a part counts as broken
LONGEST_WAIT = 0.4  # seconds for another writer's lock
GOOD_NEWS_LASTS, BAD_NEWS_LASTS = 5.0, 1.0  # seconds
WRITE = (
    f"INSERT INTO {ProcessLock._meta.db_table} (name, seen_at) VALUES ({{0}}, {{0}}) "
    "ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at"
)
ROW = "write probe"


def write_to_database():
    """Commits one small row, or raises the database's error."""
    if connection.vendor == "sqlite":
        write_to_sqlite(str(connection.settings_dict["NAME"]))
    else:
        write_to_postgres()


def write_to_sqlite(path: str):
    """Opens the file by its name, so that a file that was moved away is noticed, and no new one is created."""
    address = f"file:{quote(path)}?mode=rw"
    with closing(sqlite3.connect(address, uri=True, timeout=LONGEST_WAIT)) as database:
        database.execute(WRITE.format("?"), (ROW, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"))
        database.commit()


def write_to_postgres():
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {int(LONGEST_WAIT * 1000)}")
        cursor.execute(WRITE.format("%s"), (ROW, datetime.now(UTC)))


def write_to_storage():
    """A folder is tried with a file that has no name; a bucket is only asked, because every write would cost."""
    if settings.BUCKET:
        default_storage.exists("healthz")
        return
    settings.MEDIA_ROOT.mkdir(exist_ok=True)  # never its parents: a data folder that is gone is not created again
    with tempfile.TemporaryFile(dir=settings.MEDIA_ROOT) as file:
        file.write(b"healthy")


class Attempt:
    """One attempt in a thread of its own, because a disk or a server may not answer at all."""

    def __init__(self, write: Callable[[], None]):
        self.write, self.succeeded = write, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with suppress(Exception):  # with any error, nothing was written
            self.write()
            self.succeeded = True
        connections.close_all()

    def has_succeeded(self, deadline: float) -> bool:
        self.thread.join(max(0.0, deadline - time.monotonic()))
        return self.succeeded


class Writable:
    """The latest answers. Only one request at a time makes an attempt; the others wait for its result."""

    def __init__(self, **writes: Callable[[], None]):
        self.writes = writes
        self.lock = threading.Lock()
        self.attempts: dict[str, Attempt] = {}
        self.answers: dict[str, bool] = {}
        self.keep_until = 0.0

    def parts(self) -> dict[str, bool]:
        with self.lock:
            if time.monotonic() >= self.keep_until:
                self.answers = self.try_all()
                lasts = GOOD_NEWS_LASTS if all(self.answers.values()) else BAD_NEWS_LASTS
                self.keep_until = time.monotonic() + lasts
            return dict(self.answers)

    def try_all(self) -> dict[str, bool]:
        deadline = time.monotonic() + LONGEST_TRY
        for name, write in self.writes.items():
            earlier = self.attempts.get(name)
            if earlier is None or not earlier.thread.is_alive():  # while one hangs, no others are started
                self.attempts[name] = Attempt(write)
        return {name: self.attempts[name].has_succeeded(deadline) for name in self.writes}

    def forget(self):
        self.keep_until = 0.0


writable = Writable(database=write_to_database, storage=write_to_storage)
