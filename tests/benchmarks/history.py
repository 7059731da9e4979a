"""Pages and clicks with a little and with much history: `… tests.benchmarks.history <what> <rows> <runs>`, in a process
and a database of its own. Prints JSON: CPU milliseconds of every run, and how long seeding took."""

import json
import resource
import statistics
import sys
import time
import uuid

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.db import transaction  # noqa: E402
from django.test import Client  # noqa: E402

from tests.parts.history import History  # noqa: E402
from videos import search_index  # noqa: E402
from videos.models import Batch, Budget, Generation, Provider, Request  # noqa: E402
from videos.models.recount import differences, recount  # noqa: E402

DAYS = 40  # at least, over which the history lies: the usage page shows thirty
PAGES = {
    "home": "/",
    "in progress": "/?state=running",
    "ready": "/?state=ready",
    "needs attention": "/?state=attention",
    "favourites": "/?state=favourite",
    "trash": "/?state=trash",
    "one provider": "/?provider=veo_3_1",
    "search, common words": "/?q=dusk",
    "search, nothing found": "/?q=unicorn",
    "usage, 30 days": "/usage",
    "usage as CSV": "/usage.csv",
    "compare": "/compare",
    "admin: generations": "/admin/videos/generation/",
    "admin: search": "/admin/videos/generation/?q=unicorn",
    "admin: ledger": "/admin/videos/ledgerentry/",
}


def seed(count):
    owner = get_user_model().objects.create_superuser("bench", password=None)
    Budget.objects.create(scope="studio", videos_per_month=10**6, money_per_day=10**6)
    started = time.perf_counter()
    search_index.drop()
    with transaction.atomic():
        History(owner, count, spacing=max(30, DAYS * 86400 // count)).make()
    search_index.make()
    seeded, started = time.perf_counter() - started, time.perf_counter()
    recount()
    return owner, {"seed_s": round(seeded, 1), "recount_s": round(time.perf_counter() - started, 1)}


def pages(owner, runs):
    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    video = Generation.objects.filter(owner=owner, tab="ready").newest_first()[0]
    found = {}
    for name, path in (PAGES | {"viewer": f"/g/{video.public_id}"}).items():
        client.get(path)  # templates are read, and what is remembered for a moment is asked
        found[name] = [milliseconds(lambda path=path: client.get(path)) for _ in range(runs)]
    return found


def clicks(owner, runs):
    provider = Provider.objects.get(value="veo_3_1")
    click = lambda: Batch.objects.make(owner, uuid.uuid4().hex, [Request("A lighthouse", provider)])  # noqa: E731
    click()
    return {"a click on Generate": [milliseconds(click) for _ in range(runs)]}


def nightly(owner, runs):
    """Comparing the kept numbers with the rows: seconds, and the memory of the whole process."""
    started = time.perf_counter()
    assert differences() == []
    seconds = round(time.perf_counter() - started, 1)
    return {"compare_s": seconds, "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


def milliseconds(do):
    before = time.process_time()
    do()
    return round(1000 * (time.process_time() - before), 2)


def main(what, count, runs):
    owner, seeding = seed(count)
    times = {"pages": pages, "clicks": clicks}[what](owner, runs)
    medians = {name: round(statistics.median(values), 1) for name, values in times.items()}
    spread = {name: [min(values), max(values)] for name, values in times.items()}
    print(json.dumps({"rows": count, **seeding, **nightly(owner, runs), "median_ms": medians, "spread_ms": spread}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
