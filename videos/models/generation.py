"""A generation: one request for one video, the moves that the worker makes with it, and how a move is made.

Each move is one method and one conditional UPDATE, which acts only if exactly one row changed. The moves that a person
makes are in `generation_decisions.py`, and `_move` here makes them: nothing outside this file writes a status.
"""

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from heygen_studio.time_zone import studio_day
from videos.lifecycle import MOVES, Status
from videos.models.changes import CHANGED, ThisTransaction
from videos.models.event import GenerationEvent, Step, events_of
from videos.models.generation_claims import ClaimManagerMixin, ClaimMixin
from videos.models.generation_decisions import DecisionsMixin
from videos.models.generation_ledger import LedgerManagerMixin, LedgerMixin
from videos.models.generation_properties import PropertiesMixin
from videos.models.generation_queryset import NOT_ITS_FAULT, TAB, GenerationQuerySet
from videos.models.generation_queue import QueueMixin
from videos.models.generation_saved_copy import SavedCopyManagerMixin, SavedCopyMixin
from videos.models.generation_sharing import SharingManagerMixin, SharingMixin
from videos.models.generation_trash import TrashManagerMixin, TrashMixin
from videos.models.lease import NO_LEASE
from videos.models.metric_value import MetricValue
from videos.models.outgoing_notice import OutgoingNotice
from videos.models.picture import Picture
from videos.models.polls import Outcome, PollManager, event_of
from videos.models.provider import Provider
from videos.models.saved_video import SavedVideo
from videos.models.status_note import NO_NOTE, note_of
from videos.models.studio_settings import current
from videos.models.transactions import retried, update_in_order
from videos.models.webhook_event import WebhookEvent
from videos.text import folded


class GenerationManager(
    ClaimManagerMixin,
    LedgerManagerMixin,
    SavedCopyManagerMixin,
    SharingManagerMixin,
    TrashManagerMixin,
    PollManager.from_queryset(GenerationQuerySet),
):
    """What is done with many generations at once. Lists of them are methods of GenerationQuerySet."""

    def record_end(self, outcome: Outcome) -> GenerationEvent | None:
        """Writes that a poll found a generation no longer running. Returns the event, not yet recorded; None if nothing
        was changed."""
        rows = self.filter(pk=outcome.pk, lease_token=outcome.token, status=Status.RUNNING)
        moment = "completed_at" if outcome.status == Status.SAVING else "ended_at"
        fields = {"due_at": timezone.now(), moment: timezone.now(), **NO_NOTE, **NO_LEASE}
        fields |= {"polls": F("polls") + 1, **outcome.fields}
        if not rows.update(status=outcome.status, **CHANGED, **fields):
            return None
        if outcome.status != Status.SAVING:
            self.get(pk=outcome.pk).report()
        return event_of(outcome)

    def mark_changed(self, pks: list[int]):
        """Marks these as changed, so that open pages show changes in other tables."""
        update_in_order(self.filter(pk__in=pks), **CHANGED)

    def keep_imported(self, batch, public_id: uuid.UUID, words: str, ratio: str, copy: SavedVideo) -> "Generation":
        """Stores an uploaded video that was made outside the studio. It is ready at once and costs nothing."""
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
        del generation.changed_in  # still an expression
        copy.generation = generation
        copy.save(force_insert=True)
        GenerationEvent.objects.record(events_of([generation], Step.SAVED))
        return generation


KEPT = Q(trashed_at__isnull=True)
SHARED = Q(shared=True, trashed_at__isnull=True)
UNSETTLED_JOB = Q(settled=False, remote_id__isnull=False)
HELD = Q(settled=False, ended_at__isnull=True)  # the budget holds its price, and no remote is known to have accepted it


class Generation(
    ClaimMixin,
    DecisionsMixin,
    LedgerMixin,
    PropertiesMixin,
    QueueMixin,
    SavedCopyMixin,
    SharingMixin,
    TrashMixin,
    models.Model,
):
    """One request for one video: its fields and the worker's moves. Each mixin is described where it is defined."""

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
    held_seconds = models.FloatField(null=True, blank=True, editable=False)  # see Quote; null: made before it was kept

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
    key_digest = models.CharField(max_length=32, null=True, blank=True, editable=False)  # of its API key
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
    polled_since = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    saved_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    # For the engine
    due_at = models.DateTimeField(default=timezone.now)
    held_at = models.DateTimeField(null=True, blank=True, editable=False)  # queued, until somebody releases it
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
    day = models.DateField(default=timezone.localdate, editable=False, help_text="The day on which it counts.")
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
            models.Index(fields=["created_at", "id"], name="generation_made"),
            models.Index(fields=["provider", "-id"], name="generation_by_provider"),
            models.Index(fields=["error_class", "-id"], name="generation_by_cause", condition=~Q(error_class="")),
            models.Index(fields=["video_id"], name="generation_video_id", condition=~Q(video_id="")),
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
            fields |= {"key_digest": self.remote.key_digest}
        rows = rows.filter(status=Status.QUEUED)
        return self._move(rows, Status.SENDING, Step.SENDING, sent_at=now, **NO_NOTE, **fields)

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
            return self.lose_reply(f"lost.{self.why_lost()}")
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
        if refused:
            self.release(failed=1, excused=error_class in NOT_ITS_FAULT)
        return refused

    def lose_reply(self, code: str, detail: str = "", error_class: str = "lost_reply") -> bool:
        """Sent, and no usable reply came: it may have been charged, and only a person can resolve it.

        The lease token stays: a sender that was only slow can still store the id.
        """
        rows = self._rows(Status.UNKNOWN, self.lease_token)
        error = {"error_class": error_class, "error_code": code, "error_detail": detail}
        return self._move(rows, Status.UNKNOWN, Step.UNKNOWN, words=detail, **NO_NOTE, **error)

    # Saving
    @retried
    def renew_link(self, token: uuid.UUID, video_url: str) -> bool:
        renewed = bool(self._leased(token).update(video_url=video_url))
        if renewed:
            self.log(Step.NEW_LINK)
        return renewed

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
        Generation.objects.update_track_records([self])
        if settings.METRICS_TOKEN:
            MetricValue.objects.count_saved(self.provider_id, copy.size, self.took_seconds)
        return True

    # Reports to others, in the transaction of the move
    def report(self):
        """Adds to the webhook's outbox, to outgoing notices, and to the totals of `/metrics`, if they are in use."""
        WebhookEvent.objects.add_for(self)
        OutgoingNotice.objects.add_for(self)
        if settings.METRICS_TOKEN:
            MetricValue.objects.count_ended(self.provider_id, Status(self.status))

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
        self._reload()
        if step:
            code = fields.get("error_code") or fields.get("status_note", "")
            self.log(step, by=by, words=words, code=code, facts=fields.get("status_facts", {}))
        if target != Status.READY:  # its saved copy is stored later
            self.report()
        return True

    def _reload(self):
        """Reads every field again, as `refresh_from_db` does, by a prepared query."""
        [fresh] = type(self).objects.row_of(self.pk)
        for field in self._meta.concrete_fields:
            setattr(self, field.attname, getattr(fresh, field.attname))
        self._state.fields_cache.clear()
        self._prefetched_objects_cache = {}

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
        return {"polled_since": now, "due_at": first_poll, "trashed_at": None, **counts, **cleared, **NO_LEASE}
