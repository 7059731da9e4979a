"""Running totals for `/metrics` that no other row has, the same for every process and host.

They are written after the commit of what they count, and never hold it up: a process that is killed in between leaves a
total one too small, and nothing else. For exact numbers, query the rows.
"""

import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from functools import partial

from django.db import Error, models, transaction
from django.db.models import F

from videos.lifecycle import Status
from videos.models.transactions import retried

logger = logging.getLogger(__name__)

Key = tuple[str, str, str]  # name, subject, label
ENDED, SAVED_BYTES, SECONDS, PUT_OFF = "ended", "saved_bytes", "seconds", "put_off"
POLLS, LATENESS = "polls", "lateness"
COUNTED = frozenset({Status.READY, Status.FAILED, Status.UNKNOWN, Status.STOPPED, Status.CANCELLED})
SUM = "sum"
# The upper bounds of the histograms, in seconds.
BOUNDS: dict[str, tuple[float, ...]] = {
    SECONDS: (15, 30, 60, 120, 180, 300, 600, 1200, 3600),
    LATENESS: (0.1, 0.5, 1, 2, 5, 15, 60),
}
BEYOND = "+Inf"


class Totals(Counter):
    """Amounts to add to the totals, by key."""

    def measure(self, name: str, subject: str, seconds: float):
        """One measurement: into the sum, and into the smallest bound that holds it."""
        bounds = BOUNDS[name]
        place = bisect_left(bounds, seconds)
        self[name, subject, SUM] += seconds
        self[name, subject, f"{bounds[place]:g}" if place < len(bounds) else BEYOND] += 1


class MetricValueManager(models.Manager):
    def add(self, totals: Mapping[Key, float]):
        """Adds to the totals, in an order that all share. A database that fails is only logged."""
        if not totals:
            return
        try:
            self._add_all(totals)
        except Error as error:
            logger.info("Metrics were not counted (%s)", type(error).__name__)

    @retried
    def _add_all(self, totals: Mapping[Key, float]):
        for name, subject, label in sorted(totals):
            key = {"name": name, "subject": subject, "label": label}
            more = F("value") + totals[name, subject, label]
            if not self.filter(**key).update(value=more):
                self.bulk_create([MetricValue(**key)], ignore_conflicts=True)  # another process may be first
                self.filter(**key).update(value=more)

    def count_ended(self, provider_id: int, status: Status):
        if status in COUNTED:
            self._add_after_commit(Totals({(ENDED, str(provider_id), status.value): 1}))

    def count_saved(self, provider_id: int, size: int, seconds: float | None):
        totals = Totals({(SAVED_BYTES, str(provider_id), ""): size})
        if seconds is not None:
            totals.measure(SECONDS, str(provider_id), seconds)
        self._add_after_commit(totals)

    def _add_after_commit(self, totals: Totals):
        transaction.on_commit(partial(self.add, totals), robust=True)


class MetricValue(models.Model):
    name = models.CharField(max_length=32)
    subject = models.CharField(max_length=100, blank=True, help_text="A provider's id, or a backend.")
    label = models.CharField(max_length=32, blank=True)
    value = models.FloatField(default=0)

    objects = MetricValueManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "subject", "label"], name="one_total_for_each_metric")]

    def __str__(self):
        return f"{self.name} {self.subject} {self.label}: {self.value:g}"
