"""The gallery: a page of videos, and the changes since a page last asked."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import TooManyFieldsSent
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from videos.forms.fields import read_uuid
from videos.models import Collection, Generation, PersonalNote, Preferences, Provider
from videos.models.bounded import Count
from videos.models.changes import current_moment, is_moment, is_still_to_come
from videos.models.collection import MAX_OFFERED
from videos.models.generation_queryset import GenerationQuerySet
from videos.models.studio_settings import current
from videos.models.usage import stored_by
from videos.models.whole_gallery import WholeGallery
from videos.monitoring.banners import banners_for, digest_of
from videos.views.cards import Card, answer_with_cards, cards_of, queued
from videos.views.composer_context import RATIOS, composer_context
from videos.views.filtered_gallery import FilteredGallery
from videos.views.gallery_filters import RATINGS, WHEN, GalleryFilters, read_number
from videos.views.gallery_page import MAX_ON_A_PAGE, PAGE, SORTS, gallery_page, in_order, with_sections
from videos.views.next_page import asked_next, redirect_to
from videos.views.stacks import MAX_OPENED, Stack, cards_within, keys_of, stacks_of

MAX_SELECTED = 500  # videos by one action on everything that the filters find
MAX_CHANGES = 100  # with more, the whole list is drawn again
MAX_MATCHES = 6  # collections that a search names above its videos
JUST_MADE = timedelta(minutes=2)
STARTERS = [
    "A drone shot flying over a coastal city at golden hour, cinematic lighting",
    "Fog over a still lake at dawn, slow dolly in, a single rowing boat",
    "Espresso pouring into a glass cup, macro, steam curling in warm side light",
    "Paper birds folding themselves and taking off from a desk, stop motion",
]
CARD_SIZES = {"compact": "Small", "comfortable": "Medium", "large": "Large"}


@dataclass(frozen=True)
class Cursor:
    """How far a page is up to date: a moment, and the banners that it showed then."""

    moment: str
    banners: str = ""

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """A text that cannot be read counts as the moment before everything."""
        moment, _, banners = text.partition("~")
        is_known = is_moment(moment) and not is_still_to_come(moment)
        return cls(moment, banners[:8]) if is_known else cls("")

    @classmethod
    def now(cls, banners: str) -> "Cursor":
        return cls(current_moment(), banners)

    def __str__(self):
        return f"{self.moment}~{self.banners}"


@gzip_page
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
def gallery(request: HttpRequest) -> HttpResponse:
    """The whole page; only the list when a filter changed; only the next cards for Load more."""
    filters = GalleryFilters.asked_for(request.GET)
    found = FilteredGallery(filters, request.user)
    if request.htmx and "open" in request.GET:
        return answer_with_cards(request, list(in_order(cards_within(found.rows, request.user), filters.sort)))
    if request.htmx.target == "more":
        return more_cards(request, found)
    context = list_context(request, filters)
    if request.htmx.target == "gallery" and not request.htmx.history_restore_request:
        return render(request, "gallery/_list_answer.html", context)
    return render(request, "gallery.html", context | composer_context(request) | just_made(request))


def more_cards(request: HttpRequest, found: FilteredGallery) -> HttpResponse:
    """The next cards of the page that asks. Its address says from now on how many it has, so that Back and Reload show
    as many, and the browser finds the place that it was scrolled to."""
    context = page_context(request, found, Preferences.objects.of(request.user))
    response = render(request, "gallery/_page.html", context)
    page = address_of_page(request)
    if page and page.path == reverse("gallery"):
        query = QueryDict(page.query, mutable=True)
        query["cards"] = context["shown"]
        response["HX-Replace-Url"] = f"{page.path}?{query.urlencode()}"
    return response


def just_made(request: HttpRequest) -> dict:
    """The toast about the batch that `made` names, if it was made on another page."""
    made = read_uuid(request.GET.get("made", ""))
    batch = request.user.batches.filter(public_id=made).first() if made else None
    return queued(batch) if batch and timezone.now() - batch.created_at < JUST_MADE else {}


@require_safe
def menu(request: HttpRequest, public_id) -> HttpResponse:
    """The menu of one card."""
    return render(request, "gallery/_menu.html", card_context(request, public_id))


@require_safe
def details(request: HttpRequest, public_id) -> HttpResponse:
    """The sheet of a card that needs attention: what happened, and what can be done."""
    return render(request, "gallery/_details.html", card_context(request, public_id))


def card_context(request: HttpRequest, public_id) -> dict:
    visible = Generation.objects.visible_to(request.user).with_everything()
    [card] = cards_of([get_object_or_404(visible, public_id=public_id)], request.user)
    return {"card": card, "g": card.generation}


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """The list of keyboard shortcuts; loaded when it is opened, on any page."""
    return render(request, "_keys.html")


@gzip_page
@require_safe
def updates(request: HttpRequest) -> HttpResponse:
    """Only the changes since the page last asked, or 204. One small request per tab."""
    filters, banners = GalleryFilters.asked_for(request.GET), banners_for(request.user)
    queue = Generation.objects.queue_of(request.user)
    seen, now = Cursor.read(request.GET.get("since", "")), Cursor.now(digest_of([*banners, *queue.items()]))
    visible = Generation.objects.visible_to(request.user)
    ids = list(visible.changed_between(seen.moment, now.moment).values_list("pk", flat=True)[: MAX_CHANGES + 1])
    if not ids and now.banners == seen.banners:
        return HttpResponse(status=204)
    if len(ids) > MAX_CHANGES:
        return redraw_list(request, filters)
    found = FilteredGallery(filters, request.user)
    cards, gone = changed_cards(request, found, visible.filter(pk__in=ids))
    return answer_with_cards(
        request,
        cards,
        **gone,
        counts=found.tab_counts,
        filters=filters,
        hits=found.hits,
        looked_through=found.looked_through,
        collection=filters.collection,
        title=title(found.in_progress()),
        cursor=now,
        banners=banners,
        queue=queue,
        is_update=True,
    )


def changed_cards(request: HttpRequest, found: FilteredGallery, changed: GenerationQuerySet) -> tuple[list, dict]:
    """The current cards and stacks, and what leaves the page: videos, and stacks with one video or none left.
    `open` names the batches whose stacks are open on the page."""
    filters, rows = found.filters, found.rows
    if not filters.stacks_for(Preferences.objects.of(request.user)):
        cards = cards_of(rows.filter(pk__in=changed).for_cards().newest_first(), request.user)
        gone = changed.exclude(pk__in=[card.generation.pk for card in cards]).values_list("public_id", flat=True)
        return list(with_sections(cards, filters.sort)), {"gone": gone}
    batches = set(changed.values_list("batch_id", flat=True))
    by_batch = stacks_of(rows, batches, request.user)
    stacks = {pk: one for pk, one in by_batch.items() if isinstance(one, Stack)}
    shown = {key for one in by_batch.values() for key in keys_of(one)}
    gone = {
        "gone": changed.exclude(pk__in=shown).values_list("public_id", flat=True),
        "gone_stacks": batches - stacks.keys(),
    }
    cards = with_sections(sorted(by_batch.values(), key=lambda one: -max(keys_of(one))), filters.sort)
    return [*cards, *in_order(changed_within(request, rows.filter(pk__in=changed), stacks), filters.sort)], gone


def changed_within(request: HttpRequest, changed: GenerationQuerySet, stacks: dict) -> list[Card]:
    """The changed cards of the stacks that are open on the page."""
    opened = list(filter(None, map(read_uuid, request.GET.getlist("open")[:MAX_OPENED])))
    if not opened:
        return []
    within = changed.filter(batch_id__in=stacks, batch__public_id__in=opened)
    return cards_of(within.for_cards().newest_first(), request.user)


def title(in_progress: Count) -> str:
    """The title of the browser tab says how many videos are in progress, regardless of the search."""
    return f"({in_progress}) HeyGen Studio" if in_progress else "HeyGen Studio"


def redraw_list(request: HttpRequest, filters: GalleryFilters, **context) -> HttpResponse:
    response = render(request, "gallery/_list_answer.html", list_context(request, filters) | context)
    response["HX-Retarget"], response["HX-Reswap"] = "#gallery", "outerHTML"
    return response


def page_filters(request: HttpRequest) -> GalleryFilters:
    """The filters of the page that sent the request; the defaults if its address cannot be read."""
    page = address_of_page(request)
    return GalleryFilters.asked_for(QueryDict(page.query)) if page else GalleryFilters()


def address_of_page(request: HttpRequest) -> SplitResult | None:
    """The address of the page that sent the request with HTMX; None if it cannot be read."""
    try:
        page = urlsplit(request.htmx.current_url or "")
        QueryDict(page.query)
    except (ValueError, TooManyFieldsSent):
        return None
    return page


@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """Stores how this person's gallery looks: `stacks` (1 or 0) or `density`. Answers with the redrawn list."""
    if request.POST.get("stacks") in {"0", "1"}:
        Preferences.objects.keep(request.user, stacks=request.POST["stacks"] == "1")
    if request.POST.get("density") in Preferences.Density.values:
        Preferences.objects.keep(request.user, density=request.POST["density"])
    if request.htmx:
        return redraw_list(request, page_filters(request))
    return redirect_to(asked_next(request) or reverse("gallery"))


