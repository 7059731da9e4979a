"""The worker under kill -9, SIGSTOP and SIGTERM: it recovers on its own, and nothing is sent twice."""

import os
import sqlite3
import sys
import uuid
from contextlib import closing, suppress

import psutil
import pytest
from django_q.models import OrmQ, Schedule
from django_q.scheduler import scheduler

from tests.parts.processes import WAIT_SECONDS, alive, start, stop, wait_until
from tests.parts.worker_processes import generate, heartbeat, only, processes_of, read, rows
from videos import tasks
from videos.host_locks import host_lock
from videos.models import Job, ProcessLock, StudioFault
from videos.models.process_lock import POLLER
from videos.worker.cluster import FROZEN

SIGNED_LINK = "https://example.com/video.mp4?Signature=secret"


class Worker:
    """`manage.py worker` alone, on a studio's data."""

    def __init__(self, studio, *command):
        self.studio = studio
        command = command or ("manage.py", "worker")
        self.process = start([sys.executable, *command], studio.env, studio.log_file)

    def wait_for_poller(self, seconds=30):
        return wait_until(lambda: processes_of(self.studio, "poll"), seconds, "a poller")[0]

    def wait_for_beat(self, seconds):
        before = heartbeat(self.studio)
        wait_until(lambda: heartbeat(self.studio) != before, seconds, "the next heartbeat")


@pytest.fixture
def studio(new_studio):
    return new_studio()


@pytest.fixture
def worker(studio):
    running = Worker(studio)
    running.wait_for_poller()
    yield running
    stop(running.process)


def is_gone(process):
    return not process.is_running() or not alive(process)


def test_a_worker_sends_polls_saves_and_repairs_missing_files_at_night(worker, studio, standin):
    generate(studio, ["a lighthouse", "a harbour"])
    wait_until(lambda: [row["status"] for row in rows(studio)] == ["ready", "ready"], 60)
    assert len(standin.ledger()) == 2
    poster = next((studio.data / "media" / "posters").rglob("*.jpg"))
    poster.unlink()
    with closing(sqlite3.connect(studio.data / "studio.sqlite3", timeout=60)) as database, database:
        night = "UPDATE django_q_schedule SET next_run = '2020-01-01' WHERE name = 'Nightly check'"
        assert database.execute(night).rowcount == 1
    studio.manage("shell", "-c", "from django_q.scheduler import scheduler; scheduler()")  # each half minute
    wait_until(poster.exists, 60, "the nightly check")


def test_polls_continue_after_any_of_its_processes_was_killed(worker, studio, standin):
    standin.faults([{"call": "poll", "do": {"status_word": "running"}}])
    generate(studio, ["a lighthouse"])
    wait_until(lambda: standin.requests("poll"), 30, "a first poll")
    for role in ("poll", "idle", "pusher", "monitor", "sentinel"):
        kill(studio, role)
        seen = len(standin.requests("poll"))
        wait_until(lambda seen=seen: len(standin.requests("poll")) > seen + 1, what=f"polls without {role}")
    standin.faults([])
    generate(studio, ["a harbour"])
    wait_until(lambda: [row["status"] for row in rows(studio)] == ["ready", "ready"], 60)
    assert len(standin.ledger()) == 2


def test_on_either_database_it_comes_back_from_a_kill(database_url, new_studio, standin):
    studio = new_studio()
    worker = Worker(studio)
    try:
        worker.wait_for_poller()
        for role in ("poll", "sentinel"):
            kill(studio, role)
            generate(studio, [f"without {role}"])
        wait_until(lambda: [row["status"] for row in rows(studio)] == ["ready", "ready"], 60)
        kill(studio, "idle")
        worker.process.terminate()
        assert worker.process.wait(WAIT_SECONDS) == 0
    finally:
        stop(worker.process)
    wait_until(lambda: not studio.processes(), what="nothing left")
    assert len(standin.ledger()) == 2


def kill(studio, role):
    victim = wait_until(lambda: killed(studio, role), what=role)
    wait_until(lambda: is_gone(victim))


def killed(studio, role):
    """The one that was killed, or None: those that end by themselves may be gone before they are."""
    for process in processes_of(studio, role):
        with suppress(psutil.NoSuchProcess):
            process.kill()
            return process
    return None


