"""Submission, at most once: the one place from which a request that costs money leaves.

A generation is claimed with a lease token; it is marked `sending`, in a commit of its own, after the connection
stands and before the first byte is written. Whatever goes wrong before that mark is tried again. After it, only a
definite answer moves the generation on by itself; all else is an unknown outcome, for a person to resolve.
"""

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from videos import heygen
from videos.engine import frames
from videos.engine.enqueue import enqueue_account_check
from videos.engine.recovery import keep_aside
from videos.heygen import Cause, HeyGenError, Submission
from videos.models import Generation, Job, RemoteAccount, StudioFault
from videos.models.remote_account import REFUSED_KEY
from videos.models.studio_fault import PASSING, name_of

logger = logging.getLogger(__name__)

LONGEST_BACKOFF = 60  # seconds
NOTHING_SENT = "Nothing was sent and nothing was charged; it is tried again by itself."
# It was told as unknown and perhaps made another time since, so it does not go out by itself.
BUSY_TOO_LATE = "HeyGen was too busy to take this. Nothing was made and nothing was charged; Retry sends it again."
# What the banner says of these is over once somebody has resumed; the card's words stay.
RETRY_THEN = "Nothing was made and nothing was charged; retry"
REFUSED = {
    Cause.KEY: f"HeyGen did not accept the API key. {RETRY_THEN} once the key is right.",
    Cause.CREDITS: f"The HeyGen account had run out of credits. {RETRY_THEN} once it is topped up.",
    Cause.RETIRED: f"HeyGen no longer offered this call. {RETRY_THEN} once it does.",
}
PREPARING_FAILED = f"The studio could not prepare this request. {NOTHING_SENT}"
OWN_FAULT = "The studio met a fault of its own"
# What happened; that it may have been charged, and what to do, the card says of every unknown outcome.
LOST = {
    Cause.NETWORK: "The connection to HeyGen broke before its answer came.",
    Cause.FAULT: "HeyGen answered with a fault of its own.",
    Cause.UNREADABLE: "HeyGen's answer could not be read.",
}
SETTLES_NOTHING = "HeyGen's answer does not say whether it took this request."
NO_ANSWER = "The studio lost HeyGen's answer."
REPEATED = "HeyGen answered with an execution that belongs to another generation of this studio."


class Aborted(Exception):
    """The mark could not be made, because the claim is no longer ours: nothing leaves."""


def submit(pk: int) -> None:
    """Sends one queued generation, if it may be sent now and nobody else holds it. Returns quietly otherwise."""
    generation = Generation.objects.claim_to_send(pk)
    if generation is not None:
        Attempt(generation).run()


