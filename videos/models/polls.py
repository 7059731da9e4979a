"""Claiming the polls that are due, and recording their results.

The resulting moves are made in `generation`, the only writer of status.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from videos.lifecycle import Status
from videos.models.changes import CHANGED
from videos.models.event import GenerationEvent, Step
from videos.models.lease import NO_LEASE
from videos.models.picture import RemoteCopy
from videos.models.transactions import PARAMETERS, batched, lock_by_key, retried, update_in_order
from videos.remotes import registry
from videos.remotes.errors import Cause

SHOWN = {"remote_status", "status_note", "status_facts"}  # fields that stand on a card
NO_PAUSE = timedelta(0)
# Longer than a claimed poll ever waits and takes: POLLS_PER_TICK of them, through POLL_CONNECTIONS to an API that never
# answers. It delays nobody, because the next poller releases all claims when it begins.
POLL_LEASE = timedelta(minutes=5)


class DuePoll(NamedTuple):
    """A claimed poll: ask `backend` for `remote_id` at `due_at`, then report an Outcome under `token`."""

    pk: int
    token: uuid.UUID
    backend: str
    remote_id: str
    due_at: datetime
    polled_since: datetime
    missing_polls: int
    failed_polls: int
    remote_status: str
    status_note: str
    status_facts: dict[str, Any]


class Outcome(NamedTuple):
    """The result of one poll: the next state, and the fields to write.

    `status` RUNNING keeps polling (fields: due_at, remote_status, status_note, missing_polls); SAVING has the link
    (video_url, video_id, asset_id); FAILED a cause (error_class, error_code, error_detail); STOPPED nothing.
    `later` is how much later than this poll the next one is due, `pause` how long nobody polled before it. All that say
    the same are one UPDATE, so `fields` has only what changed.
    """

    pk: int
    token: uuid.UUID
    status: Status
    fields: dict[str, Any]
    later: timedelta = timedelta(0)
    pause: timedelta = NO_PAUSE
    words: str = ""  # the remote's own, for the log of events


class PollManager(models.Manager):
    """Part of the manager of generations: claiming the polls that are due, and recording their results."""

    @retried
    def claim_due_polls(self, before: datetime, limit: int) -> list[DuePoll]:
        """Leases up to `limit` running generations due before then. One transaction; rows that another host holds
        are skipped."""
        token, now = uuid.uuid4(), timezone.now()
        names = [name for name in DuePoll._fields if name != "token"]
        due = self.due(Status.RUNNING, max(now, before)).filter(backend__in=registry.reachable_keys())
        due = due.select_for_update(skip_locked=True, no_key=True)
        rows = list(due.values_list(*names)[:limit])
        for chunk in batched([pk for pk, *_ in rows], PARAMETERS):
            self.filter(pk__in=chunk).update(lease_token=token, lease_until=now + POLL_LEASE)
        return [DuePoll(pk, token, *others) for pk, *others in rows]

    def release_polls(self, tokens: Iterable[uuid.UUID] | None = None) -> int:
        """Releases claimed polls that will not be made: those under these tokens, or all of them, which only the holder
        of the poller's lock may do."""
        claimed = self.filter(status=Status.RUNNING, lease_token__isnull=False)
        if tokens is not None:
            claimed = claimed.filter(lease_token__in=list(tokens))
        return update_in_order(claimed, **NO_LEASE)

    @retried
    def record_outcomes(self, outcomes: list[Outcome]) -> list[int]:
        """Writes the results of polls in one transaction; returns the ids that moved on (not those still running).

        An outcome changes nothing if its row was moved or leased again meanwhile.
        """
        lock_by_key(self, [outcome.pk for outcome in outcomes])
        running = [outcome for outcome in outcomes if outcome.status == Status.RUNNING]
        events = [event_of(outcome) for outcome in self._keep_running(running)]
        ended = (outcome for outcome in outcomes if outcome.status != Status.RUNNING)
        events += [event for outcome in ended if (event := self.record_end(outcome))]
        for chunk in batched(events, PARAMETERS):
            polls = dict(self.filter(pk__in=[event.generation_id for event in chunk]).values_list("pk", "polls"))
            for event in chunk:
                event.polls = polls[event.generation_id]
        GenerationEvent.objects.record(events)
        RemoteCopy.objects.forget_frames_of(self.filter(pk__in=pks_without_picture(outcomes)))
        self.count_failed([event.generation_id for event in events if event.status == Status.FAILED])
        return [event.generation_id for event in events if event.status != Status.RUNNING]

    def _keep_running(self, outcomes: list[Outcome]) -> list[Outcome]:
        """One UPDATE for all equal outcomes. Returns those with news that pages should show."""
        groups: dict[tuple, list[Outcome]] = {}
        for outcome in outcomes:
            groups.setdefault((outcome.token, outcome.later, outcome.pause, repr(outcome.fields)), []).append(outcome)
        with_news = []
        for group in groups.values():
            for chunk in batched(group, PARAMETERS):
                news = self._keep_running_alike(chunk)
                with_news += [outcome for outcome in chunk if outcome.pk in news]
        return with_news

    def _keep_running_alike(self, outcomes: list[Outcome]) -> set[int]:
        """The same for equal outcomes: the ids of those to which it is news."""
        first, news = outcomes[0], set()
        pks = [outcome.pk for outcome in outcomes]
        rows = self.filter(pk__in=pks, lease_token=first.token, status=Status.RUNNING)
        fields = {"due_at": F("due_at") + first.later, "polls": F("polls") + 1, **NO_LEASE, **first.fields}
        if first.pause:
            fields["polled_since"] = F("polled_since") + first.pause
        shown = Q()
        for name in SHOWN & first.fields.keys():
            shown |= ~Q(**{name: first.fields[name]})
        if shown:
            news = set(rows.filter(shown).values_list("pk", flat=True))
            self.filter(pk__in=news).update(**CHANGED, **fields)
        rows.update(**fields)  # those with news have no lease any more
        return news


def pks_without_picture(outcomes: list[Outcome]) -> list[int]:
    """Those that failed because the remote could not fetch a frame."""
    return [outcome.pk for outcome in outcomes if outcome.fields.get("error_class") == Cause.PICTURE]


FOUND_BY_POLL = {Status.SAVING: Step.COMPLETED, Status.FAILED: Step.FAILED, Status.STOPPED: Step.STOPPED}


def event_of(outcome: Outcome) -> GenerationEvent:
    return GenerationEvent(
        generation_id=outcome.pk,
        step=FOUND_BY_POLL.get(outcome.status, Step.POLLED),
        status=outcome.status,
        code=outcome.fields.get("error_code") or outcome.fields.get("status_note", ""),
        facts=outcome.fields.get("status_facts", {}),
        words=outcome.words or outcome.fields.get("error_detail") or outcome.fields.get("remote_status", ""),
    )
