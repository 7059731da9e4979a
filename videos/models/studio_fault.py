"""Faults of the studio itself: exceptions that a job did not expect, with their place and without their text.

They are never shown as a passing fault of a remote API. A fault is open from the first time on, and until the job that
met it works again.
"""

import logging
from collections.abc import Iterable

from django.db import Error, InterfaceError, OperationalError, models
from django.db.models import F
from django.utils import timezone

from videos.exception_place import place_of
from videos.lifecycle import IN_PROGRESS
from videos.models.prepared import prepared

logger = logging.getLogger(__name__)

MAX_SHOWN = 20  # at the top of a page

# The database is away, busy or full: that passes, and health and the log say so.
PASSING = (OperationalError, InterfaceError)


class Job(models.TextChoices):
    SENDING = "sending", "Sending"
    POLLING = "polling", "Polling"
    SAVING = "saving", "Saving"
    RECOVERY = "recovery", "Recovery"
    ACCOUNT = "account", "Account check"
    NIGHTLY = "nightly", "Nightly check"
    WEBHOOKS = "webhooks", "Webhooks"
    NOTICES = "notices", "Notices"
    PICTURES = "pictures", "Reading pictures"


class StudioFaultQuerySet(models.QuerySet):
    def open(self):
        return self.filter(cleared_at=None).order_by("first_seen_at")

    @prepared
    def to_be_shown(self):
        return self.open()[:MAX_SHOWN]

    def record(self, job: Job, error: Exception, generation_id: int | None = None):
        """Counts the exception as a fault of the studio, unless the database is away. Never raises, so that the
        job goes on."""
        if isinstance(error, PASSING):
            return
        self.record_at(job, type(error).__name__, place_of(error), generation_id)

    def record_at(self, job: Job, error: str, place: str, generation_id: int | None = None):
        """The same for an exception of another process, of which only type and place are known."""
        logger.error("A fault of the studio, %s: %s at %s", job.label.lower(), error, place)
        try:
            self._count({"job": job, "place": place[:200], "error": error[:80]}, generation_id)
        except Error as failure:
            logger.error("This fault could not be stored (%s)", type(failure).__name__)

    def _count(self, key: dict[str, str], generation_id: int | None):
        now = timezone.now()
        seen = {"last_seen_at": now, "generation_id": generation_id}
        if not self.filter(**key, cleared_at=None).update(count=F("count") + 1, **seen):
            self.update_or_create(**key, defaults={"count": 1, "first_seen_at": now, "cleared_at": None, **seen})

    @prepared
    def open_of(self, job: Job):
        return self.open().filter(job=job).values_list("pk", "generation_id", "generation__status")

    def clear(self, job: Job, generation_ids: Iterable[int] = ()) -> int:
        """The job works again: clears faults of these generations, and those that concern none. A fault of a generation
        that is no longer in progress, and so will never be tried again, ends as well."""
        worked = {None, *generation_ids}
        faults = self.open_of(job)
        pks = [pk for pk, generation_id, status in faults if generation_id in worked or status not in IN_PROGRESS]
        return self.filter(pk__in=pks).update(cleared_at=timezone.now()) if pks else 0


class StudioFault(models.Model):
    job = models.CharField(max_length=16, choices=Job)
    place = models.CharField(max_length=200, help_text="The last line of the studio's own code.")
    error = models.CharField(max_length=80, help_text="The exception's type.")
    generation = models.ForeignKey("Generation", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    count = models.PositiveIntegerField(default=1)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True, blank=True)

    objects = StudioFaultQuerySet.as_manager()

    class Meta:
        ordering = ["-last_seen_at"]
        verbose_name = "fault of the studio"
        verbose_name_plural = "faults of the studio"
        constraints = [models.UniqueConstraint(fields=["job", "place", "error"], name="one_row_for_each_fault")]

    def __str__(self):
        return f"{self.get_job_display()}: {self.error} at {self.place}"
