"""/healthz: five parts, each told of, whatever the others do."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from videos.models import ProcessLock

pytestmark = pytest.mark.django_db
PARTS = ["database", "worker", "storage", "free_space", "jobs"]


@pytest.fixture
def worker():
    ProcessLock.objects.acquire("pump", 30)


def seen(ago):
    ProcessLock.objects.filter(name="pump").update(seen_at=timezone.now() - ago)


def test_a_studio_at_work_is_healthy(client, worker):
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"ok": True, **dict.fromkeys(PARTS, True)}


def test_a_worker_that_never_came_is_told_of(client):
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {"ok": False, **dict.fromkeys(PARTS, True), "worker": False}


@pytest.mark.parametrize(("seconds", "status"), [(55, 200), (65, 503), (3600, 503)])
def test_a_worker_not_seen_for_a_minute_is_told_of(client, worker, seconds, status):
    seen(timedelta(seconds=seconds))
    assert client.get("/healthz").status_code == status


def test_a_folder_that_cannot_be_written_is_told_of(client, worker, settings):
    settings.MEDIA_ROOT = settings.DATA / "media"
    settings.MEDIA_ROOT.write_text("a file where the folder should be")
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["storage"], answer.json()["database"]) == (503, False, True)


def test_too_little_free_space_is_told_of(client, worker, settings):
    settings.MIN_FREE_BYTES = 2**62
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["free_space"]) == (503, False)


def test_a_data_folder_that_is_gone_is_told_of(client, worker, settings):
    settings.DATA = settings.DATA / "gone"
    assert client.get("/healthz").json()["free_space"] is False


def test_a_broken_table_does_not_hide_the_other_parts(client, worker):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE videos_processlock RENAME TO videos_processlock_gone")
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert (answer.json()["worker"], answer.json()["storage"]) == (False, True)


def test_it_asks_for_no_login_and_leaves_nothing_behind(client, worker, own_files):
    client.get("/healthz")
    assert not client.cookies
    assert not Session.objects.exists()
    assert [path for path in own_files.rglob("*") if path.is_file()] == []
    assert client.post("/healthz").status_code == 405
