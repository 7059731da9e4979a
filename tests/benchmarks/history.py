"""Pages and clicks with a short or a long history: `… tests.benchmarks.history <what> <rows>`, in a process and a
database of its own, which it fills unless it has so many rows. Prints JSON: how long that took, and the names of what
it measures. Each line of its input is a name, and is answered with the CPU milliseconds of doing that once. `seed` for
<what> only fills the database; another <what> then measures what it finds there.
"""

import json
import sys
import time
import uuid
from functools import partial
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from tests.parts.history import History, loading  # noqa: E402
from videos import search_index  # noqa: E402
from videos.models import Batch, Budget, Generation, Provider, Request  # noqa: E402
from videos.models.recount import recount  # noqa: E402

DAYS = 40  # at least, over which the history lies: the usage page shows thirty
PAGES = {
    "home": "/",
    "in progress": "/?state=running",
    "ready": "/?state=ready",
    "needs attention": "/?state=attention",
    "favourites": "/?state=favourite",
    "favourites, longest first": "/?state=favourite&sort=longest",
    "favourites, one provider": "/?state=favourite&provider=veo_3_1",
    "trash": "/?state=trash",
    "one provider": "/?provider=veo_3_1",
    "one provider, ready": "/?provider=veo_3_1&state=ready",
    "oldest first": "/?sort=oldest",
    "longest first": "/?sort=longest",
    "by provider": "/?sort=provider",
    "last 30 days": "/?when=month",
    "mine": "/?whose=mine",
    "one ratio": "/?ratio=1:1",
    "search, common words": "/?q=dusk",
    "search, one in seven": "/?q=redwood",
    "search, two letters": "/?q=zz",
    "search, nothing found": "/?q=unicorn",
    "usage, 30 days": "/usage",
    "usage as CSV": "/usage.csv",
    "compare": "/compare",
    "updates": "/updates?since=",
    "admin: generations": "/admin/videos/generation/",
    "admin: search": "/admin/videos/generation/?q=unicorn",
    "admin: ledger": "/admin/videos/ledgerentry/",
}


def seed(count):
    """The owner of this many videos, and how long it took to make them."""
    found = get_user_model().objects.filter(username="bench").first()
    if found and Generation.objects.all()[count - 1 : count].exists():
        return found, {"seed_s": 0, "seed_cpu_s": 0, "recount_s": 0}
    owner = get_user_model().objects.create_superuser("bench", password=None)
    Budget.objects.create(scope="studio", videos_per_month=10**6, money_per_day=10**6)
    started, worked = time.perf_counter(), cpu_seconds()
    search_index.drop()
    with loading():
        History(owner, count, spacing=max(30, DAYS * 86400 // count)).make()
    search_index.make()
    seeded = {"seed_s": round(time.perf_counter() - started, 1), "seed_cpu_s": round(cpu_seconds() - worked, 1)}
    connection.close()
    started = time.perf_counter()
    recount()
    took = time.perf_counter() - started
    vacuum()
    return owner, seeded | {"recount_s": round(took, 1)}


def vacuum():
    """As autovacuum does a minute after so many rows were written: without it, no index answers alone."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")


def pages(owner):
    """Name → what fetches that page."""
    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    video = Generation.objects.filter(owner=owner, tab="ready").newest_first()[0]
    paths = PAGES | {"viewer": f"/g/{video.public_id}"}
    for path in paths.values():
        assert client.get(path).status_code in {200, 204}  # templates are read, short caches are filled
    return {name: partial(client.get, path) for name, path in paths.items()}


def clicks(owner):
    provider = Provider.objects.get(value="veo_3_1")
    click = lambda: Batch.objects.make(owner, uuid.uuid4().hex, [Request("A lighthouse", provider)])  # noqa: E731
    click()
    return {"a click on Generate": click}


def milliseconds(do):
    before = cpu_seconds()
    do()
    return round(1000 * (cpu_seconds() - before), 2)


def cpu_seconds():
    """Of this process, which is SQLite's too, and of the process of PostgreSQL that works for it."""
    own = time.process_time()
    if connection.vendor == "sqlite":
        return own
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    return own + int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def main(what, count):
    owner, seeding = seed(count)
    do = {"pages": pages, "clicks": clicks, "seed": lambda owner: {}}[what](owner)
    print(json.dumps({"rows": count, "database_bytes": database_bytes(), **seeding, "names": list(do)}), flush=True)
    for line in sys.stdin:
        print(milliseconds(do[line.strip()]), flush=True)


def database_bytes():
    size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    with connection.cursor() as cursor:
        cursor.execute(size if connection.vendor == "sqlite" else "SELECT pg_database_size(current_database())")
        return cursor.fetchone()[0]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
