"""Submission, at most once: the one place from which a request that costs money leaves.

A generation is claimed with a lease token. It is marked `sending`, in a commit of its own, after the connection is
established and before the first byte is written. Before that mark, every failure is tried again. After it, only a
definite answer moves the generation on; anything else is an unknown outcome, for a person to resolve.

Where a remote API replays its first answer to the same key, the mark stores that key and when it was first used. After
a lost reply the request is then repeated under the same key, for as long as the API knows it, until a definite answer
comes.
"""

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction

from videos import logs
from videos.engine import frames
from videos.engine.enqueue import enqueue_account_check
from videos.engine.recovery import write_side_file
from videos.exception_place import kind_and_place
from videos.lease_files import new_lease
from videos.lifecycle import Status
from videos.models import Generation, Job, RemoteAccount, RemoteCopy, StudioFault
from videos.models.lease import claim_lasts
from videos.models.remote_account import LONGEST_WAIT, REFUSED_KEY, REPEAT_MARGIN
from videos.models.studio_fault import PASSING
from videos.models.transactions import unsynced
from videos.outages import outage_of
from videos.remotes.base import RemoteJob
from videos.remotes.errors import STOPS_SENDING, Cause, EndNotice, RemoteError
from videos.storage import space

logger = logging.getLogger(__name__)

LONGEST_BACKOFF = 60  # seconds
# A repetition that is refused so says nothing about the first request: only the present one is too much, or has an API
# key, credits, a picture that has expired or a model that is gone meanwhile.
ONLY_ABOUT_REPETITION = STOPS_SENDING | {Cause.BUSY, Cause.PICTURE, Cause.MODEL}
UNREACHABLE = frozenset({Cause.NETWORK, Cause.FAULT, Cause.UNREADABLE})


class Aborted(Exception):
    """The mark could not be made, because the claim or the API key has changed. Nothing is sent."""


class ClockBehind(Exception):
    """Our clock is so far behind the remote's that a repeat key may be older than it seems. Nothing is sent."""


def submit(pk: int) -> None:
    """Sends one queued generation, if it may be sent now and nobody else holds it. Returns quietly otherwise."""
    with new_lease() as token:
        claim, repeat = Generation.objects.claim_to_send, Generation.objects.claim_to_repeat
        with unsynced():  # a claim that is missing after a power cut was never used
            generation = (claim(pk, token) if space.has_room() else None) or repeat(pk, token)
        if generation is not None:
            with logs.about(generation):
                Attempt(generation).run()


