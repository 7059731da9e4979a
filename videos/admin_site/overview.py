"""The admin's front page: the studio's health, spend, what needs a person, recent changes, and failures.

No figure costs more as history grows: each reads one row, the unfinished rows, or a few days by an index.
"""

import shutil
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import islice

from django.conf import settings
from django.contrib.admin.models import ADDITION, DELETION, LogEntry
from django.db import connection
from django.db.models import Count, OuterRef, Subquery, Sum
from django.urls import reverse
from django.utils import timezone

from heygen_studio.time_zone import studio_day
from videos import wording
from videos.engine import enqueue
from videos.lifecycle import Status
from videos.models import Batch, Budget, Generation, LedgerEntry, ProcessLock, Provider, RemoteAccount, StudioFault
from videos.models.bounded import count_in_any_order
from videos.models.process_lock import POLLER, WORKER_SILENT
from videos.models.stored_totals import SpendDay
from videos.models.studio_settings import current
from videos.monitoring.release import current_release
from videos.remotes import registry
from videos.remotes.errors import Cause
from videos.templatetags.studio import ago, balance_words, gap, money, size

NEEDS_A_PERSON = [Status.UNKNOWN, Status.STOPPED]
LATE = 15  # seconds
DAYS_SHOWN, PEOPLE_SHOWN, ROWS_SHOWN, CAUSES_SHOWN = 14, 5, 3, 5
CHANGES_SHOWN = 8
FAILED_WITHIN = timedelta(days=7)
MAX_FAILURES = 1000


@dataclass(frozen=True)
class Tile:
    """One measured value of the studio's health, with one line of context. `tone` is "" where nothing is measured."""

    name: str
    icon: str
    value: str
    context: str
    address: str
    tone: str = ""


def tiles() -> list[Tile]:
    return [worker(), polls(), queue(), disk(), database(), *map(account_tile, RemoteAccount.objects.all_active()[:1])]


def worker() -> Tile:
    silence = ProcessLock.objects.seconds_since(POLLER)
    is_well = silence is not None and silence <= WORKER_SILENT
    faults = count_in_any_order(StudioFault.objects.open())
    seen = f"seen {gap(silence)} ago" if silence is not None and silence >= 1 else "seen just now" if is_well else ""
    context = f"{faults} open fault{'' if faults.found == 1 else 's'}" if faults else seen or "never seen"
    tone = "bad" if not is_well else "warn" if faults else "good"
    address = reverse("admin:videos_studiofault_changelist" if faults else "admin:videos_processlock_changelist")
    return Tile("Worker", "server", "Running" if is_well else "Not running", context, address, tone)


def polls() -> Tile:
    """Whether running generations are polled on time."""
    running = Generation.objects.filter(status=Status.RUNNING, backend__in=registry.active_keys())
    now, first_due = timezone.now(), running.order_by("due_at").values_list("due_at", flat=True).first()
    late = max(0.0, (now - first_due).total_seconds()) if first_due else 0.0
    value = f"{gap(late)} late" if late > LATE else "On time" if first_due else "Nothing running"
    every = f"every {current().poll_seconds:g} s"
    address = f"{reverse('admin:videos_generation_changelist')}?status__exact={Status.RUNNING}"
    tone = "warn" if late > LATE else "good" if first_due else ""
    return Tile("Polls", "activity", value, f"{count_in_any_order(running)} running, {every}", address, tone)


def queue() -> Tile:
    waiting = count_in_any_order(Generation.objects.filter(status=Status.QUEUED, backend__in=registry.active_keys()))
    accounts = RemoteAccount.objects.all_active()
    now = timezone.now()
    sent = sum(count_in_any_order(Generation.objects.occupying(account.backend, now)).found for account in accounts)
    limit = sum(account.in_flight_limit for account in accounts)
    tasks = enqueue.waiting()
    context = f"{sent} of {limit} being made" + (f", {tasks} tasks" if tasks else "")
    address = f"{reverse('admin:videos_generation_changelist')}?status__exact={Status.QUEUED}"
    return Tile("Queue", "list-ordered", f"{waiting} waiting" if waiting else "Empty", context, address)


