"""How late the poller's polls are, with so many generations running at once. Run by `run.py` as its own process."""

import asyncio
import json
import secrets
import sys
import time
from datetime import timedelta

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.utils import timezone  # noqa: E402

from videos import stopping  # noqa: E402
from videos.engine import poll  # noqa: E402
from videos.lifecycle import Status  # noqa: E402
from videos.models import Batch, Generation, LedgerEntry, ProcessLock, Provider  # noqa: E402
from videos.models.process_lock import POLLER  # noqa: E402


class MeasuredPoller(poll.Poller):
    """The poller, noting how late each poll begins and how many were made."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.lateness = []

    async def answer(self, poll):
        self.lateness.append((timezone.now() - poll.due_at).total_seconds())
        return await super().answer(poll)


def make_running(count):
    owner = get_user_model().objects.create_user(f"bench-{secrets.token_hex(4)}")
    batch = Batch.objects.create(owner=owner, form_token=secrets.token_hex(16))
    provider = Provider.objects.first()
    now = timezone.now()
    step = timedelta(seconds=settings.POLL_SECONDS) / count
    made = Generation.objects.bulk_create(
        Generation(
            owner=owner,
            batch=batch,
            prompt="bench",
            provider=provider,
            status=Status.RUNNING,
            remote_id=f"bench-{secrets.token_hex(8)}",
            sent_at=now,
            followed_at=now,
            due_at=now + timedelta(seconds=2) + number * step,
        )
        for number in range(count)
    )
    kinds = ((LedgerEntry.Kind.HOLD, 1), (LedgerEntry.Kind.SETTLE, 0))  # or recovery would have them all to add
    same = {"user": owner, "provider": provider, "day": now.date()}
    LedgerEntry.objects.bulk_create(
        LedgerEntry(generation=generation, kind=kind, videos=videos, **same)
        for generation in made
        for kind, videos in kinds
    )


def measure(count, seconds):
    make_running(count)
    started = time.process_time()
    poller = MeasuredPoller(ProcessLock.objects.acquire(POLLER, 60))
    asyncio.run(run_for(poller, seconds))
    late = sorted(poller.lateness)
    return {
        "in_flight": count,
        "seconds": seconds,
        "polls": len(late),
        "polls_per_second": round(len(late) / (seconds - 2), 1),
        "lateness_p50_s": round(late[len(late) // 2], 3),
        "lateness_p99_s": round(late[int(len(late) * 0.99)], 3),
        "lateness_max_s": round(late[-1], 3),
        "cpu_share": round((time.process_time() - started) / seconds, 2),
        "cpu_s_per_1000": round((time.process_time() - started) * 1000 / len(late), 2),
    }


async def run_for(poller, seconds):
    asyncio.get_running_loop().call_later(seconds, stopping.request)
    await poller.run()


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), float(sys.argv[2]))))
