"""The generations that are due for the worker, and those that count against a limit of generations in flight."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q

from videos.lifecycle import IN_FLIGHT, Status
from videos.models.lease import ahead_by, passed, passed_by
from videos.models.prepared import prepared
from videos.models.studio_settings import current
from videos.remotes import registry

# At least as long as any that we ever set (see lease.py).
LONGEST_LEASE = max(timedelta(minutes=10), timedelta(seconds=2 * settings.LEASE_SECONDS))
LONGEST_DELAY = timedelta(minutes=70)


def due_times(now: datetime) -> tuple[datetime, datetime, datetime]:
    """Now, and the furthest times to which a lease and a delay are ever set."""
    return now, now + LONGEST_LEASE, now + LONGEST_DELAY


def occupation_times(now: datetime) -> tuple[datetime, datetime, datetime]:
    """Now, the furthest time to which a lease is ever set, and the time before which what was sent is overdue."""
    return now, now + LONGEST_LEASE, now - timedelta(seconds=current().overdue_seconds)


class DueQuerySet(models.QuerySet):
    """Part of the queryset of generations: which the worker may take now."""

    def unleased(self, now: datetime):
        return self.filter(passed("lease_until", now, LONGEST_LEASE))

    def due(self, status: Status, now: datetime):
        return self.due_by(*due_times(now)).filter(status=status, backend__in=registry.active_keys())

    def due_by(self, now: datetime, furthest_lease: datetime, furthest_delay: datetime):
        is_free, is_due = passed_by("lease_until", now, furthest_lease), passed_by("due_at", now, furthest_delay)
        return self.filter(is_free, is_due, held_at=None).order_by("due_at")

    @prepared
    def first_to_send(self, backend: str, *times: datetime, limit: int):
        """When it was due, and its id, of the first that wait for this backend; `times` are due_times()."""
        rows = self.due_by(*times).filter(status=Status.QUEUED, backend=backend)
        return rows.values_list("due_at", "pk")[:limit]

    @prepared
    def first_to_repeat(
        self, backend: str, key_digest: str, after: datetime, until: datetime, *times: datetime, limit: int
    ):
        """The same of those whose request the backend still knows under our API key."""
        rows = self.due_by(*times).filter(status=Status.SENDING, backend=backend)
        return rows.sent_under(key_digest, after, until).values_list("due_at", "pk")[:limit]

    def sent_under(self, key_digest: str, after: datetime, until: datetime):
        """First sent between these two times, with a repeat key, under the API key with this digest."""
        sent = self.filter(first_sent_at__gt=after, first_sent_at__lte=until, key_digest=key_digest)
        return sent.exclude(repeat_key="")

    def occupying(self, backend: str, now: datetime):
        """Generations that count against the backend's limit now; one that is long overdue no longer does."""
        return self.occupying_by(backend, *occupation_times(now))

    def occupying_by(self, backend: str, now: datetime, furthest_lease: datetime, overdue: datetime):
        claimed = Q(status=Status.QUEUED) & ahead_by("lease_until", now, furthest_lease)
        in_flight = Q(status__in=IN_FLIGHT, sent_at__gt=overdue, sent_at__lte=furthest_lease)
        return self.filter(claimed | in_flight, backend=backend)

    @prepared
    def first_occupying(self, backend: str, *times: datetime, limit: int):
        return self.occupying_by(backend, *times).values_list("pk", flat=True)[:limit]
