"""Claiming the polls that are due, and recording what they found.

The moves that a poll leads to are made in `generation`, the only writer of status.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import F
from django.utils import timezone

from videos.lifecycle import Status
from videos.models.event import GenerationEvent
from videos.models.lease import NO_LEASE
from videos.models.transactions import PARAMETERS, batched, lock_in_order, retried, update_in_order
from videos.remotes import registry

POLL_LEASE = timedelta(seconds=60)  # longer than any poll takes


@dataclass(frozen=True)
class DuePoll:
    """A claimed poll: ask `backend` for `remote_id` at `due_at`, then report an Outcome under `token`."""

    pk: int
    token: uuid.UUID
    backend: str
    remote_id: str
    due_at: datetime
    sent_at: datetime
    followed_at: datetime
    missing_polls: int
    failed_polls: int
    remote_status: str
    status_note: str
    status_facts: dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What one poll found: which state follows, and what the row then holds.

    `status` RUNNING keeps following (fields: due_at, remote_status, status_note, missing_polls); SAVING has the link
    (video_url, video_id, asset_id); FAILED a cause (error_class, error_code, error_detail); STOPPED nothing.
    `later` stands instead of fields where nothing changed but the next poll's time: thousands of these are one UPDATE.
    """

    pk: int
    token: uuid.UUID
    status: Status
    fields: dict[str, Any]
    later: timedelta | None = None
    words: str = ""  # the remote's own, for the log of events


class PollManager(models.Manager):
    @retried
    def claim_due_polls(self, before: datetime, limit: int) -> list[DuePoll]:
        """Leases up to `limit` running generations due before then. One transaction; rows that another host holds
        are skipped."""
        token, now = uuid.uuid4(), timezone.now()
        names = [field.name for field in fields(DuePoll) if field.name != "token"]
        due = self.due(Status.RUNNING, max(now, before)).filter(backend__in=registry.reachable_keys())
        due = due.select_for_update(skip_locked=True, no_key=True)
        rows = list(due.values(*names)[:limit])
        for chunk in batched([row["pk"] for row in rows], PARAMETERS):
            self.filter(pk__in=chunk).update(lease_token=token, lease_until=now + POLL_LEASE)
        return [DuePoll(token=token, **row) for row in rows]

    def release_polls(self, tokens: Iterable[uuid.UUID] | None = None) -> int:
        """Gives back claimed polls that nobody will make: those under these tokens, or all of them, which only the
        holder of the poller's lock may do."""
        claimed = self.filter(status=Status.RUNNING, lease_token__isnull=False)
        if tokens is not None:
            claimed = claimed.filter(lease_token__in=list(tokens))
        return update_in_order(claimed, **NO_LEASE)

    @retried
    def record_outcomes(self, outcomes: list[Outcome]) -> list[int]:
        """Writes what polls found, in one transaction; returns the ids that moved on (not those still running).

        An outcome whose row was moved or leased anew meanwhile changes nothing.
        """
        for chunk in batched(sorted(outcome.pk for outcome in outcomes), PARAMETERS):
            lock_in_order(self.filter(pk__in=chunk))
        self._put_off([outcome for outcome in outcomes if outcome.later])
        events = [event for outcome in outcomes if not outcome.later and (event := self.record_outcome(outcome))]
        for chunk in batched(events, PARAMETERS):
            polls = dict(self.filter(pk__in=[event.generation_id for event in chunk]).values_list("pk", "polls"))
            for event in chunk:
                event.polls = polls[event.generation_id]
        GenerationEvent.objects.record(events)
        self.count_failed([event.generation_id for event in events if event.status == Status.FAILED])
        return [event.generation_id for event in events if event.status != Status.RUNNING]

    def _put_off(self, outcomes: list[Outcome]):
        groups: dict[tuple[uuid.UUID, timedelta | None], list[int]] = {}
        for outcome in outcomes:
            groups.setdefault((outcome.token, outcome.later), []).append(outcome.pk)
        for (token, later), pks in groups.items():
            for chunk in batched(pks, PARAMETERS):
                rows = self.filter(pk__in=chunk, lease_token=token, status=Status.RUNNING)
                rows.update(due_at=F("due_at") + later, polls=F("polls") + 1, **NO_LEASE)
