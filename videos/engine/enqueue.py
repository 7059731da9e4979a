"""Enqueues django-q2 tasks. A task carries at most an id: the rows are the queue, and a lost task changes nothing."""

import logging
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import Error, transaction
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.tasks import async_task

from videos.limits import SENDERS
from videos.models import Batch
from videos.models.lease import too_far_ahead
from videos.models.transactions import update_in_order

logger = logging.getLogger(__name__)

LONGEST_DELAY = timedelta(hours=1)
NO_LIMIT = -1  # django-q2's word for a task that may take as long as it likes
WEBHOOK_SECONDS = 60
SAVE_SECONDS = 1800  # downloading stops by itself, but uploading a large file to a bucket cannot be interrupted


def enqueue_submit(pk: int):
    enqueue("submit", pk, timeout=submit_seconds())


def submit_seconds() -> int:
    """The limit of a sender's task, far more than it ever takes: ended in the middle, it leaves an unknown outcome.

    Pictures, the paid call and storing its id have parts of the lease; a name server may be slow, too.
    """
    return int(60 + 2 * settings.LEASE_SECONDS)


def enqueue_batch(batch: Batch):
    """Enqueues the first generations of a new batch, once the transaction that makes it is committed. A sender goes on
    with the others."""
    for pk in batch.first_pks(SENDERS):
        transaction.on_commit(partial(enqueue_submit, pk))


def enqueue_save(pk: int):
    enqueue("save", pk, timeout=SAVE_SECONDS)


def enqueue_poller():
    """Starts a poller if none runs. Its lock keeps it single, however many of these tasks run."""
    enqueue("poll", timeout=NO_LIMIT)


def enqueue_account_check():
    """Asks the remote API, free of charge, whether the key is valid."""
    enqueue("check_account")


def enqueue_webhooks():
    enqueue("deliver_webhooks", timeout=WEBHOOK_SECONDS)


def enqueue_notices():
    enqueue("send_notices", timeout=WEBHOOK_SECONDS)


def enqueue(task: str, *arguments: Any, **options: Any):
    try:
        async_task(f"videos.tasks.{task}", *arguments, save=False, **options)
    except Error as error:
        logger.warning("The task %s could not be enqueued (%s); recovery finds what is due", task, type(error).__name__)


def correct_times():
    """Lets frequent schedules run now if a clock was set back (see models/lease.py)."""
    now = timezone.now()
    often = Schedule.objects.filter(schedule_type=Schedule.MINUTES)
    update_in_order(often.filter(too_far_ahead("next_run", now, LONGEST_DELAY)), next_run=now)


def waiting() -> int:
    """The number of tasks that no worker has taken yet. A worker removes the task that it takes (worker/broker.py)."""
    return OrmQ.objects.count()


def oldest_task() -> int | None:
    """The number of the task that has waited longest for a worker; None if none waits."""
    return OrmQ.objects.order_by("pk").values_list("pk", flat=True).first()


def newest_task() -> int | None:
    """The number of the newest task that waits; None if none waits."""
    return OrmQ.objects.order_by("-pk").values_list("pk", flat=True).first()
