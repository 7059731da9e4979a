"""Usage by day and by provider: counts, waiting times and cost, computed from the rows."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from statistics import median, quantiles

from django.db.models import Sum
from django.utils import timezone

from videos.lifecycle import Status
from videos.models.budget import LedgerEntry
from videos.models.generation import Generation
from videos.models.generation_queryset import NOT_ITS_FAULT
from videos.models.provider import Provider
from videos.remotes import registry


@dataclass
class Tally:
    """Counts of one day, one provider, or all. `seconds` are waits from sending to completion; `excused` are those of
    `failed` that say nothing of a provider."""

    saved: int = 0
    failed: int = 0
    excused: int = 0
    other: int = 0
    size: int = 0
    seconds: list[float] = field(default_factory=list)
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
        return median(self.seconds) if self.seconds else None

    @property
    def p90_seconds(self) -> float | None:
        """The time within which nine of ten were finished."""
        if len(self.seconds) < 2:
            return self.median_seconds
        return quantiles(self.seconds, n=10, method="inclusive")[-1]

    def add(self, generation: Generation):
        if generation.status == Status.READY:
            self.saved += 1
            self.size += generation.saved_video.size
        elif generation.status == Status.FAILED:
            self.failed += 1
            self.excused += generation.error_class in NOT_ITS_FAULT
        else:
            self.other += 1
        if generation.status == Status.READY and generation.took_seconds is not None:
            self.seconds.append(generation.took_seconds)

    def charge(self, currency: str, amount: Decimal):
        if amount:
            self.spend[currency] = self.spend.get(currency, Decimal(0)) + amount


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
    for generation in counted(first, owner):
        day = timezone.localdate(generation.created_at)
        if day in by_day:
            for tally in (whole, by_day[day], by_provider[providers[generation.provider_id]]):
                tally.add(generation)
    for provider_id, day, currency, amount in spent(first, last, owner):
        for tally in (whole, by_day[day], by_provider[providers[provider_id]]):
            tally.charge(currency, amount)
    ordered = dict(sorted(by_provider.items(), key=lambda item: item[0].position))
    return Usage(first, last, whole, by_day, ordered)


@dataclass
class StorageUse:
    """What the storage holds now: the number of videos, their bytes, and the bytes of those in the trash."""

    videos: int
    size: int
    trashed_size: int


def stored_by(owner=None) -> StorageUse:
    rows = Generation.objects.filter(saved_video__isnull=False)
    if owner is not None:
        rows = rows.filter(owner=owner)
    return StorageUse(rows.count(), rows.stored_size(), rows.trashed().stored_size())


def counted(first: date, owner) -> Iterable[Generation]:
    # One day earlier than requested: where a day begins depends on the time zone, which the caller checks.
    rows = Generation.objects.filter(
        created_at__date__gte=first - timedelta(days=1), backend__in=registry.active_keys()
    )
    rows = rows.exclude(status=Status.CANCELLED)
    if owner is not None:
        rows = rows.filter(owner=owner)
    names = ("status", "error_class", "created_at", "sent_at", "completed_at", "provider_id", "saved_video__size")
    return rows.select_related("saved_video").only(*names).iterator()


def spent(first: date, last: date, owner) -> Iterable[tuple[int, date, str, Decimal]]:
    entries = LedgerEntry.objects.counting().filter(day__gte=first, day__lte=last)
    if owner is not None:
        entries = entries.filter(user=owner)
    sums = entries.values("provider_id", "day", "currency").annotate(total=Sum("amount"))
    return sums.values_list("provider_id", "day", "currency", "total")
