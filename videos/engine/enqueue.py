"""Puts tasks into django-q2. They carry an id at most: the rows are the queue, and a lost task changes nothing."""

import logging
from datetime import timedelta
from typing import Any

from django.db import Error
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.tasks import async_task

from videos.models.lease import too_far_ahead

logger = logging.getLogger(__name__)

LONGEST_DELAY = timedelta(hours=1)
SAVE_SECONDS = 1800  # downloading stops by itself, but uploading a large file to a bucket cannot be interrupted


def enqueue_submit(pk: int):
    enqueue("submit", pk)


def enqueue_save(pk: int):
    enqueue("save", pk, timeout=SAVE_SECONDS)


def enqueue_poller(relieving: str = ""):
    """Starts a poller if none runs; or one that takes over from the poller whose lock has this token."""
    enqueue("pump", *([relieving] if relieving else []))


def enqueue_account_check():
    """Asks the remote API, free of charge, whether the key is valid."""
    enqueue("check_account")


def enqueue(task: str, *arguments: Any, **options: Any):
    try:
        async_task(f"videos.tasks.{task}", *arguments, save=False, **options)
    except Error as error:
        logger.warning("The task %s could not be enqueued (%s); recovery finds what is due", task, type(error).__name__)


def correct_times():
    """Lets django-q2's tasks and frequent schedules run now if a clock was set back (see models/lease.py)."""
    now = timezone.now()
    OrmQ.objects.filter(too_far_ahead("lock", now, LONGEST_DELAY)).update(lock=now)
    often = Schedule.objects.filter(schedule_type=Schedule.MINUTES)
    often.filter(too_far_ahead("next_run", now, LONGEST_DELAY)).update(next_run=now)


def waiting() -> int:
    """How many tasks are enqueued and not finished yet."""
    return OrmQ.objects.count()