class Attempt:
    """One claimed generation on its way out. Once `may_have_left` is true, nothing is ever sent for it again."""

    def __init__(self, generation: Generation):
        self.generation = generation
        self.token = generation.lease_token
        self.may_have_left = False
        self.started_at = time.monotonic()

    def run(self):
        try:
            execution_id = self.send()
        except Aborted:
            return
        except frames.Wait as wait:
            self.generation.put_back(self.token, wait.delay, "")
        except frames.FrameRefused as refusal:
            self.generation.refuse(self.token, refusal.cause, str(refusal), refusal.detail)
        except HeyGenError as error:
            self.take_error(error)
        except Exception as error:
            self.take_unforeseen(error)
        else:
            self.keep(execution_id)
            StudioFault.objects.clear(Job.SENDING, [self.generation.pk])

    def take_unforeseen(self, error: Exception):
        """A fault of the studio is told as such. What may have left still has an unknown outcome."""
        logger.error("Sending generation %s broke off: %s", self.generation.public_id, name_of(error))
        if isinstance(error, PASSING):
            self.take_error(HeyGenError(Cause.UNREADABLE, type(error).__name__), NO_ANSWER, PREPARING_FAILED)
            return
        StudioFault.objects.record(Job.SENDING, error, self.generation.pk)
        lost = f"{OWN_FAULT} before it could keep HeyGen's answer."
        not_sent = f"{OWN_FAULT} ({name_of(error)}). {NOTHING_SENT}"
        self.take_error(HeyGenError(Cause.UNREADABLE, name_of(error)), lost, not_sent)

    def send(self) -> str:
        start, end = frames.give_public_addresses(self.generation)
        if time.monotonic() - self.started_at > settings.LEASE_SECONDS / 4:
            raise frames.Wait  # the uploads are remembered; the paid call begins with a whole lease before it
        submission = Submission(
            prompt=self.generation.prompt,
            provider=self.generation.provider.value,
            aspect_ratio=self.generation.aspect_ratio,
            reference_image_url=start,
            tail_image_url=end,
            config=self.generation.config,
        )
        return heygen.submit(submission, self.mark, seconds=settings.LEASE_SECONDS / 2)

    def mark(self):
        with transaction.atomic(durable=True):
            is_ours = self.generation.mark_sending(self.token)
        if not is_ours:
            raise Aborted
        self.may_have_left = True

    # What came back
    def keep(self, execution_id: str):
        """The id first, alone in its own commit; beside the database if that cannot be. Where neither can, it is tried
        again: a disk may be full for a moment only."""
        until = time.monotonic() + settings.LEASE_SECONDS / 4
        while not self.is_kept(execution_id):
            if time.monotonic() > until:
                public_id = self.generation.public_id
                logger.critical("Write this down: generation %s is execution %s", public_id, execution_id)
                return
            time.sleep(0.5)

    def is_kept(self, execution_id: str) -> bool:
        try:
            accepted = self.generation.accept(execution_id, self.token)
        except IntegrityError:
            self.lose_reply(REPEATED, f"The answer names {execution_id}.")
            return True
        except Exception as error:
            logger.error("The database did not take execution %s: %s", execution_id, name_of(error))
            connection.close()
            is_aside = keep_aside(self.generation.public_id, execution_id)
            StudioFault.objects.record(Job.SENDING, error, self.generation.pk)
            return is_aside
        if not accepted and not keep_aside(self.generation.public_id, execution_id):
            return False
        RemoteAccount.objects.reset_unknown_count()
        return True

    def take_error(self, error: HeyGenError, lost: str = "", not_sent: str = ""):
        if error.cause == Cause.BUSY and (error.is_definite or not self.may_have_left):
            RemoteAccount.objects.wait(error.retry_after)
            if not self.generation.put_back(self.token, timedelta(0), str(error)):
                self.generation.refuse(self.token, error.cause, BUSY_TOO_LATE, error.detail)
            return
        if error.stops_sending:
            self.pause(error)
        if not self.may_have_left:
            self.try_again_or_refuse(error, not_sent or f"{error} {NOTHING_SENT}")
        elif error.is_definite:
            self.refuse(error)
        else:
            self.lose_reply(lost or LOST.get(error.cause, SETTLES_NOTHING), error.detail)

    def lose_reply(self, reason: str, detail: str):
        if self.generation.lose_reply(reason, detail):  # the sweep may have been first, and has counted it
            RemoteAccount.objects.count_unknown()

    def pause(self, error: HeyGenError):
        if error.cause != Cause.KEY:
            RemoteAccount.objects.pause(error.cause, str(error))
            return
        RemoteAccount.objects.pause(REFUSED_KEY, str(error), instead_of=Cause.KEY)
        enqueue_account_check()  # a key that is bad for everything resumes by itself once it is good

    def try_again_or_refuse(self, error: HeyGenError, trouble: str):
        """Nothing has left. What concerns the account, or may pass, costs this generation only time."""
        if error.is_definite and not error.stops_sending:
            self.refuse(error)
            return
        if error.cause == Cause.NETWORK:
            RemoteAccount.objects.note_trouble(str(error))
        delay = min(2 ** (self.generation.send_attempts + 1), LONGEST_BACKOFF)
        self.generation.put_back(self.token, timedelta(seconds=delay), trouble)

    def refuse(self, error: HeyGenError):
        self.generation.refuse(self.token, error.cause, REFUSED.get(error.cause, str(error)), error.detail)
        if error.cause == Cause.PICTURE:  # perhaps its own copy is gone: the next try uploads anew
            for picture in frames.pictures(self.generation):
                picture.forget_remote_copy()
        RemoteAccount.objects.reset_unknown_count()
