"""/healthz: five parts, each reported independently of the others."""

import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from tests.parts.processes import ROOT, environment
from videos.models import ProcessLock
from videos.storage import writable as probes
from videos.storage.writable import Writable, writable

# The probe writes by a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
PARTS = ["database", "worker", "storage", "free_space", "jobs"]


LONGEST_TRY, LONGEST_WAIT = probes.LONGEST_TRY, probes.LONGEST_WAIT
AS_LONG_AS_A_PAGE = 15  # seconds: a page waits for a locked database for twenty


@pytest.fixture(autouse=True)
def nothing_is_remembered(monkeypatch):
    """And a busy machine may take its time over what works."""
    monkeypatch.setattr(probes, "LONGEST_TRY", 60.0)
    writable.forget()


def test_nobody_waits_longer_than_a_second_for_a_part_that_does_not_answer():
    assert LONGEST_WAIT < LONGEST_TRY < 1


@pytest.fixture
def worker():
    ProcessLock.objects.acquire("poller", 30)


def seen(ago):
    ProcessLock.objects.filter(name="poller").update(seen_at=timezone.now() - ago)


def test_a_studio_at_work_is_healthy(client, worker):
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"ok": True, **dict.fromkeys(PARTS, True)}


def test_a_worker_that_never_ran_is_reported(client):
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {"ok": False, **dict.fromkeys(PARTS, True), "worker": False}


@pytest.mark.parametrize(("seconds", "status"), [(45, 200), (65, 503), (3600, 503)])
def test_a_worker_not_seen_for_a_minute_is_reported(client, worker, seconds, status):
    seen(timedelta(seconds=seconds))
    assert client.get("/healthz").status_code == status


def test_a_folder_that_cannot_be_written_is_reported(client, worker, settings):
    settings.MEDIA_ROOT = settings.DATA / "media"
    settings.MEDIA_ROOT.write_text("a file where the folder should be")
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["storage"], answer.json()["database"]) == (503, False, True)


def test_too_little_free_space_is_reported(client, worker, settings):
    settings.MIN_FREE_BYTES = 2**62
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["free_space"]) == (503, False)


def test_a_data_folder_that_is_gone_is_reported(client, worker, settings):
    settings.DATA = settings.DATA / "gone"
    assert client.get("/healthz").json()["free_space"] is False


def test_a_broken_table_does_not_hide_the_other_parts(client, worker):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE videos_processlock RENAME TO videos_processlock_gone")
    answer = client.get("/healthz")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE videos_processlock_gone RENAME TO videos_processlock")
    assert answer.status_code == 503
    assert (answer.json()["worker"], answer.json()["storage"]) == (False, True)


def test_it_asks_for_no_login_and_leaves_nothing_behind(client, worker, own_files):
    client.get("/healthz")
    assert not client.cookies
    assert not Session.objects.exists()
    assert [path for path in own_files.rglob("*") if path.is_file()] == []
    assert client.post("/healthz").status_code == 405


def answer_of(client):
    """(seconds that it took, its JSON), with nothing remembered."""
    writable.forget()
    began = time.monotonic()
    found = client.get("/healthz").json()
    return time.monotonic() - began, found


def other_connection():
    database = connection.settings_dict
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    return {name: database[key] for name, key in names.items() if database[key]}


def only_on_sqlite():
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has no file of its own here")


def test_a_locked_database_is_reported_before_it_is_free_and_recovers(client, worker):
    only_on_sqlite()
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as other:
        other.execute("BEGIN EXCLUSIVE")
        seconds, found = answer_of(client)
        assert (found["ok"], found["database"], found["worker"]) == (False, False, True)
        assert seconds < AS_LONG_AS_A_PAGE
    assert answer_of(client)[1]["ok"] is True


def test_a_locked_table_is_reported_before_it_is_free(client, worker):
    """On PostgreSQL: somebody holds what a write needs."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks the whole file")
    client.get("/healthz")
    with psycopg.connect(**other_connection()) as other:
        other.execute("LOCK TABLE videos_processlock IN SHARE MODE")
        seconds, found = answer_of(client)
        assert (found["ok"], found["database"]) == (False, False)
        assert seconds < AS_LONG_AS_A_PAGE


def test_a_database_file_that_was_moved_away_is_reported_and_not_created_again(client, worker, monkeypatch, tmp_path):
    only_on_sqlite()
    monkeypatch.setitem(connection.settings_dict, "NAME", str(tmp_path / "moved #1?.sqlite3"))
    assert answer_of(client)[1]["database"] is False
    assert not list(tmp_path.iterdir())


READ_ONLY = """
import os, sys, sqlite3
path = sys.argv[1]
from videos.storage.writable import write_to_sqlite
write_to_sqlite(path)
os.setresuid(65534, 65534, 65534)
try:
    write_to_sqlite(path)
except sqlite3.OperationalError as error:
    print(error)
"""


def test_a_read_only_database_file_is_reported_as_not_writable():
    """In a process that is not root, for whom no file is read-only."""
    only_on_sqlite()
    with tempfile.TemporaryDirectory(prefix="studio-read-only-") as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "studio.sqlite3"
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE videos_processlock (name TEXT UNIQUE, seen_at TEXT)")
        path.chmod(0o444)
        command = [sys.executable, "-c", f"import django; django.setup()\n{READ_ONLY}", str(path)]
        done = subprocess.run(command, env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert "readonly database" in done.stdout or "unable to open" in done.stdout, done.stderr


def test_a_data_folder_that_was_moved_away_is_reported_and_not_created_again(client, worker, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "gone" / "media"
    assert answer_of(client)[1]["storage"] is False
    assert not settings.MEDIA_ROOT.parent.exists()


def test_a_part_that_hangs_is_reported_while_it_does_and_tried_once(monkeypatch):
    monkeypatch.setattr(probes, "LONGEST_TRY", LONGEST_TRY)
    tried, end = [], threading.Event()

    def hang():
        tried.append(1)
        end.wait()

    part = Writable(database=hang, storage=lambda: None)
    for _ in range(3):
        part.forget()
        assert part.parts() == {"database": False, "storage": True}
    assert tried == [1]
    end.set()


def test_results_are_cached_for_a_few_seconds(monkeypatch):
    assert probes.BAD_NEWS_LASTS < probes.GOOD_NEWS_LASTS <= 10
    monkeypatch.setattr(probes, "GOOD_NEWS_LASTS", 600)
    tried = []
    part = Writable(database=lambda: tried.append(1))
    assert [part.parts() for _ in range(20)] == [{"database": True}] * 20
    assert tried == [1]