def page_context(request: HttpRequest, found: FilteredGallery, preferences: Preferences) -> dict:
    """One page of cards, by key: `before` is the last video's number, `after` the last heading, `shown` how many cards
    the browser's page had before it asked for more, and `cards` how many it had when a person left it."""
    before, after = read_number(request.GET.get("before")), request.GET.get("after", "")[:64]
    shown_before = read_number(request.GET.get("shown")) or 0 if request.htmx.target == "more" else 0
    limit = PAGE if shown_before else min(max(PAGE, read_number(request.GET.get("cards")) or 0), MAX_ON_A_PAGE)
    shown = shown_before + limit
    filters, after = found.filters, after if before else ""
    stacks = filters.stacks_for(preferences)
    rows = WholeGallery(request.user) if stacks and filters.is_everything and not before else found.rows
    page = gallery_page(rows, filters.sort, request.user, stacks, before, after, filters.state, limit)
    is_full = shown >= MAX_ON_A_PAGE
    more = filters.query(before=page.before, after=page.section, shown="" if is_full else shown) if page.before else ""
    return {
        "is_whole_page": True,
        "cards": page.cards,
        "more": more and f"/?{more}",
        "shown": shown,
        "is_full": is_full,
    }


def list_context(request: HttpRequest, filters: GalleryFilters) -> dict:
    banners, queue = banners_for(request.user), Generation.objects.queue_of(request.user)
    cursor = Cursor.now(digest_of([*banners, *queue.items()]))  # read before the cards: at worst one is sent twice
    found, preferences = FilteredGallery(filters, request.user), Preferences.objects.of(request.user)
    counts = found.tab_counts
    return {
        **page_context(request, found, preferences),
        "preferences": preferences,
        "can_stack": filters.can_stack,
        "card_sizes": CARD_SIZES,
        "sorts": SORTS,
        **selection_context(found.on_this_tab),
        "filters": filters,
        "cursor": cursor,
        "first_page": filters.address if read_number(request.GET.get("before")) else "",
        "counts": counts,
        "hits": found.hits,
        "looked_through": found.looked_through,
        "title": title(found.in_progress()),
        "tabs": filters.tabs(counts),
        **trash_context(request, filters),
        "banners": banners,
        "providers": Provider.objects.names(),
        "ratios": list(dict.fromkeys([*RATIOS, *filter(None, [filters.ratio])])),
        "when": WHEN,
        "ratings": RATINGS if filters.rating or PersonalNote.objects.any_rated(request.user) else {},
        **collections_context(request, filters),
        "has_team": Generation.objects.is_shown_by_others(request.user),
        "is_new_here": filters.is_everything and not counts["all"] and not counts["trash"],
        "starters": STARTERS,
    }


