"""Polling: asks the remote API about the progress of every running generation, each at its own time.

One poller runs at a time across all hosts. It is a django-q2 task without a time limit, enqueued again and again; its
lock keeps it single, and is the worker's heartbeat. Each second it claims the polls due within the next one, twenty
times a second it sends those that are due, and it records the results at least once a second. Work that is slow, or
grows with history, runs in threads of its own.
"""

import asyncio
import gc
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any

from django.conf import settings
from django.db import DataError, Error, IntegrityError, close_old_connections, connections
from django.utils import timezone

from videos import stopping
from videos.engine import poll_outcomes
from videos.engine.dispatcher import Dispatcher
from videos.engine.poll_outcomes import Found, OwnFault
from videos.engine.recovery import recover
from videos.engine.watched_jobs import watched
from videos.lease_files import new_lease
from videos.lifecycle import Status
from videos.limits import POLL_CONNECTIONS, POLLS_PER_TICK
from videos.models import (
    DuePoll,
    Generation,
    Job,
    MetricValue,
    Outcome,
    ProcessLock,
    RemoteAccount,
    StudioFault,
)
from videos.models.lease import is_too_far_ahead
from videos.models.metric_value import LATENESS, POLLS, Totals
from videos.models.process_lock import POLLER
from videos.models.transactions import open_unmapped
from videos.outages import is_of_storage
from videos.remotes import async_transport, registry
from videos.remotes.errors import Cause, EndNotice, RemoteError

logger = logging.getLogger(__name__)

LOCK_SECONDS = 10.0  # a poller that is frozen so long may be replaced; one of this host that died, at once
TICK = 1.0  # seconds between claims
SHORTEST_TICK = 0.5  # seconds, where the database is slow
AHEAD = timedelta(seconds=1.3)  # a little more than a tick, so that a late tick delays no poll
REPLIES_WITHIN = 1.0  # seconds, once the worker stops: after SIGTERM it has 2 in all
ASK_EVERY = 0.05  # seconds: the polls due within them leave together, so that hundreds share one turn of the loop
ASKED_TOGETHER = 250  # at most: after an outage thousands are due at once, and each begins with a connection
RECORD_EVERY = 1.0  # seconds, or at once when there is news of a generation
POLL_SECONDS_AT_MOST = 30.0  # for one whole poll, however slowly its answer arrives
GC_THRESHOLDS = (20_000, 10, 10)  # new objects; collections of them; collections of older ones
COUNT_EVERY = 5.0  # seconds between two writes of what is counted for /metrics
RECOVER_EVERY = 5.0  # seconds
CANNOT_BE_WRITTEN = (DataError, IntegrityError, OverflowError, ValueError)  # because of what it says


def poll():
    """Polls everything until this worker stops. Returns at once if another poller runs."""
    with new_lease() as token:
        if ProcessLock.objects.acquire(POLLER, LOCK_SECONDS, token):
            with rare_garbage_collection():
                asyncio.run(Poller(token).run())


@contextmanager
def rare_garbage_collection() -> Iterator[None]:
    """Lets the garbage collector check only new objects, and rarely: polls leave hardly any reference cycles."""
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


