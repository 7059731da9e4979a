"""Outgoing notices: a row for each generation that ended, until the notice is sent.

A row is written in the transaction of the move. Unlike webhook events, notices are grouped and tried once.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from videos.lifecycle import Status
from videos.models.preferences import Preferences
from videos.models.studio_settings import current
from videos.models.transactions import delete_in_order, update_in_order

KINDS = {
    Status.READY: "finished",
    Status.FAILED: "failed",
    Status.UNKNOWN: "needs_person",
    Status.STOPPED: "needs_person",
}
PARTS = ("person", "generation__owner", "generation__provider")
GROUPED_FOR = timedelta(seconds=20)  # so that a batch is one message
SHORTEST_PAUSE = timedelta(minutes=1)  # between two messages
KEPT_FOR = timedelta(days=1)


class OutgoingNoticeQuerySet(models.QuerySet):
    def add_for(self, generation):
        """Adds a notice if this generation has just ended or needs a person. Called in the transaction of the move."""
        kind = KINDS.get(Status(generation.status))
        if kind and (current().notifies_of(kind) or Preferences.objects.of(generation.owner).wants(kind)):
            self.create(generation=generation, kind=kind)

    def add_review(self, generation, person):
        """A client answered or commented behind a link of this person; once for each video until it is sent."""
        kind = OutgoingNotice.Kind.REVIEW
        if not current().notifies_of(kind) and not Preferences.objects.of(person).wants(kind):
            return
        if not self.unsent().filter(generation=generation, person=person, kind=kind).exists():
            self.create(generation=generation, person=person, kind=kind)

    def unsent(self):
        return self.filter(told_at=None)

    def claim(self, limit: int) -> list["OutgoingNotice"]:
        """Marks the oldest unsent ones as sent, and returns them. Of several processes, each gets its own."""
        now = timezone.now()
        waiting = list(self.unsent().order_by("pk").values_list("pk", flat=True)[:limit])
        if not update_in_order(self.filter(pk__in=waiting, told_at=None), told_at=now):
            return []
        claimed = self.filter(pk__in=waiting, told_at=now).select_related(*PARTS)
        return list(claimed.order_by("pk"))

    def are_due(self, now: datetime) -> bool:
        """Whether a group is complete and the last message was long enough ago."""
        if not self.unsent().filter(created_at__lte=now - GROUPED_FOR).exists():
            return False
        return not self.filter(told_at__gt=now - SHORTEST_PAUSE, told_at__lte=now).exists()

    def prune(self) -> int:
        before = timezone.now() - KEPT_FOR
        return delete_in_order(self.filter(Q(told_at__lt=before) | Q(created_at__lt=before)))


class OutgoingNotice(models.Model):
    class Kind(models.TextChoices):
        FINISHED = "finished", "Finished"
        FAILED = "failed", "Failed"
        NEEDS_PERSON = "needs_person", "Needs a person"
        REVIEW = "review", "A client answered"

    generation = models.ForeignKey("Generation", on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+", help_text="Empty: its owner."
    )
    kind = models.CharField(max_length=16, choices=Kind)
    created_at = models.DateTimeField(default=timezone.now)
    told_at = models.DateTimeField(null=True, blank=True)

    objects = OutgoingNoticeQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["created_at"], condition=Q(told_at=None), name="outgoing_notice_untold"),
            models.Index(fields=["told_at"], name="outgoing_notice_told"),
        ]

    def __str__(self):
        return f"{self.get_kind_display()}: {self.generation_id}"

    @property
    def addressee(self):
        return self.person or self.generation.owner