def test_a_poller_that_freezes_is_replaced(worker, studio, standin):
    standin.faults([{"call": "poll", "do": {"status_word": "running"}}])
    generate(studio, ["a lighthouse"])
    wait_until(lambda: standin.requests("poll"), 30, "a first poll")
    frozen = wait_until(lambda: only(processes_of(studio, "poll")), what="one poller")
    frozen.suspend()
    try:
        seen = len(standin.requests("poll"))
        wait_until(lambda: len(standin.requests("poll")) > seen + 1, what="polls by another poller")
    finally:
        with suppress(psutil.NoSuchProcess):  # the watch may have ended it, with all others
            frozen.resume()
    worker.wait_for_beat(20)
    wait_until(lambda: len(processes_of(studio, "poll")) == 1, 30, "one poller again")


def test_a_poller_that_freezes_while_it_writes_is_replaced(worker, studio, standin):
    """SQLite then lets nobody write, the watch neither, until this process is killed."""
    standin.faults([{"call": "poll", "do": {"status_word": "running"}}])
    generate(studio, [f"a lighthouse, number {number}" for number in range(12)])
    wait_until(lambda: standin.requests("poll"), 30, "a first poll")
    frozen = wait_until(lambda: frozen_while_writing(studio, "poll"), what="a poller that writes", every=0)
    seen = len(standin.requests("poll"))
    wait_until(lambda: len(standin.requests("poll")) > seen + 1, what="polls by another poller")
    assert is_gone(frozen)
    worker.wait_for_beat(20)


def frozen_while_writing(studio, role):
    """The process, which is left suspended in the middle of a transaction; or None, if it had none."""
    for process in processes_of(studio, role):
        process.suspend()
        if is_locked(studio):
            return process
        process.resume()
    return None