class Attempt:
    """The submission of one claimed generation. Once `may_have_left` is true, nothing is sent for it again, except
    under a repeat key that the remote still knows."""

    def __init__(self, generation: Generation):
        self.generation = generation
        self.remote = generation.remote
        self.token = generation.lease_token
        self.is_repeat = self.may_have_left = generation.status == Status.SENDING
        self.started_at = time.monotonic()
        self.key_digest = self.remote.key_digest
        self.notice: EndNotice | None = None

    def run(self):
        try:
            remote_id = self.send()
        except Aborted:
            return
        except ClockBehind:
            self.generation.repeat_later(self.token, self.next_delay, "repeat.clock")
        except frames.FramesNotReady as wait:
            self.wait_for_frames(wait.delay)
        except frames.FrameRefused as refusal:
            self.refuse_frame(refusal)
        except RemoteError as error:
            self.handle_error(error)
        except Exception as error:
            self.handle_unforeseen(error)
        else:
            self.keep(remote_id)
            self.record_end_notice()
            self.record_model(is_known=True)
            StudioFault.objects.clear(Job.SENDING, [self.generation.pk])

    def handle_unforeseen(self, error: Exception):
        """Records a fault of the studio. A request that may have left still has an unknown outcome."""
        logger.error("Sending generation %s broke off: %s", self.generation.public_id, kind_and_place(error))
        if isinstance(error, PASSING) or outage_of(error):
            self.handle_error(RemoteError(Cause.UNREADABLE, type(error).__name__), "studio", "preparing")
            return
        StudioFault.objects.record(Job.SENDING, error, self.generation.pk)
        self.handle_error(RemoteError(Cause.UNREADABLE, kind_and_place(error)), "own_fault", "own_fault")

    def send(self) -> str:
        if self.is_repeat:
            self.check_clock()
        start, end = frames.prepare(self.generation)
        if time.monotonic() - self.started_at > claim_lasts().total_seconds() / 4:
            raise frames.FramesNotReady  # the uploads are remembered; the paid call needs most of its claim
        job = RemoteJob(
            prompt=self.generation.prompt,
            model=self.generation.provider.value,
            aspect_ratio=self.generation.aspect_ratio,
            start=start,
            end=end,
            settings=self.generation.config,
            repeat_key=str(self.generation.public_id),
        )
        accepted = self.remote.submit(job, self.mark, seconds=settings.LEASE_SECONDS / 2)
        self.notice = accepted.notice
        return accepted.remote_id

    def check_clock(self):
        """Before each repetition, because a clock may be wrong since a reboot a moment ago. The rest has a whole claim
        again: a remote that is slow just now must not keep the request back each time."""
        behind = self.remote.behind_by(claim_lasts().total_seconds() / 2)
        if behind is not None and behind > REPEAT_MARGIN:
            raise ClockBehind
        if not self.generation.keep_claim(self.token):
            raise Aborted
        self.started_at = time.monotonic()

    def mark(self):
        if self.remote.key_digest != self.key_digest:
            raise Aborted  # the API key was changed meanwhile, and the request still has the earlier one
        with transaction.atomic(durable=True):
            is_ours = self.generation.mark_sending(self.token, is_repeat=self.is_repeat)
        if not is_ours:
            raise Aborted
        self.may_have_left = True

    # The answer
    def keep(self, remote_id: str):
        """Stores the id first, alone in its own commit, or in a side file if the database fails. If both fail, tries
        again: a disk may be full only for a moment."""
        until = time.monotonic() + settings.LEASE_SECONDS / 4
        while not self.is_kept(remote_id):
            if time.monotonic() > until:
                public_id = self.generation.public_id
                logger.critical("Write this down: generation %s is remote job %s", public_id, remote_id)
                return
            time.sleep(0.5)

    def is_kept(self, remote_id: str) -> bool:
        try:
            accepted = self.generation.accept(remote_id, self.token)
        except IntegrityError:
            self.lose_reply("repeated", f"The answer names {remote_id}.")
            return True
        except Exception as error:
            logger.error("The database did not take remote id %s: %s", remote_id, kind_and_place(error))
            connection.close()
            is_kept = write_side_file(self.generation.public_id, remote_id)
            StudioFault.objects.record(Job.SENDING, error, self.generation.pk)
            return is_kept
        if not accepted and not write_side_file(self.generation.public_id, remote_id):
            return False
        self.account.reset_unknown_count()
        return True

    def record_end_notice(self):
        """Records an announced end of the API. Runs after the id is stored, which matters more."""
        try:
            self.account.record_end_notice(self.notice)
        except DatabaseError as error:
            logger.warning("An announcement was not kept: %s", type(error).__name__)

    def record_model(self, is_known: bool):
        """Records whether the remote knows the model, which the picker says."""
        try:
            self.generation.provider.record_whether_known(is_known)
        except DatabaseError as error:
            logger.warning("It was not kept whether the model is known: %s", type(error).__name__)

    def handle_error(self, error: RemoteError, lost: str = "", not_sent: str = ""):
        """`lost` and `not_sent` are causes that describe the case better than the error's own."""
        if error.cause != Cause.BUSY:  # a busy API still takes requests
            self.notice = error.notice
            self.record_end_notice()
        if error.cause == Cause.PICTURE and self.may_have_left:
            RemoteCopy.objects.forget_frames_of([self.generation])
        if error.cause == Cause.MODEL:
            self.record_model(is_known=False)
        if self.is_open(error):
            self.repeat_or_lose(error, lost)
        elif error.cause == Cause.BUSY:
            self.wait(error)
        else:
            if error.stops_sending:
                self.pause(error)
            if self.may_have_left:
                self.refuse(error)
            else:
                self.try_again_or_refuse(error, not_sent or error.cause)

    def is_open(self, error: RemoteError) -> bool:
        """Whether the remote may have accepted the request."""
        is_about_repetition = self.is_repeat and (error.cause in ONLY_ABOUT_REPETITION or error.is_absent)
        return self.may_have_left and (not error.is_definite or is_about_repetition)

    @property
    def account(self) -> RemoteAccount:
        return RemoteAccount.objects.of(self.generation.backend)

    # Safe repetition
    def repeat_or_lose(self, error: RemoteError, lost: str):
        """Repeats the request later under the same key, if that never costs twice. Otherwise the outcome is unknown."""
        if self.generation.may_repeat():
            self.repeat_later(error)
            return
        if error.stops_sending:
            self.pause(error)
        self.lose_reply(lost or error.cause, error.detail)

    @property
    def next_delay(self) -> timedelta:
        return timedelta(seconds=min(2 ** (self.generation.repeats + 1), LONGEST_BACKOFF))

    def repeat_later(self, error: RemoteError):
        delay = self.next_delay
        if error.stops_sending:
            self.pause(error)
        elif error.cause == Cause.BUSY:
            self.account.wait(error.retry_after)
        elif error.cause in UNREACHABLE:
            self.account.record_problem(error.cause)
        if error.retry_after is not None:
            delay = min(max(error.retry_after, timedelta(seconds=1)), LONGEST_WAIT)
        self.generation.repeat_later(self.token, delay, f"repeat.{error.cause}", error.detail)

    def wait_for_frames(self, delay: timedelta):
        if self.is_repeat:
            self.generation.repeat_later(self.token, delay, "")
        else:
            self.generation.put_back(self.token, delay)

    def refuse_frame(self, refusal: frames.FrameRefused):
        """A repetition cannot be refused for its frames: the first request, which had them, may have been accepted."""
        if self.is_repeat:
            self.handle_error(RemoteError(refusal.cause, refusal.detail))
        else:
            self.generation.refuse(self.token, refusal.cause, refusal.code, refusal.detail)

    # Outcomes
    def wait(self, error: RemoteError):
        self.account.wait(error.retry_after)
        if not self.generation.put_back(self.token, timedelta(0), "delay.busy", error.detail):
            self.refuse(error, was_processed=False)

    def lose_reply(self, cause: str, detail: str):
        """Counts an unknown outcome, unless recovery has counted this one already."""
        if self.generation.lose_reply(f"lost.{cause}", detail):
            self.account.count_unknown()

    def pause(self, error: RemoteError):
        if error.cause != Cause.KEY:
            self.account.pause(error.cause)
            return
        self.account.pause(REFUSED_KEY, instead_of=Cause.KEY)
        enqueue_account_check()  # a key that is bad for every call resumes by itself once it is good

    def try_again_or_refuse(self, error: RemoteError, cause: str):
        """Nothing was sent. A problem with the account, or one that may pass, only delays this generation."""
        if error.is_definite and not error.stops_sending:
            self.refuse(error)
            return
        if error.cause == Cause.NETWORK:
            self.account.record_problem(error.cause)
        delay = min(2 ** (self.generation.send_attempts + 1), LONGEST_BACKOFF)
        self.generation.put_back(self.token, timedelta(seconds=delay), f"delay.{cause}", error.detail)

    def refuse(self, error: RemoteError, was_processed: bool = True):
        self.generation.refuse(self.token, error.cause, f"refusal.{error.cause}", error.detail)
        if was_processed:
            self.account.reset_unknown_count()
