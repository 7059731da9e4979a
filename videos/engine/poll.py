"""Following: the pump asks the remote side how far every running generation is, each at its own time.

One pump runs at a time across all hosts; the slot "pump" says which, and is the worker's heartbeat. It is a task like
any other, so it works in spans: at the end of one it asks for a successor and goes on until that one relieves it.
Every second it claims the polls due within the next, and twice a second it writes down what was found.
Database calls run in one thread of their own, so that a slow disk never holds up a poll.
"""

import asyncio
import fcntl
import logging
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import DataError, Error, close_old_connections, connections
from django.utils import timezone

from videos import stopping, wording
from videos.engine import poll_outcomes
from videos.engine.enqueue import enqueue_poller, enqueue_save, enqueue_submit, waiting
from videos.engine.faults import watched
from videos.engine.lanes import Lanes
from videos.engine.poll_outcomes import Found, OwnFault
from videos.engine.recovery import recover
from videos.lifecycle import Status
from videos.limits import POLL_CONNECTIONS, POLLS_PER_TICK, TASKS_WAITING
from videos.models import DuePoll, Generation, Job, Outcome, ProcessLock, RemoteAccount, StudioFault
from videos.models.lease import is_too_far_ahead
from videos.remotes import registry, transport
from videos.remotes.errors import Cause, EndNotice, RemoteError

logger = logging.getLogger(__name__)

SLOT = "pump"
SLOT_SECONDS = 10.0  # a pump that is frozen so long may be replaced; one that is dead at once
SPAN = 25.0  # seconds, after which a successor is asked for
LONGEST_SPAN = 90.0  # seconds, after which the pump ends even without one: the queue allows a task 120
BEAT = 1.0  # seconds between claims
AHEAD = timedelta(seconds=1.3)  # a little more than a beat, so that no poll waits for a late beat
RECORD_EVERY = 0.5  # seconds, or at once when a generation moves on
POLL_SECONDS_AT_MOST = 30.0  # for one poll in all, however slowly its answer drips
RECOVER_EVERY = 5  # beats
NUDGE_AGAIN = 10.0  # seconds until the same row is nudged once more


def pump(relieving: str = ""):
    """Follows everything until a successor, a stop or the span's end. Returns at once where another pump runs."""
    hold = take_slot(relieving)
    if hold:
        with ThreadPoolExecutor(1, thread_name_prefix="pump-database") as thread:
            asyncio.run(Pump(hold, thread).run())


class Hold:
    """The slot, and a locked file that dies with this process: on this host a successor need not wait for the lease."""

    def __init__(self, token: uuid.UUID, path: Path):
        self.token, self.path, self.file = token, path, locked(path)

    def keep(self) -> bool:
        return ProcessLock.objects.renew(SLOT, self.token, SLOT_SECONDS)

    def leave(self):
        ProcessLock.objects.release(SLOT, self.token)

    def close(self):
        self.path.unlink(missing_ok=True)
        self.file.close()


def take_slot(relieving: str) -> Hold | None:
    """The slot if it is free, given up by the holder named, or left behind by a process of this host that died."""
    token = ProcessLock.objects.take_over(SLOT, relieving, SLOT_SECONDS) if relieving else None
    token = token or ProcessLock.objects.acquire(SLOT, SLOT_SECONDS)
    for holder in left_behind():
        token = token or ProcessLock.objects.take_over(SLOT, holder, SLOT_SECONDS)
    return Hold(token, lock_file(token)) if token else None


def lock_file(token: uuid.UUID | str) -> Path:
    return settings.DATA / "pump" / str(token)


def locked(path: Path) -> BinaryIO:
    """A file that is locked before it has its name, so that nobody takes it for a dead pump's."""
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".new")
    file = draft.open("wb")
    fcntl.flock(file, fcntl.LOCK_EX)
    draft.rename(path)
    return file


def left_behind() -> list[str]:
    """Tokens of pumps on this host that died without leaving their slot."""
    dead = []
    for path in lock_file("").glob("*-*[0-9a-f]"):
        with suppress(OSError), path.open("rb") as file:  # an error: it is locked, so its pump lives
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            dead.append(path.name)
    return dead


