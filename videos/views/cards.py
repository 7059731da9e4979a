"""The cards of the gallery: what each one shows, and the responses that send cards to the page."""

import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.contrib.auth.models import AbstractBaseUser
from django.core.cache import cache
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from videos import wording
from videos.forms.advice import UP_TO
from videos.lifecycle import Status
from videos.models import Batch, Favourite, Generation, PersonalNote, Request, Verdict
from videos.models.generation_queryset import TrackRecord
from videos.models.studio_settings import current
from videos.templatetags.studio import money
from videos.views.faces import Face, face_of

RECORDS_LAST = 30  # seconds
UNDO_OFFERED = timedelta(minutes=2)  # a batch that waits longer can be cancelled in the gallery


def new_token() -> str:
    """A form's token: a form with the same token makes only one batch, however often it is sent."""
    return secrets.token_urlsafe(24)


def own_generation(request: HttpRequest, public_id) -> Generation:
    """The generation, if it belongs to the signed-in person; otherwise a 404."""
    return get_object_or_404(request.user.generations.with_everything(), public_id=public_id)


def track_records() -> dict[int, TrackRecord]:
    """Provider id → its track record, at most half a minute old, because every page needs it."""
    return cache.get_or_set("track-records", Generation.objects.track_records, RECORDS_LAST)


@dataclass(frozen=True)
class Section:
    """The heading above the first card of a day, or of a provider."""

    key: str
    words: str
    is_first: bool = False  # on its page


@dataclass(frozen=True)
class Card:
    """One generation as the signed-in person sees it."""

    generation: Generation
    viewer: AbstractBaseUser
    record: TrackRecord
    is_new: bool = False
    retried_as: uuid.UUID | None = None
    is_favourite: bool = False
    place: int | None = None  # in the queue
    own_title: str = ""
    verdict: str = ""
    section: Section | None = None  # where it is the first of one
    order: int = 0  # its place on the page, see gallery_page.in_order

    is_stack = False

    @property
    def title(self) -> str:
        """This person's title for the video, or its prompt."""
        return self.own_title or self.generation.prompt

    @cached_property
    def face(self) -> Face:
        return face_of(self)

    @cached_property
    def can_compare(self) -> bool:
        """Whether its batch has another video. Asks the database: for one card, not for a page of them."""
        batch = self.generation.batch_id
        return batch in Generation.objects.batches_to_compare(self.viewer, [batch])

    @property
    def is_ready(self) -> bool:
        return self.generation.status == Status.READY

    @cached_property
    def is_mine(self) -> bool:
        return self.generation.owner_id == self.viewer.pk

    @property
    def may_act(self) -> bool:
        """A video in the trash must be restored before anything else."""
        return self.is_mine and not self.generation.trashed_at

    @property
    def is_unwatched(self) -> bool:
        return self.is_mine and self.is_ready and not self.generation.seen

    @property
    def has_details(self) -> bool:
        return self.generation.status in {Status.FAILED, Status.UNKNOWN, Status.STOPPED}

    @property
    def details_id(self) -> str:
        return f"d-{self.generation.pk}"

    @property
    def started_at(self) -> datetime:
        if self.generation.status == Status.SAVING:
            return self.generation.completed_at or self.generation.clock_started_at
        return self.generation.clock_started_at

    @property
    def elapsed(self) -> float:
        return max(0.0, (timezone.now() - self.started_at).total_seconds())

    @property
    def median(self) -> float | None:
        return self.record.median_seconds

    @property
    def eta(self) -> int:
        """Seconds until the ring is full."""
        return max(1, round(self.median or UP_TO))

    @property
    def ring(self) -> int:
        return max(2, min(96, round(100 * self.elapsed / self.eta)))

    @property
    def ring_left(self) -> int:
        return 100 - self.ring

    @property
    def poll_seconds(self) -> int:
        return max(1, round(current().poll_seconds))

    @property
    def overdue_seconds(self) -> int:
        return round(current().overdue_seconds)

    @property
    def classes(self) -> str:
        generation, names = self.generation, [f"is-{self.generation.status}"]
        if generation.status == Status.RUNNING and self.elapsed > self.eta:
            names.append("is-late")
        if generation.is_overdue:
            names.append("is-overdue")
        names += ["is-new"] * self.is_new + ["is-mine"] * self.is_mine + ["is-retried"] * bool(generation.retried_at)
        names += [f"is-{self.verdict}"] * bool(self.verdict)
        return " ".join(names)

    @property
    def cause(self) -> str:
        return wording.title(self.generation.error_class, self.generation.remote_name)

    @property
    def price(self) -> str:
        """The price of one more like this, for a button; "" if the provider has no price."""
        amount = Request.again(self.generation).amount()
        return "" if amount is None else f" · {money(amount, self.generation.provider.currency)}"

    @property
    def token(self) -> str:
        return new_token()

    @property
    def announcement(self) -> str:
        """The text for screen readers when the card has changed."""
        words = {Status.READY: "Ready", Status.FAILED: "Failed", Status.UNKNOWN: "Outcome unknown"}
        word = words.get(self.generation.status)
        return f"{word}: {self.generation.prompt[:80]}" if word else ""


def cards_of(
    generations: Iterable[Generation], viewer, is_new: bool = False, verdicts: dict | None = None
) -> list[Card]:
    """`verdicts`: the viewer's words on these, if they are known already."""
    records, nothing, rows = track_records(), TrackRecord(), list(generations)
    prefetch_related_objects([row for row in rows if row.owner_id != viewer.pk], "owner")
    with_retry = [row for row in rows if row.tab == "attention"]  # the button says what it costs
    prefetch_related_objects(with_retry, "provider__prices")
    pks = [row.pk for row in rows]
    stars = set(Favourite.objects.starred(viewer, pks)) if pks else set()
    titles = PersonalNote.objects.titles(viewer, pks) if pks else {}
    if verdicts is None:
        verdicts = Verdict.objects.words(viewer, pks) if pks else {}
    places = Generation.objects.places_in_queue({row.pk for row in rows if row.is_in_queue})
    retries = Generation.objects.newest_retries(row for row in rows if row.retried_at)
    return [
        Card(
            row,
            viewer,
            records.get(row.provider_id, nothing),
            is_new=is_new,
            retried_as=retries.get(row.pk),
            is_favourite=row.pk in stars,
            place=places.get(row.pk),
            own_title=titles.get(row.pk, ""),
            verdict=verdicts.get(row.pk, ""),
            order=row.pk,
        )
        for row in rows
    ]


def queued(batch: Batch) -> dict:
    """The toast about a new batch, with the number of videos that can still be cancelled."""
    count = batch.generations.count()
    can_undo = timezone.now() - batch.created_at < UNDO_OFFERED
    return {
        "batch": batch,
        "said": "1 video is queued." if count == 1 else f"{count} videos are queued.",
        "unsent": batch.unsent().count() if can_undo else 0,
    }


def answer_with_cards(request: HttpRequest, cards: list[Card], **context) -> HttpResponse:
    """Cards for the script to insert, and everything else that `gallery/_answer.html` can contain."""
    return render(request, "gallery/_answer.html", {"cards": cards, **context})
