"""Nudges: django-q2 tasks that carry an id at most. The rows are the queue; losing a nudge changes nothing."""

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


def correct_times():
    """Lets django-q2's tasks and frequent schedules run now if a clock was set back (see models/lease.py)."""
    now = timezone.now()
    OrmQ.objects.filter(too_far_ahead("lock", now, LONGEST_DELAY)).update(lock=now)
    often = Schedule.objects.filter(schedule_type=Schedule.MINUTES)
    often.filter(too_far_ahead("next_run", now, LONGEST_DELAY)).update(next_run=now)


def waiting() -> int:
    """How many nudges nobody has finished yet."""
    return OrmQ.objects.count()
