"""Which generations may be sent or saved now, claiming one of them, and recovering those whose process died.

Nothing here writes a status: recovery calls the moves of `generation.py`.
"""

import uuid
from collections import Counter
from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from videos.lifecycle import IN_PROGRESS, Status
from videos.models.changes import CHANGED
from videos.models.event import Step
from videos.models.generation_due import due_times, occupation_times
from videos.models.lease import CLOCKS_DIFFER, claim_lasts
from videos.models.picture import RemoteCopy
from videos.models.remote_account import RemoteAccount
from videos.models.status_note import note_of
from videos.models.transactions import retried, update_in_order
from videos.remotes import registry

LONGEST_AFTER_DEATHS = 300  # seconds
OF_OUR_STORAGE = [f"saving.{cause}" for cause in ("disk_full", "disk_nearly_full", "storage", "database")]
OF_OUR_STORAGE += ["saving.bucket_refused", "saving.bucket_part"]
SLOW = timedelta(seconds=10)  # without an answer to a request
COUNTERS = {Status.QUEUED: "send_attempts", Status.SENDING: "send_attempts", Status.SAVING: "save_attempts"}


class ClaimManagerMixin:
    """Part of the manager of generations: claiming one for this process alone, and recovery after a crash."""

    @retried
    def claim_to_send(self, pk: int, token: uuid.UUID | None = None) -> models.Model | None:
        """The queued generation, leased to the caller, if sending is allowed and the limit is not reached; else None.

        The account's row is locked while generations in flight are counted, so two senders never exceed the limit.
        """
        backend = self.filter(pk=pk, status=Status.QUEUED).values_list("backend", flat=True).first()
        if backend is None:
            return None
        account, now = RemoteAccount.objects.lock(backend), timezone.now()
        if not account.may_send(now) or not self.free_capacity(account, now):
            return None
        return self._claim(pk, self.due(Status.QUEUED, now), now, token or uuid.uuid4())

    def claim_to_repeat(self, pk: int, token: uuid.UUID | None = None) -> models.Model | None:
        """The generation whose reply was lost, leased to the caller, if its request may be repeated; else None."""
        backend = self.filter(pk=pk, status=Status.SENDING).values_list("backend", flat=True).first()
        if backend is None:
            return None
        account, now = RemoteAccount.objects.of(backend), timezone.now()
        if not account.may_send(now):
            return None
        return self._claim(pk, self.repeatable(account, now), now, token or uuid.uuid4())

    def repeatable(self, account: RemoteAccount, now: datetime):
        """Sent under a key that the backend still knows, not leased, and due."""
        span = account.repeats_for
        if span is None:
            return self.none()
        digest, times = registry.find(account.backend).key_digest, first_sent_between(now, span)
        return self.due(Status.SENDING, now).filter(backend=account.backend).sent_under(digest, *times)

    def claim_to_save(self, pk: int, token: uuid.UUID | None = None) -> models.Model | None:
        now = timezone.now()
        return self._claim(pk, self.due(Status.SAVING, now), now, token or uuid.uuid4())

    def _claim(self, pk: int, rows, now: datetime, token: uuid.UUID) -> models.Model | None:
        if not rows.filter(pk=pk).order_by().update(lease_token=token, lease_until=now + claim_lasts()):
            return None
        return next((row for row in self.with_everything_of(pk) if row.lease_token == token), None)

    def free_claims(self, tokens: list[uuid.UUID]) -> int:
        """Frees the generations under these claims, because the processes that held them have died.

        What they were sending gets an unknown outcome the next time `give_up_lost_replies` runs.
        """
        held = self.filter(lease_token__in=tokens, status__in=IN_PROGRESS)
        frames = {pk for pair in held.values_list("start_frame", "end_frame") for pk in pair if pk}
        update_in_order(RemoteCopy.objects.filter(picture__in=frames, upload_until__isnull=False), upload_until=None)
        return sum(generation.free_claim() for generation in held)

    def sendable(self, now: datetime, limit: int | None = None, is_quick: bool = False) -> list[int]:
        """The ids that may be sent now, `limit` at most, the longest due first: as many as each backend's limit allows,
        and those whose request may be repeated after a lost reply, which count against the limit already.

        `is_quick` leaves out what may take long: repetitions, and backends that are slow.
        """
        found, times = [], due_times(now)
        for account in RemoteAccount.objects.all_active():
            if account.may_send(now) and not (is_quick and self.is_slow(account, now)):
                backend, count = account.backend, limit or account.in_flight_limit
                found += self.first_to_send(backend, *times, limit=count)[: self.free_capacity(account, now)]
                if account.repeats_for and not is_quick:
                    known = registry.find(backend).key_digest, *first_sent_between(now, account.repeats_for)
                    found += self.first_to_repeat(backend, *known, *times, limit=count)[: account.in_flight_limit]
        return [pk for _, pk in sorted(found)][:limit]

    def is_slow(self, account: RemoteAccount, now: datetime) -> bool:
        """Whether its API has a problem, or has not answered a request for a while."""
        unanswered = self.filter(status=Status.SENDING, backend=account.backend, sent_at__lt=now - SLOW)
        return bool(account.status_note) or unanswered.exists()

    def free_capacity(self, account: RemoteAccount, now: datetime) -> int:
        """How many more may be in flight at this backend; counts no further than its limit."""
        limit = account.in_flight_limit
        return limit - len(self.first_occupying(account.backend, *occupation_times(now), limit=limit))

    def savable(self, now: datetime):
        """Ids of those whose video may be saved now, the longest due first."""
        return self.due(Status.SAVING, now).values_list("pk", flat=True)

    def newest_savable(self, now: datetime):
        """The same of those with which nothing has gone wrong yet but at our own storage, the newest first."""
        return self.savable(now).filter(status_note__in=["", *OF_OUR_STORAGE]).order_by("-pk")

    def give_up_lost_replies(self) -> int:
        """Generations whose lease expired while they were being sent get an unknown outcome, unless the request may be
        repeated under the same key. Returns how many were lost."""
        lost = self.unleased(timezone.now()).filter(status=Status.SENDING)
        backends = Counter(generation.backend for generation in lost if generation.lose_or_repeat())
        for backend in backends:
            RemoteAccount.objects.of(backend).count_unknown()  # one interruption, however many were being sent
        return backends.total()

    def add_missing_settlements(self):
        """Settles generations whose sender died between storing the remote id and writing to the ledger."""
        for generation in self.filter(settled=False, remote_id__isnull=False):
            generation.settle()

    def flag_rows_of_other_backend(self):
        """A generation of demo mode is never sent to a remote API, nor the other way round. Its card says so."""
        others = self.exclude(backend__in=registry.active_keys())
        others = others.filter(status__in=[Status.QUEUED, Status.RUNNING, Status.SAVING])
        is_known, is_demo = Q(backend__in=registry.known_keys()), Q(backend__startswith=registry.DEMO)
        which = {"mode.demo": is_known & is_demo, "mode.real": is_known & ~is_demo, "mode.gone": ~is_known}
        for note, condition in which.items():
            rows = others.filter(condition)
            update_in_order(rows.exclude(status_note=note), **note_of(note), **CHANGED)

    def adopt(self, public_id: uuid.UUID, remote_id: str) -> bool:
        """Replays a reply that was kept in a side file. True if its row now has this remote id."""
        generation = self.filter(public_id=public_id).first()
        if generation is None or not generation.remote.is_valid_id(remote_id):
            return False
        if generation.remote_id == remote_id:  # the commit succeeded after all; the settlement may not have
            generation.settle()
            return True
        return generation.accept(remote_id, generation.lease_token)


