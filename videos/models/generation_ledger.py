"""The ledger lines of a generation, and the stored totals that it changes.

Each of these runs in the transaction of the move that it belongs to. `stored_totals.py` has the tables.
"""

from collections.abc import Iterable
from decimal import Decimal

from django.db.models import Sum

from videos.lifecycle import Status
from videos.models.budget import LedgerEntry
from videos.models.generation_queryset import NOT_ITS_FAULT
from videos.models.provider import Quote
from videos.models.saved_video import SavedVideo
from videos.models.stored_totals import OwnerStorage, ProviderRecord, UsageDay, add_to_sums
from videos.models.transactions import PARAMETERS, batched, retried, unsynced


class LedgerManagerMixin:
    """Part of the manager of generations: the stored totals that many of them change."""

    def count_failed(self, pks: list[int]):
        """Counts these generations as failed."""
        failed = [row for chunk in batched(pks, PARAMETERS) for row in self.filter(pk__in=chunk).order_by("day", "pk")]
        for generation in failed:
            UsageDay.objects.count(generation, failed=1, excused=generation.is_excused)
        self.update_track_records(failed)

    def update_track_records(self, ended: Iterable):
        """Updates the track records of the providers of these generations, which have just ended or started again."""
        for provider_id, backend in sorted({(one.provider_id, one.backend) for one in ended}):
            row, _ = ProviderRecord.objects.get_or_create(provider_id=provider_id, backend=backend)
            row = ProviderRecord.objects.select_for_update(no_key=True).get(pk=row.pk)
            row.newest = self.newest_results(provider_id, backend)
            row.save(update_fields=["newest"])


class LedgerMixin:
    """Part of the model Generation: what it costs, and what it adds to the stored totals."""

    # The ledger
    def enter(self, kind: LedgerEntry.Kind, videos: int, amount: Decimal) -> LedgerEntry:
        """Adds a line, in the currency of the first one: the provider's currency may have changed since."""
        lines = LedgerEntry.objects.lines_of(self)
        where = {
            "provider_id": self.provider_id,
            "day": self.day,
            "backend": self.backend,
            "currency": lines[0][2] if lines else self.provider.currency,
        }
        add_to_sums(self.owner_id, **where, lines=[(videos, amount)])
        line = {"kind": kind, "user_id": self.owner_id, "videos": videos, "amount": amount}
        return LedgerEntry.objects.create(generation=self, **line, **where)

    @unsynced()  # recovery settles it if this is missing
    @retried
    def settle(self):
        """Counts the generation once, however often this is called; a released hold is made again."""
        if not type(self).objects.filter(pk=self.pk).update(settled=True):  # locks it: recoveries come one by one
            return
        lines = LedgerEntry.objects.lines_of(self)
        if lines and not sum(videos for _, videos, _ in lines):
            self.enter(LedgerEntry.Kind.HOLD, videos=1, amount=self.estimate or Decimal(0))
            UsageDay.objects.count(self, cancelled=-1)
        if all(kind != LedgerEntry.Kind.SETTLE for kind, *_ in lines):
            self.enter(LedgerEntry.Kind.SETTLE, videos=0, amount=Decimal(0))

    def count_real_length(self, seconds: float):
        """If the price is per second, replaces the held amount by the price of the video's real length. The provider's
        lengths and prices may have changed since."""
        amount = Quote(self.estimate, self.seconds_of_estimate).of_length(seconds)
        if amount is None:
            return
        difference = amount - (self.ledger.aggregate(sum=Sum("amount"))["sum"] or Decimal(0))
        if difference:
            self.enter(LedgerEntry.Kind.LENGTH, videos=0, amount=difference)

    @property
    def seconds_of_estimate(self) -> float:
        if self.held_seconds is not None:
            return self.held_seconds
        return self.provider.quote(self.config, bool(self.start_frame_id or self.start_frame_url)).seconds

    def release(self, **counted: int):
        """Releases the held amount. `counted` is how the generation ended, for the usage of its day."""
        self.enter(LedgerEntry.Kind.RELEASE, videos=-1, amount=-(self.estimate or Decimal(0)))
        UsageDay.objects.count(self, **counted)

    # Stored totals
    @property
    def is_excused(self) -> bool:
        """Whether it failed for a reason that says nothing about its provider."""
        return self.status == Status.FAILED and self.error_class in NOT_ITS_FAULT

    def count_copy(self, size: int, times: int = 1):
        """Adds its saved copy to the usage of its day and to its owner's storage, or removes it (-1)."""
        UsageDay.objects.count(self, wait=self.took_seconds, times=times, saved=times, size=times * size)
        in_trash = bool(self.trashed_at)
        changes = {"videos": times, "size": times * size}
        changes |= {"trashed": times * in_trash, "trashed_size": times * size * in_trash}
        OwnerStorage.objects.add({"owner_id": self.owner_id}, **changes)

    def count_removed(self):
        """Removes it from the usage, before it is deleted. Its cost stays in the ledger."""
        ended = {Status.FAILED: "failed", Status.CANCELLED: "cancelled"}.get(self.status)
        UsageDay.objects.count(self, made=-1, excused=-self.is_excused, **({ended: -1} if ended else {}))
        copy = SavedVideo.objects.filter(generation=self).first() if self.status == Status.READY else None
        if copy:
            self.count_copy(copy.size, times=-1)

    def count_trashed(self, times: int):
        copy = SavedVideo.objects.filter(generation=self).first()
        if copy:
            OwnerStorage.objects.add({"owner_id": self.owner_id}, trashed=times, trashed_size=times * copy.size)
