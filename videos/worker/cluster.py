"""The worker: django-q2's sentinel and its processes, and outside of them a watch that nothing inside can freeze.

django-q2 heals the death of a worker that is busy with a task. Three things it does not heal, each seen here:

- Its queues share locks between processes. A process that is killed in the wrong moment, an idle worker always, takes
  one to its grave, and the queue is frozen for good. So any sudden death renews the whole cluster.
- When the sentinel itself is killed, its processes live on as orphans. Here they learn of it from the kernel.
- SIGTERM waits for whatever runs. Here what runs sees the stop flag.

Two clusters may be alive at once for a moment; tasks are made so that this is harmless.
"""

import logging
import os
import signal
import sys
import threading
import time
import uuid
from contextlib import suppress
from multiprocessing import get_context, util
from multiprocessing.process import current_process
from types import FrameType

from django.db import Error, connections
from django_q import cluster as q2
from django_q.signals import post_execute_in_worker, pre_execute

from videos import stopping
from videos.engine.poll import SLOT
from videos.engine.recovery import replay_accepted
from videos.models import Job, ProcessLock, StudioFault
from videos.tasks import enqueue_account_check, enqueue_poller, make_schedules
from videos.worker import linux

logger = logging.getLogger(__name__)

STEP = 0.1  # seconds between two looks
LATE = 1.8  # seconds without a sign of the pump, after which it is nudged
FROZEN = 45.0  # seconds without a sign of the pump or the sentinel, after which the cluster is renewed
REPLAY_EVERY = 5.0  # seconds
STOP_WITHIN = 8.0  # seconds that a submission on its way is given to hear its reply
ORPHANS_MAY_WORK = 5.0  # seconds
LONGEST_BACK_OFF = 5.0  # seconds between two clusters that fail at once
PARENT_DIED = signal.SIGUSR1
RENEW = 3  # a sentinel's exit code
PREFIX = "studio:"
IDLE = -1  # django-q2's timer of a worker without a task


class Sentinel(q2.Sentinel):
    """django-q2's, except that it gives way to a fresh cluster when one of its processes died suddenly."""

    def reincarnate(self, process):
        is_worker = process in self.pool
        died_suddenly = not is_worker or process.timer.value == IDLE or process.exitcode not in (0, None)
        super().reincarnate(process)
        if died_suddenly:
            stopping.request()
            os._exit(RENEW)


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
        """The whole group, workers that outlived their sentinel included."""
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


class Watch:
    """Keeps one cluster running until it is told to stop, and replaces it when it dies or freezes."""

    def __init__(self):
        self.must_stop = False
        self.former: list[Cluster] = []
        self.replayed_at = 0.0
        self.failures = 0

    def run(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        util.register_after_fork(self, Watch.in_child)
        while not self.must_stop:
            self.begin()
            self.watch()
        self.finish()

    def stop(self, number: int, frame: FrameType | None):
        self.must_stop = True

    def begin(self):
        attend(make_schedules)
        attend(enqueue_poller)
        attend(enqueue_account_check)
        self.cluster = Cluster()
        self.pump = PumpWatch()

    def watch(self):
        """Returns when the cluster is to be replaced, or when everything is to stop."""
        while not self.must_stop:
            if not self.cluster.is_alive():
                return self.replace("The worker's processes ended")
            if self.cluster.is_frozen():
                return self.replace("The worker's sentinel is frozen")
            if self.pump.look() > FROZEN:
                return self.replace("The worker's queue is frozen")
            self.bury_former()
            self.replay_accepted()
            time.sleep(STEP)
        return None

    def replay_accepted(self):
        """What was kept beside the database lies on this host alone, wherever the pump runs."""
        if time.monotonic() - self.replayed_at > REPLAY_EVERY:
            self.replayed_at = time.monotonic()
            attend(replay_accepted)

    def replace(self, reason: str):
        logger.warning("%s; starting new ones", reason)
        self.cluster.ask_to_stop()
        self.former.append(self.cluster)
        self.failures = 0 if self.cluster.age > LONGEST_BACK_OFF else self.failures + 1
        if self.failures > 2:
            time.sleep(min(0.1 * 2**self.failures, LONGEST_BACK_OFF))

    def bury_former(self):
        """Orphans may end what they are sending; then they go."""
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


class PumpWatch:
    """Sees whether the pump's heartbeat moves. It compares beats, never clocks: those may jump, or differ by host."""

    def __init__(self):
        self.beat = None
        self.moved_at = self.looked_at = time.monotonic()
        self.patience = LATE

    def look(self) -> float:
        """Seconds since the last sign of the pump. Nudges one when they grow; a database that fails is no sign."""
        now = time.monotonic()
        if now - self.looked_at < LATE / 4:
            return now - self.moved_at
        try:
            beat = ProcessLock.objects.filter(name=SLOT).values_list("seen_at", flat=True).first()
        except Error:
            connections.close_all()
            self.moved_at += now - self.looked_at
            beat = self.beat
        self.looked_at = now
        if beat != self.beat:
            self.beat, self.moved_at, self.patience = beat, now, LATE
        elif now - self.moved_at > self.patience:
            attend(enqueue_poller)
            self.patience *= 2
        return now - self.moved_at


def attend(call):
    """The watch outlives a database that is away."""
    try:
        call()
    except Error as error:
        logger.warning("The database failed (%s)", type(error).__name__)
        connections.close_all()
        StudioFault.objects.record(Job.RECOVERY, error)


# In each forked process
def prepare_process():
    """It ends with its parent, and says in `ps` what it is."""
    process = current_process()
    linux.die_with(process._parent_pid, PARENT_DIED)
    role = getattr(process._target, "__name__", "")
    linux.show_name(PREFIX + {"run_sentinel": "sentinel", "worker": "idle"}.get(role, role))
    if role == "worker":
        signal.signal(PARENT_DIED, Worker.orphaned)
        pre_execute.connect(Worker.begins)
        post_execute_in_worker.connect(Worker.ends)


class Worker:
    """What this process knows of itself as one of django-q2's workers."""

    is_busy = False
    is_orphan = False

    @staticmethod
    def begins(task, **kwargs):
        Worker.is_busy = True
        linux.show_name(PREFIX + str(task["func"]).rpartition(".")[2])

    @staticmethod
    def ends(**kwargs):
        Worker.is_busy = False
        if Worker.is_orphan:
            os._exit(0)
        linux.show_name(f"{PREFIX}idle")

    @staticmethod
    def orphaned(number: int, frame: FrameType | None):
        """Nobody hands out tasks any more. What runs may end, if it is quick: a submission should hear its reply."""
        stopping.request()
        Worker.is_orphan = True
        if not Worker.is_busy:
            os._exit(0)
        timer = threading.Timer(ORPHANS_MAY_WORK, os._exit, [0])
        timer.daemon = True
        timer.start()


def run():
    """`manage.py worker`: until SIGTERM or SIGINT."""
    Watch().run()
    sys.stdout.flush()
