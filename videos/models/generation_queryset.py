"""Every list of generations that a screen or the engine needs is a named method here. Nothing here writes."""

import uuid
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from statistics import median

from django.db import models
from django.db.models import Case, ExpressionWrapper, F, Q, Subquery, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce
from django.utils import timezone

from videos import search_index
from videos.lifecycle import ATTENTION, FINAL, IN_PROGRESS, Status
from videos.models.bounded import ANY_VALUE, Count, Select, count_selects, limited, of_value
from videos.models.changes import changed_between
from videos.models.event import Step
from videos.models.generation_due import DueQuerySet
from videos.models.prepared import prepared
from videos.models.provider import Provider
from videos.models.stored_totals import ProviderRecord
from videos.models.studio_settings import current
from videos.remotes import registry
from videos.remotes.errors import Cause
from videos.text import folded

# Failures that do not count against a provider, because of the request, our account or its owner.
NOT_ITS_FAULT = [Cause.REFUSED, Cause.PICTURE, Cause.INVALID, Cause.CREDITS, Cause.PLAN, Cause.KEY, Cause.CANCELLED]
NOT_ITS_FAULT += [Cause.MODEL]
LONGEST_QUEUE, MAX_PLACES = 1000, 100
SAMPLES = 20  # generations in a provider's history
MIN_SAMPLES = 5  # with fewer, no measured value is shown
LOOKED_THROUGH = 2000  # of the newest videos, one by one, for searches without an index
PROMPTS_READ = 48  # the newest, to find earlier prompts that differ
MAX_STARS = 2000  # the newest are counted, which is "1,000+" anyway, and looked through for what has no index
OUT_OF_ORDER = 1000  # videos around a moment, whose keys need not be in the order of their times
BEFORE_ALL, AFTER_ALL = 0, 2**62  # primary keys


@dataclass(frozen=True)
class TrackRecord:
    """This studio's measurements of a provider: seconds from sending to completion, and how many succeeded."""

    median_seconds: float | None = None
    succeeded: int = 0
    ended: int = 0

    @property
    def percent_ok(self) -> int | None:
        return round(100 * self.succeeded / self.ended) if self.ended >= MIN_SAMPLES else None


@dataclass(frozen=True)
class Scope:
    """How the rows of a queryset are found: for which reasons somebody sees them (None: for any), whether an index
    leads to them and by which column, whether they are so few that each can be looked at, between which keys they are,
    and whether older ones are left out because each must be looked at."""

    reasons: tuple[Q, ...] | None = None
    has_index: bool = True
    key: str = "pk"
    is_few: bool = False
    first: int = BEFORE_ALL
    last: int = AFTER_ALL
    is_cut: bool = False


