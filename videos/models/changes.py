"""Finds what changed since a page last asked, in the order in which the database commits.

A counter that each transaction raises by one is not in that order on PostgreSQL: a transaction may take its number
first and be committed last, and a page that has read further by then would miss it. So there a row keeps the id of the
transaction that changed it, and a page keeps a snapshot: which transactions were committed when it read.
SQLite runs one writing transaction at a time, so a growing number is enough. It grows with the clock, so that it never
is reused when the row with the highest number is deleted.
"""

import re

from django.db import connection, models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Cast

BIGGEST = 2**63 - 1
NUMBER = re.compile(r"[0-9]{1,19}")
SNAPSHOT = re.compile(r"([0-9]{1,19}):([0-9]{1,19}):((?:[0-9]{1,19},)*[0-9]{1,19}|)")
MAX_OPEN = 1000  # transactions that write at the same time


class ThisTransaction(Func):
    """The number by which the changes of this transaction are found."""

    output_field = models.BigIntegerField()
    template = (
        "MAX((SELECT COALESCE(MAX(changed_in), 0) + 1 FROM videos_generation),"
        " CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))"
    )

    def as_postgresql(self, compiler, connection, **context):
        return self.as_sql(compiler, connection, template="pg_current_xact_id()::text::bigint", **context)


# Every change that a page should show writes these; `version` counts the changes of one row, for the page itself.
CHANGED = {"version": F("version") + 1, "changed_in": ThisTransaction()}


class TransactionId(models.Field):
    def db_type(self, connection):
        return "xid8"


class Snapshot(models.Field):
    def db_type(self, connection):
        return "pg_snapshot"


def current_moment() -> str:
    """The present state of commits, for a later call of `changed_between`."""
    is_postgres = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_current_snapshot()::text" if is_postgres else "SELECT MAX(changed_in) FROM videos_generation"
        )
        [found] = cursor.fetchone()
    return str(found or 0)


def is_moment(text: str) -> bool:
    """Whether the database can read this text as a moment; it comes from a request."""
    if connection.vendor != "postgresql":
        return bool(NUMBER.fullmatch(text)) and int(text) < BIGGEST
    found = SNAPSHOT.fullmatch(text)
    if not found:
        return False
    oldest, end = int(found[1]), int(found[2])
    still_open = [int(number) for number in found[3].split(",") if number]
    is_in_order = still_open == sorted({*still_open}) and all(oldest <= one < end for one in still_open)
    return 0 < oldest <= end < BIGGEST and is_in_order and len(still_open) <= MAX_OPEN


def is_still_to_come(moment: str) -> bool:
    """A page may ask with such a moment after the database was restored from an earlier one."""
    if connection.vendor != "postgresql":
        return False  # there a moment is a time of the clock, or less
    return end_of(moment) > end_of(current_moment())


def end_of(snapshot: str) -> int:
    """The number of the first transaction that had not begun yet."""
    return int(snapshot.split(":")[1])


def changed_between(earlier: str, later: str) -> Q:
    """Rows whose last change was not committed at the earlier moment, and was committed at the later one.

    "" is a moment before everything.
    """
    if connection.vendor != "postgresql":
        return Q(changed_in__gt=int(earlier or -1), changed_in__lte=int(later))
    if not earlier:
        return Q(was_committed(later))
    oldest_open = int(earlier.partition(":")[0])  # all before it were committed: the index need not look at them
    return Q(changed_in__gte=oldest_open) & Q(~Q(was_committed(earlier)), was_committed(later))


def was_committed(moment: str) -> Func:
    transaction = Cast(Cast("changed_in", models.TextField()), TransactionId())
    snapshot = Cast(Value(moment), Snapshot())
    return Func(transaction, snapshot, function="pg_visible_in_snapshot", output_field=models.BooleanField())
