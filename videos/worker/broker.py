"""A django-q2 broker that removes a task from the table as soon as a worker takes it.

django-q2's own broker keeps the row locked for `retry` seconds, so that a task whose worker died is run again. The
studio does not need that, because the generation rows are its queue and the poller enqueues the rows that are due. It
even did harm: the rows of dead workers stayed for minutes and counted as waiting tasks, so nothing new was enqueued.
"""

import logging
import time

from django.db import Error, close_old_connections, connections
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ

logger = logging.getLogger(__name__)

WHEN_DATABASE_FAILS = 1.0  # seconds; django-q2 would end the process, and all others would be replaced


class Broker(ORM):
    def dequeue(self) -> list[tuple[int, str]] | None:
        """The oldest waiting task, as (number, contents). If several hosts try to take the same one, one gets it."""
        try:
            close_old_connections()
            task = OrmQ.objects.filter(key=self.list_key).order_by("pk").first()
            if task is None:
                time.sleep(Conf.POLL)
                return None
            is_ours = OrmQ.objects.filter(pk=task.pk).delete()[0] == 1
            return [(task.pk, task.payload)] if is_ours else None
        except Error as error:
            logger.warning("The database failed (%s); the next task is fetched in a moment", type(error).__name__)
            connections.close_all()
            time.sleep(WHEN_DATABASE_FAILS)
            return None

    def acknowledge(self, task_id: int):
        """There is nothing left to remove."""
