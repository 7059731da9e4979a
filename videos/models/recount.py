"""Computes every stored total from the rows, compares, and repairs. It goes through the rows one by one, so that its
memory does not grow with them."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Sum

from videos.lifecycle import Status
from videos.models.budget import LedgerEntry
from videos.models.generation import Generation
from videos.models.generation_queryset import NOT_ITS_FAULT
from videos.models.stored_totals import BudgetUse, OwnerStorage, ProviderRecord, SpendDay, UsageDay, bucket_of
from videos.models.transactions import batched, retried, unmapped

AT_ONCE = 2000
Rows = dict[tuple, dict[str, Any]]  # key → numbers


@dataclass(frozen=True)
class Table:
    """One table of stored totals: its key, its numbers, and what they should be according to the rows."""

    model: type[models.Model]
    key: tuple[str, ...]
    numbers: tuple[str, ...]
    expected: Callable[[], Rows]

    def found(self) -> Rows:
        rows = self.model._default_manager.values_list(*self.key, *self.numbers)
        size = len(self.key)
        found = {row[:size]: dict(zip(self.numbers, row[size:], strict=True)) for row in rows.iterator(AT_ONCE)}
        return {key: numbers for key, numbers in found.items() if any(numbers.values())}


def spend() -> Rows:
    key = ("user", "provider", "day", "backend", "currency")
    sums = LedgerEntry.objects.order_by().values_list(*key).annotate(videos=Sum("videos"), amount=Sum("amount"))
    return without_nothing({row[:5]: {"videos": row[5], "amount": row[6]} for row in sums.iterator(AT_ONCE)})


def budget_use() -> Rows:
    found: Rows = defaultdict(lambda: {"unpriced": 0, "videos": 0, "amount": Decimal(0)})
    key = ("user", "day", "backend", "currency")
    unpriced = Sum("videos", filter=models.Q(amount=0), default=0)
    sums = LedgerEntry.objects.order_by().values_list(*key).annotate(unpriced=unpriced)
    sums = sums.annotate(videos=Sum("videos"), amount=Sum("amount"))
    for user, day, backend, currency, *numbers in sums.iterator(AT_ONCE):
        for period, start in (("month", day.replace(day=1)), ("day", day)):
            for whose in (None, user):
                row = found[whose, period, start, backend, currency]
                for name, number in zip(list(row), numbers, strict=True):
                    row[name] += number
    return without_nothing(found)


def usage_days() -> Rows:
    found: Rows = defaultdict(
        lambda: {"made": 0, "cancelled": 0, "saved": 0, "failed": 0, "excused": 0, "size": 0, "waits": {}}
    )
    names = ("owner_id", "provider_id", "day", "backend", "status", "error_class")
    names += ("sent_at", "completed_at", "saved_video__size")
    rows = Generation.objects.order_by().values_list(*names)
    for *key, status, error_class, sent_at, completed_at, size in rows.iterator(AT_ONCE):
        row = found[tuple(key)]
        row["made"] += 1
        row["cancelled"] += status == Status.CANCELLED
        row["failed"] += status == Status.FAILED
        row["excused"] += status == Status.FAILED and error_class in NOT_ITS_FAULT
        if status == Status.READY:
            row["saved"] += 1
            row["size"] += size or 0
            if sent_at and completed_at:
                wait = bucket_of((completed_at - sent_at).total_seconds())
                row["waits"][wait] = row["waits"].get(wait, 0) + 1
    return found


def storage() -> Rows:
    in_trash = models.Q(trashed_at__isnull=False)
    sums = (
        Generation.objects.filter(saved_video__isnull=False)
        .order_by()
        .values_list("owner_id")
        .annotate(
            videos=models.Count("pk"),
            size=Sum("saved_video__size"),
            trashed=models.Count("pk", filter=in_trash),
            trashed_size=Sum("saved_video__size", filter=in_trash, default=0),
        )
    )
    return {(owner,): dict(zip(STORAGE.numbers, numbers, strict=True)) for owner, *numbers in sums}


def records() -> Rows:
    made = Generation.objects.order_by().values_list("provider_id", "backend").distinct()
    found = {key: {"newest": Generation.objects.newest_results(*key)} for key in made}
    return without_nothing(found)


def without_nothing(rows: Rows) -> Rows:
    return {key: numbers for key, numbers in rows.items() if any(numbers.values())}


STORAGE = Table(OwnerStorage, ("owner_id",), ("videos", "size", "trashed", "trashed_size"), storage)
TABLES = (
    Table(
        BudgetUse, ("user_id", "period", "start", "backend", "currency"), ("videos", "amount", "unpriced"), budget_use
    ),
    Table(SpendDay, ("owner_id", "provider_id", "day", "backend", "currency"), ("videos", "amount"), spend),
    Table(
        UsageDay,
        ("owner_id", "provider_id", "day", "backend"),
        ("made", "cancelled", "saved", "failed", "excused", "size", "waits"),
        usage_days,
    ),
    STORAGE,
    Table(ProviderRecord, ("provider_id", "backend"), ("newest",), records),
)


@retried
def recount():
    """Replaces every stored total by the one from the rows. Transactions that would change one meanwhile wait."""
    lock_tables()
    for table in TABLES:
        table.model._default_manager.all().delete()
        rows = (
            table.model(**dict(zip(table.key, key, strict=True)), **numbers)
            for key, numbers in table.expected().items()
        )
        for chunk in batched(rows, AT_ONCE):
            table.model._default_manager.bulk_create(chunk)


def lock_tables():
    """In SQLite, only one transaction writes at a time anyway."""
    if connection.vendor == "postgresql":
        names = ", ".join(table.model._meta.db_table for table in TABLES)
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {names} IN EXCLUSIVE MODE")


def differences() -> list[str]:
    """The differences between stored totals and rows, one sentence each. The studio may keep running."""
    found = []
    with unmapped(), one_moment():
        for table in TABLES:
            found += differences_of(table)
    return found


def differences_of(table: Table) -> list[str]:
    expected, found = table.expected(), table.found()
    name = table.model._meta.verbose_name
    wrong = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
    return [
        f"{name} of {key}: kept {found.get(key)}, by the rows {expected.get(key)}" for key in sorted(wrong, key=str)
    ]


@contextmanager
def one_moment() -> Iterator[None]:
    """A block whose reads all see the same state of the database, without blocking anybody."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")  # Django's own would lock out every writer
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