class Pump:
    """One span of following. Everything here runs on one event loop, except what is handed to `database`."""

    def __init__(self, hold: Hold, thread: ThreadPoolExecutor):
        self.hold = hold
        self.thread = thread
        self.polls: dict[asyncio.Task, DuePoll] = {}
        self.outcomes: list[Outcome] = []
        self.news = asyncio.Event()
        self.heard = Heard()
        self.work = Work()
        self.has_asked_for_relief = False

    async def run(self):
        self.lanes = Lanes(transport.certificates(), POLL_CONNECTIONS)
        recorder = asyncio.create_task(self.keep_recording())
        try:
            await self.database(Generation.objects.release_polls)
            await self.beat(recorder)
        finally:
            recorder.cancel()
            await self.end()

    async def beat(self, recorder: asyncio.Task):
        started = time.monotonic()
        while await self.database(self.hold.keep) is not False:
            for poll in await self.database(self.claim) or []:
                self.begin(poll)
            await self.database(self.work.look)
            if time.monotonic() - started > SPAN:
                await self.ask_for_relief()
            if await self.is_over(started, recorder):
                return

    async def is_over(self, started: float, recorder: asyncio.Task) -> bool:
        """Waits for the next beat; True when there is to be none."""
        next_beat = time.monotonic() + BEAT
        while time.monotonic() < next_beat:
            if recorder.done():
                recorder.result()  # raises what ended it
            if stopping.is_set() or recorder.done() or time.monotonic() - started > LONGEST_SPAN:
                return True
            await asyncio.sleep(0.05)
        return False

    async def ask_for_relief(self):
        if not self.has_asked_for_relief:
            await self.database(lambda: enqueue_poller(relieving=str(self.hold.token)))
        self.has_asked_for_relief = True

    async def database(self, call: Callable[[], Any]) -> Any:
        """What `call` returned, from the database's own thread; None when the database failed."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, in_database, call)

    # Polls
    def claim(self) -> list[DuePoll]:
        return Generation.objects.claim_due_polls(timezone.now() + AHEAD, POLLS_PER_TICK)

    def begin(self, poll: DuePoll):
        task = asyncio.create_task(self.ask(poll))
        self.polls[task] = poll
        task.add_done_callback(self.polls.pop)

    async def ask(self, poll: DuePoll):
        now = timezone.now()
        if not is_too_far_ahead(poll.due_at, now, 2 * AHEAD):
            await asyncio.sleep((poll.due_at - now).total_seconds())
        found = await self.answer(poll)
        try:
            outcome = poll_outcomes.judge(poll, found, timezone.now())
        except Exception as error:
            found = OwnFault(error)
            outcome = poll_outcomes.judge(poll, found, timezone.now())
        self.heard.note(poll, found)
        self.outcomes.append(outcome)
        if outcome.status != Status.RUNNING:
            self.news.set()

    async def answer(self, poll: DuePoll) -> Found:
        try:
            async with self.lanes.lane() as lane, asyncio.timeout(POLL_SECONDS_AT_MOST):
                return await registry.find(poll.backend).poll_async(lane, poll.remote_id)
        except RemoteError as error:
            return error
        except TimeoutError:
            return RemoteError(Cause.NETWORK, "The answer took too long.")
        except Exception as error:  # one odd answer must not end the following of all others
            return OwnFault(error)

    # Writing down
    async def keep_recording(self):
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.news.wait(), RECORD_EVERY)
            self.news.clear()
            await self.record()

    async def record(self):
        """Writes what was found since the last time; kept for the next time when the database fails."""
        outcomes, self.outcomes = self.outcomes, []
        if outcomes and await self.database(lambda: self.write(outcomes)) is None:
            self.outcomes = outcomes + self.outcomes
        if outcomes:
            await self.database(self.heard.tell)

    def write(self, outcomes: list[Outcome]) -> bool:
        """True once they are written. One that cannot be is left out, so that it does not hold up the others."""
        try:
            moved = set(Generation.objects.record_outcomes(outcomes))
        except (DataError, ValueError) as error:
            if len(outcomes) > 1:
                return all(self.write([outcome]) for outcome in outcomes)
            StudioFault.objects.record(Job.POLLING, error, outcomes[0].pk)
            return True
        for outcome in outcomes:
            if outcome.pk in moved and outcome.status == Status.SAVING:
                self.work.save_at_once(outcome.pk)
        return True

    async def end(self):
        """Whatever was claimed and not asked is given back, so that the next pump takes it at once."""
        unfinished = dict(self.polls)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        await self.record()
        tokens = {poll.token for poll in unfinished.values()}
        await self.database(lambda: Generation.objects.release_polls(tokens))
        if not self.has_asked_for_relief and not stopping.is_set():
            await self.database(enqueue_poller)
        await self.database(self.hold.leave)
        self.hold.close()
        await self.lanes.close()
        await asyncio.get_running_loop().run_in_executor(self.thread, connections.close_all)


def in_database(call: Callable[[], Any]) -> Any:
    try:
        close_old_connections()
        return call()
    except Error as error:
        logger.warning("The database failed (%s); the pump tries again", type(error).__name__)
        StudioFault.objects.record(Job.POLLING, error)
    except OSError as error:  # a side file that cannot be read, say: polls go on
        logger.error("The pump met %s (%s)", type(error).__name__, error.strerror)
    return None


class Heard:
    """What the polls of the last moment say of each remote as a whole: reached, in trouble, or refusing our key."""

    def __init__(self):
        self.reached: set[str] = set()
        self.trouble: dict[str, RemoteError] = {}
        self.refusal: dict[str, RemoteError] = {}
        self.notices: dict[str, EndNotice] = {}
        self.own_faults: dict[int, Exception] = {}
        self.understood: list[int] = []

    def note(self, poll: DuePoll, found: Found):
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
            self.trouble[poll.backend] = found

    def tell(self):
        for backend in self.reached | set(self.trouble) | set(self.refusal) | set(self.notices):
            self.tell_account(RemoteAccount.objects.of(backend))
        self.tell_own_faults()
        self.__init__()

    def tell_account(self, account: RemoteAccount):
        """One good answer outweighs many bad ones: what went wrong with a single row is said on its card. Rows have
        their turns at different times, so the last answer of every other one counts."""
        backend, is_reached = account.backend, account.backend in self.reached
        refusal, trouble = self.refusal.get(backend), self.trouble.get(backend)
        if refusal and not is_reached and not Generation.objects.answered_well(backend, timezone.now()).exists():
            account.pause(refusal.cause, wording.sentence("remote", refusal.cause, account.name))
        account.hear_of_end(self.notices.get(backend))
        if is_reached:
            account.note_reached()
        elif trouble:
            account.note_trouble(wording.sentence("remote", trouble.cause, account.name))

    def tell_own_faults(self):
        if self.understood:
            StudioFault.objects.clear(Job.POLLING, self.understood)
        for pk, error in self.own_faults.items():
            StudioFault.objects.record(Job.POLLING, error, pk)


class Work:
    """Finds what waits to be sent or saved and has no task, because its nudge was lost or its time has only come."""

    def __init__(self):
        self.beats = 0
        self.nudged: dict[int, float] = {}

    def look(self):
        self.beats += 1
        if self.beats % RECOVER_EVERY == 1:
            with watched(Job.RECOVERY):  # a fault in it must not end the polls
                recover()
        room = TASKS_WAITING - waiting()
        if room > 0:
            for pk in self.fresh(Generation.objects.sendable(timezone.now())[:room]):
                enqueue_submit(pk)
            for pk in self.fresh(Generation.objects.savable(timezone.now())[:room]):
                enqueue_save(pk)

    def save_at_once(self, pk: int):
        if waiting() < TASKS_WAITING and self.fresh([pk]):
            enqueue_save(pk)

    def fresh(self, pks) -> list[int]:
        """Those of `pks` that were not nudged a moment ago."""
        now = time.monotonic()
        self.nudged = {pk: moment for pk, moment in self.nudged.items() if now - moment < NUDGE_AGAIN}
        found = [pk for pk in pks if pk not in self.nudged]
        self.nudged.update(dict.fromkeys(found, now))
        return found