def first_sent_between(now: datetime, span: timedelta) -> tuple[datetime, datetime]:
    """Between which times a key was first used that its backend still knows; it remembers one for `span`."""
    return now - span, now + CLOCKS_DIFFER


class ClaimMixin:
    """Part of the model Generation: whether its request may be repeated, and extending and freeing its claim."""

    def may_repeat(self) -> bool:
        """Whether the backend certainly still knows this request's key, and is trusted to replay its answer to our
        account. In SQL this is `repeatable`, which also asks whether it is due."""
        now, span = timezone.now(), RemoteAccount.objects.of(self.backend).repeats_for
        if not self.repeat_key or span is None or self.first_sent_at is None:
            return False
        after, until = first_sent_between(now, span)
        return after < self.first_sent_at <= until and self.has_same_api_key

    @property
    def has_same_api_key(self) -> bool:
        """Whether it was sent with the present API key: another one may be another account's, and pay again."""
        return self.key_digest == self.remote.key_digest

    def why_lost(self) -> str:
        """Why the outcome is unknown of a request that was interrupted, or can no longer be repeated."""
        if self.repeat_key and RemoteAccount.objects.of(self.backend).repeats_for and not self.has_same_api_key:
            return "other_key"
        situation, _, cause = self.status_note.partition(".")
        return cause if situation == "repeat" else "interrupted"

    def keep_claim(self, token: uuid.UUID) -> bool:
        """Extends a claim to save or to repeat; False when it is no longer ours."""
        return bool(self._leased(token).update(lease_until=timezone.now() + claim_lasts()))

    @retried
    def free_claim(self) -> bool:
        """Frees the claim of a process that died. A generation that ends process after process waits longer each time,
        because it interrupts all other work of that host, too."""
        fields = {"lease_until": timezone.now()}
        counter = COUNTERS.get(self.status)
        if counter:
            seconds = min(2 ** max(0, getattr(self, counter) - 1) - 1, LONGEST_AFTER_DEATHS)
            fields |= {counter: F(counter) + 1, "due_at": timezone.now() + timedelta(seconds=seconds)}
        freed = bool(self._leased(self.lease_token).filter(status=self.status).update(**fields))
        if freed and counter:
            self.log(Step.WORKER_DIED)
        return freed
