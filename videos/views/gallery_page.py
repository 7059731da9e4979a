"""One page of the gallery: its order, its headings, and where the next page begins."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.db.models import Q
from django.utils import timezone

from videos.lifecycle import Status
from videos.models import Generation, Provider
from videos.models.bounded import MAX_COUNTED
from videos.models.generation_queryset import GenerationQuerySet
from videos.models.whole_gallery import WholeGallery
from videos.views.cards import Card, Section, cards_of
from videos.views.stacks import Stack, keys_of, page_of_stacks

PAGE = 30
# Scrolling loads so many into one page. What follows has a page of its own, because a browser keeps every poster that
# it has shown: with a thousand in one page it took twice the memory (make bench ROW=scroll).
MAX_ON_A_PAGE = 10 * PAGE
SORTS = {"": "Newest first", "oldest": "Oldest first", "longest": "Longest first", "provider": "By provider"}
UNSAVED = ("running", "attention", "other")  # the tabs of generations without a saved video
BY_TIME = {"", "oldest"}  # in these, batches may be stacks


@dataclass(frozen=True)
class GalleryPage:
    cards: list[Card | Stack]
    before: int | None = None  # the last video on it, where more follow
    section: str = ""  # the last heading


def gallery_page(
    rows: GenerationQuerySet | WholeGallery,
    sort: str,
    viewer,
    stacks: bool,
    before: int | None,
    after: str = "",
    tab: str = "",
    limit: int = PAGE,
) -> GalleryPage:
    """The next `limit` cards or stacks after the video `before`; `after` is the heading above that video. A
    WholeGallery has stacks, and its first page alone."""
    if sort in BY_TIME:
        rows = rows.behind(before, newest=not sort) if before else rows
    if stacks:
        cards, has_more = page_of_stacks(rows, limit, viewer, newest=not sort)
    else:
        pks = pks_on_page(rows, sort, viewer, before, tab, limit)
        found = {one.pk: one for one in Generation.objects.on_cards(pks[:limit])}
        cards, has_more = cards_of([found[pk] for pk in pks[:limit] if pk in found], viewer), len(pks) > limit
    cards = list(with_sections(cards, sort, after))
    last = section_of(cards[-1].generation, sort) if cards else None
    furthest = max if sort == "oldest" else min  # of the videos in the last stack
    return GalleryPage(cards, furthest(keys_of(cards[-1])) if has_more else None, last.key if last else after)


def pks_on_page(rows: GenerationQuerySet, sort: str, viewer, before: int | None, tab: str, limit: int) -> list[int]:
    """The videos of one page in order, and one more if there are more."""
    if sort in BY_TIME:
        return rows.newest_pks(viewer, limit + 1, newest=not sort)
    seen = Generation.objects.visible_to(viewer).select_related("provider", "saved_video")
    last = seen.filter(pk=before).first() if before else None
    if sort == "provider":
        return by_provider(rows, viewer, last, limit)
    return by_length(rows, viewer, last, tab, limit)


def by_length(rows: GenerationQuerySet, viewer, last: Generation | None, tab: str, limit: int) -> list[int]:
    """The longest first, then generations without a saved video, newest first."""
    no_more = tab in UNSAVED or (last and not hasattr(last, "saved_video"))
    found = [] if no_more else saved_by_length(rows, viewer, last, limit)
    if len(found) > limit:
        return found
    rest = rows.behind(last.pk, newest=True) if last and not hasattr(last, "saved_video") else rows
    parts = [rest.exclude(status=Status.READY)] if tab == "trash" else [rest.filter(tab=one) for one in UNSAVED]
    unsaved = {pk for part in parts for pk in part.newest_pks(viewer, limit + 1 - len(found))}
    return found + sorted(unsaved, reverse=True)[: limit + 1 - len(found)]


def saved_by_length(rows: GenerationQuerySet, viewer, last: Generation | None, limit: int) -> list[int]:
    """For many, SavedVideo has an index, where the next of them is never far; a few are sorted."""
    rows = rows.filter(saved_video__seconds__gte=0)
    few = rows.newest_pks(viewer, MAX_COUNTED + 1)
    if len(few) <= MAX_COUNTED:
        rows = Generation.objects.filter(pk__in=few)
    if last:
        length = last.saved_video.seconds
        same, shorter = Q(saved_video__seconds=length), Q(saved_video__seconds__lt=length)
        rows = rows.filter(shorter | same & Q(pk__lt=last.pk))
    rows = rows.order_by("-saved_video__seconds", "-saved_video__generation_id")
    return list(rows.values_list("pk", flat=True)[: limit + 1])


def by_provider(rows: GenerationQuerySet, viewer, last: Generation | None, limit: int) -> list[int]:
    """Provider by provider, in the order of their names; of each the newest first."""
    found: list[int] = []
    for provider in Provider.objects.order_by("name", "pk"):
        key, reached = (provider.name, provider.pk), last and (last.provider.name, last.provider_id)
        if reached and key < reached:
            continue
        part = rows.filter(provider=provider)
        part = part.behind(last.pk, newest=True) if reached and key == reached else part
        found += part.newest_pks(viewer, limit + 1 - len(found))
        if len(found) > limit:
            break
    return found


def in_order(cards: Iterable[Card | Stack], sort: str) -> Iterator[Card | Stack]:
    """Numbers the cards for the page's script: larger numbers come first."""
    names = sorted(Provider.objects.values_list("name", flat=True)) if sort == "provider" else []
    for card in cards:
        yield replace(card, order=max(order_of(card.generation, key, sort, names) for key in keys_of(card)))


def order_of(generation: Generation, key: int, sort: str, names: list[str]) -> int:
    if sort == "longest":
        saved = getattr(generation, "saved_video", None)
        return round(1000 * saved.seconds) if saved else key - 10**12
    if sort == "provider":
        return key - 10**12 * bisect_left(names, generation.provider.name)  # renamed a moment ago, it is not among them
    return -key if sort == "oldest" else key


def with_sections(cards: Iterable[Card | Stack], sort: str, after: str = "") -> Iterator[Card | Stack]:
    """The cards in their order, each first one of a section with its heading."""
    is_first = not after
    for card in in_order(cards, sort):
        section = section_of(card.generation, sort)
        if section and section.key != after:
            after = section.key
            card = replace(card, section=replace(section, is_first=is_first))
            is_first = False
        yield card


def section_of(generation: Generation, sort: str) -> Section | None:
    if sort == "longest":
        return None
    if sort == "provider":
        return Section(generation.provider.value, generation.provider.name)
    day = timezone.localdate(generation.created_at)
    return Section(day.isoformat(), day_words(day))


def day_words(day: date) -> str:
    """Today, Yesterday, Monday, Monday 3 August, 3 August 2025."""
    today = timezone.localdate()
    if day >= today - timedelta(days=1):
        return "Yesterday" if day < today else "Today"
    if day > today - timedelta(days=7):
        return day.strftime("%A")
    return day.strftime("%A %-d %B" if day.year == today.year else "%-d %B %Y")
