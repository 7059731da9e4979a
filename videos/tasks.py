"""django-q2's entry points and its schedules.

A task carries an id at most, returns nothing, never raises, and changes nothing when it is lost or runs five times:
the engine claims rows by conditional UPDATEs. Errors are logged without their text, which may hold a signed link.
"""

import logging
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial, wraps

from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone
from django_q.models import Schedule, Task

from videos import stopping
from videos.engine import account_check, notices, recovery, retention, webhooks
from videos.engine import poll as polling
from videos.engine import save as saving
from videos.engine import submit as sending
from videos.engine.enqueue import NO_LIMIT, enqueue_account_check, enqueue_poller, enqueue_save, enqueue_submit
from videos.exception_place import kind_and_place
from videos.host_locks import host_lock
from videos.limits import SAVERS, SENDERS
from videos.models import Generation, Job, OutgoingNotice, StudioFault, WebhookEvent
from videos.models.lease import is_too_far_ahead
from videos.models.transactions import delete_in_order
from videos.storage import consistency, remeasure, verified_backup

__all__ = [
    "check_account",
    "deliver_webhooks",
    "enqueue_account_check",
    "enqueue_poller",
    "enqueue_save",
    "enqueue_submit",
    "make_schedules",
    "nightly",
    "poll",
    "pump",
    "recover",
    "save",
    "send_notices",
    "submit",
    "sweep",
]

logger = logging.getLogger(__name__)

FAILURES_KEPT = timedelta(days=7)
TASK_SECONDS = 15.0  # of sending or saving; the last one may take longer, which the limit of the task allows
NIGHTLY_SECONDS = 6 * 3600.0  # a first backup copies everything


