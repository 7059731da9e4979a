"""How much CPU the gallery's page takes when it is full, compared with a view that returns one word behind the
same middleware. Django's test client, in one process, by turns."""

import json
import statistics
import sys
import time
import uuid

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.utils import timezone  # noqa: E402

from videos.lifecycle import Status  # noqa: E402
from videos.models import Batch, Generation, Provider, SavedVideo  # noqa: E402
from videos.models.changes import current_moment  # noqa: E402

urlpatterns = [path("floor", lambda request: HttpResponse("ok")), path("", include("heygen_studio.urls"))]


def make_cards(owner, count):
    """This many cards, each from its own batch: the videos of one batch would be one stack."""
    provider, now = Provider.objects.first(), timezone.now()
    for number in range(count):
        generation = Generation.objects.create(
            owner=owner,
            batch=Batch.objects.create(owner=owner, form_token=uuid.uuid4().hex),
            prompt=f"A drone shot flying over a coastal city at sunset, number {number}",
            provider=provider,
            status=Status.READY,
            remote_id=uuid.uuid4().hex,
            sent_at=now,
            completed_at=now,
            saved_at=now,
            version=number,
        )
        names = {name: f"bench/{number}.{name}" for name in ("file", "poster", "last_frame")}
        facts = {"size": 1, "sha256": "0" * 64, "width": 1280, "height": 720, "seconds": 4, "fps": 24, "codec": "h264"}
        SavedVideo.objects.create(generation=generation, **names, **facts)


def milliseconds(client, address):
    started = time.process_time()
    reply = client.get(address)
    assert reply.status_code == 200, reply.status_code
    assert reply.content
    return 1000 * (time.process_time() - started)


def measure(cards, runs):
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.ROOT_URLCONF = "tests.benchmarks.page"
    owner = get_user_model().objects.create_superuser(f"bench-{uuid.uuid4().hex[:8]}", password=None)
    make_cards(owner, cards)
    client = Client()
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    times = {"/": [], "/updates": [], "/floor": []}
    for number in range(runs + 3):
        for address, found in times.items():
            took = milliseconds(client, address) if address != "/updates" else update(client)
            if number >= 3:  # templates are read on first use
                found.append(took)
    medians = {address: round(statistics.median(found), 2) for address, found in times.items()}
    nothing = [milliseconds(client, "/?state=running") for _ in range(runs)]
    size = len(client.get("/").content)
    spread = {address: [round(min(found), 2), round(max(found), 2)] for address, found in times.items()}
    empty = round(statistics.median(nothing), 2)
    return medians | {"empty": empty, "spread": spread, "html_bytes": size, "runs": runs}


def update(client):
    """The request that every open tab repeats while nothing changes."""
    started = time.process_time()
    client.get("/updates", {"since": f"{current_moment()}~"})
    return 1000 * (time.process_time() - started)


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
