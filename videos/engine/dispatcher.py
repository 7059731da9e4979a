"""Finds what waits to be sent or saved and has no task: the task was lost, or it has just become due.

A task leaves django-q2's table as soon as a worker process takes it, and a process that dies takes its tasks with it.
Tasks are taken in the order of their numbers. So if a row's task has left the table and the row is still unclaimed a
moment later, the task was lost, or came when no process was free: it is enqueued again, long before the usual time.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from videos.engine import account_check
from videos.engine.enqueue import (
    enqueue_account_check,
    enqueue_notices,
    enqueue_save,
    enqueue_submit,
    enqueue_webhooks,
    newest_task,
    oldest_task,
    waiting,
)
from videos.engine.notices import watch
from videos.limits import SAVERS, SENDERS, TASKS_WAITING
from videos.models import Alarm, Generation, OutgoingNotice, WebhookEvent

ENQUEUE_AGAIN = 10.0  # seconds until the same row is enqueued again
LOST_AFTER = 1.5  # seconds for a task that was taken to claim its row
LOST_AT_ONCE = SENDERS + SAVERS  # rows with a lost task that are enqueued again at one time


@dataclass
class Enqueued:
    """When a row was enqueued, and an upper bound for the number of its task."""

    moment: float
    number: int


class Dispatcher:
    """Enqueues tasks each second, and as soon as a video is finished, in a thread of the poller."""

    def __init__(self):
        self.enqueued: dict[int, Enqueued] = {}
        self.next_account_check = 0.0
        self.taken_below: int | None = None  # tasks with lower numbers have left the table; None: all have

    def dispatch(self):
        free = TASKS_WAITING - waiting()
        if free <= 0:
            return
        now, self.taken_below = time.monotonic(), oldest_task()
        self.enqueued = {pk: task for pk, task in self.enqueued.items() if now - task.moment < ENQUEUE_AGAIN}
        to_send, to_save = [], []
        if Generation.objects.to_send_or_save().exists():
            first = Generation.objects.sendable(timezone.now(), min(free, 2 * SENDERS))  # senders go on by themselves
            to_send = self.without_task(first, now)
            to_save = self.without_task(Generation.objects.savable(timezone.now())[:free], now)
        for pk in to_send:
            enqueue_submit(pk)
        for pk in to_save:
            enqueue_save(pk)
        if to_send or to_save:
            task = Enqueued(now, newest_task() or 0)
            self.enqueued.update(dict.fromkeys([*to_send, *to_save], task))
        self.dispatch_news()
        self.dispatch_account_check(now)

    def dispatch_account_check(self, now: float):
        """Enqueues it once, and again only when it was not done for a while: a check that waits for a worker is due."""
        if now >= self.next_account_check and account_check.is_due():
            self.next_account_check = now + ENQUEUE_AGAIN
            enqueue_account_check()

    def dispatch_news(self):
        """Enqueues webhooks and notices that wait."""
        watch.look()
        if WebhookEvent.objects.due(timezone.now()).exists():
            enqueue_webhooks()
        if OutgoingNotice.objects.are_due(timezone.now()) or Alarm.objects.unreported().exists():
            enqueue_notices()

    def without_task(self, pks: Iterable[int], now: float) -> list[int]:
        pks = list(pks)
        lost = [pk for pk in pks if pk in self.enqueued and self.is_lost(self.enqueued[pk], now)]
        return [pk for pk in pks if pk not in self.enqueued or pk in lost[:LOST_AT_ONCE]]

    def is_lost(self, task: Enqueued, now: float) -> bool:
        was_taken = self.taken_below is None or task.number < self.taken_below
        return was_taken and now - task.moment > LOST_AFTER
