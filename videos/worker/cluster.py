"""The worker: django-q2's sentinel and its processes, and a watchdog outside of them that they cannot freeze.

Why three processes supervise others, and none of them can be removed:

- The supervisor (`manage.py studio`) starts whole programs. A host that runs only a worker has systemd instead.
- The sentinel is django-q2's. It runs schedules, and restarts a process that dies while it is busy with a task.
- The watchdog is the sentinel's parent, in place of django-q2's own command. django-q2's queues share locks between
  processes. A process that is killed at the wrong moment, or an idle one at any moment, dies holding a lock, which
  deadlocks the queue and sometimes the sentinel. Only a process that shares no lock with them can notice that. So a
  sudden death replaces the whole cluster at once, and a cluster that makes no progress is replaced after FROZEN.
- If the sentinel is killed, its processes would keep running as orphans. Here the kernel signals them.
- On SIGTERM, django-q2 waits for running tasks. Here the tasks check the stop flag.

Two clusters may run at once for a moment. Tasks are written so that this is harmless.
"""

import logging
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context, util
from multiprocessing.process import current_process
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import Error, connections
from django_q import cluster as q2
from django_q.signals import post_execute_in_worker, pre_execute

from videos import stopping
from videos.engine.enqueue import oldest_task
from videos.engine.recovery import free_claims_of_dead_processes, replay_accepted
from videos.models import Job, ProcessLock, StudioFault
from videos.models.process_lock import POLLER
from videos.remotes import transport
from videos.tasks import enqueue_account_check, enqueue_poller, make_schedules
from videos.worker import linux

logger = logging.getLogger(__name__)

STEP = 0.1  # seconds between two checks
LOOK_EVERY = 0.45  # seconds between two database queries
LATE = 1.8  # seconds without a heartbeat of the poller, after which another one is enqueued
FROZEN = 45.0  # seconds without progress of poller, queue or sentinel, after which the cluster is replaced
REPLAY_EVERY = 5.0  # seconds
STOP_WITHIN = 8.0  # seconds that a running submission has to receive its reply
ORPHANS_MAY_WORK = 5.0  # seconds until an orphan ends, even if it is busy
LONGEST_BACK_OFF = 1.0  # seconds between two clusters that fail immediately
PARENT_DIED = signal.SIGUSR1
REPLACE = 3  # exit code of a sentinel that asks for a new cluster
PREFIX = "studio:"
IDLE = -1  # django-q2's timer of a worker without a task


class Sentinel(q2.Sentinel):
    """django-q2's sentinel, except that it exits when one of its processes dies suddenly; a new cluster follows."""

    def reincarnate(self, process):
        is_worker = process in self.pool
        died_suddenly = not is_worker or process.timer.value == IDLE or process.exitcode not in (0, None)
        super().reincarnate(process)
        if died_suddenly:
            stopping.request()
            os._exit(REPLACE)


class Cluster:
    """One sentinel with its processes, in a process group of their own."""

    def __init__(self):
        self.flag = stopping.renew()
        self.started_at = time.monotonic()
        connections.close_all()  # a forked connection would be shared
        self.sentinel = get_context("fork").Process(target=run_sentinel, args=(self.flag,), name="sentinel")
        self.sentinel.start()
        self.stopped_at: float | None = None

    @property
    def age(self) -> float:
        return time.monotonic() - self.started_at

    def is_alive(self) -> bool:
        return self.sentinel.is_alive()

    def is_frozen(self) -> bool:
        return time.monotonic() - max(self.started_at, self.flag.waited_at) > FROZEN

    def ask_to_stop(self):
        self.flag.set()
        self.stopped_at = self.stopped_at or time.monotonic()

    def is_overstaying(self, seconds: float) -> bool:
        return self.stopped_at is not None and time.monotonic() - self.stopped_at > seconds

    def kill(self):
        """Kills the whole process group, including workers that outlived their sentinel."""
        with suppress(ProcessLookupError):
            os.killpg(self.sentinel.pid, signal.SIGKILL)
        self.sentinel.join(5)

    def has_processes(self) -> bool:
        self.sentinel.is_alive()  # reaps it
        try:
            os.killpg(self.sentinel.pid, 0)
        except ProcessLookupError:
            return False
        return True


def run_sentinel(flag: stopping.Flag):
    os.setpgid(0, 0)
    Sentinel(flag, stopping.Flag(), uuid.uuid4())


