"""How late the poller's polls are with so many generations running at once, and what they cost.

`… tests.benchmarks.poller <start> <seconds>`, once `… tests.benchmarks.running <in flight>` has made them in a process
of its own, so that the memory is the poller's alone. The start, and the steady state that has to be reached after so
many seconds, three times `seconds` long, are counted apart.
"""

import asyncio
import json
import resource
import statistics
import sys
import time
from array import array
from itertools import pairwise

import django

django.setup()

from videos import stopping  # noqa: E402
from videos.engine import poll  # noqa: E402
from videos.models import ProcessLock  # noqa: E402
from videos.models.process_lock import POLLER  # noqa: E402

RUNS = 3
LATE = 0.5  # seconds: a poll that is later belongs to the start


class MeasuredCounts(poll.Counts):
    """The poller's own counts; notes when each poll's request leaves, and how late that is. In arrays: a hundred
    thousand tuples would be a tenth of the memory that is measured."""

    def __init__(self):
        super().__init__()
        self.moments, self.late = array("d"), array("d")

    def count_start(self, due):
        self.moments.append(time.monotonic())
        self.late.append(time.time() - due.due_at.timestamp())
        super().count_start(due)


def run(start, seconds):
    poller = poll.Poller(ProcessLock.objects.acquire(POLLER, 60))
    poller.counts = MeasuredCounts()
    started = time.monotonic()
    with poll.rare_garbage_collection():
        marks = asyncio.run(run_for(poller, start, seconds))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    begun = list(zip(poller.counts.moments, poller.counts.late, strict=True))
    runs = [window(begun, *pair) for pair in pairwise(marks)]
    every = [late for at, late in begun if marks[0][0] <= at < marks[-1][0]]
    return {
        "caught_up_s": round(caught_up([(at - started, late) for at, late in begun], marks[0][0] - started), 1),
        "runs": runs,
        "all": {"polls": len(every), **quantiles(every)},
        "median": {name: round(statistics.median(one[name] for one in runs), 4) for name in runs[0]},
        "memory_mb": memory,
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
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