def trash_context(request: HttpRequest, filters: GalleryFilters) -> dict:
    return {
        "trash_days": current().trash_days,
        "keep_days": current().keep_days,
        "keep_bytes": current().keep_bytes,
        "trash_size": stored_by(request.user).trashed_size if filters.state == "trash" else 0,
    }


def selection_context(on_this_tab: Count) -> dict:
    """How many videos *Select all* selects."""
    is_more = on_this_tab.found > MAX_SELECTED
    return {"on_this_tab": on_this_tab, "max_selected": MAX_SELECTED, "is_more_than_taken": is_more}


def collections_context(request: HttpRequest, filters: GalleryFilters) -> dict:
    """The open collection, those to choose from, and those that a search finds by name."""
    visible = Collection.objects.visible_to(request.user).newest_first()
    offered = Collection.objects.newest_for(request.user)
    is_open = [one for one in offered if one.public_id == filters.collection]
    if filters.collection and not is_open:
        is_open = list(visible.filter(public_id=filters.collection))
        offered += is_open
    matches = list(visible.search(filters.q)[: MAX_MATCHES + 1]) if filters.q and not filters.collection else []
    return {
        "collection": is_open[0] if is_open else None,
        "collections": offered,
        "may_have_older": len(offered) >= MAX_OFFERED,
        "matches": matches[:MAX_MATCHES],
        "has_more_matches": len(matches) > MAX_MATCHES,
    }
