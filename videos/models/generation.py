"""A generation: one request for one video, and every move of its life.

Each move is one method and one conditional UPDATE, which acts only if exactly one row changed. Nothing outside this
file writes a status.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from heygen_studio.time_zone import studio_day
from videos import wording
from videos.lifecycle import IN_PROGRESS, MOVES, UNSETTLED, Status
from videos.models.budget import LedgerEntry
from videos.models.changes import CHANGED, ThisTransaction
from videos.models.event import GenerationEvent, Step, events_of
from videos.models.generation_queryset import LONGEST_LINE, NOT_ITS_FAULT, TAB, GenerationQuerySet, elapsed_since
from videos.models.kept_numbers import OwnerStorage, ProviderRecord, UsageDay, add_to_sums
from videos.models.lease import CLOCKS_DIFFER, NO_LEASE, claim_lasts
from videos.models.metric_value import MetricValue
from videos.models.outgoing_notice import OutgoingNotice
from videos.models.picture import Picture, RemoteCopy
from videos.models.polls import Outcome, PollManager, event_of
from videos.models.provider import Provider
from videos.models.remote_account import RemoteAccount
from videos.models.saved_video import PublicLink, SavedVideo
from videos.models.studio_settings import current
from videos.models.transactions import PARAMETERS, batched, lock_in_order, retried, update_in_order
from videos.models.webhook_event import WebhookEvent
from videos.remotes import registry
from videos.remotes.base import Backend
from videos.text import folded

LONGEST_AFTER_DEATHS = 300  # seconds
COUNTERS = {Status.QUEUED: "send_attempts", Status.SENDING: "send_attempts", Status.SAVING: "save_attempts"}


class GenerationManager(PollManager.from_queryset(GenerationQuerySet)):
    @retried
    def claim_to_send(self, pk: int, token: uuid.UUID | None = None) -> "Generation | None":
        """The queued generation, leased to the caller, if sending is allowed and the limit is not reached; else None.

        The account's row is locked while generations in flight are counted, so two senders never exceed the limit.
        """
        backend = self.filter(pk=pk, status=Status.QUEUED).values_list("backend", flat=True).first()
        if backend is None:
            return None
        account, now = RemoteAccount.objects.lock(backend), timezone.now()
        if not account.may_send(now) or not self.free_places(account, now):
            return None
        return self._claim(self.due(Status.QUEUED, now).filter(pk=pk), now, token or uuid.uuid4())

    def claim_to_repeat(self, pk: int, token: uuid.UUID | None = None) -> "Generation | None":
        """The generation whose reply was lost, leased to the caller, if its request may be repeated; else None."""
        backend = self.filter(pk=pk, status=Status.SENDING).values_list("backend", flat=True).first()
        if backend is None:
            return None
        account, now = RemoteAccount.objects.of(backend), timezone.now()
        if not account.may_send(now):
            return None
        return self._claim(self.repeatable(account, now).filter(pk=pk), now, token or uuid.uuid4())

    def repeatable(self, account: RemoteAccount, now: datetime):
        """Sent under a key that the backend still knows, not leased, and due."""
        span = account.repeats_for
        if span is None:
            return self.none()
        known = self.due(Status.SENDING, now).filter(backend=account.backend).exclude(repeat_key="")
        return known.filter(first_sent_at__gt=now - span, first_sent_at__lte=now + CLOCKS_DIFFER)

    def claim_to_save(self, pk: int, token: uuid.UUID | None = None) -> "Generation | None":
        now = timezone.now()
        return self._claim(self.due(Status.SAVING, now).filter(pk=pk), now, token or uuid.uuid4())

    def _claim(self, rows, now: datetime, token: uuid.UUID) -> "Generation | None":
        if not rows.order_by().update(lease_token=token, lease_until=now + claim_lasts()):
            return None
        return self.with_everything().get(lease_token=token)

    def free_claims(self, tokens: list[uuid.UUID]) -> int:
        """Frees the generations under these claims, because the processes that held them have died.

        What they were sending gets an unknown outcome the next time `give_up_lost_replies` runs.
        """
        held = self.filter(lease_token__in=tokens, status__in=IN_PROGRESS)
        frames = {pk for pair in held.values_list("start_frame", "end_frame") for pk in pair if pk}
        update_in_order(RemoteCopy.objects.filter(picture__in=frames, upload_until__isnull=False), upload_until=None)
        return sum(generation.free_claim() for generation in held)

    def sendable(self, now: datetime, most: int | None = None) -> list[int]:
        """The ids that may be sent now, `most` at most, the longest due first: as many as each backend's limit allows,
        and those whose request may be repeated after a lost reply, which count against the limit already."""
        found = []
        for account in RemoteAccount.objects.all_active():
            if account.may_send(now):
                due = self.due(Status.QUEUED, now).filter(backend=account.backend)
                found += due.values_list("due_at", "pk")[: self.free_places(account, now)][:most]
                found += self.repeatable(account, now).values_list("due_at", "pk")[: account.in_flight_limit][:most]
        return [pk for _, pk in sorted(found)][:most]

    def free_places(self, account: RemoteAccount, now: datetime) -> int:
        """How many more may be in flight at this backend; counts no further than its limit."""
        limit = account.in_flight_limit
        return limit - self.occupying(account.backend, now).values("pk")[:limit].count()

    def savable(self, now: datetime):
        """Ids of those whose video may be saved now, the longest due first."""
        return self.due(Status.SAVING, now).values_list("pk", flat=True)

    def record_end(self, outcome: Outcome) -> GenerationEvent | None:
        """Writes that a poll found one no longer running. The event that tells of it, not yet recorded; None where
        nothing was changed."""
        rows = self.filter(pk=outcome.pk, lease_token=outcome.token, status=Status.RUNNING)
        moment = "completed_at" if outcome.status == Status.SAVING else "ended_at"
        fields = {"due_at": timezone.now(), moment: timezone.now(), **NO_NOTE, **NO_LEASE}
        fields |= {"polls": F("polls") + 1, **outcome.fields}
        if not rows.update(status=outcome.status, **CHANGED, **fields):
            return None
        if outcome.status != Status.SAVING:
            self.get(pk=outcome.pk).report()
        return event_of(outcome)

    def note_change(self, pks: list[int]):
        """Marks these as changed for pages, because of changes in other tables."""
        update_in_order(self.filter(pk__in=pks), **CHANGED)

    def keep_imported(self, batch, public_id: uuid.UUID, words: str, ratio: str, copy: SavedVideo) -> "Generation":
        """A video that was made elsewhere and uploaded: ready at once. Nothing was asked of anybody, or charged."""
        now, provider = timezone.now(), Provider.objects.imported()
        fields = {"prompt": words, "provider": provider, "aspect_ratio": ratio, "backend": provider.backend}
        ended = {"status": Status.READY, "remote_id": str(public_id), "saved_at": now, "ended_at": now, "seen": True}
        generation = self.create(
            owner=batch.owner,
            batch=batch,
            public_id=public_id,
            day=studio_day(),
            version=1,
            changed_in=ThisTransaction(),
            **fields,
            **ended,
        )
        del generation.changed_in  # an expression so far
        copy.generation = generation
        copy.save(force_insert=True)
        GenerationEvent.objects.record(events_of([generation], Step.SAVED))
        return generation

    @retried
    def share_all(self, user, pks: list[int]):
        """Shares with the team those of these that belong to this person."""
        rows = list(self.filter(pk__in=lock_in_order(self.filter(pk__in=pks, owner=user, shared=False))))
        update_in_order(self.filter(pk__in=[row.pk for row in rows]), shared=True, **CHANGED)
        GenerationEvent.objects.record(events_of(rows, Step.SHARED, by=user))

    @retried
    def retire(self, pks: list[int], code: str) -> int:
        """Moves these to the trash by the owner's rule, except those that somebody has kept in the meantime."""
        rows = list(self.filter(pk__in=lock_in_order(self.filter(pk__in=pks).retirable())))
        update_in_order(self.filter(pk__in=[row.pk for row in rows]), trashed_at=timezone.now(), **CHANGED)
        GenerationEvent.objects.record(events_of(rows, Step.TRASHED, code=code))
        for row in rows:
            row.count_trashed(1)
        return len(rows)

    def count_failed(self, pks: list[int]):
        """Counts these, which polls have just found to have failed."""
        failed = [row for chunk in batched(pks, PARAMETERS) for row in self.filter(pk__in=chunk).order_by("day", "pk")]
        for generation in failed:
            UsageDay.objects.count(generation, failed=1, excused=generation.is_excused)
        self.keep_records(failed)

    def keep_records(self, ended: "Iterable[Generation]"):
        """Reads anew what is known of the providers of these generations, which have just ended or begun again."""
        for provider_id, backend in sorted({(one.provider_id, one.backend) for one in ended}):
            row, _ = ProviderRecord.objects.get_or_create(provider_id=provider_id, backend=backend)
            row = ProviderRecord.objects.select_for_update(no_key=True).get(pk=row.pk)
            row.newest = self.newest_results(provider_id, backend)
            row.save(update_fields=["newest"])

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
        is_demo = Q(backend__startswith=registry.DEMO)
        for rows, note in ((others.filter(is_demo), "mode.demo"), (others.exclude(is_demo), "mode.real")):
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