class GenerationQuerySet(DueQuerySet):
    scope = Scope()

    def _clone(self):
        clone = super()._clone()
        clone.scope = self.scope
        return clone

    def _scoped(self, **changes):
        rows = self.all()
        rows.scope = replace(self.scope, **changes)
        return rows

    # The one rule for who may see which video, used by pages, fragments, counts and files.
    def visible_to(self, user):
        if not user.is_authenticated:
            return self.none()
        return self.filter(seen_by(user))

    def by_reason(self, user) -> list:
        """One queryset for each reason to see a video. Each has an index that gives the newest first, which
        no index does for all of them together."""
        if not user.is_authenticated:
            return []
        return [self.filter(reason) for reason in self.scope.reasons or reasons_to_see(user)]

    def newest_pks(self, user, count: int, newest: bool = True) -> list[int]:
        """The newest `count` that this person may see, newest first; or the oldest, oldest first."""
        found: set[int] = set()
        for rows in self.by_reason(user):
            found.update(rows.by_key(newest).values_list("pk", flat=True)[:count])
        return sorted(found, reverse=newest)[:count]

    def newest_batches(self, user, count: int, newest: bool = True) -> list[int]:
        """The batches of the same videos, in the same order: one for each video."""
        found: dict[int, int] = {}
        for rows in self.by_reason(user):
            found.update(rows.by_key(newest).values_list("pk", "batch_id")[:count])
        return [found[pk] for pk in sorted(found, reverse=newest)[:count]]

    def stack_rows(self, batches: list[int]):
        """What stacks show of the videos in these batches. In another order, SQLite may read all of an owner's."""
        rows = self.filter(batch_id__in=batches).order_by()
        return rows.values_list("batch_id", "pk", "status", "saved_video__size", "provider_id", "aspect_ratio")

    @prepared
    def own_batches(self, owner, *, order: str, count: int):
        return self.filter(owner=owner).kept().order_by(order).values_list("pk", "batch_id")[:count]

    @prepared
    def shared_batches(self, *, order: str, count: int):
        return self.filter(shared=True).kept().order_by(order).values_list("pk", "batch_id")[:count]

    @prepared
    def kept_stack_rows(self, user, batches: list[int]):
        return self.filter(seen_by(user)).kept().stack_rows(batches)

    def has_saved(self, user) -> bool:
        """Whether this person may see any saved video."""
        return bool(self.own_saved(user) or self.shared_and_saved())

    @prepared
    def own_saved(self, user):
        return self.filter(reasons_to_see(user)[0], tab="ready").values_list("pk")[:1]

    @prepared
    def shared_and_saved(self):
        return self.filter(tab="ready", shared=True, trashed_at=None).values_list("pk")[:1]

    def count_for(self, user) -> Count:
        return count_selects({"rows": self.selects_for(user)})["rows"]

    def is_shown_by_others(self, user) -> bool:
        """Whether anybody else shares videos with this person. Two ranges, to skip the person's own shared videos."""
        return bool(self.shared_below(user) or self.shared_above(user))

    @prepared
    def shared_below(self, owner):
        return self.filter(shared=True, trashed_at=None, owner__lt=owner).values_list("pk")[:1]

    @prepared
    def shared_above(self, owner):
        return self.filter(shared=True, trashed_at=None, owner__gt=owner).values_list("pk")[:1]

    # Filters of the gallery. What no index finds is looked for among the newest
    def of_whom(self, user, whose: str):
        """A person's own ("mine"), or what others share with them ("team")."""
        mine, shared = reasons_to_see(user)
        if whose == "mine":
            return self.filter(mine)._scoped(reasons=(mine,))
        own = self.model._default_manager.filter(shared, owner__gte=user.pk, owner__lte=user.pk).order_by("owner", "pk")
        own = own.values_list("pk")  # exists() would drop the order, which leads to generation_sharers
        skips_many = bool(own[LOOKED_THROUGH : LOOKED_THROUGH + 1])
        rows = self.filter(shared).exclude(owner=user)
        return rows._scoped(reasons=(shared,), has_index=self.scope.has_index and not skips_many)

    def of_ratio(self, ratio: str):
        return self.filter(aspect_ratio=ratio)._scoped(has_index=False)

    def made_between(self, start: datetime | None, end: datetime | None):
        """Made from `start` on and before `end`. Keys rise with times, so every index serves a range of them."""
        rows = self
        if start:
            first = self.first_key_since(start)
            rows = rows.filter(created_at__gte=start, pk__gte=first)._scoped(first=first)
        if end:
            keys = self.model._default_manager.filter(created_at__lt=end).order_by("-created_at", "-pk")
            last = max(keys.values_list("pk", flat=True)[:OUT_OF_ORDER], default=BEFORE_ALL)
            rows = rows.filter(created_at__lt=end, pk__lte=last)._scoped(last=last)
        return rows

    def first_key_since(self, start: datetime) -> int:
        keys = self.model._default_manager.filter(created_at__gte=start).order_by("created_at", "pk")
        return min(keys.values_list("pk", flat=True)[:OUT_OF_ORDER], default=AFTER_ALL)

    def among_newest(self, user):
        """Of a person's own and of what is shared with them, only the newest LOOKED_THROUGH each. `scope.is_cut` says
        whether there are older ones."""
        reasons, is_cut, scope = [], False, self.scope
        between = self.model._default_manager.kept().filter(pk__gte=scope.first, pk__lte=scope.last)
        for reason in scope.reasons or reasons_to_see(user):
            keys = between.filter(reason).order_by("-pk").values_list("pk", flat=True)
            oldest = list(keys[LOOKED_THROUGH - 1 : LOOKED_THROUGH + 1])
            is_cut |= len(oldest) > 1
            reasons.append(reason & Q(pk__gte=oldest[0]) if oldest else reason)
        return self._scoped(reasons=tuple(reasons), is_cut=is_cut)

    def as_few(self):
        """What leads to these leads to few: each can be looked at."""
        return self._scoped(is_few=True)

    def with_everything(self):
        return self.select_related("provider", "saved_video", "owner", "start_frame", "end_frame", "batch")

    def for_cards(self):
        """With what cards show; of many rows, each provider is read once."""
        return self.select_related("saved_video", "batch").prefetch_related("provider", "start_frame")

    def on_cards(self, pks: list[int]) -> list:
        """These with what cards show, the newest first."""
        rows = self.rows_on_cards(pks)
        providers = {one.pk: one for one in Provider.objects.of_keys(sorted({row.provider_id for row in rows}))}
        found = [row for row in rows if row.provider_id in providers]  # a row may be gone at any moment
        for row in found:
            row.provider = providers[row.provider_id]
        return found

    @prepared
    def rows_on_cards(self, pks: list[int]):
        return self.filter(pk__in=pks).select_related("saved_video", "batch", "start_frame").newest_first()

    # Find
    def kept(self):
        return self.filter(trashed_at=None)

    def trashed(self):
        return self.exclude(trashed_at=None)

    def removable(self):
        """In the trash and ended: one that has not ended may still bring a paid video."""
        return self.trashed().filter(status__in=FINAL)

    def retirable(self):
        """Saved videos that may be moved to the trash by a rule: nobody's favourite, in no collection, never brought
        back."""
        rows = self.kept().filter(status=Status.READY, saved_video__isnull=False)
        kept_on_purpose = Q(favourites__isnull=False) | Q(clips__isnull=False)
        return rows.exclude(kept_on_purpose).exclude(events__step=Step.RESTORED)

    def newest_first(self):
        return self.by_key(newest=True)

    def by_key(self, newest: bool):
        return self.order_by(f"-{self.scope.key}" if newest else self.scope.key)

    def behind(self, key: int, newest: bool):
        """Those that follow the video of this key in that order."""
        return self.filter(**{f"{self.scope.key}__{'lt' if newest else 'gt'}": key})

    def on_tab(self, tab: str, user):
        """One of this person's tabs: all, running, ready, favourite, attention, trash; any other word means all."""
        if tab == "favourite":
            return self.starred_by(user)
        return self.filter(tab=tab) if tab in TABS else self.kept()

    def starred_by(self, user):
        """This person's favourites. The index of their stars gives the newest first, whoever owns the videos."""
        reason = reduce(or_, self.scope.reasons or reasons_to_see(user))
        rows = self.kept().filter(favourites__user=user).alias(star=F("favourites__generation_id"))
        first, last = Q(star__gte=self.scope.first), Q(star__lte=self.scope.last)
        rows = rows.filter(first) if self.scope.first > BEFORE_ALL else rows
        rows = rows.filter(last) if self.scope.last < AFTER_ALL else rows
        return rows._scoped(reasons=(reason,), key="star")

    def among_newest_stars(self, user):
        """Of favourites, only those with one of the person's newest MAX_STARS stars. `scope.is_cut` says whether there
        are older ones. The oldest is asked for first, so that PostgreSQL knows how few they are."""
        oldest = list(self.newest_stars(user)[MAX_STARS - 1 : MAX_STARS + 1])
        rows = self.filter(star__gte=oldest[0]) if oldest else self
        return rows._scoped(is_cut=self.scope.is_cut or len(oldest) > 1)

    def in_newest_stars(self, user):
        """The same as a part of the query, to be counted."""
        oldest = Subquery(self.newest_stars(user)[MAX_STARS - 1 : MAX_STARS])
        return self.filter(star__gte=Coalesce(oldest, BEFORE_ALL))

    def newest_stars(self, user):
        stars = user.favourites.none() if self.scope.is_few else user.favourites.all()
        return stars.newest_between(self.scope.first, self.scope.last)

    def tab_counts(self, user) -> dict[str, Count]:
        """Tab → how many this person may see on it. One query."""
        return count_selects(self.selects_by_tab(user))

    def selects_by_tab(self, user) -> dict[str, list[Select | None]]:
        selects = {"all": self.kept().selects_for(user)}
        selects["favourite"] = self.starred_by(user).in_newest_stars(user).selects_for(user)
        of_any_tab = self.filter(tab=ANY_VALUE).selects_for(user)
        return selects | {tab: [of_value(one, tab) for one in of_any_tab] for tab in TABS}

    def selects_for(self, user) -> list[Select | None]:
        return [limited(rows, self.scope.key) for rows in self.by_reason(user)]

    def search(self, words: str, also: Iterable[int] = ()):
        """Generations whose prompt contains every word, ignoring case and accents; `also` are the ids of
        others that match elsewhere, such as by a person's own title."""
        parts = folded(words).split()
        found, has_index = search_index.condition_for(parts)
        rows = self.filter(found | Q(pk__in=also) if also and parts else found)
        return rows._scoped(has_index=self.scope.has_index and (has_index or not parts))

    def of_video_id(self, video_id: str):
        """By the remote's id of the video, which may be another one than that of the request."""
        return self.filter(HAS_VIDEO_ID, video_id=video_id)

    def failed_by(self, cause: str):
        return self.filter(HAS_CAUSE, status=Status.FAILED, error_class=cause)

    def newest_retries(self, retried: Iterable) -> dict[int, uuid.UUID]:
        """Id of a generation that was retried → the public id of its newest retry that still exists."""
        pks = [generation.pk for generation in retried]
        rows = self.filter(retry_of__in=pks).order_by("pk") if pks else self.none()
        return dict(rows.values_list("retry_of_id", "public_id"))

    def batches_to_compare(self, user, batch_ids: Iterable[int]) -> set[int]:
        """Which of these batches have at least two saved videos that this user may see."""
        may_see = ExpressionWrapper(seen_by(user), output_field=models.BooleanField())
        members = self.filter(batch_id__in=list(batch_ids)).annotate(may_see=may_see)
        found = members.values_list("batch_id", "tab", "may_see")  # no further conditions, or another index is used
        ready = Counter(batch_id for batch_id, tab, is_seen in found if is_seen and tab == "ready")
        return {batch_id for batch_id, videos in ready.items() if videos >= 2}

    # Live updates
    def changed_between(self, earlier: str, later: str):
        """The generations that changed between two results of `changes.current_moment()`."""
        return self.filter(changed_between(earlier, later)).order_by("changed_in")  # the order of an index

    # For the engine
    @prepared
    def with_everything_of(self, pk: int):
        return self.filter(pk=pk).with_everything()

    @prepared
    def row_of(self, pk: int):
        return self.filter(pk=pk)

    def to_send_or_save(self):
        """All that has to be sent or saved, now or later."""
        return self.filter(status__in=[Status.QUEUED, Status.SENDING, Status.SAVING])

    def in_queue(self):
        """Generations that wait to be sent, in the order of sending."""
        return self.filter(status=Status.QUEUED, held_at=None, trashed_at=None).order_by("due_at", "pk")

    def queue_of(self, owner) -> dict[uuid.UUID, int]:
        """Public id → place in the queue, for this person's first waiting generations."""
        ids = dict(self.first_in_queue(owner))
        places = self.model._default_manager.places_in_queue(ids)
        return {ids[pk]: places[pk] for pk in ids if pk in places}

    @prepared
    def first_in_queue(self, owner):
        return self.filter(owner=owner).in_queue().values_list("pk", "public_id")[:MAX_PLACES]

    def places_in_queue(self, waiting: Collection[int]) -> dict[int, int]:
        """Id → place from 1 in the queue of its backend, for these ids. Generations beyond LONGEST_QUEUE have none."""
        if not waiting:
            return {}
        ahead, places = Counter(), {}
        for pk, backend in self.in_queue().values_list("pk", "backend")[:LONGEST_QUEUE]:
            ahead[backend] += 1
            if pk in waiting:
                places[pk] = ahead[backend]
        return places

    def answered_well(self, backend: str, now: datetime):
        """Running, polled at the usual rate, and the last poll succeeded."""
        soon = now + timedelta(seconds=2 * current().poll_seconds)
        polled = self.filter(status=Status.RUNNING, backend=backend).exclude(remote_status="")
        return polled.filter(status_note="", due_at__lte=soon)

    def unfinished(self):
        return self.filter(status__in=IN_PROGRESS, backend__in=registry.active_keys())

    # History
    @prepared
    def newest_prompts(self, owner):
        return self.filter(owner=owner).kept().newest_first().values_list("prompt", flat=True)[:PROMPTS_READ]

    def results(self):
        """Ended generations that say something about their provider."""
        accepted = self.filter(remote_id__isnull=False, sent_at__isnull=False, ended_at__isnull=False)
        return accepted.filter(Q(status=Status.READY) | Q(status=Status.FAILED) & ~Q(error_class__in=NOT_ITS_FAULT))

    def newest_results(self, provider_id: int, backend: str) -> list[list]:
        """How the last SAMPLES of a provider ended, the newest first: [seconds or None, whether it succeeded]."""
        rows = self.results().filter(provider=provider_id, backend=backend).order_by("-pk")
        rows = rows.values_list("status", "sent_at", "completed_at")[:SAMPLES]
        return [[seconds_between(sent, completed), status == Status.READY] for status, sent, completed in rows]

    def track_records(self) -> dict[int, TrackRecord]:
        """Provider id → TrackRecord of each provider's last SAMPLES ended generations, from the stored totals."""
        rows = ProviderRecord.objects.filter(backend__in=registry.active_keys())
        return {row.provider_id: summarise(row.newest) for row in rows}


