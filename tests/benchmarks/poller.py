"""How late the poller's polls are with so many generations running at once, and what they cost.

`… tests.benchmarks.poller make <in flight>` makes them, all of them due: as after an outage of the poller.
`… tests.benchmarks.poller run <start> <seconds>` polls them. The start, and the steady state that has to be reached
after so many seconds, three times `seconds` long, are counted apart. Two processes, so that the memory is the poller's
alone.
"""

import asyncio
import json
import resource
import secrets
import statistics
import sys
import time
from datetime import timedelta
from itertools import pairwise

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

RUNS = 3
LATE = 0.5  # seconds: a poll that is later belongs to the start


class MeasuredCounts(poll.Counts):
    """The poller's own counts; notes when each poll's request leaves, and how late that is."""

    def __init__(self):
        super().__init__()
        self.begun = []

    def note_start(self, due):
        self.begun.append((time.monotonic(), (timezone.now() - due.due_at).total_seconds()))
        super().note_start(due)


def make(count):
    """As the engine leaves them, with ledger lines: saved ones, set back to running. Their turns are spread over one
    interval, which has passed."""
    owner = get_user_model().objects.create_user(f"bench-{secrets.token_hex(4)}")
    search_index.drop()
    with transaction.atomic():
        History(owner, count).make()
        now, interval = timezone.now(), timedelta(seconds=current().poll_seconds)
        rows = list(Generation.objects.only("pk").order_by("pk"))
        for number, row in enumerate(rows):
            row.due_at = now - interval * number / len(rows)
        Generation.objects.bulk_update(rows, ["due_at"], batch_size=400)
        running = {"status": "running", "remote_status": "", "sent_at": now, "followed_at": now, "trashed_at": None}
        Generation.objects.update(**running, completed_at=None, ended_at=None, error_class="", settled=True)
    return {"in_flight": len(rows)}


def run(start, seconds):
    poller = poll.Poller(ProcessLock.objects.acquire(POLLER, 60))
    poller.counts = MeasuredCounts()
    started = time.monotonic()
    marks = asyncio.run(run_for(poller, start, seconds))
    begun = poller.counts.begun
    runs = [window(begun, *pair) for pair in pairwise(marks)]
    every = [late for at, late in begun if marks[0][0] <= at < marks[-1][0]]
    return {
        "caught_up_s": round(caught_up([(at - started, late) for at, late in begun], marks[0][0] - started), 1),
        "runs": runs,
        "all": {"polls": len(every), **quantiles(every)},
        "median": {name: round(statistics.median(one[name] for one in runs), 4) for name in runs[0]},
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def caught_up(begun, start):
    """Seconds from the start until the last poll that was late because of it."""
    return max((at for at, late in begun if at < start and late > LATE), default=0.0)


def window(begun, first, last):
    """One run: `first` and `last` are the times and the CPU seconds at its ends."""
    late = [late for at, late in begun if first[0] <= at < last[0]]
    seconds, cpu = last[0] - first[0], last[1] - first[1]
    costs = {"per_second": len(late) / seconds, "cpu_s_per_1000": 1000 * cpu / max(1, len(late))}
    return {name: round(value, 3) for name, value in costs.items()} | quantiles(late)


def quantiles(values):
    values = sorted(values) or [0.0]
    return {f"late_{name}_s": round(values[int((len(values) - 1) * part)], 4) for name, part in QUANTILES.items()}


QUANTILES = {"p50": 0.5, "p99": 0.99, "max": 1.0}


async def run_for(poller, start, seconds):
    """The time and the CPU seconds when the steady state began, and after each run."""
    marks, loop = [], asyncio.get_running_loop()
    for number in range(RUNS + 1):
        loop.call_later(start + number * seconds, lambda: marks.append((time.monotonic(), time.process_time())))
    loop.call_later(start + RUNS * seconds + 0.1, stopping.request)
    await poller.run()
    return marks


if __name__ == "__main__":
    what, numbers = {"make": make, "run": run}[sys.argv[1]], map(int, sys.argv[2:])
    print(json.dumps(what(*numbers)))
