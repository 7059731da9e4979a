"""A person's decisions about a generation: cancel, hold, stop waiting, check or fetch again, resolve, retry.

`Generation._move` makes the moves. `by` is the person, for the history.
"""

from django.db.models import Q
from django.utils import timezone

from videos.lifecycle import Status
from videos.models.changes import CHANGED
from videos.models.event import Step
from videos.models.lease import NO_LEASE
from videos.models.saved_video import SavedVideo
from videos.models.status_note import NO_NOTE
from videos.models.stored_totals import UsageDay
from videos.models.transactions import retried

NOT_FOUND_BY_REMOTE = Q(status=Status.FAILED, error_class="not_found", remote_id__isnull=False)


class DecisionsMixin:
    """Part of the model Generation: the moves that a person makes, and the mark that it was retried."""

    # What waits to be sent
    @retried
    def cancel(self, by=None) -> bool:
        """Cancels a generation that was never sent. A sender that has claimed it cannot mark it: nothing is spent."""
        rows = self._rows(Status.CANCELLED).filter(status=Status.QUEUED)
        ended = {"ended_at": timezone.now(), **NO_NOTE, **NO_LEASE}
        cancelled = self._move(rows, Status.CANCELLED, Step.CANCELLED, by=by, **ended)
        if cancelled:
            self.release(cancelled=1)
        return cancelled

    @retried
    def hold(self, by=None) -> bool:
        """Holds it: it is not sent until it is released. A sender that has claimed it fails at its mark."""
        rows = type(self).objects.filter(pk=self.pk, status=Status.QUEUED, held_at=None)
        return self._move(rows, Status.QUEUED, Step.HELD, by=by, held_at=timezone.now(), **NO_LEASE)

    @retried
    def let_go(self, by=None) -> bool:
        """Releases a held generation, which is sent when its turn comes."""
        rows = type(self).objects.filter(pk=self.pk, status=Status.QUEUED, held_at__isnull=False)
        return self._move(rows, Status.QUEUED, Step.LET_GO, by=by, held_at=None)

    # What was sent
    def stop_waiting(self, by=None) -> bool:
        """Gives up waiting for the remote. It may still bring the video: `check_again` polls it again."""
        fields = {"ended_at": timezone.now(), **NO_NOTE, **NO_LEASE}
        return self._move(self._rows(Status.STOPPED), Status.STOPPED, Step.STOPPED, by=by, **fields)

    @retried
    def check_again(self, by=None) -> bool:
        """Polls again a generation that was given up, or whose id the remote API did not know earlier. Free."""
        rows, fields = self._rows(Status.RUNNING), self._polled_from_now()
        if self._move(rows.filter(status=Status.STOPPED), Status.RUNNING, Step.CHECK_AGAIN, by=by, **fields):
            return True
        if not self._move(rows.filter(NOT_FOUND_BY_REMOTE), Status.RUNNING, Step.CHECK_AGAIN, by=by, **fields):
            return False
        UsageDay.objects.count(self, failed=-1)
        type(self).objects.update_track_records([self])
        return True

    @retried
    def resolve_as_not_made(self, by=None) -> bool:
        """The owner checked that the remote API has nothing. The sender's token stays, in case it has after all."""
        rows = self._rows(Status.CANCELLED).filter(status=Status.UNKNOWN)
        cancelled = self._move(rows, Status.CANCELLED, Step.NOT_MADE, by=by, ended_at=timezone.now())
        if cancelled:
            self.release(cancelled=1)
        return cancelled

    @retried
    def resolve_as_found(self, remote_id: str, by=None) -> bool:
        """The owner found it at the remote API. Raises IntegrityError if another generation has this id."""
        rows = self._rows(Status.RUNNING).filter(status=Status.UNKNOWN)
        fields = {"remote_id": remote_id, **self._polled_from_now()}
        if not self._move(rows, Status.RUNNING, Step.FOUND, by=by, words=remote_id, **fields):
            return False
        self.settle()
        return True

    # What was saved
    @retried
    def fetch_again(self, by=None) -> bool:
        """The saved copy is missing or changed on disk: deletes its row, so that the engine downloads it again.

        What the video costs is settled: the length of the new copy makes no difference.
        """
        rows = type(self).objects.filter(pk=self.pk, status=Status.READY, remote_id__isnull=False)
        fields = {"due_at": timezone.now(), "saved_at": None, "ended_at": None, "held_seconds": 0, **NO_LEASE}
        if not self._move(rows, Status.SAVING, Step.FETCH_AGAIN, by=by, **fields):
            return False
        self.count_copy(sum(SavedVideo.objects.filter(generation=self).values_list("size", flat=True)), times=-1)
        SavedVideo.objects.filter(generation=self).delete()
        type(self).objects.update_track_records([self])
        return True

    # A new one in its place
    @retried
    def mark_retried(self, again: bool, by=None) -> bool:
        """Marks that a new generation replaces it; its status stays. False if it was retried before, unless `again` is
        given."""
        rows = type(self).objects.filter(pk=self.pk)
        marked = (rows if again else rows.filter(retried_at=None)).update(retried_at=timezone.now(), **CHANGED)
        self.refresh_from_db()
        if marked:
            self.log(Step.RETRIED, by=by)
        return bool(marked)
