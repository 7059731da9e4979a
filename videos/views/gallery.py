"""The gallery: what is on it, found by the address alone, and what has changed since a page last asked."""

import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from videos.forms import read_uuid
from videos.models import Collection, Generation, PersonalNote, Provider
from videos.models.changes import current_moment, is_moment, is_still_to_come
from videos.models.generation_queryset import GenerationQuerySet
from videos.models.studio_settings import current
from videos.notices import current_notices, digest_of
from videos.views.cards import answer_with_cards, cards_of
from videos.views.composer import RATIOS, composer_context

PAGE = 30
MOST_CHANGES = 100  # more than this, and the whole shelf is drawn anew
TABS = {
    "": "All",
    "running": "In progress",
    "favourite": "Favourites",
    "attention": "Needs attention",
}
WHEN = {"today": "Today", "week": "Last 7 days", "month": "Last 30 days", "between": "Between…"}
DAYS = {"today": 0, "week": 6, "month": 29}
MOST_OFFERED = 50  # collections in the filter: the newest, and the open one
MOST_MATCHES = 6  # collections that a search names above its videos
STARTERS = [
    "A drone shot flying over a coastal city at golden hour, cinematic lighting",
    "Fog over a still lake at dawn, slow dolly in, a single rowing boat",
    "Espresso pouring into a glass cup, macro, steam curling in warm side light",
    "Paper birds folding themselves and taking off from a desk, stop motion",
]
OTHER_TABS = {"ready": "Ready", "trash": "Trash"}


@dataclass(frozen=True)
class Shelf:
    """What the address asks to see. Words it cannot read are left out, never an error."""

    state: str = ""
    q: str = ""
    provider: str = ""
    ratio: str = ""
    when: str = ""
    start: date | None = None
    end: date | None = None
    whose: str = ""
    collection: uuid.UUID | None = None

    @classmethod
    def of(cls, collection: Collection | None) -> "Shelf":
        """All of one collection, or of the gallery."""
        return cls(collection=collection.public_id if collection else None)

    @classmethod
    def asked_for(cls, query: QueryDict) -> "Shelf":
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
        )

    def rows(self, user) -> GenerationQuerySet:
        return self.on_every_tab(user).on_tab(self.state, user)

    def on_every_tab(self, user) -> GenerationQuerySet:
        """What the search and the filters find, whichever tab it is on."""
        rows = Generation.objects.visible_to(user)
        if self.q:
            rows = rows.search(self.q, also=PersonalNote.objects.found(user, self.q))
        if self.collection:
            open_one = Collection.objects.visible_to(user).filter(public_id=self.collection)
            rows = rows.filter(clips__collection__in=open_one)
        if self.provider:
            rows = rows.filter(provider__value=self.provider)
        if self.ratio:
            rows = rows.filter(aspect_ratio=self.ratio)
        if self.whose:
            rows = rows.filter(owner=user) if self.whose == "mine" else rows.exclude(owner=user)
        first, last = self.days()
        if first:
            rows = rows.filter(created_at__gte=start_of(first))
        if last:
            rows = rows.filter(created_at__lt=start_of(last + timedelta(days=1)))
        return rows

    def days(self) -> tuple[date | None, date | None]:
        if self.when in DAYS:
            return timezone.localdate() - timedelta(days=DAYS[self.when]), None
        return self.start, self.end

    @property
    def is_everything(self) -> bool:
        return self == Shelf()

    @property
    def is_filtered(self) -> bool:
        return replace(self, state="") != Shelf()

    @property
    def is_narrowed(self) -> bool:
        """Whether more is asked for than one tab of one collection."""
        return replace(self, state="", collection=None) != Shelf()

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
        } | extra
        return urlencode({name: value for name, value in words.items() if value})

    @property
    def address(self) -> str:
        return "/?" + self.query() if self.query() else "/"

    def tabs(self, counts: dict[str, int]):
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


def start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def read_number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 18 else None


@dataclass(frozen=True)
class Cursor:
    """How far a page has read: a moment, and the notices that stood above the gallery then."""

    moment: str
    notices: str = ""

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """What cannot be read is the moment before everything."""
        moment, _, notices = text.partition("~")
        is_known = is_moment(moment) and not is_still_to_come(moment)
        return cls(moment, notices[:8]) if is_known else cls("")

    @classmethod
    def now(cls, notices: str) -> "Cursor":
        return cls(current_moment(), notices)

    def __str__(self):
        return f"{self.moment}~{self.notices}"


@gzip_page
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
def gallery(request: HttpRequest) -> HttpResponse:
    """The whole page; its shelf when a filter changed; the next cards for Load more."""
    shelf = Shelf.asked_for(request.GET)
    if request.htmx.target == "more":
        return render(request, "gallery/_page.html", page_context(request, shelf))
    context = shelf_context(request, shelf)
    if request.htmx.target == "shelf" and not request.htmx.history_restore_request:
        return render(request, "gallery/_shelf_answer.html", context)
    return render(request, "gallery.html", context | composer_context(request))


@require_safe
def menu(request: HttpRequest, public_id) -> HttpResponse:
    """What the menu of one card offers."""
    return render(request, "gallery/_menu.html", card_context(request, public_id))


