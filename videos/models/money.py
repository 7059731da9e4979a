"""Money by member and by collection: what is held, what is spent, what is left of a budget, today and this month.

What is held may still be released; what is spent was accepted by a remote. The sums of members are stored totals; what
no remote has taken yet is held, and an index finds it. A collection's sums are those of its videos of this month.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db.models import BooleanField, Case, F, Q, Sum, Value, When

from heygen_studio.time_zone import start_of_studio_day, studio_day
from videos.models.budget import Budget, BudgetLeft, uses_now
from videos.models.collection import Clip
from videos.models.generation import HELD, Generation
from videos.models.stored_totals import BudgetUse, counting_backends

Amounts = dict[str, Decimal]


@dataclass
class Sums:
    """The sums of one member or collection in one period; a minimum if `unpriced` videos have no price."""

    held: Amounts = field(default_factory=dict)
    spent: Amounts = field(default_factory=dict)
    videos: int = 0
    unpriced: int = 0
    left: list[BudgetLeft] = field(default_factory=list)

    def add(self, currency: str, amount: Decimal, is_held: bool):
        add_to(self.held if is_held else self.spent, currency, amount)

    def move_to_held(self, currency: str, amount: Decimal):
        add_to(self.spent, currency, -amount)
        add_to(self.held, currency, amount)

    def total(self, currency: str) -> Decimal:
        return self.held.get(currency, Decimal(0)) + self.spent.get(currency, Decimal(0))

    @property
    def is_partial(self) -> bool:
        return self.unpriced > 0

    def __bool__(self):
        return bool(self.videos or self.held or self.spent)


def add_to(amounts: Amounts, currency: str, amount: Decimal):
    """Adds it; an amount of zero is left out."""
    total = amounts.pop(currency, Decimal(0)) + amount
    if total:
        amounts[currency] = total


@dataclass
class Periods:
    today: Sums = field(default_factory=Sums)
    month: Sums = field(default_factory=Sums)

    def of_day(self, is_today: bool) -> list[Sums]:
        """The sums in which a day of this month counts."""
        return [self.month, self.today] if is_today else [self.month]


def sums_of(people: Iterable | None) -> dict[int | None, Periods]:
    """Member's id → their sums; or None → the sums of all members together, for people=None."""
    found: dict[int | None, Periods] = defaultdict(Periods)
    today = studio_day()
    for use in uses_now(today=today, **({"user": None} if people is None else {"user__in": people})):
        periods = found[use.user_id]
        add_use(periods.month if use.period == BudgetUse.Period.MONTH else periods.today, use)
    for owner, day, currency, amount in held_since(today.replace(day=1)):
        whose = None if people is None else owner
        for sums in found[whose].of_day(day == today) if whose in found else []:
            sums.move_to_held(currency, amount)
    return dict(found)


def add_use(sums: Sums, use: BudgetUse):
    sums.add(use.currency, use.amount, is_held=False)
    sums.videos += use.videos
    sums.unpriced += use.unpriced


def held_since(first: date) -> Iterator[tuple[int, date, str, Decimal]]:
    """(owner, day, currency, amount) of what was asked for since `first` and is held: of all members, because with one
    named, SQLite would go through everything that they ever made."""
    rows = Generation.objects.filter(HELD, day__gte=first, backend__in=counting_backends())
    found = rows.order_by().values_list("owner", "day", "ledger__currency").annotate(held=Sum("ledger__amount"))
    return ((*key, round(held, 4)) for *key, held in found if held)  # SQLite gives more digits than prices have


def by_member(people: Iterable) -> dict[int, Periods]:
    """Id of each of these → their sums, with what is left of the budget that is theirs alone or each member's."""
    people = list(people)
    found = sums_of(people)
    own, each = Budget.objects.own_and_each()
    sums = {person.pk: found.get(person.pk, Periods()) for person in people}
    for pk, periods in sums.items():
        set_left(periods, own.get(pk, each))
    return sums


def set_left(periods: Periods, budget: Budget | None):
    if budget is None:
        return
    for period, sums in (("day", periods.today), ("month", periods.month)):
        sums.left += budget.left_of(period, sums.videos, sums.total(budget.currency))


def by_collection(collections: Iterable, owner=None) -> dict[int, Periods]:
    """Id of each of these → the sums of its videos, of one owner or of everyone. A video in two counts in both."""
    today = studio_day()
    first = today.replace(day=1)
    made = Generation.objects.first_key_since(start_of_studio_day(first))
    clips = Clip.objects.filter(collection__in=collections, generation__gte=made).order_by()
    is_held = When(generation__settled=False, generation__ended_at=None, then=Value(True))
    is_today = When(generation__day=today, then=Value(True))
    rows = clips.values(
        "collection",
        currency=F("generation__ledger__currency"),
        is_held=Case(is_held, default=Value(False), output_field=BooleanField()),
        is_today=Case(is_today, default=Value(False), output_field=BooleanField()),
    )
    counts = Q(generation__ledger__day__gte=first, generation__ledger__backend__in=counting_backends())
    counts &= Q(generation__ledger__user=owner) if owner else Q()
    found: dict[int, Periods] = defaultdict(Periods)
    for row in rows.annotate(**sums_of_lines(counts)):
        add_row(found[row["collection"]], row)
    return {pk: periods for pk, periods in found.items() if periods.month}


def sums_of_lines(counts: Q) -> dict[str, Sum]:
    free = counts & Q(generation__ledger__amount=0)
    return {
        "sum": Sum("generation__ledger__amount", filter=counts, default=0),
        "count": Sum("generation__ledger__videos", filter=counts, default=0),
        "unpriced": Sum("generation__ledger__videos", filter=free, default=0),
    }


def add_row(periods: Periods, row: dict):
    for sums in periods.of_day(row["is_today"]):
        sums.add(row["currency"], row["sum"], row["is_held"])
        sums.videos += row["count"]
        sums.unpriced += row["unpriced"]


def of_everyone() -> Periods:
    """The sums of all members, with what is left of the studio's budget."""
    periods = sums_of(None).get(None, Periods())
    set_left(periods, Budget.objects.filter(scope=Budget.Scope.STUDIO).first())
    return periods
