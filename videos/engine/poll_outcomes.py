"""Decides what a poll means for a generation: its next state, when to poll again, and its status note.

Pure functions of a poll, its result and the time; nothing here touches the network or the database. Intervals are
whole seconds or turns, and not what each row happens to be late by: rows that say the same are written by one UPDATE.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from videos import wording
from videos.exception_place import kind_and_place
from videos.lifecycle import Status
from videos.models import DuePoll, Outcome
from videos.models.polls import NO_PAUSE
from videos.models.studio_settings import current
from videos.remotes.base import Progress
from videos.remotes.errors import Cause, RemoteError

MISSING_BEFORE_FAILED = 3
SHORTEST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(minutes=15)
LONGEST_PAUSE = timedelta(minutes=5)  # between two polls of an overdue generation
LONGEST_BACK_OFF = timedelta(seconds=60)  # between two polls while the remote API has problems
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
UNWATCHED = timedelta(minutes=10)  # a poll this late means that no poller was running meanwhile


@dataclass(frozen=True)
class OwnFault:
    """An unforeseen exception in a poll: a fault of the studio, which says nothing about the remote API."""

    error: Exception


Found = Progress | RemoteError | OwnFault


def judge(poll: DuePoll, found: Found, now: datetime) -> Outcome:
    """The outcome of one poll. A generation that has not definitely ended keeps being polled."""
    if isinstance(found, OwnFault):
        return poll_met_own_fault(poll, found, now)
    if isinstance(found, RemoteError):
        return poll_failed(poll, found, now)
    if found.is_completed:
        return completed(poll, found)
    if found.is_failed:
        return failed(poll, found.failure or RemoteError(Cause.FAULT))
    if found.is_missing:
        return missing(poll, now)
    note = "poll.no_link" if found.has_no_link else ""
    return still_running(poll, now, usual_interval(poll, now), status_note=note, remote_status=found.word)


def poll_failed(poll: DuePoll, error: RemoteError, now: datetime) -> Outcome:
    cause = error.cause
    if cause not in wording.SENTENCES["poll"] and error.is_definite:
        cause = "definite"
    interval = interval_after_error(poll, error, now)
    outcome = still_running(poll, now, interval, status_note=f"poll.{cause}", failed_polls=poll.failed_polls + 1)
    return outcome._replace(words=error.detail)


def poll_met_own_fault(poll: DuePoll, fault: OwnFault, now: datetime) -> Outcome:
    interval = backed_off(poll, usual_interval(poll, now))
    note = {"status_note": "poll.own_fault", "status_facts": {"detail": kind_and_place(fault.error)}}
    return still_running(poll, now, interval, **note, failed_polls=poll.failed_polls + 1)


def completed(poll: DuePoll, found: Progress) -> Outcome:
    fields = {
        "video_url": found.video_url,
        "video_id": found.video_id,
        "asset_id": found.asset_id,
        "remote_status": found.word,
        "remote_facts": found.facts,
        "missing_polls": 0,
    }
    return Outcome(poll.pk, poll.token, Status.SAVING, fields)


def failed(poll: DuePoll, error: RemoteError) -> Outcome:
    fields = {
        "error_class": error.cause,
        "error_code": f"failure.{error.cause}",
        "error_detail": error.detail,
        "remote_status": "failed",
    }
    return Outcome(poll.pk, poll.token, Status.FAILED, fields)


def missing(poll: DuePoll, now: datetime) -> Outcome:
    """One `not_found` may come from a replica of the remote database that lags behind; three in a row do not."""
    times = poll.missing_polls + 1
    if times < MISSING_BEFORE_FAILED:
        return still_running(poll, now, usual_interval(poll, now), remote_status="not_found", missing_polls=times)
    fields = {"error_class": Cause.NOT_FOUND, "error_code": f"failure.{Cause.NOT_FOUND}", "remote_status": "not_found"}
    return Outcome(poll.pk, poll.token, Status.FAILED, {**fields, "missing_polls": times})


def still_running(poll: DuePoll, now: datetime, interval: timedelta, **fields: Any) -> Outcome:
    """Still running, as far as we know: when to poll again. Stopped, when the remote API said nothing for a day.

    Time in which no poller was running, or by which the clock jumped, does not count.
    """
    if "remote_status" in fields:
        fields = {"missing_polls": 0, "failed_polls": 0, **fields}
    pause = pause_before(poll, now)
    if now - poll.polled_since - pause > timedelta(seconds=settings.STOP_WAITING_SECONDS):
        return Outcome(poll.pk, poll.token, Status.STOPPED, {})
    fields = {"status_note": "", "status_facts": {}, **fields}
    changed = {name: value for name, value in fields.items() if value != getattr(poll, name)}
    return Outcome(poll.pk, poll.token, Status.RUNNING, changed, until_next(poll, now, interval), pause)


def pause_before(poll: DuePoll, now: datetime) -> timedelta:
    """How long no poller was running before this poll, or by how much the clock jumped: whole minutes."""
    late = now - poll.due_at
    if abs(late) < UNWATCHED or abs(late) < timedelta(seconds=2 * current().poll_seconds):
        late = NO_PAUSE
    return min(late, now - poll.polled_since) // MINUTE * MINUTE


def until_next(poll: DuePoll, now: datetime, interval: timedelta) -> timedelta:
    """From this turn of the row to its next one: a whole number of intervals, so that it keeps its phase. Missed turns
    are skipped; a turn stored before a clock was set back comes forward."""
    turns = math.floor((now - poll.due_at) / interval) + 1
    return interval * (turns if poll.due_at - now > UNWATCHED else max(1, turns))


def usual_interval(poll: DuePoll, now: datetime) -> timedelta:
    """POLL_SECONDS; once overdue, as many of them as a tenth of the time that it has taken, at most five minutes."""
    rules = current()
    usual = timedelta(seconds=rules.poll_seconds)
    elapsed = now - poll.polled_since - pause_before(poll, now)
    if elapsed < timedelta(seconds=rules.overdue_seconds):
        return usual
    return max(usual, min(elapsed / 10, LONGEST_PAUSE) // usual * usual)


def interval_after_error(poll: DuePoll, error: RemoteError, now: datetime) -> timedelta:
    """The interval that the remote API requested; otherwise it doubles with each failure in a row, up to a minute."""
    usual = usual_interval(poll, now)
    if error.cause == Cause.BUSY:
        wanted = min(max(error.retry_after or usual, SHORTEST_WAIT), LONGEST_WAIT)
        return max(usual, -(-wanted // SECOND) * SECOND)
    if error.stops_sending:
        return max(usual, LONGEST_BACK_OFF)
    return backed_off(poll, usual)


def backed_off(poll: DuePoll, usual: timedelta) -> timedelta:
    return max(usual, min(usual * 2 ** min(poll.failed_polls, 10), LONGEST_BACK_OFF))
