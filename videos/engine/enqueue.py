"""Nudges: django-q2 tasks that carry an id at most. The rows are the queue; losing a nudge changes nothing."""

import logging
from datetime import timedelta
from typing import Any

from django.db import Error
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.tasks import async_task

logger = logging.getLogger(__name__)

ABSURD = timedelta(hours=1)
SAVE_SECONDS = 1800  # a slice of downloading ends by itself; handing a large file to a bucket takes what it takes


def enqueue_submit(pk: int):
    enqueue("submit", pk)


def enqueue_save(pk: int):
    enqueue("save", pk, timeout=SAVE_SECONDS)


def enqueue_poller(relieving: str = ""):
    """Starts a pump, if none runs; or one that takes over from the pump whose slot has this token."""
    enqueue("pump", *([relieving] if relieving else []))


def enqueue_account_check():
    """Asks, free of charge, whether the key is good."""
    enqueue("check_account")


def enqueue(task: str, *arguments: Any, **options: Any):
    try:
        async_task(f"videos.tasks.{task}", *arguments, save=False, **options)
    except Error as error:
        logger.warning("A nudge to %s was lost (%s); the sweep finds what is due", task, type(error).__name__)


def mend_times():
    """What lies further ahead than we ever put it: the clock has been put back since, and all of it would sleep until
    the clock has caught up."""
    now = timezone.now()
    OrmQ.objects.filter(lock__gt=now + ABSURD).update(lock=now)
    often = Schedule.objects.filter(schedule_type=Schedule.MINUTES)
    often.filter(next_run__gt=now + ABSURD).update(next_run=now)


def waiting() -> int:
    """How many nudges nobody has finished yet."""
    return OrmQ.objects.count()