def task(job: Job, of_generation: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A django-q2 task that ends quietly when the worker ends. An unforeseen exception becomes a fault of the studio,
    until the job works again; for jobs on one generation, the engine decides when that is."""

    def as_task(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def quietly(*arguments):
            if stopping.is_set():
                return
            try:
                function(*arguments)
                if not of_generation:
                    StudioFault.objects.clear(job)
            except Exception as error:
                logger.error("%s%s failed: %s", function.__name__, arguments, kind_and_place(error))
                StudioFault.objects.record(job, error, arguments[0] if of_generation else None)

        return quietly

    return as_task


@task(Job.SENDING, of_generation=True)
def submit(pk: int):
    """Sends this one, and then others that wait.

    One sender repeats nothing and leaves slow APIs alone: a request that gets no answer holds its sender for a minute,
    and what another API would take must not wait for all of those.
    """
    with host_lock(settings.DATA / "sending", SENDERS) as is_free:
        if is_free:
            with host_lock(settings.DATA / "sending-in-turn", SENDERS - 1) as in_turn:
                waiting = partial(Generation.objects.sendable, is_quick=not in_turn)
                tried = each_in_turn([pk] * in_turn, lambda: waiting(timezone.now(), 2 * SENDERS), send)
    if is_free:
        for another in [pk for pk in waiting(timezone.now(), 2 * SENDERS) if pk not in tried][:1]:
            enqueue_submit(another)


@task(Job.SENDING, of_generation=True)
def send(pk: int):
    sending.submit(pk)


@task(Job.SAVING, of_generation=True)
def save(pk: int):
    """Saves this one, and then others that wait. One that needs more than a slice of time gets a task for the next.

    One saver takes nothing that went wrong before, and the newest first: a download that hangs holds its saver for half
    a minute, and nothing that can be saved waits until all of those have been tried again.
    """
    with host_lock(settings.DATA / "saving", SAVERS) as is_free:
        if is_free:
            with host_lock(settings.DATA / "saving-in-turn", SAVERS - 1) as in_turn:
                waiting = Generation.objects.savable if in_turn else Generation.objects.newest_savable
                tried = each_in_turn([pk] * in_turn, lambda: waiting(timezone.now())[: 2 * SAVERS], save_slice)
    if is_free:
        for another in waiting(timezone.now()).exclude(pk__in=tried)[:1]:
            enqueue_save(another)


@task(Job.SAVING, of_generation=True)
def save_slice(pk: int):
    if saving.save(pk, stopping.is_set):
        enqueue_save(pk)


def each_in_turn(pks: list[int], first: Callable[[], Iterable[int]], work: Callable[[int], None]) -> set[int]:
    """Does the work for these generations, and then for others, which `first` finds, for some time: a task of its own
    for each would often take longer than the work. Returns all of them.

    Each once: one that another process has just claimed, or whose work cannot be done now, is skipped.
    """
    until, tried = time.monotonic() + TASK_SECONDS, set(pks)
    for pk in pks:
        work(pk)
    while time.monotonic() < until and not stopping.is_set():
        another = next((pk for pk in first() if pk not in tried), None)
        if another is None:
            break
        tried.add(another)
        work(another)
    return tried


@task(Job.POLLING)
def poll():
    polling.poll()


@task(Job.WEBHOOKS)
def deliver_webhooks():
    with host_lock(settings.DATA / "webhooks", 1) as is_free:
        if is_free:
            webhooks.deliver()


@task(Job.NOTICES)
def send_notices():
    with host_lock(settings.DATA / "notices", 1) as is_free:
        if is_free:
            notices.send()


@task(Job.RECOVERY)
def recover():
    recovery.recover()
    enqueue_poller()


@task(Job.ACCOUNT)
def check_account():
    account_check.check_accounts()


@task(Job.NIGHTLY)
def nightly():
    """Deletes old task records, sessions and webhook events, runs the consistency check, measures old copies again."""
    delete_in_order(Task.objects.filter(stopped__lt=timezone.now() - FAILURES_KEPT))
    delete_in_order(Session.objects.filter(expire_date__lt=timezone.now()))
    WebhookEvent.objects.prune()
    OutgoingNotice.objects.prune()
    retention.retire()
    consistency.nightly()
    verified_backup.back_up_tonight()
    remeasure.measure_earlier_copies()


# Tasks that version 0.1.0 may have left in the queue
@task(Job.POLLING)
def pump(relieving: str = ""):
    polling.poll()


sweep = recover


SCHEDULES = {
    "Poller": {"func": "videos.tasks.poll", "schedule_type": Schedule.MINUTES, "minutes": 1},
    "Recovery": {"func": "videos.tasks.recover", "schedule_type": Schedule.MINUTES, "minutes": 5},
    "Nightly check": {"func": "videos.tasks.nightly", "schedule_type": Schedule.DAILY, "minutes": None},
}
OURS = {"args": None, "hook": None, "repeats": -1, "cron": None, "cluster": None, "intended_date_kwarg": None}
OPTIONS = {
    "Poller": {"save": False, "timeout": NO_LIMIT},
    "Nightly check": {"save": False, "timeout": int(NIGHTLY_SECONDS)},
}


def make_schedules():
    """Creates our schedules, and repairs them: one row with bad arguments stops django-q2 from running any.

    Schedules of an older version have other names, and go.
    """
    Schedule.objects.filter(func__startswith="videos.tasks.").exclude(name__in=SCHEDULES).delete()
    for name, fields in SCHEDULES.items():
        options = repr({"q_options": OPTIONS.get(name, {"save": False})})
        rows = Schedule.objects.filter(name=name)
        rows.exclude(pk=rows.values("pk")[:1]).delete()
        schedule = rows.first() or Schedule(name=name, next_run=first_run(name))
        if schedule.next_run is None or is_too_far_ahead(schedule.next_run, timezone.now(), timedelta(days=2)):
            schedule.next_run = first_run(name)
        for field, value in {**OURS, **fields, "kwargs": options}.items():
            setattr(schedule, field, value)
        schedule.save()


def first_run(name: str):
    now = timezone.now()
    if name != "Nightly check":
        return now
    tonight = timezone.localtime(now).replace(hour=3, minute=30, second=0, microsecond=0)
    return tonight if tonight > now else tonight + timedelta(days=1)
