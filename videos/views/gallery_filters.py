"""The filters in an address of the gallery; `filtered_gallery.py` has the videos that they find."""

import uuid
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils import timezone

from videos.forms.fields import read_uuid
from videos.models import Collection, Preferences
from videos.models.bounded import Count
from videos.models.personal_note import BEST
from videos.views.gallery_page import BY_TIME, SORTS

TABS = {
    "": "All",
    "running": "In progress",
    "favourite": "Favourites",
    "attention": "Needs attention",
}
OTHER_TABS = {"ready": "Ready", "trash": "Trash"}
WHEN = {"today": "Today", "week": "Last 7 days", "month": "Last 30 days", "between": "Between…"}
DAYS = {"today": 0, "week": 6, "month": 29}
RATINGS = {str(stars): f"Rated {stars} or more" if stars < BEST else f"Rated {BEST}" for stars in range(BEST, 0, -1)}


@dataclass(frozen=True)
class GalleryFilters:
    """The filters in an address. Values that cannot be read are ignored, and are never an error."""

    state: str = ""
    q: str = ""
    provider: str = ""
    ratio: str = ""
    when: str = ""
    start: date | None = None
    end: date | None = None
    whose: str = ""
    collection: uuid.UUID | None = None
    sort: str = ""
    batch: uuid.UUID | None = None
    rating: int = 0  # at least so many of this person's own stars

    @classmethod
    def of(cls, collection: Collection | None) -> "GalleryFilters":
        """All of one collection, or of the gallery."""
        return cls(collection=collection.public_id if collection else None)

    @classmethod
    def asked_for(cls, query: QueryDict) -> "GalleryFilters":
        start, end = read_date(query.get("from")), read_date(query.get("to"))
        when = query.get("when", "")
        state = query.get("state", "")
        whose = query.get("whose", "mine" if query.get("mine") else "")
        return cls(
            state=state if state in TABS | OTHER_TABS else "",
            q=query.get("q", "").replace("\0", "").strip()[:200],
            provider=query.get("provider", "").replace("\0", "")[:64],
            ratio=query.get("ratio", "").replace("\0", "")[:16],
            when="between" if start or end else when if when in WHEN else "",
            start=start,
            end=end,
            whose=whose if whose in {"mine", "team"} else "",
            collection=read_uuid(query.get("collection", "")),
            sort=query.get("sort", "") if query.get("sort", "") in SORTS else "",
            batch=read_uuid(query.get("batch", "")),
            rating=int(query["rating"]) if query.get("rating") in RATINGS else 0,
        )

    def days(self) -> tuple[date | None, date | None]:
        if self.when in DAYS:
            return timezone.localdate() - timedelta(days=DAYS[self.when]), None
        return self.start, self.end

    @property
    def is_everything(self) -> bool:
        return self == GalleryFilters()

    @property
    def is_filtered(self) -> bool:
        return replace(self, state="", sort="") != GalleryFilters()

    @property
    def searches_stars(self) -> bool:
        """Whether it asks for favourites that the order of the stars does not give."""
        by_star = replace(self, sort="", when="", start=None, end=None) == GalleryFilters(state="favourite")
        return self.state == "favourite" and not (by_star and self.sort in BY_TIME)

    @property
    def can_stack(self) -> bool:
        """Whether batches can be shown as stacks. The page of one batch, and a collection, show single videos."""
        return self.sort in BY_TIME and not self.batch and not self.collection

    def stacks_for(self, preferences: Preferences) -> bool:
        return self.can_stack and preferences.stacks

    @property
    def is_narrowed(self) -> bool:
        """Whether the address asks for less than a whole tab of one collection."""
        return replace(self, state="", collection=None, sort="") != GalleryFilters()

    def query(self, **extra) -> str:
        words = {
            "state": self.state,
            "q": self.q,
            "provider": self.provider,
            "ratio": self.ratio,
            "when": self.when if self.when != "between" else "",
            "from": self.start,
            "to": self.end,
            "whose": self.whose,
            "collection": self.collection,
            "sort": self.sort,
            "batch": self.batch,
            "rating": self.rating,
        } | extra
        return urlencode({name: value for name, value in words.items() if value})

    @property
    def address(self) -> str:
        return "/?" + self.query() if self.query() else "/"

    def tabs(self, counts: dict[str, Count]):
        shown = TABS | ({self.state: OTHER_TABS[self.state]} if self.state in OTHER_TABS else {})
        return [
            {
                "key": state or "all",
                "name": name,
                "count": counts[state or "all"],
                "address": replace(self, state=state).address,
                "is_current": state == self.state,
            }
            for state, name in shown.items()
        ]


def read_date(text: str | None) -> date | None:
    """A day that any database and time zone can hold, or None."""
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if 1970 <= day.year < 9999 else None


def read_number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 18 else None