def disk() -> Tile:
    usage = shutil.disk_usage(settings.DATA)
    is_low = usage.free < 2 * current().min_free_bytes
    where = "the bucket holds the videos" if settings.BUCKET else f"of {size(usage.total)}"
    address = reverse("admin:videos_savedvideo_changelist")
    return Tile("Disk", "hard-drive", f"{size(usage.free)} free", where, address, "warn" if is_low else "good")


def database() -> Tile:
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    milliseconds = 1000 * (time.perf_counter() - began)
    version = ".".join(map(str, connection.get_database_version()[:2]))
    context = f"answers in {max(0.1, milliseconds):.1f} ms"
    name = f"{connection.display_name} {version}"
    return Tile("Database", "database", name, context, reverse("admin:videos_ledgerentry_changelist"), "good")


def account_tile(account: RemoteAccount) -> Tile:
    value = balance_words(account) or "Balance not known"
    checked = f"checked {ago(account.balance_at)}" if account.balance_at else "never checked"
    tone = "bad" if account.paused else "warn" if account.is_low else ""
    context = "sending is paused" if account.paused else checked
    return Tile(f"{account.name} account", "wallet", value, context, reverse("remotes"), tone)


# Money
@dataclass(frozen=True)
class Bar:
    day: date
    amount: Decimal
    x: float
    y: float
    height: float
    is_today: bool


@dataclass(frozen=True)
class Person:
    name: str
    amount: str
    limit: str
    share: float  # of the limit, or of the largest sum: 0 to 70, as wide as it is drawn


@dataclass(frozen=True)
class Spend:
    today: str
    limit: str
    bars: list[Bar]
    budget_y: float | None
    people: list[Person]
    unpriced: int


def spend() -> Spend:
    """The ledger's sums for the last days, in the currency of the studio's budget, or the most common one."""
    today = studio_day()
    shared = Budget.objects.filter(scope=Budget.Scope.STUDIO).first()
    days = SpendDay.objects.counting().filter(day__gt=today - timedelta(days=DAYS_SHOWN), day__lte=today)
    sums = list(days.order_by().values_list("day", "currency").annotate(total=Sum("amount")))
    currency = shared.currency if shared and shared.money_per_day else commonest(currency for _, currency, _ in sums)
    by_day = {day: amount for day, name, amount in sums if name == currency}
    limit = shared.money_per_day if shared else None
    tallest = max([*by_day.values(), limit or Decimal(0), Decimal(1)])
    bars = [bar(place, today - timedelta(days=DAYS_SHOWN - 1 - place), by_day, tallest) for place in range(DAYS_SHOWN)]
    zeros = LedgerEntry.objects.counting().filter(day=today, amount=0)
    unpriced = zeros.aggregate(videos=Sum("videos", default=0))["videos"]
    return Spend(
        today=money(by_day.get(today, Decimal(0)), currency),
        limit=money(limit, currency) if limit else "",
        bars=bars,
        budget_y=round(100 - 100 * float(limit / tallest), 1) if limit else None,
        people=people_today(days.filter(day=today, currency=currency), currency),
        unpriced=unpriced,
    )


def commonest(currencies: Iterable[str]) -> str:
    return next((currency for currency, _ in Counter(currencies).most_common(1)), "USD")


def bar(place: int, day: date, by_day: dict[date, Decimal], tallest: Decimal) -> Bar:
    amount = max(Decimal(0), by_day.get(day, Decimal(0)))
    height = max(1.0, 100 * float(amount / tallest))
    return Bar(day, amount, 10 + place * 70, round(100 - height, 1), round(height, 1), place == DAYS_SHOWN - 1)


def people_today(today, currency: str) -> list[Person]:
    rows = today.order_by().values("owner", "owner__username").annotate(total=Sum("amount")).order_by("-total")
    rows = [row for row in rows[:PEOPLE_SHOWN] if row["total"]]
    own, each = Budget.objects.own_and_each()
    largest = max((row["total"] for row in rows), default=Decimal(1))
    found = []
    for row in rows:
        budget = own.get(row["owner"], each)
        limit = budget.money_per_day if budget and budget.currency == currency else None
        share = min(1.0, float(row["total"] / (limit or largest)))
        words = f"of {money(limit, currency)}" if limit else "no limit"
        found.append(Person(row["owner__username"], money(row["total"], currency), words, round(70 * share, 1)))
    return found


# People, changes, failures
def needing_a_person() -> list[Generation]:
    rows = Generation.objects.filter(status__in=NEEDS_A_PERSON, trashed_at=None)
    return list(rows.select_related("provider", "owner").order_by("-pk")[:ROWS_SHOWN])


