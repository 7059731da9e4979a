"""The webhook's outbox: a row for each event, written in the transaction of its move.

So no event is lost, and none is sent for a move that was rolled back. The worker delivers each at least once, always
under the same id and with the facts of the time of the move.
"""

import json
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from videos.lifecycle import Status
from videos.models.lease import passed
from videos.models.transactions import delete_in_order

EVENTS = {
    Status.READY: "generation.ready",
    Status.FAILED: "generation.failed",
    Status.UNKNOWN: "generation.unknown",
}
CLAIM = timedelta(seconds=60)  # after which another worker delivers what this one has not
FIRST_DELAY, LONGEST_DELAY = timedelta(seconds=5), timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=3)
KEPT_FOR = timedelta(days=7)


class WebhookEventQuerySet(models.QuerySet):
    def add_for(self, generation):
        """Adds an event for a generation that has just entered a state with a webhook, in the move's transaction."""
        if settings.WEBHOOK_URL and generation.status in EVENTS:
            event = WebhookEvent(event=EVENTS[Status(generation.status)], generation=generation)
            event.body = json.dumps(event.describe(), sort_keys=True)
            event.save(force_insert=True)

    def add_review(self, event: str, clip, **facts):
        """Adds an event for an answer or a comment on a clip behind a review link."""
        if settings.WEBHOOK_URL:
            made = WebhookEvent(event=event, generation=clip.generation)
            collection = clip.collection
            review = {"collection": str(collection.public_id), "name": collection.name, **facts}
            made.body = json.dumps(made.describe() | {"review": review}, sort_keys=True)
            made.save(force_insert=True)

    def waiting(self):
        return self.filter(delivered_at=None, given_up_at=None)

    def due(self, now: datetime):
        """The events to deliver now, the longest due first; none if no address is set."""
        rows = self.waiting() if settings.WEBHOOK_URL else self.none()
        return rows.filter(passed("due_at", now, LONGEST_DELAY)).order_by("due_at", "pk")

    def claim_due(self, limit: int) -> "list[WebhookEvent]":
        """Claims up to `limit` events for this worker."""
        now = timezone.now()
        found = list(self.due(now)[:limit])
        return [event for event in found if event.claim(now)]

    def prune(self) -> int:
        """Deletes events that were delivered or given up some time ago."""
        before = timezone.now() - KEPT_FOR
        return delete_in_order(self.filter(Q(delivered_at__lt=before) | Q(given_up_at__lt=before)))


class WebhookEvent(models.Model):
    event_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    event = models.CharField(max_length=32)
    generation = models.ForeignKey("Generation", on_delete=models.CASCADE, related_name="+")
    body = models.TextField(editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=80, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)

    objects = WebhookEventQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(delivered_at=None, given_up_at=None), name="webhook_event_waiting"
            )
        ]

    def __str__(self):
        return f"{self.event} of {self.created_at:%d %b %Y %H:%M}"

    def claim(self, now: datetime) -> bool:
        rows = WebhookEvent.objects.waiting().filter(pk=self.pk, due_at=self.due_at)
        if not rows.update(due_at=now + CLAIM, attempts=F("attempts") + 1):
            return False
        self.attempts += 1
        return True

    def record_delivery(self):
        WebhookEvent.objects.filter(pk=self.pk).update(delivered_at=timezone.now(), last_error="")

    def record_failure(self, error: str):
        """Postpones the delivery. The wait doubles each time; after some days the event is given up."""
        now = timezone.now()
        fields: dict[str, Any] = {"due_at": now + self.delay(), "last_error": error[:80]}
        if now - self.created_at > GIVE_UP_AFTER:
            fields["given_up_at"] = now
        WebhookEvent.objects.waiting().filter(pk=self.pk).update(**fields)

    def delay(self) -> timedelta:
        return min(FIRST_DELAY * 2 ** min(self.attempts - 1, 10), LONGEST_DELAY)

    def describe(self) -> dict[str, Any]:
        """The body of the request: only facts that the viewer shows, no signed link, key or file."""
        return {
            "event": self.event,
            "id": str(self.event_id),
            "created_at": written(self.created_at),
            "generation": describe(self.generation),
        }


def describe(generation) -> dict[str, Any]:
    facts = {
        "id": str(generation.public_id),
        "batch": str(generation.batch.public_id),
        "url": f"{settings.STUDIO_URL}/g/{generation.public_id}" if settings.STUDIO_URL else None,
        "status": generation.status,
        "owner": generation.owner.get_username(),
        "prompt": generation.prompt,
        "provider": generation.provider.value,
        "aspect_ratio": generation.aspect_ratio,
        "remote_id": generation.remote_id,
        "is_demo": generation.backend.startswith("demo:"),
        "created_at": written(generation.created_at),
        "sent_at": written(generation.sent_at),
        "ended_at": written(generation.ended_at),
    }
    if generation.status == Status.READY:
        copy = generation.saved_video
        return facts | {
            "video": {name: getattr(copy, name) for name in ("seconds", "width", "height", "size", "sha256")}
        }
    return facts | {"error": {"code": generation.error_code, "message": generation.error_message}}


def written(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
