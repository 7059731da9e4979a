"""How late the poller's polls are with so many generations running at once, in steady state and at a start with all of
them due. `… tests.benchmarks.poller <in flight> <seconds>`, as a process of its own.
"""

import asyncio
import json
import resource
import secrets
import sys
import time
from datetime import timedelta

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from tests.parts.history import History  # noqa: E402
from videos import search_index, stopping  # noqa: E402
from videos.engine import poll  # noqa: E402
from videos.models import Generation, ProcessLock  # noqa: E402
from videos.models.process_lock import POLLER  # noqa: E402
from videos.models.studio_settings import current  # noqa: E402

WARM_UP = 13.0  # seconds: one whole round in which connections open and every first word is written


class MeasuredPoller(poll.Poller):
    """The poller, noting when each poll begins and how late it is."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.begun = []

    async def answer(self, poll):
        self.begun.append((time.monotonic(), (timezone.now() - poll.due_at).total_seconds()))
        return await super().answer(poll)


def make_running(count):
    """As the engine leaves them, with ledger lines: saved ones, set back to running and spread over one interval."""
    owner = get_user_model().objects.create_user(f"bench-{secrets.token_hex(4)}")
    search_index.drop()
    with transaction.atomic():
        History(owner, count).make()
        now, interval = timezone.now(), timedelta(seconds=current().poll_seconds)
        rows = list(Generation.objects.only("pk").order_by("pk"))
        for number, row in enumerate(rows):
            row.due_at = now + timedelta(seconds=2) + interval * number / len(rows)
        Generation.objects.bulk_update(rows, ["due_at"], batch_size=400)
        running = {"status": "running", "remote_status": "", "sent_at": now, "followed_at": now, "trashed_at": None}
        Generation.objects.update(**running, completed_at=None, ended_at=None, error_class="", settled=True)


def measure(count, seconds):
    make_running(count)
    poller = MeasuredPoller(ProcessLock.objects.acquire(POLLER, 60))
    started = time.monotonic()
    marks = asyncio.run(run_for(poller, seconds))
    first, steady = marks[0] - started, [late for at, late in poller.begun if at - started > WARM_UP]
    cpu = marks[2] - marks[1]
    return {
        "in_flight": count,
        "seconds": seconds,
        "polls": len(steady),
        "per_second": round(len(steady) / seconds, 1),
        **{f"lateness_{name}_s": value for name, value in quantiles(steady).items()},
        "start_lateness_max_s": round(max(late for at, late in poller.begun if at - started <= WARM_UP), 3),
        "cpu_s_per_1000": round(1000 * cpu / max(1, len(steady)), 2),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "warm_up_s": round(first, 1),
    }


def quantiles(values):
    values = sorted(values) or [0.0]
    return {name: round(values[int((len(values) - 1) * share)], 3) for name, share in QUANTILES.items()}


QUANTILES = {"p50": 0.5, "p99": 0.99, "max": 1.0}


async def run_for(poller, seconds):
    """When the steady state began, and the CPU seconds then and at the end."""
    marks = []

    def begin():
        marks.extend([time.monotonic(), time.process_time()])

    def end():
        marks.append(time.process_time())
        stopping.request()

    asyncio.get_running_loop().call_later(WARM_UP, begin)
    asyncio.get_running_loop().call_later(WARM_UP + seconds, end)
    await poller.run()
    return marks


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), float(sys.argv[2]))))