class Watchdog:
    """Keeps one cluster running until SIGTERM or SIGINT, and replaces it when it dies or freezes."""

    def __init__(self):
        self.must_stop = False
        self.former: list[Cluster] = []
        self.replayed_at = self.freed_at = 0.0
        self.failures = 0

    def run(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        util.register_after_fork(self, Watchdog.in_child)
        prepare_once()
        while not self.must_stop:
            self.begin()
            self.watch()
        self.finish()

    def stop(self, number: int, frame: FrameType | None):
        self.must_stop = True

    def begin(self):
        unless_database_fails(make_schedules)
        unless_database_fails(free_claims_of_dead_processes)
        unless_database_fails(enqueue_poller)
        unless_database_fails(enqueue_account_check)
        self.cluster = Cluster()
        self.poller, self.queue, self.next_enqueue = Unchanged(heartbeat), Unchanged(oldest_task), LATE

    def watch(self):
        """Returns when the cluster must be replaced, or when everything must stop."""
        while not self.must_stop:
            if not self.cluster.is_alive():
                return self.replace("The worker's processes ended")
            if self.cluster.is_frozen():
                return self.replace_frozen("The worker's sentinel is frozen")
            if self.poller.seconds() > FROZEN:
                return self.replace_frozen("The worker's poller is frozen")
            if self.queue.seconds() > FROZEN:
                return self.replace_frozen("The worker's queue is frozen")
            self.end_former()
            self.repair()
            self.enqueue_poller()
            time.sleep(STEP)
        return None

    def repair(self):
        """Cleans up after processes that died on this host. No other host can, and the poller may be on another one."""
        now = time.monotonic()
        if now - self.freed_at > LOOK_EVERY:
            self.freed_at = now
            unless_database_fails(self.free_claims)
        if now - self.replayed_at > REPLAY_EVERY:
            self.replayed_at = now
            unless_database_fails(replay_accepted)

    def free_claims(self):
        if free_claims_of_dead_processes():
            enqueue_poller()  # the poller's lock may have been one of them

    def enqueue_poller(self):
        """Enqueues a poller when there is no heartbeat. Each time, the wait until the next one doubles."""
        silence = self.poller.seconds()
        if silence < LATE:
            self.next_enqueue = LATE
        elif silence > self.next_enqueue:
            unless_database_fails(enqueue_poller)
            self.next_enqueue *= 2

    def replace(self, reason: str):
        logger.warning("%s; starting new ones", reason)
        self.cluster.ask_to_stop()
        self.former.append(self.cluster)
        self.failures = 0 if self.cluster.age > LONGEST_BACK_OFF else self.failures + 1
        if self.failures > 2:
            time.sleep(min(0.1 * 2**self.failures, LONGEST_BACK_OFF))

    def replace_frozen(self, reason: str):
        """One that was frozen in a transaction keeps SQLite locked: nothing can begin before it is gone."""
        self.replace(reason)
        while self.former:
            self.end_former()
            time.sleep(STEP)

    def end_former(self):
        """Ends former clusters as soon as their processes have finished what they were sending."""
        for cluster in list(self.former):
            if cluster.is_overstaying(ORPHANS_MAY_WORK) or not cluster.has_processes():
                cluster.kill()
                self.former.remove(cluster)

    def finish(self):
        self.cluster.ask_to_stop()
        while self.cluster.is_alive() and not self.cluster.is_overstaying(STOP_WITHIN):
            time.sleep(STEP / 2)
        for cluster in [self.cluster, *self.former]:
            cluster.kill()

    def in_child(self):
        prepare_process()


class Unchanged:
    """Measures how long a value that should change has stayed the same.

    The value is never compared with a clock, because clocks jump.
    """

    def __init__(self, read: Callable[[], Any]):
        """`read` returns the value, or None while it does not have to change."""
        self.read = read
        self.value = None
        self.changed_at = self.looked_at = time.monotonic()

    def seconds(self) -> float:
        """Seconds since the value last changed, not counting those in which the database failed."""
        now = time.monotonic()
        if now - self.looked_at < LOOK_EVERY:
            return now - self.changed_at
        try:
            value = self.read()
            if value is None or value != self.value:
                self.value, self.changed_at = value, now
        except Error:
            connections.close_all()
            self.changed_at += now - self.looked_at
        self.looked_at = now
        return now - self.changed_at


def heartbeat() -> tuple:
    return (ProcessLock.objects.filter(name=POLLER).values_list("seen_at", flat=True).first(),)


def unless_database_fails(call):
    """Calls it, and only logs a failure of the database: the watchdog keeps running meanwhile."""
    try:
        call()
    except Error as error:
        logger.warning("The database failed (%s)", type(error).__name__)
        connections.close_all()
        StudioFault.objects.record(Job.RECOVERY, error)


def prepare_once():
    """Loads in advance what would take each process a fifth of a second, when many start at once after a death."""
    transport.certificates()
    if settings.BUCKET:
        with suppress(Exception):  # the first real use reports any problem
            default_storage.bucket  # noqa: B018 – makes the client; nothing is connected yet


# In each forked process
def prepare_process():
    """Makes the process end with its parent, and shows its role in `ps`."""
    process = current_process()
    linux.die_with(process._parent_pid, PARENT_DIED)
    role = getattr(process._target, "__name__", "")
    linux.show_name(PREFIX + {"run_sentinel": "sentinel", "worker": "idle"}.get(role, role))
    if role == "worker":
        signal.signal(PARENT_DIED, ThisWorker.orphaned)
        pre_execute.connect(ThisWorker.begins)
        post_execute_in_worker.connect(ThisWorker.ends)


class ThisWorker:
    """The state of this process, if it is one of django-q2's workers. Signals and hooks of the process change it."""

    is_busy = False
    is_orphan = False

    @staticmethod
    def begins(task, **kwargs):
        ThisWorker.is_busy = True
        linux.show_name(PREFIX + str(task["func"]).rpartition(".")[2])

    @staticmethod
    def ends(**kwargs):
        ThisWorker.is_busy = False
        if ThisWorker.is_orphan:
            os._exit(0)
        linux.show_name(f"{PREFIX}idle")

    @staticmethod
    def orphaned(number: int, frame: FrameType | None):
        """The sentinel is gone. A running task may finish if it is quick: a submission should receive its reply."""
        stopping.request()
        ThisWorker.is_orphan = True
        if not ThisWorker.is_busy:
            os._exit(0)
        timer = threading.Timer(ORPHANS_MAY_WORK, os._exit, [0])
        timer.daemon = True
        timer.start()


def run():
    """`manage.py worker`: until SIGTERM or SIGINT."""
    Watchdog().run()
    sys.stdout.flush()
