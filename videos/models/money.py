"""Money by member and by collection: what is held, what is spent, what is left of a budget, today and this month.

What is held may still be given back; what is spent was taken by a remote. Each sum reads the ledger of one month.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import BooleanField, Case, Q, QuerySet, Sum, Value, When

from heygen_studio.time_zone import studio_day
from videos.models.budget import Budget, LedgerEntry, Left

Amounts = dict[str, Decimal]


@dataclass
class Sums:
    """Of one member or collection in one period; at least so much where `unpriced` videos have no price."""

    held: Amounts = field(default_factory=dict)
    spent: Amounts = field(default_factory=dict)
    videos: int = 0
    unpriced: int = 0
    left: list[Left] = field(default_factory=list)

    def add(self, currency: str, amount: Decimal, is_held: bool):
        amounts = self.held if is_held else self.spent
        if amount:
            amounts[currency] = amounts.get(currency, Decimal(0)) + amount

    def total(self, currency: str) -> Decimal:
        return self.held.get(currency, Decimal(0)) + self.spent.get(currency, Decimal(0))

    @property
    def is_partial(self) -> bool:
        return self.unpriced > 0

    def __bool__(self):
        return bool(self.videos or self.held or self.spent)


@dataclass
class Periods:
    today: Sums = field(default_factory=Sums)
    month: Sums = field(default_factory=Sums)


def of_entries(entries: QuerySet, by: str) -> dict[int, Periods]:
    """Value of the field `by` → its sums, from one query over this month's entries."""
    today = studio_day()
    is_open = When(generation__settled=False, then=Value(True))
    is_held = Case(is_open, default=Value(False), output_field=BooleanField())
    is_today = Case(When(day=today, then=Value(True)), default=Value(False), output_field=BooleanField())
    rows = entries.filter(day__gte=today.replace(day=1), day__lte=today).order_by()
    rows = rows.annotate(is_held=is_held, is_today=is_today).values(by, "currency", "is_held", "is_today")
    found: dict[int, Periods] = defaultdict(Periods)
    for row in rows.annotate(sum=Sum("amount"), count=Sum("videos"), unpriced=Sum("videos", filter=Q(amount=0))):
        periods = found[row[by]]
        for sums in [periods.month, periods.today] if row["is_today"] else [periods.month]:
            sums.add(row["currency"], row["sum"], row["is_held"])
            sums.videos += row["count"]
            sums.unpriced += row["unpriced"] or 0
    return dict(found)


def by_member(people: Iterable) -> dict[int, Periods]:
    """Id of each of these → their sums, with what is left of the budget that is theirs alone or each member's."""
    found = of_entries(LedgerEntry.objects.counting().filter(user__in=people), "user")
    own, each = {}, None
    for budget in Budget.objects.exclude(scope=Budget.Scope.STUDIO):
        if budget.user_id:
            own[budget.user_id] = budget
        else:
            each = budget
    sums = {person.pk: found.get(person.pk, Periods()) for person in people}
    for pk, periods in sums.items():
        set_left(periods, own.get(pk, each))
    return sums


def set_left(periods: Periods, budget: Budget | None):
    if budget is None:
        return
    for sums, period, videos, money in (
        (periods.today, "today", budget.videos_per_day, budget.money_per_day),
        (periods.month, "this month", budget.videos_per_month, budget.money_per_month),
    ):
        if videos is not None:
            sums.left.append(Left("", period, "videos", videos, max(0, videos - sums.videos)))
        if money is not None:
            left = max(Decimal(0), money - sums.total(budget.currency))
            sums.left.append(Left("", period, budget.currency, money, left))


def by_collection(collections: Iterable, owner=None) -> dict[int, Periods]:
    """Id of each of these → the sums of its videos, of one owner or of everyone. A video in two counts in both."""
    entries = LedgerEntry.objects.counting().filter(generation__clips__collection__in=collections)
    if owner is not None:
        entries = entries.filter(user=owner)
    return of_entries(entries, "generation__clips__collection")


def of_everyone() -> Periods:
    """The sums of all members, with what is left of the studio's budget."""
    found = of_entries(LedgerEntry.objects.counting().annotate(all=Value(0)), "all")
    periods = found.get(0, Periods())
    set_left(periods, Budget.objects.filter(scope=Budget.Scope.STUDIO).first())
    return periods