def seconds_between(sent: datetime, completed: datetime | None) -> float | None:
    return round((completed - sent).total_seconds(), 3) if completed else None


def summarise(results: list[list]) -> TrackRecord:
    times = [seconds for seconds, succeeded in results if succeeded and seconds is not None]
    return TrackRecord(
        median_seconds=median(times) if len(times) >= MIN_SAMPLES else None,
        succeeded=sum(succeeded for _, succeeded in results),
        ended=len(results),
    )


# The conditions of two indexes, spelt as they are there: SQLite compares the text, and never looks into parameters.
HAS_VIDEO_ID = Q(RawSQL("NOT (videos_generation.video_id = '')", [], models.BooleanField()))
HAS_CAUSE = Q(RawSQL("NOT (videos_generation.error_class = '')", [], models.BooleanField()))


def seen_by(user) -> Q:
    return reduce(or_, reasons_to_see(user))


def reasons_to_see(user) -> list[Q]:
    return [Q(owner=user), Q(shared=True, trashed_at=None)]


# The gallery's tab of a generation, besides "all" and favourites. A retried generation needs no attention, except for
# the question whether the first one was charged. The database computes it, so that one index finds each tab.
TAB = Case(
    When(trashed_at__isnull=False, then=Value("trash")),
    When(status__in=sorted(IN_PROGRESS), then=Value("running")),
    When(status=Status.READY, then=Value("ready")),
    When(Q(status__in=sorted(ATTENTION)) & (Q(retried_at=None) | Q(status=Status.UNKNOWN)), then=Value("attention")),
    default=Value("other"),
)
TABS = ("running", "ready", "attention", "trash")


def elapsed_since(moment: datetime | None) -> float:
    return max(0.0, (timezone.now() - moment).total_seconds()) if moment else 0.0
