"""A request for one video, and the batch of requests that one click of Generate makes."""

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models

from heygen_studio.time_zone import studio_day
from videos.lifecycle import Status
from videos.models.budget import Budget, Cost, LedgerEntry
from videos.models.changes import ThisTransaction
from videos.models.collection import Collection, name_key
from videos.models.database_lock import BUDGETS, DatabaseLock
from videos.models.event import GenerationEvent, Step, events_of
from videos.models.generation import Generation
from videos.models.picture import Picture
from videos.models.provider import Provider, Quote
from videos.models.saved_video import SavedVideo
from videos.models.stored_totals import UsageDay, add_to_sums
from videos.models.studio_settings import current
from videos.models.transactions import retried
from videos.remotes import registry
from videos.text import with_line_feeds


class TokenTaken(Exception):
    """The form token was already used by somebody else, so the form was not sent by our page."""


class OtherContents(Exception):
    """The form token was used before, for a form with different contents: nothing was made this time."""


@dataclass(frozen=True)
class Question:
    """The videos and price of one click of Generate, if they exceed the owners' limits. `key` answers yes to
    exactly these videos at this price."""

    videos: int
    amounts: dict[str, Decimal]
    is_partial: bool
    key: str


class NotConfirmed(Exception):
    """More than owners allow without confirmation: nothing was made."""

    def __init__(self, question: Question):
        super().__init__()
        self.question = question


class AlreadyRetried(Exception):
    """This generation was retried before, and `again` was not given."""


@dataclass(frozen=True)
class Request:
    """The request for one video, and the collection that the video is added to. A frame is a Picture or an address,
    never both."""

    prompt: str
    provider: Provider
    aspect_ratio: str = "16:9"
    start_frame: Picture | None = None
    start_frame_url: str = ""
    end_frame: Picture | None = None
    end_frame_url: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    retry_of: Generation | None = None
    collection: Collection | None = None
    new_collection: str = ""  # the name of one to make with the batch

    def __post_init__(self):
        object.__setattr__(self, "prompt", with_line_feeds(self.prompt))

    @classmethod
    def again(cls, generation: Generation) -> "Request":
        """The same request as that of this generation, linked to it."""
        return cls(
            prompt=generation.prompt,
            provider=generation.provider,
            aspect_ratio=generation.aspect_ratio,
            start_frame=generation.start_frame,
            start_frame_url=generation.start_frame_url,
            end_frame=generation.end_frame,
            end_frame_url=generation.end_frame_url,
            config=generation.config,
            retry_of=generation,
        )

    def contents(self) -> list:
        """The whole request as plain values."""
        frames = [frame and frame.sha256 for frame in (self.start_frame, self.end_frame)]
        addresses = [self.start_frame_url, self.end_frame_url]
        retried = self.retry_of and self.retry_of.pk
        name = self.collection.name if self.collection else self.new_collection
        place = [name_key(name)] if name else []  # the same before and after it is made
        return [self.prompt, self.provider.value, self.aspect_ratio, frames, addresses, self.config, retried, *place]

    def amount(self) -> Decimal | None:
        return self.quote().amount

    def quote(self) -> Quote:
        return self.provider.quote(self.config, bool(self.start_frame or self.start_frame_url))


class BatchManager(models.Manager):
    @retried
    def make(self, owner, form_token: str, requests: list[Request], confirmed: str | None = None) -> "Batch":
        """Makes the batch of one click of Generate, once, however often the same form is sent.

        Budgets are checked and held in the transaction that makes the generations. Raises OverBudget, TokenTaken if
        the token belongs to somebody else's form, OtherContents if this form was sent before with other contents,
        CollectionFull, and NotConfirmed if owners want a question first that `confirmed` does not answer: "" answers
        none, and None says that the caller needs none.
        """
        DatabaseLock.objects.acquire(BUDGETS)
        fingerprint = fingerprint_of(requests)
        known = self.filter(form_token=form_token).first()
        if known:
            return known.replayed(owner, fingerprint)
        Budget.objects.require_budget(owner, cost_of(requests), Generation.objects.unfinished())
        if confirmed is not None:
            require_confirmation(requests, confirmed)
        batch = self.create(owner=owner, form_token=form_token, fingerprint=fingerprint)
        made = [batch.add(request) for request in requests]
        batch.hold_budget(made)
        GenerationEvent.objects.record(events_of(made, Step.CREATED, by=owner))
        batch.add_to_collections(zip(requests, made, strict=True))
        return batch

    @retried
    def add_imported(self, owner, public_id: uuid.UUID, words: str, ratio: str, copy: SavedVideo) -> Generation:
        """A batch of one uploaded video. Its files have their final names by then."""
        batch = self.create(owner=owner, form_token=f"import-{public_id}")
        return Generation.objects.keep_imported(batch, public_id, words, ratio, copy)

    @retried
    def retry(
        self, generation: Generation, owner, form_token: str, again: bool = False, confirmed: str | None = None
    ) -> "Batch":
        """Makes a new generation of the same request, linked to this one.

        Raises AlreadyRetried unless it is the first retry or `again` is given, and everything that `make` raises.
        """
        DatabaseLock.objects.acquire(BUDGETS)
        is_replay = self.filter(form_token=form_token).exists()
        if not is_replay and not generation.mark_retried(again, owner):
            raise AlreadyRetried
        batch = self.make(owner, form_token, [Request.again(generation)], confirmed)
        for collection in Collection.objects.visible_to(owner).filter(clips__generation=generation):
            collection.add(batch.generations.all(), owner)  # a retry goes where the failed one is
        return batch


