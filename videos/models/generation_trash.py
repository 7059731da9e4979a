"""The trash: a video is moved there, restored, or removed for good with its files."""

from django.db.models import Q
from django.utils import timezone

from videos.lifecycle import UNSETTLED
from videos.models.changes import CHANGED
from videos.models.event import GenerationEvent, Step, events_of
from videos.models.transactions import lock_in_order, retried, update_in_order


class TrashManagerMixin:
    """Part of the manager of generations: moving many to the trash by the owner's rule."""

    @retried
    def retire(self, pks: list[int], code: str) -> int:
        """Moves these to the trash by the owner's rule, except those that somebody has kept in the meantime."""
        rows = list(self.filter(pk__in=lock_in_order(self.filter(pk__in=pks).retirable())))
        update_in_order(self.filter(pk__in=[row.pk for row in rows]), trashed_at=timezone.now(), **CHANGED)
        GenerationEvent.objects.record(events_of(rows, Step.TRASHED, code=code))
        for row in rows:
            row.count_trashed(1)
        return len(rows)


class TrashMixin:
    """Part of the model Generation: into the trash, out of it, and removed for good."""

    @retried
    def move_to_trash(self, by=None) -> bool:
        """False if it is in progress or may have been charged: then it must stay visible until it has ended."""
        rows = type(self).objects.filter(pk=self.pk, trashed_at=None).exclude(status__in=UNSETTLED)
        trashed = rows.update(**CHANGED, trashed_at=timezone.now())
        self.refresh_from_db()
        if trashed:
            self.log(Step.TRASHED, by=by)
            self.count_trashed(1)
        return self.trashed_at is not None

    @retried
    def remove_for_good(self) -> bool:
        """Deletes the row and its files, if it is still in the trash; somebody may have restored it.

        Deleting it also updates its retries, which lose their link to it.
        """
        lock_in_order(type(self).objects.filter(Q(pk=self.pk) | Q(retry_of=self.pk)), to_delete=True)
        row = type(self).objects.removable().filter(pk=self.pk).first()
        if row:
            row.count_removed()
            row.delete()
            type(self).objects.update_track_records([row])
        return bool(row)

    @retried
    def restore(self, by=None):
        rows = type(self).objects.filter(pk=self.pk, trashed_at__isnull=False)
        restored = rows.update(**CHANGED, trashed_at=None)
        self.refresh_from_db()
        if restored:
            self.log(Step.RESTORED, by=by)
            self.count_trashed(-1)
