"""A dead worker cannot report itself: the supervisor sends the notice, with real processes."""

import json
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psutil

from tests.parts.processes import wait_until
from tests.parts.receiver import Receiver
from tests.parts.studio import csrf_token

# The studio's own command, which looks after the worker each second instead of every two minutes.
QUICK = """
import django
django.setup()
from django.core.management import execute_from_command_line
from videos.worker import supervisor
supervisor.WATCH_WORKER_EVERY = 1.0
execute_from_command_line(["manage.py", "studio"])
"""


def titles(receiver):
    return [json.loads(body)["title"].removeprefix("HeyGen Studio: ") for _, _, body in list(receiver.taken)]


def kill_worker(studio):
    """Also the one that the supervisor starts in its place, like a machine that has no memory for it."""
    for worker in studio.find_all("worker"):
        try:
            worker.kill()
        except psutil.NoSuchProcess:
            continue


def let_minutes_pass(studio):
    earlier = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=5)
    with closing(sqlite3.connect(studio.data / "studio.sqlite3", timeout=60)) as database:
        database.execute("UPDATE videos_processlock SET seen_at = ? WHERE name = 'poller'", [str(earlier)])
        database.commit()


def test_an_address_stored_by_an_owner_is_notified_that_the_worker_is_down_and_back(new_studio):
    receiver = Receiver()
    studio = new_studio()
    studio.command = [sys.executable, "-c", QUICK]
    try:
        studio.start()
        studio.make_owner()
        with closing(studio.client()) as client:
            address = receiver.url.replace("http://", "json://")
            form = {"csrfmiddlewaretoken": csrf_token(client, "/settings"), "address": address, "kinds": ["worker"]}
            assert "Saved." in client.post("/settings/notices", data=form).text

        def told():
            kill_worker(studio)
            let_minutes_pass(studio)
            return titles(receiver)

        wait_until(told, 120, f"a notice that the worker is gone\n{studio.log}", every=0.5)
        assert studio.process.poll() is None
        wait_until(lambda: titles(receiver)[1:], 120, "a notice that it is back")
        expected = ["The worker is not running", "Resolved: The worker is not running"]
        assert titles(receiver) == expected, "each is told once"
        assert address not in studio.log
    finally:
        receiver.close()
