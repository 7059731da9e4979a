"""Moves a studio from SQLite to PostgreSQL and verifies each table by a hash. It can be stopped and continued.

The target is the database of the current settings, which must be PostgreSQL. The source is the old SQLite file, which
is only read. The studio must be stopped.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, connection, connections, models, transaction
from django.utils import timezone

from videos import planner_statistics
from videos.models import ProcessLock
from videos.models.process_lock import POLLER

SOURCE = "moved_from"
MARK = "studio_move"  # a table that marks a database as being filled, and keeps its foreign keys meanwhile
LEFT_OUT = {"django_q"}  # tasks and schedules are created again: the rows are the queue
AT_ONCE = 1000
STANDS_STILL = timedelta(seconds=30)  # without a heartbeat of the poller
CHANGED_IN = "changed_in"  # a time on SQLite, the number of a transaction on PostgreSQL


class CannotMove(Exception):
    """`str(error)` is a sentence for a person."""


def move(source: Path, report: Callable[[str], None]) -> int:
    """Copies every row of `source` into this studio's database. Returns the number of rows."""
    open_source(source)
    begin()
    tables, total = all_models(), 0
    for model in tables:
        copy_table(model)
    reset_numbers(tables)
    for model in tables:
        count, ours = digest(model, DEFAULT_DB_ALIAS)
        if (count, ours) != digest(model, SOURCE):
            raise CannotMove(f"{model._meta.db_table} differs from its source. Nothing is lost; run the command again.")
        report(f"{model._meta.db_table}: {count:,} rows")
        total += count
    put_back_references()
    planner_statistics.refresh()
    return total


def open_source(source: Path):
    if connection.vendor != "postgresql":
        raise CannotMove("DATABASE_URL must name the new database, such as postgres://user:password@host/name.")
    if not source.is_file():
        raise CannotMove(f"There is no database file {source}.")
    settings = connections[DEFAULT_DB_ALIAS].settings_dict
    address = f"file:{source}?mode=ro"
    connections.databases[SOURCE] = {
        **settings,
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": address,
        "OPTIONS": {"uri": True},
    }
    seen = ProcessLock.objects.using(SOURCE).filter(name=POLLER, seen_at__gt=timezone.now() - STANDS_STILL)
    if seen.exists():
        raise CannotMove("A worker is using the old database. Stop the studio, wait half a minute, and try again.")


def begin():
    """Prepares a fresh database, or continues with one that an earlier move was filling."""
    tables = connection.introspection.table_names()
    if MARK in tables:
        return
    if "videos_generation" in tables and apps.get_model("auth", "User").objects.exists():
        raise CannotMove("The new database is in use already. Nothing was changed; name an empty one.")
    call_command("migrate", interactive=False, verbosity=0)
    if migrations(DEFAULT_DB_ALIAS) != migrations(SOURCE):
        raise CannotMove(
            "The old database is of another version. Start this version on it once, stop it, and try again."
        )
    names = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in all_models())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {names} CASCADE")  # rows that migrations created come with the copy
        cursor.execute(f"CREATE TABLE {MARK} (owner text, name text, definition text)")
        take_away_references()


def migrations(alias: str) -> set[tuple[str, str]]:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        return set(cursor.fetchall())


def all_models() -> list[type[models.Model]]:
    found = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]
    return [model for model in found if not model._meta.proxy and model._meta.app_label not in LEFT_OUT]


def take_away_references():
    """Drops foreign keys, because tables may refer to each other in circles. They are restored after all rows."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {MARK} (owner, name, definition) SELECT conrelid::regclass::text, conname, "
            "pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' AND connamespace = "
            "current_schema()::regnamespace"
        )
        for owner, name, _ in kept_aside(cursor):
            cursor.execute(f'ALTER TABLE {owner} DROP CONSTRAINT "{name}"')


def put_back_references():
    with transaction.atomic(), connection.cursor() as cursor:
        for owner, name, definition in kept_aside(cursor):
            cursor.execute(f'ALTER TABLE {owner} ADD CONSTRAINT "{name}" {definition}')
        cursor.execute(f"DROP TABLE {MARK}")


def kept_aside(cursor) -> list[tuple[str, str, str]]:
    cursor.execute(f"SELECT owner, name, definition FROM {MARK} ORDER BY name")
    return cursor.fetchall()


def copy_table(model: type[models.Model]):
    """Copies rows in the order of their keys, so that a stopped move continues after the last one copied."""
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    here = model._base_manager.using(DEFAULT_DB_ALIAS)
    last = here.order_by("-pk").values_list("pk", flat=True).first()
    there = model._base_manager.using(SOURCE).order_by("pk")
    while rows := list((there if last is None else there.filter(pk__gt=last))[:AT_ONCE]):
        for row in rows:
            if hasattr(row, CHANGED_IN):
                setattr(row, CHANGED_IN, 0)
        with transaction.atomic():
            here._insert(rows, fields=fields, using=DEFAULT_DB_ALIAS, raw=True)
        last = rows[-1].pk


def reset_numbers(tables: list[type[models.Model]]):
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), tables):
            cursor.execute(statement)


def digest(model: type[models.Model], alias: str) -> tuple[int, str]:
    """The number of rows, and a hash of all their values in the order of the keys."""
    names = [field.attname for field in model._meta.concrete_fields if field.name != CHANGED_IN and not field.generated]
    count, found = 0, hashlib.sha256()
    rows = model._base_manager.using(alias).order_by("pk").values_list(*names)
    for row in rows.iterator(AT_ONCE):
        count += 1
        found.update(json.dumps([plain(value) for value in row], sort_keys=True).encode())
    return count, found.hexdigest()


def plain(value: Any) -> Any:
    return value if isinstance(value, (dict, list, int, float, bool)) or value is None else str(value)
