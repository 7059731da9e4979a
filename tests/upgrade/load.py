"""Puts the data folder that a version left behind where a studio of today finds it, on SQLite or PostgreSQL.

Every time in it is moved, so that the old version seems to have stopped a few minutes ago: leases have run out, links
are still open, and nothing in the trash is old enough to be removed.
"""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

STOPPED_AGO = timedelta(minutes=10)
# All migrations that the old version had applied, and no later ones: the tables as that version knew them.
MIGRATE_AS_FAR = """
import json
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
MigrationExecutor(connection).migrate([tuple(one) for one in json.loads({applied!r})])
"""


class Old:
    """What one version left: `expected` is what its own code said of it."""

    def __init__(self, version):
        self.folder = Path(__file__).parent / version
        self.expected = json.loads((self.folder / "expected.json").read_text())

    def load(self, studio):
        """Fills the studio's data folder and its database, whichever it has."""
        for name in ("media", "accepted"):
            shutil.copytree(self.folder / name, studio.data / name)
        shutil.copy(self.folder / "secret-key", studio.data / "secret-key")
        for leftover in studio.data.glob("studio.sqlite3*"):
            leftover.unlink()
        address = studio.env.get("DATABASE_URL")
        path = studio.folder / "old.sqlite3" if address else studio.data / "studio.sqlite3"
        self.write_sqlite(path)
        if address:
            self.fill_postgres(path, studio, address)

    def load_demo_server(self, folder):
        """The demo server's own memory: it is asked about videos that were under way."""
        folder.mkdir(parents=True)
        with closing(sqlite3.connect(folder / "ledger.sqlite3")) as database:
            database.executescript((self.folder / "demo-server.sql").read_text())

    def write_sqlite(self, path):
        with closing(sqlite3.connect(path)) as database:
            database.executescript((self.folder / "studio.sql").read_text())
            database.execute("PRAGMA journal_mode=WAL")
            move_times(database, datetime.fromisoformat(self.expected["made_at"]))
            database.commit()

    def fill_postgres(self, path, studio, address):
        with closing(sqlite3.connect(path)) as source, psycopg.connect(address) as target:
            applied = source.execute("SELECT app, name FROM django_migrations").fetchall()
            studio.manage("shell", "-v", "0", "-c", MIGRATE_AS_FAR.format(applied=json.dumps(applied)))
            target.execute("SET session_replication_role = replica")  # rows come in any order
            for table in tables(source):
                target.execute(f'TRUNCATE "{table}" CASCADE')
            for table in tables(source):
                copy_rows(source, target, table)


def move_times(database, made_at):
    moved = datetime.now(UTC) - STOPPED_AGO
    seconds = f"{(moved - made_at).total_seconds():+.3f} seconds"
    days = f"{(moved.date() - made_at.date()).days:+d} days"
    for table in tables(database):
        for _, column, kind, *_ in database.execute(f'PRAGMA table_info("{table}")').fetchall():
            if kind == "datetime":
                moment = f"strftime('%Y-%m-%d %H:%M:%f', \"{column}\", ?) || '000'"  # as Django writes it
                database.execute(f'UPDATE "{table}" SET "{column}" = {moment}', (seconds,))
            elif kind == "date":
                database.execute(f'UPDATE "{table}" SET "{column}" = date("{column}", ?)', (days,))


def tables(database):
    rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return [name for (name,) in rows]


def copy_rows(source, target, table):
    rows = source.execute(f'SELECT * FROM "{table}"')
    names = [column[0] for column in rows.description]
    kinds = dict(
        target.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s", (table,)
        ).fetchall()
    )
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(f"%s::text::{kinds[name]}" for name in names)
    with target.cursor() as cursor:
        cursor.executemany(f'INSERT INTO "{table}" ({columns}) VALUES ({values})', [texts(row) for row in rows])
    if kinds.get("id") in {"integer", "bigint"}:
        sequence = f"pg_get_serial_sequence('\"{table}\"', 'id')"
        target.execute(f'SELECT setval({sequence}, COALESCE((SELECT MAX(id) FROM "{table}"), 0) + 1, false)')


def texts(row):
    return [None if value is None else str(value) for value in row]
