"""The history of a generation: one row for each step, written in the transaction of the step.

`GenerationEventManager.record` is the only writer. Every move calls it, so other things that must happen in the same
commit as a move belong there too.
"""

import socket
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db import models
from django.db.models import F
from django.utils import timezone

from videos import wording
from videos.lifecycle import Status

LONGEST_CODE, LONGEST_WORDS = 100, 500
THIS_HOST = socket.gethostname()[:64]
LOOK_BACK = 6  # earlier steps that are searched for the same problem, before it gets a new row


class Step(models.TextChoices):
    """The kinds of events. A code in rows; `videos/admin/timeline.py` has the sentences."""

    CREATED = "created"
    SENDING = "sending"
    SENDING_AGAIN = "sending_again"  # the same request, under the same key
    PUT_BACK = "put_back"  # certainly not accepted; it waits
    REPLY_LOST = "reply_lost"  # the same request is repeated under the same key
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    POLLED = "polled"  # a poll found something new
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    CHECK_AGAIN = "check_again"
    NEW_LINK = "new_link"
    INTERRUPTED = "interrupted"  # a download, which continues at once
    NOT_SAVED = "not_saved"  # put off; it is tried again
    SAVED = "saved"
    FETCH_AGAIN = "fetch_again"
    WORKER_DIED = "worker_died"
    HELD = "held"
    LET_GO = "let_go"
    MOVED_UP = "moved_up"
    CANCELLED = "cancelled"
    NOT_MADE = "not_made"
    FOUND = "found"
    RETRIED = "retried"
    SHARED = "shared"
    UNSHARED = "unshared"
    TRASHED = "trashed"
    RESTORED = "restored"
    COLLECTED = "collected"
    UNCOLLECTED = "uncollected"
    APPROVED = "approved"  # in the review of a collection, as are the next three
    CHANGE_ASKED = "change_asked"
    REJECTED = "rejected"
    REVIEW_AGAIN = "review_again"
    CHECKED = "checked"  # by the consistency check, as are the next two
    NOT_WHOLE = "not_whole"
    REDRAWN = "redrawn"
    MEASURED = "measured"


# Steps that repeat while something is wrong, and the results of checks: a repetition is counted, not written again.
CHECKS = {Step.CHECKED, Step.NOT_WHOLE}
REPEATING = {
    *(Step.PUT_BACK, Step.REPLY_LOST, Step.INTERRUPTED, Step.NOT_SAVED, Step.WORKER_DIED, Step.NEW_LINK),
    *CHECKS,
}
ATTEMPTS = {Step.SENDING, Step.SENDING_AGAIN}
PROBLEMS = REPEATING - {Step.NEW_LINK, Step.CHECKED} | {Step.REFUSED, Step.UNKNOWN, Step.FAILED, Step.STOPPED}


class GenerationEventManager(models.Manager):
    def record(self, events: "Iterable[GenerationEvent]"):
        """Writes these events in the transaction of their moves, with one INSERT for any number.

        The rows of the generations are locked by then, so their last events cannot change.
        """
        self.bulk_create([event for event in events if not self._fold(event.completed())])

    def _fold(self, event: "GenerationEvent") -> bool:
        """Counts this step in a recent event of the same kind, if there is one."""
        if event.step not in REPEATING:
            return False
        between = []
        for earlier in self.filter(generation_id=event.generation_id).order_by("-pk")[:LOOK_BACK]:
            if earlier.says_the_same(event):
                fields = {"last_at": event.at, "facts": event.facts, "words": event.words, "polls": event.polls}
                self.filter(pk=earlier.pk).update(times=F("times") + 1, **fields)
                self.filter(pk__in=between).delete()
                return True
            if earlier.step in ATTEMPTS:
                between.append(earlier.pk)
            elif earlier.step in CHECKS or earlier.step not in REPEATING or earlier.status != event.status:
                break
        return False


class GenerationEvent(models.Model):
    generation = models.ForeignKey("Generation", on_delete=models.CASCADE, related_name="events", db_index=False)
    at = models.DateTimeField(default=timezone.now)
    step = models.CharField(max_length=16)
    status = models.CharField(max_length=10, choices=Status, help_text="The generation's status after it.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    host = models.CharField(max_length=64, blank=True, help_text="The machine whose process wrote it.")
    code = models.CharField(max_length=LONGEST_CODE, blank=True, help_text="situation.cause, see videos/wording.py.")
    facts = models.JSONField(default=dict, blank=True, help_text="Of the code: a number, a place.")
    words = models.TextField(blank=True, help_text="The remote's own words.")
    polls = models.PositiveIntegerField(default=0, help_text="How often it had been polled by then.")
    times = models.PositiveIntegerField(default=1, help_text="How often the same happened in a row.")
    last_at = models.DateTimeField(null=True, blank=True)

    objects = GenerationEventManager()

    class Meta:
        indexes = [models.Index(fields=["generation", "id"], name="event_timeline")]

    def __str__(self):
        return f"{self.step}, {self.at:%d %b %Y %H:%M:%S}"

    @property
    def message(self) -> str:
        """The text of the card at that moment."""
        return wording.explain(self.code, self.generation.remote_name, self.facts)

    def completed(self) -> "GenerationEvent":
        """Returns itself with texts that every database accepts: an event must never prevent its move."""
        self.host = THIS_HOST
        for name, longest in (("code", LONGEST_CODE), ("words", LONGEST_WORDS)):
            setattr(self, name, str(getattr(self, name) or "").replace("\0", "")[:longest])
        return self

    def says_the_same(self, other: "GenerationEvent") -> bool:
        own, others = (event.code or event.words for event in (self, other))
        return (self.step, self.status, own) == (other.step, other.status, others)


def events_of(generations: Sequence, step: Step, **facts) -> list[GenerationEvent]:
    """An event of the same step for each generation, with its present status."""
    return [
        GenerationEvent(generation=one, step=step, status=one.status, polls=one.polls, **facts) for one in generations
    ]