@dataclass(frozen=True)
class Change:
    at: datetime
    who: str
    words: str
    address: str = ""


def changes() -> list[Change]:
    """The newest entries of the audit log, and the newest batches."""
    entries = LogEntry.objects.select_related("user", "content_type").order_by("-pk")[:CHANGES_SHOWN]
    audit = reverse("admin:admin_logentry_changelist")
    found = [Change(entry.action_time, entry.user.get_username(), change_words(entry), audit) for entry in entries]
    videos = Generation.objects.filter(batch=OuterRef("pk")).order_by().values("batch").annotate(n=Count("pk"))
    for batch in Batch.objects.select_related("owner").annotate(n=Subquery(videos.values("n"))).order_by("-pk")[:5]:
        many = f"{batch.n or 0} video{'' if batch.n == 1 else 's'}"
        address = f"{reverse('admin:videos_generation_changelist')}?batch__id__exact={batch.pk}"
        found.append(Change(batch.created_at, batch.owner.get_username(), f"asked for {many}", address))
    return sorted(found, key=lambda change: change.at, reverse=True)[:CHANGES_SHOWN]


def change_words(entry: LogEntry) -> str:
    """A change in words, such as "added the budget “olivia”", or "changed the settings: Second factor."."""
    verb = {ADDITION: "added", DELETION: "deleted"}.get(entry.action_flag, "changed")
    words = entry.get_change_message().removeprefix("Changed: ").removeprefix("Changed ")
    return f"{verb} {entry.object_repr}" + (f": {words}" if words and entry.action_flag != ADDITION else "")


@dataclass(frozen=True)
class Failure:
    title: str
    where: str
    count: int
    width: float
    address: str


@dataclass(frozen=True)
class Failures:
    rows: list[Failure]
    failed: int
    ended: str
    percent_ok: float | None


def failures() -> Failures:
    """Failures of the last days, by cause. `due_at` is when a row was last worked on; it is indexed with the status."""
    since = timezone.now() - FAILED_WITHIN
    recent = Generation.objects.filter(due_at__gte=since, backend__in=registry.active_keys())
    failed = recent.filter(status=Status.FAILED).order_by("-due_at").values_list("error_class", "provider__name")
    found = list(failed[:MAX_FAILURES])
    ready = count_in_any_order(recent.filter(status=Status.READY))
    causes = Counter(cause for cause, _ in found)
    ours = sum(number for cause, number in causes.items() if cause != Cause.REFUSED)
    ended = ready.found + ours
    largest = max(causes.values(), default=1)
    rows = [failure(cause, number, found, largest) for cause, number in causes.most_common(CAUSES_SHOWN)]
    ended_as = f"{ready.found + len(found):,}" if ready.found + len(found) <= MAX_FAILURES else f"{MAX_FAILURES:,}+"
    return Failures(rows, len(found), ended_as, 100 * ready.found / ended if ended else None)


def failure(cause: str, number: int, found: list[tuple[str, str]], largest: int) -> Failure:
    providers = Counter(provider for of, provider in found if of == cause)
    [(name, most)] = providers.most_common(1)
    share = "all" if most == number else "mostly" if most > number / 2 else ""
    where = f"{share} {name}" if share else f"{len(providers)} providers"
    address = f"{reverse('admin:videos_generation_changelist')}?cause={cause}"
    return Failure(wording.title(cause, "the remote"), where, number, round(90 * number / largest, 1), address)


@dataclass(frozen=True)
class Ending:
    sentence: str
    depends: str


def endings() -> list[Ending]:
    """APIs that have announced their end, and how many providers depend on each."""
    found = []
    providers = list(islice(Provider.objects.exclude(state=Provider.State.RETIRED), 500))
    for account in RemoteAccount.objects.all_active():
        if not account.will_end:
            continue
        mine = sum(registry.row_key(provider.backend) == account.backend for provider in providers)
        found.append(Ending(account.end_sentence(), f"{mine} of {len(providers)} providers depend on it."))
    return found


def everything() -> dict:
    return {
        "release": current_release(),
        "tiles": tiles(),
        "spend": spend(),
        "endings": endings(),
        "waiting": needing_a_person(),
        "changes": changes(),
        "failures": failures(),
    }