class DatabaseThread:
    """One thread for database calls, with a connection of its own."""

    def __init__(self, name: str):
        self.pool = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, call: Callable[[], Any]) -> Any:
        """Returns the result of `call`, or None when the database failed."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, in_database, call)

    async def close(self):
        await asyncio.get_running_loop().run_in_executor(self.pool, connections.close_all)
        self.pool.shutdown()


class Poller:
    """Polls on one event loop. Database calls have threads of their own, so that a slow disk never delays a poll."""

    def __init__(self, token: uuid.UUID):
        self.token = token
        self.waiting: list[tuple[float, DuePoll]] = []  # claimed, with the moment to send it; the first is last
        self.asked: dict[asyncio.Task, DuePoll] = {}
        self.judged: list[tuple[DuePoll, Outcome]] = []
        self.has_released = False
        self.has_news, self.has_finished = asyncio.Event(), asyncio.Event()
        self.results = PollResults()
        self.dispatcher, self.counts = Dispatcher(), Counts()
        self.thread = DatabaseThread("polls")
        self.work_thread, self.recovery_thread = DatabaseThread("work"), DatabaseThread("recovery")

    async def run(self):
        loops = (self.keep_asking(), self.keep_recording(), self.keep_enqueueing(), self.keep_recovering())
        async with async_transport.open_session() as self.session:
            tasks = [asyncio.create_task(loop) for loop in loops]
            try:
                await self.tick_until_stopped(tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await self.end()

    async def tick_until_stopped(self, background: list[asyncio.Task]):
        """Claims the polls that are due, each second, until this worker stops or another poller has the lock."""
        next_tick = time.monotonic()
        while await self.database(self.keep_lock) is not False:
            self.wait_for_turn(await self.database(self.claim) or [])
            next_tick = max(next_tick + TICK, time.monotonic() + SHORTEST_TICK)
            while time.monotonic() < next_tick:
                if stopping.is_set():
                    return
                for task in background:
                    if task.done():
                        task.result()  # raises the exception that ended it
                await asyncio.sleep(0.05)

    async def database(self, call: Callable[[], Any]) -> Any:
        return await self.thread.run(call)

    def keep_lock(self) -> bool:
        return ProcessLock.objects.renew(POLLER, self.token, LOCK_SECONDS)

    # In the background
    async def keep_enqueueing(self):
        """Finds what has to be sent or saved, each second and whenever a video is finished."""
        while True:
            await self.work_thread.run(self.dispatcher.dispatch)
            if self.counts.is_due():
                await self.work_thread.run(partial(MetricValue.objects.add, self.counts.take()))
            with suppress(TimeoutError):
                await asyncio.wait_for(self.has_finished.wait(), TICK)
            self.has_finished.clear()

    async def keep_recovering(self):
        while True:
            await self.recovery_thread.run(recover_watched)
            await asyncio.sleep(RECOVER_EVERY)

    # Polls
    def claim(self) -> list[DuePoll]:
        """Claims the next polls; the first time, once those are released that an earlier poller had claimed."""
        if not self.has_released:
            Generation.objects.release_polls()
            self.has_released = True
        return Generation.objects.claim_due_polls(timezone.now() + AHEAD, POLLS_PER_TICK - len(self.waiting))

    def wait_for_turn(self, polls: list[DuePoll]):
        """Those due far ahead were stored before a clock was set back: their turn is now."""
        now, moment = timezone.now(), time.monotonic()
        for poll in polls:
            is_odd = is_too_far_ahead(poll.due_at, now, 2 * AHEAD)
            self.waiting.append((moment if is_odd else moment + (poll.due_at - now).total_seconds(), poll))
        self.waiting.sort(key=itemgetter(0), reverse=True)

    async def keep_asking(self):
        while True:
            soon = time.monotonic() + ASK_EVERY
            for _ in range(min(ASKED_TOGETHER, POLL_CONNECTIONS - len(self.asked))):
                if not self.waiting or self.waiting[-1][0] > soon:
                    break
                self.begin(self.waiting.pop()[1])
            await asyncio.sleep(ASK_EVERY)

    def begin(self, poll: DuePoll):
        task = asyncio.create_task(self.ask(poll))
        self.asked[task] = poll

    async def ask(self, poll: DuePoll):
        try:
            found = await self.answer(poll)
        finally:
            self.asked.pop(asyncio.current_task(), None)
        now = datetime.now(UTC)
        try:
            outcome = poll_outcomes.judge(poll, found, now)
        except Exception as error:
            found = OwnFault(error)
            outcome = poll_outcomes.judge(poll, found, now)
        self.results.add(poll, found)
        self.counts.count_end(poll, found)
        self.judged.append((poll, outcome))
        if outcome.status != Status.RUNNING or outcome.fields:
            self.has_news.set()

    async def answer(self, poll: DuePoll) -> Found:
        try:
            async with asyncio.timeout(POLL_SECONDS_AT_MOST):
                self.counts.count_start(poll)
                return await registry.find(poll.backend).poll_async(self.session, poll.remote_id)
        except RemoteError as error:
            return error
        except TimeoutError:
            return RemoteError(Cause.NETWORK, "The answer took too long.")
        except Exception as error:  # one odd answer must not stop the polling of all others
            return OwnFault(error)

    # Recording
    async def keep_recording(self):
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.has_news.wait(), RECORD_EVERY)
            self.has_news.clear()
            await self.record()

    async def record(self):
        """Writes the results since the last time. They are kept for the next time when the database fails."""
        judged, self.judged = self.judged, []
        results, self.results = self.results, PollResults()
        if judged and await self.database(lambda: write(judged, results)) is None:
            self.judged = judged + self.judged
        if any(outcome.status == Status.SAVING for _, outcome in judged):
            self.has_finished.set()
        if judged:
            await self.database(results.record)

    async def end(self):
        """Waits a moment for replies, and releases all other polls for the next poller."""
        if self.asked:
            await asyncio.wait(self.asked, timeout=REPLIES_WITHIN)
        unfinished = dict(self.asked)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        await self.record()
        await self.database(partial(MetricValue.objects.add, self.counts.take()))
        tokens = {poll.token for poll in (*unfinished.values(), *(poll for _, poll in self.waiting))}
        await self.database(lambda: Generation.objects.release_polls(tokens))
        await self.database(lambda: ProcessLock.objects.release(POLLER, self.token))
        for thread in (self.thread, self.work_thread, self.recovery_thread):
            await thread.close()


def recover_watched():
    with watched(Job.RECOVERY):  # a fault in it must not end the polls
        recover()


def in_database(call: Callable[[], Any]) -> Any:
    try:
        close_old_connections()
        open_unmapped()
        return call()
    except Error as error:
        logger.warning("The database failed (%s); the poller tries again", type(error).__name__)
        StudioFault.objects.record(Job.POLLING, error)
    except OSError as error:  # a side file that cannot be read, for example; polling continues
        logger.error("The poller met %s (%s)", type(error).__name__, error.strerror)
        if not is_of_storage(error):
            StudioFault.objects.record(Job.POLLING, error)
    return None


def write(judged: list[tuple[DuePoll, Outcome]], results: "PollResults") -> bool:
    """True once they are written. One that cannot be written does not block the others."""
    try:
        Generation.objects.record_outcomes([outcome for _, outcome in judged])
    except CANNOT_BE_WRITTEN as error:
        if len(judged) > 1:
            return all(write([one], results) for one in judged)
        put_off(judged[0][0], error, results)
    return True


def put_off(poll: DuePoll, error: Exception, results: "PollResults"):
    """The result of this poll cannot be written: its card says so, and it is polled again as after any other problem.
    If not even that can be written, it is polled again when its claim ends."""
    results.record_unwritten(poll, error)
    with suppress(*CANNOT_BE_WRITTEN):
        Generation.objects.record_outcomes([poll_outcomes.judge(poll, OwnFault(error), datetime.now(UTC))])


class PollResults:
    """Judges each remote as a whole from its latest polls: reachable, failing, or refusing our key."""

    def __init__(self):
        self.reached: set[str] = set()
        self.problem: dict[str, RemoteError] = {}
        self.refusal: dict[str, RemoteError] = {}
        self.notices: dict[str, EndNotice] = {}
        self.own_faults: dict[int, Exception] = {}
        self.understood: list[int] = []

    def add(self, poll: DuePoll, found: Found):
        if isinstance(found, OwnFault):
            self.own_faults[poll.pk] = found.error
            return
        self.understood.append(poll.pk)
        if found.notice:
            self.notices[poll.backend] = found.notice
        if not isinstance(found, RemoteError):
            self.reached.add(poll.backend)
        elif found.cause in {Cause.KEY, Cause.CREDITS}:  # a 403 may be about this one job
            self.refusal[poll.backend] = found
        elif found.cause in {Cause.NETWORK, Cause.FAULT, Cause.UNREADABLE}:
            self.problem[poll.backend] = found

    def record_unwritten(self, poll: DuePoll, error: Exception):
        """The answer was understood, but its row is at fault."""
        self.understood = [pk for pk in self.understood if pk != poll.pk]
        self.own_faults[poll.pk] = error

    def record(self):
        for backend in self.reached | set(self.problem) | set(self.refusal) | set(self.notices):
            self.record_account(RemoteAccount.objects.of(backend))
        self.record_own_faults()

    def record_account(self, account: RemoteAccount):
        """One good answer outweighs many bad ones: a problem of a single row is shown on its card. Rows are polled at
        different times, so the last answer to each of the others counts, too."""
        backend, is_reached = account.backend, account.backend in self.reached
        refusal, problem = self.refusal.get(backend), self.problem.get(backend)
        if refusal and not is_reached and not Generation.objects.answered_well(backend, timezone.now()).exists():
            account.pause(refusal.cause)
        account.record_end_notice(self.notices.get(backend))
        if is_reached and account.status_note:
            account.clear_problem()
        elif problem:
            account.record_problem(problem.cause)

    def record_own_faults(self):
        if self.understood:
            StudioFault.objects.clear(Job.POLLING, self.understood)
        for pk, error in self.own_faults.items():
            StudioFault.objects.record(Job.POLLING, error, pk)


class Counts:
    """Counts polls and their lateness for `/metrics`, and adds them to the totals every few seconds in one write."""

    def __init__(self):
        self.totals, self.taken_at = Totals(), time.monotonic()
        self.is_wanted = bool(settings.METRICS_TOKEN)

    def count_start(self, poll: DuePoll):
        if not self.is_wanted:
            return
        late = (timezone.now() - poll.due_at).total_seconds()
        self.totals.measure(LATENESS, poll.backend, max(0.0, late))

    def count_end(self, poll: DuePoll, found: Found):
        if not self.is_wanted:
            return
        result = "own_fault" if isinstance(found, OwnFault) else getattr(found, "cause", "answered")
        self.totals[POLLS, poll.backend, str(result)] += 1

    def is_due(self) -> bool:
        return bool(self.totals) and time.monotonic() - self.taken_at > COUNT_EVERY

    def take(self) -> Totals:
        totals, self.totals, self.taken_at = self.totals, Totals(), time.monotonic()
        return totals
