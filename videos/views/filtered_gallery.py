"""The videos that the filters of an address find for one person."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from videos.models import Collection, Generation, PersonalNote, Provider
from videos.models.bounded import Count
from videos.models.generation_queryset import LOOKED_THROUGH, MAX_STARS, GenerationQuerySet
from videos.models.whole_gallery import WholeGallery
from videos.views.gallery_filters import GalleryFilters


@dataclass(frozen=True)
class FilteredGallery:
    """What one page asks about the videos that its filters find: which are on it, and how many on each tab.

    To make its querysets may itself take queries, so all parts of a page share one of these.
    """

    filters: GalleryFilters
    user: AbstractBaseUser

    @cached_property
    def rows(self) -> GenerationQuerySet:
        """The videos on the tab that the address asks for."""
        rows = self.on_every_tab.on_tab(self.filters.state, self.user)
        return rows.among_newest_stars(self.user) if self.filters.searches_stars else rows

    @cached_property
    def on_every_tab(self) -> GenerationQuerySet:
        """All videos that match the search and the filters, on every tab."""
        asked, rows = self.filters, Generation.objects.visible_to(self.user)
        if asked.q:
            rows = rows.search(asked.q, also=PersonalNote.objects.found(self.user, asked.q))
        if asked.collection:
            open_one = Collection.objects.visible_to(self.user).filter(public_id=asked.collection)
            rows = rows.filter(clips__collection__in=open_one)
        if asked.provider:
            rows = rows.filter(provider=Provider.objects.filter(value=asked.provider).first())
        if asked.ratio:
            rows = rows.of_ratio(asked.ratio)
        if asked.batch:
            rows = rows.filter(batch__public_id=asked.batch)
        if asked.rating:
            rows = rows.filter(pk__in=PersonalNote.objects.rated(self.user, asked.rating))
        if asked.whose:
            rows = rows.of_whom(self.user, asked.whose)
        first, last = asked.days()
        rows = rows.made_between(first and start_of(first), last and start_of(last + timedelta(days=1)))
        if asked.batch or asked.collection:
            return rows.as_few()
        return rows if rows.scope.has_index else rows.among_newest(self.user)

    @property
    def looked_through(self) -> str:
        """How many videos were searched, if older ones may match as well; "" if all were searched."""
        if self.on_every_tab.scope.is_cut:
            return f"{LOOKED_THROUGH:,} videos"
        return f"{MAX_STARS:,} favourites" if self.rows.scope.is_cut else ""

    @cached_property
    def tab_counts(self) -> dict[str, Count]:
        """Tab → how many of them this person may see on it."""
        if self.filters.is_filtered:
            return self.on_every_tab.tab_counts(self.user)
        return WholeGallery(self.user).tab_counts()

    @property
    def on_this_tab(self) -> Count:
        return self.tab_counts[self.filters.state or "all"]

    @property
    def hits(self) -> Count | None:
        """How many videos match the search and the filters on this tab; None without any."""
        return self.on_this_tab if self.filters.is_filtered else None

    def in_progress(self) -> Count:
        """How many videos are in progress, regardless of the search."""
        if not self.filters.is_filtered:
            return self.tab_counts["running"]
        return Generation.objects.visible_to(self.user).on_tab("running", self.user).count_for(self.user)


def start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
