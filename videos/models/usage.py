"""Usage by day and by provider: counts, waiting times and cost, as stored for each day."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Sum

from videos.models.provider import Provider
from videos.models.stored_totals import OwnerStorage, SpendDay, UsageDay
from videos.remotes import registry


@dataclass
class Tally:
    """Counts of one day, one provider, or all: `waits` are seconds from sending to completion, and how many took so
    long; `excused` are those of `failed` that say nothing of a provider."""

    saved: int = 0
    failed: int = 0
    excused: int = 0
    other: int = 0
    size: int = 0
    waits: Counter[float] = field(default_factory=Counter)
    spend: dict[str, Decimal] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return self.saved + self.failed + self.other

    @property
    def percent_ok(self) -> float | None:
        ended = self.saved + self.failed - self.excused
        return 100 * self.saved / ended if ended else None

    @property
    def median_seconds(self) -> float | None:
        return quantile(self.waits, 0.5)

    @property
    def p90_seconds(self) -> float | None:
        """The time within which nine out of ten were finished."""
        return quantile(self.waits, 0.9)

    def add(self, day: UsageDay):
        self.saved += day.saved
        self.failed += day.failed
        self.excused += day.excused
        self.other += day.made - day.cancelled - day.saved - day.failed
        self.size += day.size
        for seconds, times in day.waits.items():
            self.waits[float(seconds)] += times

    def charge(self, currency: str, amount: Decimal):
        if amount:
            self.spend[currency] = self.spend.get(currency, Decimal(0)) + amount


def quantile(waits: Counter[float], share: float) -> float | None:
    """The wait below which `share` of them lie, interpolated between two of them."""
    last = waits.total() - 1
    if last < 0:
        return None
    place = share * last
    below, above = wait_at(waits, int(place)), wait_at(waits, min(int(place) + 1, last))
    return below + (above - below) * (place - int(place))


def wait_at(waits: Counter[float], place: int) -> float:
    for seconds in sorted(waits):
        place -= waits[seconds]
        if place < 0:
            return seconds
    return max(waits)


@dataclass
class Usage:
    """The usage of a span of days: in total, for each day in order (empty days too), and for each provider used."""

    first: date
    last: date
    whole: Tally
    by_day: dict[date, Tally]
    by_provider: dict[Provider, Tally]


def usage(first: date, last: date, owner=None) -> Usage:
    """Usage from `first` to `last`, both included, of one owner or of everyone. Spend is what the ledger holds."""
    whole, by_provider = Tally(), defaultdict(Tally)
    by_day = {first + timedelta(days=n): Tally() for n in range((last - first).days + 1)}
    providers = {provider.pk: provider for provider in Provider.objects.all()}
    for row in counted(first, last, owner):
        for tally in (whole, by_day[row.day], by_provider[providers[row.provider_id]]):
            tally.add(row)
    for provider_id, day, currency, amount in spent(first, last, owner):
        for tally in (whole, by_day[day], by_provider[providers[provider_id]]):
            tally.charge(currency, amount)
    ordered = dict(sorted(by_provider.items(), key=lambda item: item[0].position))
    return Usage(first, last, whole, by_day, ordered)


@dataclass
class StorageUse:
    """The contents of the storage: the number of videos, their bytes, and the bytes of those in the trash."""

    videos: int
    size: int
    trashed_size: int


def stored_by(owner=None) -> StorageUse:
    rows = OwnerStorage.objects.all() if owner is None else OwnerStorage.objects.filter(owner=owner)
    names = ("videos", "size", "trashed_size")
    return StorageUse(**rows.aggregate(**{name: Sum(name, default=0) for name in names}))


def counted(first: date, last: date, owner) -> Iterable[UsageDay]:
    rows = UsageDay.objects.filter(day__gte=first, day__lte=last, backend__in=registry.active_keys())
    return rows if owner is None else rows.filter(owner=owner)


def spent(first: date, last: date, owner) -> Iterable[tuple[int, date, str, Decimal]]:
    rows = SpendDay.objects.counting().filter(day__gte=first, day__lte=last)
    if owner is not None:
        rows = rows.filter(owner=owner)
    sums = rows.order_by().values_list("provider_id", "day", "currency")
    return sums.annotate(total=Sum("amount"))
