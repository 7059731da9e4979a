"""A lock that one process at a time may hold, across hosts: the poller's, the nightly check's."""

import uuid
from datetime import timedelta

from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone

from videos.models.lease import CLOCKS_DIFFER, passed
from videos.models.prepared import prepared
from videos.models.transactions import update_in_order

POLLER = "poller"
NIGHTLY = "nightly"
WORKER_SILENT = 60  # seconds without a heartbeat of the poller, after which the worker counts as not running


class ProcessLockQuerySet(models.QuerySet):
    def acquire(self, name: str, seconds: float, token: uuid.UUID | None = None) -> uuid.UUID | None:
        """A token for the lock (the one given, if any) if it is free or its lease has expired; else None."""
        token, now = token or uuid.uuid4(), timezone.now()
        free = Q(token=None) | passed("until", now, timedelta(seconds=seconds) + CLOCKS_DIFFER)
        lease = {"token": token, "until": now + timedelta(seconds=seconds), "seen_at": now}
        if self.filter(free, name=name).update(**lease):
            return token
        try:
            with transaction.atomic():
                return self.create(name=name, **lease).token
        except IntegrityError:
            return None

    def free(self, tokens: list[uuid.UUID]) -> int:
        """Releases the locks of processes that are known to be dead."""
        return update_in_order(self.filter(token__in=tokens), token=None, until=None)

    def renew(self, name: str, token: uuid.UUID, seconds: float) -> bool:
        """Extends the lease, and is the heartbeat. False when another process has the lock by now."""
        now = timezone.now()
        return bool(self.filter(name=name, token=token).update(until=now + timedelta(seconds=seconds), seen_at=now))

    def release(self, name: str, token: uuid.UUID):
        self.filter(name=name, token=token).update(token=None, until=None)

    def seconds_since(self, name: str) -> float | None:
        """Seconds since its holder was last seen, or None if never."""
        times = [abs((timezone.now() - seen_at).total_seconds()) for seen_at in self.times_of(name)]
        return times[0] if times else None

    @prepared
    def times_of(self, name: str):
        return self.filter(name=name).values_list("seen_at", flat=True)


class ProcessLock(models.Model):
    name = models.CharField(max_length=32, unique=True)
    token = models.UUIDField(null=True)
    until = models.DateTimeField(null=True)
    seen_at = models.DateTimeField()

    objects = ProcessLockQuerySet.as_manager()

    def __str__(self):
        return self.name