KEPT = Q(trashed_at__isnull=True)
SHARED = Q(shared=True, trashed_at__isnull=True)
UNSETTLED_JOB = Q(settled=False, remote_id__isnull=False)
HELD = Q(settled=False, ended_at__isnull=True)  # the budget holds its price, and no remote is known to have taken it


class Generation(models.Model):
    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="generations", db_index=False
    )
    batch = models.ForeignKey("Batch", on_delete=models.PROTECT, related_name="generations")
    retry_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="retries")

    # The request
    prompt = models.TextField()
    search_text = models.TextField(blank=True, editable=False)  # the prompt, folded
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="generations", db_index=False)
    aspect_ratio = models.CharField(max_length=16, default="16:9")
    start_frame = models.ForeignKey(Picture, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    start_frame_url = models.TextField(blank=True)
    end_frame = models.ForeignKey(Picture, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    end_frame_url = models.TextField(blank=True)
    config = models.JSONField(default=dict, blank=True)
    estimate = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)

    # Its state
    backend = models.CharField(max_length=64, help_text="The remote API that makes it; demo: is drawn here.")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    version = models.PositiveBigIntegerField(default=0, editable=False)
    changed_in = models.BigIntegerField(default=0, db_index=True, editable=False)
    status_note = models.CharField(
        max_length=64,
        blank=True,
        help_text="What goes wrong for the moment: situation.cause, see videos/wording.py.",
    )
    status_facts = models.JSONField(default=dict, blank=True, help_text="Of the note: a number, the remote's words.")

    # Safe repetition, where the remote replays its first answer to the same key
    repeat_key = models.CharField(max_length=64, blank=True, editable=False)
    first_sent_at = models.DateTimeField(null=True, blank=True)
    repeats = models.PositiveIntegerField(default=0)

    # From the remote API
    remote_id = models.CharField(max_length=200, null=True, blank=True)
    video_id = models.CharField(max_length=200, blank=True)
    asset_id = models.CharField(max_length=200, blank=True)
    video_url = models.TextField(blank=True, editable=False)  # signed; kept here alone, until the video is saved
    remote_status = models.CharField(max_length=64, blank=True)
    remote_facts = models.JSONField(default=dict, blank=True, help_text="Of the video: seed, width, height, seconds.")
    error_class = models.CharField(max_length=32, blank=True)
    error_code = models.TextField(blank=True, help_text="situation.cause, see videos/wording.py; or older words.")
    error_detail = models.TextField(blank=True)

    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    followed_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    saved_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    # For the engine
    due_at = models.DateTimeField(default=timezone.now)
    held_at = models.DateTimeField(null=True, blank=True, editable=False)  # queued, until somebody lets it go
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    send_attempts = models.PositiveIntegerField(default=0)
    save_attempts = models.PositiveIntegerField(default=0)
    polls = models.PositiveIntegerField(default=0)
    missing_polls = models.PositiveIntegerField(default=0)
    failed_polls = models.PositiveIntegerField(default=0)

    # For its owner
    retried_at = models.DateTimeField(null=True, blank=True, editable=False)
    seen = models.BooleanField(default=False)
    shared = models.BooleanField(default=False, help_text="With the team.")
    trashed_at = models.DateTimeField(null=True, blank=True)

    # Kept for lists, counts and sums
    tab = models.GeneratedField(expression=TAB, output_field=models.CharField(max_length=10), db_persist=True)
    day = models.DateField(default=timezone.localdate, editable=False, help_text="On which it counts, here.")
    settled = models.BooleanField(default=False, editable=False, help_text="Its ledger says that it was accepted.")

    objects = GenerationManager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["status", "due_at"], name="generation_due"),
            models.Index(fields=["lease_token"], name="generation_lease", condition=Q(lease_token__isnull=False)),
            models.Index(fields=["id"], name="generation_unsettled", condition=UNSETTLED_JOB),
            models.Index(fields=["day", "owner"], name="generation_held", condition=HELD),
            models.Index(fields=["owner", "-id"], name="generation_kept", condition=KEPT),
            models.Index(fields=["owner", "tab", "-id"], name="generation_tab"),
            models.Index(fields=["owner", "provider", "-id"], name="generation_of_provider", condition=KEPT),
            models.Index(fields=["owner", "provider", "tab", "-id"], name="generation_provider_tab"),
            models.Index(fields=["-id"], name="generation_shared", condition=SHARED),
            models.Index(fields=["tab", "-id"], name="generation_shared_tab", condition=SHARED),
            models.Index(fields=["provider", "-id"], name="generation_shared_provider", condition=SHARED),
            models.Index(fields=["provider", "tab", "-id"], name="generation_shared_kind", condition=SHARED),
            models.Index(fields=["owner"], name="generation_sharers", condition=SHARED),
            models.Index(fields=["provider", "-id"], name="generation_ended", condition=Q(ended_at__isnull=False)),
            models.Index(fields=["created_at", "id"], name="generation_made"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status__in=[Status.RUNNING, Status.SAVING, Status.READY]) | Q(remote_id__isnull=False),
                name="what_runs_has_a_remote_id",
            ),
            models.UniqueConstraint(fields=["remote_id", "backend"], name="one_row_for_each_remote_id"),
        ]

    def __str__(self):
        return f"{self.prompt[:60]} ({self.get_status_display().lower()})"

    def save(self, *arguments, **named):
        if self._state.adding:
            self.search_text = folded(self.prompt)
        super().save(*arguments, **named)

    @property
    def remote(self) -> Backend:
        return registry.find(self.backend)

    @property
    def remote_name(self) -> str:
        """The name of the remote API that makes it, for people."""
        return registry.name_of(self.backend)

    @property
    def error_message(self) -> str:
        """Why it failed, or what happened to its reply, in a sentence; "" if nothing is wrong."""
        return wording.explain(self.error_code, self.remote_name)

    @property
    def status_message(self) -> str:
        """What goes wrong for the moment, in a sentence; "" if nothing does."""
        return wording.explain(self.status_note, self.remote_name, self.status_facts)

    @property
    def is_of_this_mode(self) -> bool:
        """Made in demo mode while in demo mode, or for real while not."""
        return self.backend in registry.active_keys()

    # Sending
    def mark_sending(self, token: uuid.UUID, is_repeat: bool = False) -> bool:
        """Makes the durable mark before the first byte is sent. False: do not send."""
        now = timezone.now()
        rows = self._rows(Status.SENDING, token).filter(lease_until__gt=now)
        fields: dict[str, Any] = {"lease_until": now + timedelta(seconds=settings.LEASE_SECONDS)}
        if is_repeat:
            rows = rows.filter(status=Status.SENDING)
            return self.may_repeat() and self._move(rows, Status.SENDING, Step.SENDING_AGAIN, **fields)
        if self.remote.repeats_for:
            fields |= {"repeat_key": str(self.public_id), "first_sent_at": Coalesce(F("first_sent_at"), now)}
        rows = rows.filter(status=Status.QUEUED)
        return self._move(rows, Status.SENDING, Step.SENDING, sent_at=now, **NO_NOTE, **fields)

    def may_repeat(self) -> bool:
        """Whether the backend certainly still knows this request's key, and is trusted to replay its answer."""
        now, span = timezone.now(), RemoteAccount.objects.of(self.backend).repeats_for
        if not self.repeat_key or span is None or self.first_sent_at is None:
            return False
        return now - span < self.first_sent_at <= now + CLOCKS_DIFFER

    def repeat_later(self, token: uuid.UUID | None, delay: timedelta, note: str, words: str = "") -> bool:
        """The reply was lost: the same request is sent again after `delay`, under the same key. The token stays, so
        that a sender that was only slow can still store the id."""
        rows = Generation.objects.filter(pk=self.pk, status=Status.SENDING, lease_token=token)
        fields = {"due_at": timezone.now() + delay, "lease_until": None}
        fields |= {**note_of(note), "repeats": F("repeats") + 1}
        return self._move(rows, Status.SENDING, Step.REPLY_LOST if note else None, words=words, **fields)

    def lose_or_repeat(self) -> bool:
        """Its sender has died. True if the outcome is now unknown; False if the request is repeated."""
        if not self.may_repeat():
            return self.lose_reply("lost.interrupted")
        if not self.status_note:
            self.repeat_later(self.lease_token, timedelta(0), "repeat.interrupted")
        return False

    def put_back(self, token: uuid.UUID, delay: timedelta, note: str = "", words: str = "") -> bool:
        """Certainly not accepted: it waits and is tried again, and the card says why. Without a note, it does not
        count as a failed attempt. `words` are the remote's own."""
        attempts = F("send_attempts") + (1 if note else 0)
        fields = {"due_at": timezone.now() + delay, "sent_at": None, "send_attempts": attempts}
        fields |= note_of(note, {"detail": words} if words else None)
        waiting = Generation.objects.filter(pk=self.pk, lease_token=token, status=Status.QUEUED)
        step, fields = Step.PUT_BACK if note else None, {**fields, **NO_LEASE}
        if self._move(waiting, Status.QUEUED, step, words=words, **fields):
            return True
        return self._move(self._rows(Status.QUEUED, token), Status.QUEUED, Step.PUT_BACK, words=words, **fields)

    def accept(self, remote_id: str, token: uuid.UUID | None) -> bool:
        """The remote API has accepted it under this id, which is written in a commit of its own.

        A late reply is accepted too, after the outcome became unknown or was even resolved as not made, because the
        sender's token is still in the row. Raises IntegrityError if another generation has the id.
        """
        sent = Q(sent_at__isnull=False, remote_id=None)
        rows = self._rows(Status.RUNNING, token).filter(sent).exclude(status__in=[Status.STOPPED, Status.FAILED])
        fields = {"remote_id": remote_id, **self._polled_from_now()}
        if not self._move(rows, Status.RUNNING, Step.ACCEPTED, words=remote_id, **fields):
            return False
        self.settle()
        return True

    @retried
    def refuse(self, token: uuid.UUID, error_class: str, code: str, detail: str = "") -> bool:
        """A definite refusal before anything was made: nothing is charged, and the budget is released."""
        rows = self._rows(Status.FAILED, token).exclude(status=Status.RUNNING)
        error = {"error_class": error_class, "error_code": code, "error_detail": detail}
        ended = {"ended_at": timezone.now(), **NO_NOTE, **NO_LEASE}
        refused = self._move(rows, Status.FAILED, Step.REFUSED, words=detail, **ended, **error)
        return refused and self.release(failed=1, excused=error_class in NOT_ITS_FAULT)

    def lose_reply(self, code: str, detail: str = "", error_class: str = "lost_reply") -> bool:
        """Sent, and no usable reply came: it may have been charged, and only a person can resolve it.

        The lease token stays: a sender that was only slow can still store the id.
        """
        rows = self._rows(Status.UNKNOWN, self.lease_token)
        error = {"error_class": error_class, "error_code": code, "error_detail": detail}
        return self._move(rows, Status.UNKNOWN, Step.UNKNOWN, words=detail, **NO_NOTE, **error)

    # Polling
    def stop_waiting(self, by=None) -> bool:
        fields = {"ended_at": timezone.now(), **NO_NOTE, **NO_LEASE}
        return self._move(self._rows(Status.STOPPED), Status.STOPPED, Step.STOPPED, by=by, **fields)

    @retried
    def check_again(self, by=None) -> bool:
        """Polls again a generation that was given up, or whose id the remote API did not know earlier. Free."""
        rows, fields = self._rows(Status.RUNNING), self._polled_from_now()
        if self._move(rows.filter(status=Status.STOPPED), Status.RUNNING, Step.CHECK_AGAIN, by=by, **fields):
            return True
        if not self._move(rows.filter(NOT_FOUND_BY_REMOTE), Status.RUNNING, Step.CHECK_AGAIN, by=by, **fields):
            return False
        UsageDay.objects.count(self, failed=-1)
        Generation.objects.keep_records([self])
        return True

    # Saving
    @retried
    def renew_link(self, token: uuid.UUID, video_url: str) -> bool:
        renewed = bool(self._leased(token).update(video_url=video_url))
        if renewed:
            self.log(Step.NEW_LINK)
        return renewed

    def keep_claim(self, token: uuid.UUID) -> bool:
        """Extends a claim to save; False when it is no longer ours."""
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

    def delay_saving(self, token: uuid.UUID, delay: timedelta, note: str = "", **facts: Any) -> bool:
        """Not yet saved: what went wrong is shown, and it is tried again. Without a note, the slice went well."""
        rows = self._leased(token).filter(status=Status.SAVING)
        if note:
            facts["seconds"] = round(delay.total_seconds())
        attempts = F("save_attempts") + (1 if note else 0)
        fields = {"due_at": timezone.now() + delay, "save_attempts": attempts, **note_of(note, facts), **NO_LEASE}
        return self._move(rows, Status.SAVING, Step.NOT_SAVED if note else None, **fields)

    @retried
    def keep_video(self, token: uuid.UUID, copy: SavedVideo) -> bool:
        """The file has its final name: stores its row and the status `ready` in one transaction."""
        now = timezone.now()
        rows = self._rows(Status.READY, token)
        fields = {"saved_at": now, "ended_at": now, "video_url": "", **NO_NOTE, **NO_LEASE}
        if not self._move(rows, Status.READY, Step.SAVED, **fields):
            return False
        copy.generation = self
        copy.save(force_insert=True)
        self.count_real_length(copy.seconds)
        self.report()
        self.count_copy(copy.size)
        Generation.objects.keep_records([self])
        if settings.METRICS_TOKEN:
            MetricValue.objects.count_saved(self.provider_id, copy.size, self.took_seconds)
        return True

    @retried
    def fetch_again(self, by=None) -> bool:
        """The saved copy is missing or changed on disk: deletes its row, so that the engine downloads it again."""
        rows = Generation.objects.filter(pk=self.pk, status=Status.READY, remote_id__isnull=False)
        fields = {"due_at": timezone.now(), "saved_at": None, "ended_at": None, **NO_LEASE}
        if not self._move(rows, Status.SAVING, Step.FETCH_AGAIN, by=by, **fields):
            return False
        self.count_copy(sum(SavedVideo.objects.filter(generation=self).values_list("size", flat=True)), times=-1)
        SavedVideo.objects.filter(generation=self).delete()
        Generation.objects.keep_records([self])
        return True

    # Decisions of its owner
    @retried
    def cancel(self, by=None) -> bool:
        """Cancels a generation that was never sent. A sender that has claimed it cannot mark it: nothing is spent."""
        rows = self._rows(Status.CANCELLED).filter(status=Status.QUEUED)
        ended = {"ended_at": timezone.now(), **NO_NOTE, **NO_LEASE}
        cancelled = self._move(rows, Status.CANCELLED, Step.CANCELLED, by=by, **ended)
        return cancelled and self.release(cancelled=1)

    @retried
    def hold(self, by=None) -> bool:
        """It is not sent until somebody lets it go. A sender that has claimed it fails at its mark."""
        rows = Generation.objects.filter(pk=self.pk, status=Status.QUEUED, held_at=None)
        return self._move(rows, Status.QUEUED, Step.HELD, by=by, held_at=timezone.now(), **NO_LEASE)

    @retried
    def let_go(self, by=None) -> bool:
        """It is sent in its turn, at the place that it had."""
        rows = Generation.objects.filter(pk=self.pk, status=Status.QUEUED, held_at__isnull=False)
        return self._move(rows, Status.QUEUED, Step.LET_GO, by=by, held_at=None)

    @retried
    def move_to_front(self, by=None) -> bool:
        """It takes the place of the first of its owner's that wait for the same backend, and those in between move back
        by one. Whoever else waits keeps their place."""
        due = Generation.objects.filter(due_at__lte=timezone.now())  # one that is delayed has no place to give
        mine = due.filter(owner=self.owner_id, backend=self.backend).in_line()
        lock_in_order(mine.order_by())
        line = list(mine.values_list("pk", "due_at")[:LONGEST_LINE])
        pks, times = [pk for pk, _ in line], [due_at for _, due_at in line]
        if self.pk not in pks:
            return False
        number = pks.index(self.pk)
        order = [self.pk, *pks[:number]]
        for pk, due_at in zip(order, times[: number + 1], strict=True):
            Generation.objects.filter(pk=pk).update(due_at=due_at, **CHANGED)
        self.refresh_from_db()
        if number:
            self.log(Step.MOVED_UP, by=by)
        return True

    @retried
    def mark_retried(self, again: bool, by=None) -> bool:
        """False if it was retried before, unless `again` is given."""
        rows = Generation.objects.filter(pk=self.pk)
        marked = (rows if again else rows.filter(retried_at=None)).update(retried_at=timezone.now(), **CHANGED)
        self.refresh_from_db()
        if marked:
            self.log(Step.RETRIED, by=by)
        return bool(marked)

    @retried
    def resolve_as_not_made(self, by=None) -> bool:
        """The owner checked that the remote API has nothing. The sender's token stays, in case it has after all."""
        rows = self._rows(Status.CANCELLED).filter(status=Status.UNKNOWN)
        cancelled = self._move(rows, Status.CANCELLED, Step.NOT_MADE, by=by, ended_at=timezone.now())
        return cancelled and self.release(cancelled=1)

    @retried
    def resolve_as_found(self, remote_id: str, by=None) -> bool:
        """The owner found it at the remote API. Raises IntegrityError if another generation has this id."""
        rows = self._rows(Status.RUNNING).filter(status=Status.UNKNOWN)
        fields = {"remote_id": remote_id, **self._polled_from_now()}
        if not self._move(rows, Status.RUNNING, Step.FOUND, by=by, words=remote_id, **fields):
            return False
        self.settle()
        return True

    @retried
    def mark_favourite(self, favourite: bool, user=None):
        """Sets or removes this person's star, or the owner's by default. Raises DoesNotExist if the row is gone."""
        Generation.objects.select_for_update(no_key=True).get(pk=self.pk)
        if favourite:
            self.favourites.get_or_create(user=user or self.owner)
        else:
            self.favourites.filter(user=user or self.owner).delete()
        self._touch()

    def mark_seen(self):
        if not self.seen:
            self._touch(seen=True)

    @retried
    def share_with_team(self, shared: bool, by=None):
        self._touch(shared=shared)
        self.log(Step.SHARED if shared else Step.UNSHARED, by=by)

    @retried
    def make_public_link(self) -> PublicLink:
        Generation.objects.select_for_update(no_key=True).get(pk=self.pk)
        return self.open_public_link() or self.public_links.create()

    def open_public_link(self) -> PublicLink | None:
        return self.public_links.open().order_by("-pk").first()

    def revoke_public_links(self):
        self.public_links.open().revoke()

    @retried
    def move_to_trash(self, by=None) -> bool:
        """False if it is in progress or may have been charged: then it must stay visible until it has ended."""
        rows = Generation.objects.filter(pk=self.pk, trashed_at=None).exclude(status__in=UNSETTLED)
        trashed = rows.update(**CHANGED, trashed_at=timezone.now())
        self.refresh_from_db()
        if trashed:
            self.log(Step.TRASHED, by=by)
            self.count_trashed(1)
        return self.trashed_at is not None

    @retried
    def remove_for_good(self) -> bool:
        """Deletes the row and its files, if it is still in the trash; somebody may have restored it.

        Deleting it also updates its retries, which lose their link to it.
        """
        lock_in_order(Generation.objects.filter(Q(pk=self.pk) | Q(retry_of=self.pk)), to_delete=True)
        row = Generation.objects.removable().filter(pk=self.pk).first()
        if row:
            row.count_removed()
            row.delete()
            Generation.objects.keep_records([row])
        return bool(row)

    @retried
    def restore(self, by=None):
        rows = Generation.objects.filter(pk=self.pk, trashed_at__isnull=False)
        restored = rows.update(**CHANGED, trashed_at=None)
        self.refresh_from_db()
        if restored:
            self.log(Step.RESTORED, by=by)
            self.count_trashed(-1)

    # For screens
    @property
    def in_progress(self) -> bool:
        return self.status in IN_PROGRESS

    @property
    def is_in_line(self) -> bool:
        return self.status == Status.QUEUED and self.held_at is None and self.trashed_at is None

    @property
    def may_be_trashed(self) -> bool:
        return self.status not in UNSETTLED

    @property
    def may_be_checked_again(self) -> bool:
        return self.status == Status.STOPPED or (self.status == Status.FAILED and self.error_class == "not_found")

    @property
    def clock_started_at(self) -> datetime:
        """The start of the elapsed time on the card."""
        return self.sent_at or self.created_at

    @property
    def is_overdue(self) -> bool:
        return self.status == Status.RUNNING and elapsed_since(self.sent_at) > current().overdue_seconds

    @property
    def took_seconds(self) -> float | None:
        """Seconds from sending to completion at the remote API."""
        if self.sent_at is None or self.completed_at is None:
            return None
        return (self.completed_at - self.sent_at).total_seconds()

    # The ledger
    def enter(self, kind: LedgerEntry.Kind, videos: int, amount: Decimal) -> LedgerEntry:
        """Adds a line, in the currency of the first one: the provider's currency may have changed since."""
        currency = self.ledger.order_by("pk").values_list("currency", flat=True).first()
        where = {
            "provider_id": self.provider_id,
            "day": self.day,
            "backend": self.backend,
            "currency": currency or self.provider.currency,
        }
        add_to_sums(self.owner_id, **where, lines=[(videos, amount)])
        line = {"kind": kind, "user_id": self.owner_id, "videos": videos, "amount": amount}
        return LedgerEntry.objects.create(generation=self, **line, **where)

    @retried
    def settle(self):
        """Counts the generation once, however often this is called; a released hold is made again."""
        if not Generation.objects.filter(pk=self.pk).update(settled=True):  # locks it: recoveries come one by one
            return
        if self.ledger.aggregate(held=Sum("videos"))["held"] == 0:
            self.enter(LedgerEntry.Kind.HOLD, videos=1, amount=self.estimate or Decimal(0))
            UsageDay.objects.count(self, cancelled=-1)
        if not self.ledger.filter(kind=LedgerEntry.Kind.SETTLE).exists():
            self.enter(LedgerEntry.Kind.SETTLE, videos=0, amount=Decimal(0))

    def count_real_length(self, seconds: float):
        """Where the price is by the second, what was held becomes the price of the video's real length."""
        has_start_frame = bool(self.start_frame_id or self.start_frame_url)
        amount = self.provider.price_of_length(self.estimate, self.config, has_start_frame, seconds)
        if amount is None:
            return
        difference = amount - (self.ledger.aggregate(sum=Sum("amount"))["sum"] or Decimal(0))
        if difference:
            self.enter(LedgerEntry.Kind.LENGTH, videos=0, amount=difference)

    def release(self, **counted: int) -> bool:
        """What was held is given back; `counted` is how it ended, for the usage of its day."""
        self.enter(LedgerEntry.Kind.RELEASE, videos=-1, amount=-(self.estimate or Decimal(0)))
        UsageDay.objects.count(self, **counted)
        return True

    # Reports to others, in the transaction of the move
    def report(self):
        """The webhook's outbox, notices outside the browser, and the totals of `/metrics`, where they are wanted."""
        WebhookEvent.objects.note(self)
        OutgoingNotice.objects.note(self)
        if settings.METRICS_TOKEN:
            MetricValue.objects.count_ended(self.provider_id, Status(self.status))

    # Kept numbers
    @property
    def is_excused(self) -> bool:
        """Failed, and that says nothing of its provider."""
        return self.status == Status.FAILED and self.error_class in NOT_ITS_FAULT

    def count_copy(self, size: int, times: int = 1):
        """Counts its saved copy, or no longer (-1), in the usage of its day and in its owner's storage."""
        UsageDay.objects.count(self, wait=self.took_seconds, times=times, saved=times, size=times * size)
        in_trash = bool(self.trashed_at)
        changes = {"videos": times, "size": times * size}
        changes |= {"trashed": times * in_trash, "trashed_size": times * size * in_trash}
        OwnerStorage.objects.add({"owner_id": self.owner_id}, **changes)

    def count_removed(self):
        """It is about to be deleted: usage is of what there is; what it cost stays in the ledger."""
        ended = {Status.FAILED: "failed", Status.CANCELLED: "cancelled"}.get(self.status)
        UsageDay.objects.count(self, made=-1, excused=-self.is_excused, **({ended: -1} if ended else {}))
        copy = SavedVideo.objects.filter(generation=self).first() if self.status == Status.READY else None
        if copy:
            self.count_copy(copy.size, times=-1)

    def count_trashed(self, times: int):
        copy = SavedVideo.objects.filter(generation=self).first()
        if copy:
            OwnerStorage.objects.add({"owner_id": self.owner_id}, trashed=times, trashed_size=times * copy.size)

    # The mechanism of moves
    def _rows(self, target: Status, token: uuid.UUID | None = None):
        """This row, if MOVES allows `target` from its present status, and only under this lease if one is given."""
        rows = Generation.objects.filter(pk=self.pk, status__in=MOVES[target])
        return rows.filter(lease_token=token) if token else rows

    def _leased(self, token: uuid.UUID):
        return Generation.objects.filter(pk=self.pk, lease_token=token)

    @retried
    def _move(self, rows, target: Status, step: Step | None, by=None, words="", **fields) -> bool:
        """Makes the move and records its event in one commit; with a step of None there is no event."""
        if rows.update(status=target, **CHANGED, **fields) != 1:
            return False
        self.refresh_from_db()
        if step:
            code = fields.get("error_code") or fields.get("status_note", "")
            self.log(step, by=by, words=words, code=code, facts=fields.get("status_facts", {}))
        if target != Status.READY:  # its copy is yet to be stored
            self.report()
        return True

    def log(self, step: Step, **facts):
        """Records an event: `by` is the person (None: the worker), `words` are the remote's own."""
        GenerationEvent.objects.record(events_of([self], step, **facts))

    def _touch(self, **fields):
        Generation.objects.filter(pk=self.pk).update(**CHANGED, **fields)
        self.refresh_from_db()

    def _polled_from_now(self) -> dict[str, Any]:
        now = timezone.now()
        first_poll = now + timedelta(seconds=current().poll_seconds)
        cleared = {"error_class": "", "error_code": "", "error_detail": "", "ended_at": None, **NO_NOTE}
        counts = {"missing_polls": 0, "failed_polls": 0}
        # If it was in the trash, it is restored: otherwise nobody would see it before the trash is emptied.
        return {"followed_at": now, "due_at": first_poll, "trashed_at": None, **counts, **cleared, **NO_LEASE}


NOT_FOUND_BY_REMOTE = Q(status=Status.FAILED, error_class="not_found", remote_id__isnull=False)
NO_NOTE: dict[str, Any] = {"status_note": "", "status_facts": {}}


def note_of(code: str, facts: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The fields of a status note."""
    return {"status_note": code, "status_facts": dict(facts or {})}
