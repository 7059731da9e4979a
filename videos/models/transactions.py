"""Concurrent transactions: rows are locked in one order, and a transaction that met a deadlock is repeated.

PostgreSQL aborts one of two transactions that wait for each other's rows. Transactions that lock their rows in the same
order never wait in a circle, so code that writes to several rows of one table locks them first, by primary key. It also
aborts one that deletes a row to which another has just added a reference, or the other way round: the next attempt
sees what the other one did. SQLite has no row locks and needs none: only one of its IMMEDIATE transactions runs at a
time.
"""

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import count
from typing import Any

from django.db import IntegrityError, OperationalError, connection, models, transaction

logger = logging.getLogger(__name__)

PARAMETERS = 900  # in one statement: an old SQLite takes 999
# PostgreSQL's codes, after each of which nothing was done:
DEADLOCK, SERIALISATION_FAILURE, BROKEN_REFERENCE = "40P01", "40001", "23503"
BROKEN_REFERENCE_OF_SQLITE = "SQLITE_CONSTRAINT_FOREIGNKEY"
WITHOUT_WAITING = 1  # SQLite's number of synchronous=NORMAL
TRIES = 6
LONGEST_PAUSE = 0.05  # seconds, doubled after each try


def retried(function: Callable) -> Callable:
    """Runs `function` in a transaction, and repeats it if the database aborted it only because of another one.

    Called within another transaction it joins that one, which is then repeated as a whole by its own caller.
    """

    @wraps(function)
    def in_a_transaction(*arguments: Any, **named: Any) -> Any:
        for attempt in count(1):
            try:
                with transaction.atomic():
                    return function(*arguments, **named)
            except (OperationalError, IntegrityError) as error:
                if connection.in_atomic_block or not is_conflict(error) or attempt == TRIES:
                    raise
                logger.warning("The database aborted %s because of another one; trying again", function.__qualname__)
                time.sleep(random.uniform(0, LONGEST_PAUSE * 2**attempt))
        return None  # never reached

    return in_a_transaction


def is_conflict(error: Exception) -> bool:
    """Whether the database aborted this transaction only because of another one."""
    codes = {DEADLOCK, SERIALISATION_FAILURE, BROKEN_REFERENCE}
    return getattr(error.__cause__, "sqlstate", None) in codes


def is_broken_reference(error: Exception) -> bool:
    """Whether it was to refer to a row that was removed meanwhile."""
    codes = {getattr(error.__cause__, name, None) for name in ("sqlstate", "sqlite_errorname")}
    return isinstance(error, IntegrityError) and bool(codes & {BROKEN_REFERENCE, BROKEN_REFERENCE_OF_SQLITE})


def lock_in_order(rows: models.QuerySet, to_delete: bool = False) -> list:
    """Locks these rows in the order of their primary keys until the transaction ends; returns those keys.

    Rows that changed while it waited, and no longer match, are left out.
    """
    rows = rows.select_related(None).order_by("pk")
    if not connection.features.has_select_for_update:
        return list(rows.values_list("pk", flat=True))
    return [row.pk for row in rows.select_for_update(of=("self",), no_key=not to_delete).only("pk")]


def lock_by_key(manager: models.Manager, pks: Iterable[int]):
    """Locks the rows with these keys in their order until the transaction ends. Costs nothing on SQLite."""
    if connection.features.has_select_for_update:
        for chunk in batched(sorted(pks), PARAMETERS):
            list(manager.filter(pk__in=chunk).order_by("pk").select_for_update(no_key=True).values_list("pk"))


@retried
def update_in_order(rows: models.QuerySet, **fields: Any) -> int:
    """`rows.update(**fields)` for any number of rows; returns their number."""
    everything = rows.model._default_manager
    return sum(everything.filter(pk__in=pks).update(**fields) for pks in batched(lock_in_order(rows), PARAMETERS))


@retried
def delete_in_order(rows: models.QuerySet) -> int:
    """Deletes these rows, of a table that no other table refers to; returns their number."""
    everything = rows.model._default_manager
    pks = lock_in_order(rows, to_delete=True)
    return sum(everything.filter(pk__in=chunk).delete()[0] for chunk in batched(pks, PARAMETERS))


def batched(items: Iterable, size: int) -> Iterator[list]:
    items = list(items)
    for start in range(0, len(items), size):
        yield items[start : start + size]


@contextmanager
def unsynced() -> Iterator[None]:
    """SQLite's commits do not wait for the disk: for changes that do no harm if they are missing after a power cut.

    They are never missing in part or without earlier ones, and the next commit that waits takes them along. On
    PostgreSQL nothing changes: its setting could outlive this block in a connection that a pool gives to another.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous")
        [usual] = cursor.fetchone()
        cursor.execute(f"PRAGMA synchronous = {min(usual, WITHOUT_WAITING)}")
    try:
        yield
    finally:
        wait_for_disk_again(usual)


def wait_for_disk_again(usual: int):
    """Closes the connection if that fails: a new one waits for the disk."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA synchronous = {usual}")
    except BaseException:
        connection.close()
        raise


def open_unmapped():
    """Opens this thread's connection, unless it is open, without SQLite's memory mapping: what it maps of a large
    database counts as this process's memory, and none of the poller's queries is faster with it."""
    if connection.connection is None and connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA mmap_size = 0")


@contextmanager
def unmapped() -> Iterator[None]:
    """Switches off SQLite's memory mapping, because a pass over all rows would use as much memory as it allows."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA mmap_size")
        found = cursor.fetchone()
        cursor.execute("PRAGMA mmap_size = 0")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA mmap_size = {found[0] if found else 0}")
