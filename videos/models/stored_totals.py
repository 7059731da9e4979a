"""Sums and counts for pages and budgets, stored as things happen, so that none costs more as history grows.

Each is changed in the transaction of what it counts; `recount.py` computes the same from the rows. Transactions change
them in one order: budgets (months before days), spend, usage, storage, providers' records.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from videos.models.provider import Provider
from videos.remotes import registry

TO_THE_SECOND, TO_FIVE_SECONDS = 100, 600  # shorter waits are stored this exactly; longer ones to the minute


def counting_backends() -> list[str]:
    """The backends of this mode: demo videos cost nothing once a key is set, and the other way round."""
    return ["", *registry.active_keys()]


class TotalsQuerySet(models.QuerySet):
    def counting(self):
        """Only the sums of this mode."""
        return self.filter(backend__in=counting_backends())

    def add(self, key: dict[str, Any], **changes):
        """Adds these changes to the row with this key, which is locked until the transaction ends."""
        changes = {name: change + 0 for name, change in changes.items() if change}  # True is 1, for PostgreSQL
        if not changes:
            return
        rows, added = self.filter(**key), {name: F(name) + change for name, change in changes.items()}
        if not rows.update(**added):
            self.get_or_create(**key)
            rows.update(**added)


class LedgerSum(models.Model):
    """The sum of ledger lines of one backend and currency. Subclasses add the rest of the key."""

    backend = models.CharField(max_length=64, blank=True)
    currency = models.CharField(max_length=3)
    videos = models.IntegerField(default=0)
    amount = models.DecimalField(max_digits=14, decimal_places=4, default=0)

    objects = TotalsQuerySet.as_manager()

    class Meta:
        abstract = True


class BudgetUse(LedgerSum):
    """The ledger's sum for one day or month: of one member, or of all (no user)."""

    class Period(models.TextChoices):
        MONTH = "month", "Month"
        DAY = "day", "Day"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    period = models.CharField(max_length=5, choices=Period)
    start = models.DateField()
    unpriced = models.IntegerField(default=0, help_text="Of the videos: those without a price.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["period", "start", "user", "backend", "currency"],
                condition=Q(user__isnull=False),
                name="one_use_for_each_member",
            ),
            models.UniqueConstraint(
                fields=["period", "start", "backend", "currency"],
                condition=Q(user__isnull=True),
                name="one_use_for_all_members",
            ),
        ]

    def __str__(self):
        return f"{self.period} from {self.start}: {self.videos}, {self.amount} {self.currency}"


class SpendDay(LedgerSum):
    """The ledger's sum for one member, provider and day."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "owner", "provider", "backend", "currency"], name="one_spend_for_each_day"
            )
        ]

    def __str__(self):
        return f"{self.day}: {self.videos}, {self.amount} {self.currency}"


class UsageDayQuerySet(TotalsQuerySet):
    def count(self, generation, wait: float | None = None, times: int = 1, **changes: int):
        """Counts this generation on its day; `wait` are the seconds it took, counted `times` (1 or -1)."""
        key = key_of(generation)
        self.add(key, **changes)
        if wait is not None:
            self.count_wait(key, wait, times)

    def count_wait(self, key: dict[str, Any], wait: float, times: int):
        row = self.select_for_update(no_key=True).get(**key)
        row.waits = added(row.waits, bucket_of(wait), times)
        row.save(update_fields=["waits"])

    def count_made(self, generations: Iterable):
        keys: dict[tuple, int] = {}
        for generation in generations:
            key = tuple(key_of(generation).items())
            keys[key] = keys.get(key, 0) + 1
        for key in sorted(keys, key=str):
            self.add(dict(key), made=keys[key])


class UsageDay(models.Model):
    """One member's generations of one day with one provider. Those not counted as ended are in progress."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    backend = models.CharField(max_length=64)
    made = models.IntegerField(default=0)
    cancelled = models.IntegerField(default=0)
    saved = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    excused = models.IntegerField(default=0, help_text="Of the failed: those that say nothing of the provider.")
    size = models.BigIntegerField(default=0, help_text="Bytes of the saved videos.")
    waits = models.JSONField(default=dict, help_text="Seconds from sending to completion: how many saved videos.")

    objects = UsageDayQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "owner", "provider", "backend"], name="one_usage_for_each_day")
        ]

    def __str__(self):
        return f"{self.day}: {self.made} made, {self.saved} saved, {self.failed} failed"


class OwnerStorage(models.Model):
    """The storage of one member's saved videos, in all and in the trash."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="storage"
    )
    videos = models.IntegerField(default=0)
    size = models.BigIntegerField(default=0)
    trashed = models.IntegerField(default=0)
    trashed_size = models.BigIntegerField(default=0)

    objects = TotalsQuerySet.as_manager()

    def __str__(self):
        return f"{self.videos} videos, {self.size:,} bytes"


class ProviderRecord(models.Model):
    """How a provider's newest videos ended, the newest first: [seconds it took or null, whether it succeeded]."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="records")
    backend = models.CharField(max_length=64)
    newest = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "backend"], name="one_record_for_each_provider")]

    def __str__(self):
        return f"{self.provider}: the last {len(self.newest)}"


def key_of(generation) -> dict[str, Any]:
    return {
        "owner_id": generation.owner_id,
        "provider_id": generation.provider_id,
        "day": generation.day,
        "backend": generation.backend,
    }


def add_to_sums(user_id: int, provider_id: int, day: date, backend: str, currency: str, lines: Iterable[tuple]):
    """Adds ledger lines, as (videos, amount), to every sum in which they count. They are equal in everything else."""
    lines, money = list(lines), {"backend": backend, "currency": currency}
    sums = {"videos": sum(videos for videos, _ in lines), "amount": sum(amount for _, amount in lines)}
    unpriced = sum(videos for videos, amount in lines if not amount)
    for period, start in (("month", day.replace(day=1)), ("day", day)):
        for user in (None, user_id):
            key = {"user_id": user, "period": period, "start": start, **money}
            BudgetUse.objects.add(key, **sums, unpriced=unpriced)
    key = {"owner_id": user_id, "provider_id": provider_id, "day": day, **money}
    SpendDay.objects.add(key, **sums)


def bucket_of(seconds: float) -> str:
    """The wait as it is stored: to the second below 100, to five seconds below ten minutes, else to the minute."""
    step = 1 if seconds < TO_THE_SECOND else 5 if seconds < TO_FIVE_SECONDS else 60
    return str(round(seconds / step) * step)


def added(waits: dict[str, int], bucket: str, times: int) -> dict[str, int]:
    count = waits.get(bucket, 0) + times
    others = {known: number for known, number in waits.items() if known != bucket}
    return others | {bucket: count} if count else others