def cost_of(requests: list[Request]) -> Cost:
    amounts: dict[str, Decimal] = {}
    for request in requests:
        currency = request.provider.currency
        amounts[currency] = amounts.get(currency, Decimal(0)) + (request.amount() or Decimal(0))
    return Cost(len(requests), amounts)


def require_confirmation(requests: list[Request], confirmed: str):
    """Raises NotConfirmed."""
    cost, limits = cost_of(requests), current()
    largest = max(cost.amounts.values(), default=Decimal(0))
    is_many = limits.ask_above_videos is not None and cost.videos > limits.ask_above_videos
    is_expensive = limits.ask_above_price is not None and largest > limits.ask_above_price
    key = key_of(requests, cost)
    if (is_many or is_expensive) and confirmed != key:
        is_partial = any(request.amount() is None for request in requests)
        amounts = {currency: amount for currency, amount in cost.amounts.items() if amount}
        raise NotConfirmed(Question(cost.videos, amounts, is_partial, key))


def key_of(requests: list[Request], cost: Cost) -> str:
    """The same for the same videos at the same price."""
    price = sorted((currency, f"{amount:.4f}") for currency, amount in cost.amounts.items())
    return hashlib.sha256(f"{fingerprint_of(requests)} {price}".encode()).hexdigest()[:32]


def fingerprint_of(requests: list[Request]) -> str:
    """A digest of the contents, to distinguish a form that is sent again from one with other contents."""
    contents = json.dumps([request.contents() for request in requests], sort_keys=True)
    return hashlib.sha256(contents.encode()).hexdigest()


class Batch(models.Model):
    """The generations of one click of Generate."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="batches")
    form_token = models.CharField(max_length=64, unique=True)
    fingerprint = models.CharField(max_length=64, blank=True, editable=False)  # empty: made by version 0.1.0
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BatchManager()

    class Meta:
        verbose_name_plural = "batches"

    def __str__(self):
        return f"{self.created_at:%d %b %Y %H:%M}"

    def replayed(self, owner, fingerprint: str) -> "Batch":
        """This batch, for a form that was sent again."""
        if self.owner_id != owner.pk:
            raise TokenTaken
        if self.fingerprint and self.fingerprint != fingerprint:
            raise OtherContents
        return self

    def first_pks(self, limit: int) -> list[int]:
        """The ids of its first generations, which are sent first."""
        return list(self.generations.order_by("pk").values_list("pk", flat=True)[:limit])

    def unsent(self):
        """Its generations that can still be cancelled."""
        return self.generations.kept().filter(status=Status.QUEUED)

    def add_to_collections(self, made: Iterable[tuple[Request, Generation]]):
        """Adds the new videos to the requested collections, which are created if they do not exist."""
        known: dict[int | str, Collection] = {}
        by_collection: dict[int | str, list[Generation]] = {}
        for request, generation in made:
            wanted = request.collection.pk if request.collection else request.new_collection
            if wanted:
                by_collection.setdefault(wanted, []).append(generation)
            if request.collection:
                known[wanted] = request.collection
        for wanted, generations in by_collection.items():
            collection = known.get(wanted) or Collection.objects.find_or_make(wanted, self.owner)
            collection.add(generations, self.owner)

    def add(self, request: Request) -> Generation:
        quote = request.quote()
        generation = Generation.objects.create(
            owner=self.owner,
            batch=self,
            prompt=request.prompt,
            provider=request.provider,
            aspect_ratio=request.aspect_ratio,
            start_frame=request.start_frame,
            start_frame_url=request.start_frame_url,
            end_frame=request.end_frame,
            end_frame_url=request.end_frame_url,
            config=request.config,
            retry_of=request.retry_of,
            estimate=quote.amount,
            held_seconds=quote.seconds,
            day=studio_day(),
            backend=registry.row_key(request.provider.backend),
            version=1,
            changed_in=ThisTransaction(),
        )
        del generation.changed_in  # still an expression; read from the row when it is needed
        return generation

    def hold_budget(self, made: list[Generation]):
        """Adds a ledger line for each generation, and changes each stored total once."""
        lines = [self.ledger_hold_of(generation) for generation in made]
        LedgerEntry.objects.bulk_create(lines)
        alike: dict[tuple, list] = {}
        for line in lines:
            key = (line.provider_id, line.day, line.backend, line.currency)
            alike.setdefault(key, []).append((line.videos, line.amount))
        for key, counted in sorted(alike.items()):
            add_to_sums(self.owner_id, *key, counted)
        UsageDay.objects.count_made(made)

    def ledger_hold_of(self, generation: Generation) -> LedgerEntry:
        return LedgerEntry(
            kind=LedgerEntry.Kind.HOLD,
            user_id=self.owner_id,
            generation=generation,
            provider_id=generation.provider_id,
            videos=1,
            amount=generation.estimate or Decimal(0),
            currency=generation.provider.currency,
            day=generation.day,
            backend=generation.backend,
        )
