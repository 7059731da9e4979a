"""One page of the gallery: its order, its headings, and where the next page begins."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.db.models import Q
from django.utils import timezone

from videos.models import Generation, Provider
from videos.models.generation_queryset import GenerationQuerySet
from videos.views.cards import Card, cards_of
from videos.views.stacks import Section, Stack, keys_of, page_of_stacks

PAGE = 30
SORTS = {"": "Newest first", "oldest": "Oldest first", "longest": "Longest first", "provider": "By provider"}
BY_TIME = {"", "oldest"}  # in these, batches may be stacks


@dataclass(frozen=True)
class GalleryPage:
    cards: list[Card | Stack]
    before: int | None = None  # the last video on it, where more follow
    section: str = ""  # the last heading


def gallery_page(
    rows: GenerationQuerySet, sort: str, viewer, stacks: bool, before: int | None, after: str = ""
) -> GalleryPage:
    """The next PAGE cards or stacks of these rows behind the video `before`; `after` is the heading above that one."""
    if sort in BY_TIME:
        rows = rows.filter(behind(sort, before)) if before else rows
    if stacks:
        cards, has_more = page_of_stacks(rows, PAGE, viewer, newest=not sort)
    elif sort in BY_TIME:
        pks = rows.newest_pks(viewer, PAGE + 1, newest=not sort)
        found = Generation.objects.filter(pk__in=pks[:PAGE]).with_everything().order_by("pk" if sort else "-pk")
        cards, has_more = cards_of(found, viewer), len(pks) > PAGE
    else:
        found = list(ordered(rows, sort, before).with_everything()[: PAGE + 1])
        cards, has_more = cards_of(found[:PAGE], viewer), len(found) > PAGE
    cards = list(with_sections(cards, sort, after))
    last = section_of(cards[-1].generation, sort) if cards else None
    end = min if sort == "" else max if sort == "oldest" else last_of
    return GalleryPage(cards, end(keys_of(cards[-1])) if has_more else None, last.key if last else after)


def last_of(keys: list[int]) -> int:
    return keys[-1]


def ordered(rows: GenerationQuerySet, sort: str, before: int | None) -> GenerationQuerySet:
    """These rows in their order, from behind the video `before`; in time's order they are found by `newest_pks`."""
    order = ("provider__name", "-pk")
    if sort == "longest":
        rows, order = rows.filter(saved_video__isnull=False), ("-saved_video__seconds", "-pk")
    return (rows.filter(behind(sort, before)) if before else rows).order_by(*order)


def behind(sort: str, before: int) -> Q:
    if sort in BY_TIME:
        return Q(pk__gt=before) if sort else Q(pk__lt=before)
    name = "provider__name" if sort == "provider" else "saved_video__seconds"
    value = Generation.objects.filter(pk=before).values_list(name, flat=True).first()
    if value is None:
        return Q(pk__lt=before)
    further = f"{name}__gt" if sort == "provider" else f"{name}__lt"
    return Q(**{further: value}) | Q(**{name: value}, pk__lt=before)


def in_order(cards: Iterable[Card | Stack], sort: str) -> Iterator[Card | Stack]:
    """The cards with the number by which the page finds their places: larger ones come first."""
    names = sorted(Provider.objects.values_list("name", flat=True)) if sort == "provider" else []
    for card in cards:
        yield replace(card, order=max(order_of(card.generation, key, sort, names) for key in keys_of(card)))


def order_of(generation: Generation, key: int, sort: str, names: list[str]) -> int:
    if sort == "longest":
        saved = getattr(generation, "saved_video", None)
        return round(1000 * saved.seconds) if saved else 0
    if sort == "provider":
        return key - 10**12 * names.index(generation.provider.name)
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