@require_safe
def details(request: HttpRequest, public_id) -> HttpResponse:
    """The sheet of one card that needs somebody: what happened, and what can be done."""
    return render(request, "gallery/_details.html", card_context(request, public_id))


def card_context(request: HttpRequest, public_id) -> dict:
    visible = Generation.objects.visible_to(request.user).with_everything()
    [card] = cards_of([get_object_or_404(visible, public_id=public_id)], request.user)
    return {"card": card, "g": card.generation}


@gzip_page
@require_safe
def updates(request: HttpRequest) -> HttpResponse:
    """Only what changed since the page last asked, or 204. One small request per tab, whatever it shows."""
    shelf, notices = Shelf.asked_for(request.GET), current_notices()
    seen, now = Cursor.read(request.GET.get("since", "")), Cursor.now(digest_of(notices))
    visible = Generation.objects.visible_to(request.user)
    ids = list(visible.changed_between(seen.moment, now.moment).values_list("pk", flat=True)[: MOST_CHANGES + 1])
    if not ids and now.notices == seen.notices:
        return HttpResponse(status=204)
    if len(ids) > MOST_CHANGES:
        return redraw_shelf(request, shelf)
    shown = shelf.rows(request.user).filter(pk__in=ids).with_everything().newest_first()
    cards = cards_of(shown, request.user)
    staying = {card.generation.pk for card in cards}
    counts = shelf.on_every_tab(request.user).tab_counts(request.user)
    return answer_with_cards(
        request,
        cards,
        gone=visible.filter(pk__in=set(ids) - staying).values_list("public_id", flat=True),
        counts=counts,
        shelf=shelf,
        hits=hits(shelf, counts),
        collection=shelf.collection,
        title=title(in_progress(request, shelf, counts)),
        cursor=now,
        notices=notices,
        is_update=True,
    )


def title(in_progress: int) -> str:
    """The browser tab's title says how many videos are in progress, whatever is searched for."""
    return f"({in_progress}) HeyGen Studio" if in_progress else "HeyGen Studio"


def in_progress(request: HttpRequest, shelf: Shelf, counts: dict[str, int]) -> int:
    if not shelf.is_filtered:
        return counts["running"]
    return Generation.objects.visible_to(request.user).on_tab("running", request.user).count()


def hits(shelf: Shelf, counts: dict[str, int]) -> int | None:
    """How many videos the search and the filters find on this tab; None where nothing is searched for."""
    return counts[shelf.state or "all"] if shelf.is_filtered else None


def redraw_shelf(request: HttpRequest, shelf: Shelf, **context) -> HttpResponse:
    response = render(request, "gallery/_shelf_answer.html", shelf_context(request, shelf) | context)
    response["HX-Retarget"], response["HX-Reswap"] = "#shelf", "outerHTML"
    return response


def page_context(request: HttpRequest, shelf: Shelf) -> dict:
    """One page of cards, by key: `before` is the last card's number."""
    rows = shelf.rows(request.user).with_everything().newest_first()
    before = read_number(request.GET.get("before"))
    rows = list((rows.filter(pk__lt=before) if before else rows)[: PAGE + 1])
    has_more, rows = len(rows) > PAGE, rows[:PAGE]
    return {
        "is_whole_page": True,
        "cards": cards_of(rows, request.user),
        "more": f"/?{shelf.query(before=rows[-1].pk)}" if has_more else "",
    }


def shelf_context(request: HttpRequest, shelf: Shelf) -> dict:
    visible, notices = Generation.objects.visible_to(request.user), current_notices()
    cursor = Cursor.now(digest_of(notices))  # read before the cards: at worst one is sent twice
    counts = shelf.on_every_tab(request.user).tab_counts(request.user)
    return {
        **page_context(request, shelf),
        "shelf": shelf,
        "cursor": cursor,
        "counts": counts,
        "hits": hits(shelf, counts),
        "title": title(in_progress(request, shelf, counts)),
        "tabs": shelf.tabs(counts),
        "trash_days": current().trash_days,
        "keep_days": current().keep_days,
        "keep_bytes": current().keep_bytes,
        "trash_size": visible.trashed().stored_size() if shelf.state == "trash" else 0,
        "notices": notices,
        "providers": Provider.objects.offered(),
        "ratios": list(dict.fromkeys([*RATIOS, *filter(None, [shelf.ratio])])),
        "when": WHEN,
        **collections_context(request, shelf),
        "has_team": Generation.objects.exclude(owner=request.user).visible_to(request.user).exists(),
        "is_new_here": shelf.is_everything and not counts["all"] and not counts["trash"],
        "starters": STARTERS,
    }


def collections_context(request: HttpRequest, shelf: Shelf) -> dict:
    """The open collection, those to choose from, and those that a search finds by name."""
    visible = Collection.objects.visible_to(request.user).newest_first()
    offered = list(visible[:MOST_OFFERED])
    is_open = [one for one in offered if one.public_id == shelf.collection]
    if shelf.collection and not is_open:
        is_open = list(visible.filter(public_id=shelf.collection))
        offered += is_open
    return {
        "collection": is_open[0] if is_open else None,
        "collections": offered,
        "matches": list(visible.search(shelf.q)[:MOST_MATCHES]) if shelf.q and not shelf.collection else [],
    }