def is_locked(studio):
    """Whether somebody stays in a transaction that writes."""
    with closing(sqlite3.connect(studio.data / "studio.sqlite3", timeout=2, isolation_level=None)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        database.execute("ROLLBACK")
    return False


def test_a_sentinel_that_freezes_is_replaced_with_all_its_processes(worker, studio):
    frozen = wait_until(lambda: only(processes_of(studio, "sentinel")), what="one sentinel")
    frozen.suspend()
    wait_until(lambda: is_gone(frozen), FROZEN + 30, "the frozen sentinel to be ended", every=0.5)
    worker.wait_for_beat(30)


def test_on_sigterm_all_its_processes_end_by_themselves(studio):
    """None has to be killed: here that would come after an hour. The poller would run on if it did not see the flag."""
    running = Worker(studio, "-c", PATIENT)
    try:
        running.wait_for_poller()
        wait_until(lambda: lock_of_poller(studio), what="a poller with its lock")
        running.process.terminate()
        assert running.process.wait(WAIT_SECONDS) == 0
    finally:
        stop(running.process)
    wait_until(lambda: not studio.processes(), what="nothing left")
    assert lock_of_poller(studio) is None


PATIENT = """
import sys
import django
django.setup()
from django.core.management import execute_from_command_line
from videos.worker import cluster
cluster.STOP_WITHIN = 3600.0
execute_from_command_line(["manage.py", "worker"])
"""


def lock_of_poller(studio):
    found = read(studio, "SELECT token FROM videos_processlock WHERE name = 'poller'")
    return found[0][0] if found else None


def test_killing_it_leaves_no_orphans(worker, studio):
    worker.process.kill()
    worker.process.wait(WAIT_SECONDS)
    wait_until(lambda: not studio.processes(), what="no orphans")


def test_two_workers_at_once_send_nothing_twice(worker, studio, standin):
    other = Worker(studio)
    try:
        generate(studio, [f"a boat {number}" for number in range(12)])
        wait_until(lambda: all(row["status"] == "ready" for row in rows(studio)), 90)
        wait_until(lambda: only(processes_of(studio, "poll")), what="one poller of the two workers")
    finally:
        stop(other.process)
    prompts = [paid["body"]["input"]["prompt"] for paid in standin.ledger()]
    assert sorted(prompts) == sorted({*prompts})
    assert len(prompts) == 12


def test_a_sender_frozen_past_its_lease_sent_nothing_twice(new_studio, standin):
    # A sender waits half its lease for a reply, so it stands still long before it would give up by itself. The reply
    # comes while it does, and is there when it wakes.
    studio = new_studio(STUDIO_LEASE_SECONDS="32")
    standin.faults([{"call": "submit", "first": 1, "do": {"accept": True, "hang": "held"}}])
    worker = Worker(studio)
    try:
        worker.wait_for_poller()
        generate(studio, ["a lighthouse"])
        wait_until(standin.ledger, what="the submission")
        # A second task of the same row may look in for a moment, and goes: the first one has the row.
        sender = wait_until(lambda: only(processes_of(studio, "submit")), what="one sender")
        sender.suspend()
        wait_until(lambda: rows(studio)[0]["status"] == "unknown", 40, "an unknown outcome")
        standin.faults([])
        wait_until(lambda: standin.requests("submit"), what="the reply")
        sender.resume()
        wait_until(lambda: rows(studio)[0]["status"] == "ready", 60, "the late reply adopted")
    finally:
        stop(worker.process)
    assert len(standin.ledger()) == 1


def test_a_database_that_is_away_is_waited_for(studio):
    database = studio.data / "studio.sqlite3"
    database.rename(studio.data / "away")
    running = Worker(studio)
    try:
        wait_until(lambda: "The database failed" in studio.log, 30)
        database.unlink(missing_ok=True)
        (studio.data / "away").rename(database)
        running.wait_for_poller(40)
    finally:
        stop(running.process)


# Tasks and schedules
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_our_schedules_are_made_once_and_repaired():
    tasks.make_schedules()
    Schedule.objects.filter(name="Poller").update(args="not python", kwargs="neither", repeats=0)
    Schedule.objects.create(name="Recovery", func="nothing.at.all", args="(")
    tasks.make_schedules()
    assert Schedule.objects.count() == len(tasks.SCHEDULES)
    scheduler()
    assert {task.func() for task in OrmQ.objects.all()} >= {"videos.tasks.poll", "videos.tasks.recover"}


@pytest.mark.django_db
def test_schedules_and_queued_tasks_of_0_1_0_do_no_harm():
    Schedule.objects.create(name="Follow", func="videos.tasks.pump", schedule_type=Schedule.MINUTES, minutes=1)
    Schedule.objects.create(name="Sweep", func="videos.tasks.sweep", schedule_type=Schedule.MINUTES, minutes=5)
    tasks.make_schedules()
    assert set(Schedule.objects.values_list("name", flat=True)) == set(tasks.SCHEDULES)
    assert ProcessLock.objects.acquire(POLLER, 10, uuid.uuid4())
    tasks.pump(str(uuid.uuid4()))
    tasks.sweep()
    assert not StudioFault.objects.open().exists()


@pytest.mark.django_db
def test_a_task_that_goes_wrong_says_so_without_the_errors_own_words(caplog):
    @tasks.task(Job.ACCOUNT)
    def odd(pk):
        raise ValueError(SIGNED_LINK)

    assert odd(1) is None
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text


def test_an_id_that_was_kept_beside_the_database_finds_its_generation_on_this_host(worker, studio, standin):
    standin.faults([{"call": "submit", "do": {"accept": True, "reset": True}}])
    generate(studio, ["a lighthouse"])
    wait_until(lambda: rows(studio)[0]["status"] == "unknown", 30)
    [paid] = standin.ledger()
    [[public_id]] = read(studio, "SELECT public_id FROM videos_generation")
    accepted = studio.data / "accepted"
    accepted.mkdir(exist_ok=True)
    (accepted / ".whole").write_text(paid["execution_id"])  # the worker reads it at once
    (accepted / ".whole").rename(accepted / public_id)
    wait_until(lambda: rows(studio)[0]["status"] == "ready", 60)
    assert rows(studio)[0]["remote_id"] == paid["execution_id"]
    assert len(standin.ledger()) == 1


@pytest.mark.django_db
def test_tasks_of_rows_that_are_gone_end_quietly():
    assert tasks.submit(4711) is None
    assert tasks.save(4711) is None


def test_the_number_of_saves_at_once_is_limited(settings):
    with (
        host_lock(settings.DATA / "saving", 2) as first,
        host_lock(settings.DATA / "saving", 2) as second,
        host_lock(settings.DATA / "saving", 2) as third,
    ):
        assert (first, second, third) == (True, True, False)
    with host_lock(settings.DATA / "saving", 2) as again:
        assert again


def test_the_process_names_say_what_the_processes_do(worker, studio):
    for role in ("monitor", "pusher", "poll", "idle"):
        assert wait_until(lambda role=role: processes_of(studio, role), what=role)
    sentinel = wait_until(lambda: only(processes_of(studio, "sentinel")), what="one sentinel")
    assert os.getpgid(sentinel.pid) != os.getpgid(worker.process.pid)
