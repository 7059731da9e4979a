"""Actions on many videos at once: favourite, share, trash, restore, compare, and download."""

import uuid
from dataclasses import dataclass, field, replace

from django.contrib import messages
from django.contrib.admin.models import DELETION
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from videos.forms.fields import read_uuid
from videos.models import Collection, CollectionFull, Generation, audit
from videos.models.collection import LONGEST_NAME, MAX_CLIPS
from videos.models.generation_queryset import GenerationQuerySet
from videos.models.studio_settings import current
from videos.models.transactions import lock_in_order, retried
from videos.views.archives import archive_of
from videos.views.cards import answer_with_cards, cards_of
from videos.views.filtered_gallery import FilteredGallery
from videos.views.gallery import MAX_SELECTED
from videos.views.gallery_filters import GalleryFilters
from videos.views.next_page import LONGEST_ADDRESS, asked_next, redirect_to

MAX_IN_AN_ADDRESS = 100  # ids; Django refuses to redirect to more than 16 kB
NOT_TRASHED = (
    "These can't be moved to the trash: they are in progress, or may have been charged. "
    "Cancel stops those that are not sent yet."
)
CUT = f"Only the newest {MAX_SELECTED} of the selected videos were taken. Select the others again."


@dataclass(frozen=True)
class Done:
    """The result of an action, in words; `undo` are the rows that Undo restores."""

    rows: list[Generation]
    words: str
    undo: list[Generation] = field(default_factory=list)


@require_POST
def selected(request: HttpRequest) -> HttpResponseBase:
    """`ids` and `batches` (many) or `everything`, `operation`, and `next`: the gallery's address to return to."""
    action = ACTIONS.get(request.POST.get("operation", ""))
    rows, is_cut = chosen_and_cut(request)
    done = action(request, rows) if action and rows else Done([], "Nothing was selected, so nothing was done.")
    if is_cut and isinstance(done, Done):
        done = replace(done, words=f"{done.words} {CUT}")
    return answer(request, done) if isinstance(done, Done) else done


def answer(request: HttpRequest, done: Done) -> HttpResponse:
    """Answers with the current cards. The next update removes those that no longer belong in the list."""
    if not request.htmx:
        messages.info(request, done.words)
        return redirect_to(asked_next(request) or reverse("gallery"))
    leaves_list = request.POST.get("operation") in {"restore", "uncollect"}  # sent from the trash, from a collection
    # As they are now: one may have been removed for good meanwhile.
    visible = Generation.objects.visible_to(request.user).filter(pk__in=[row.pk for row in done.rows])
    stays = [] if leaves_list else list(visible.kept().with_everything().newest_first())
    gone = [row.public_id for row in done.rows if row not in stays]
    cards = cards_of(stays, request.user)
    return answer_with_cards(request, cards, gone=gone, said=done.words, undo=done.undo)


def chosen(request: HttpRequest) -> GenerationQuerySet:
    return chosen_and_cut(request)[0]


def chosen_and_cut(request: HttpRequest) -> tuple[GenerationQuerySet, bool]:
    """The selected videos, those in selected stacks, or everything that the filters find: the newest MAX_SELECTED, and
    whether there are more.

    `filters` is the query of the gallery's address, which defines the contents of a stack. Without it, neither stacks
    nor everything can be selected: what a person does not see is not changed.
    """
    filters = GalleryFilters.asked_for(QueryDict(request.POST.get("filters", "")[:LONGEST_ADDRESS]))
    found = FilteredGallery(filters, request.user)
    rows = Generation.objects.visible_to(request.user)
    if "filters" not in request.POST:
        first = newest_of(rows.filter(public_id__in=read_uuids(request.POST.getlist("ids"))))
    elif "everything" in request.POST:
        first = found.rows.newest_pks(request.user, MAX_SELECTED + 1)
    else:
        ids = read_uuids(request.POST.getlist("ids"))
        batches = read_uuids(request.POST.getlist("batches"))
        in_stacks = found.rows.filter(batch__public_id__in=batches).values("pk") if batches else []
        first = newest_of(rows.filter(Q(public_id__in=ids) | Q(pk__in=in_stacks)))
    taken = rows.filter(pk__in=first[:MAX_SELECTED]).with_everything().newest_first()
    return taken, len(first) > MAX_SELECTED


def newest_of(rows: GenerationQuerySet) -> list[int]:
    return list(rows.newest_first().values_list("pk", flat=True)[: MAX_SELECTED + 1])


def read_uuids(words: list[str]) -> list[uuid.UUID]:
    return list(filter(None, map(read_uuid, words)))


def lock_own(request: HttpRequest, rows: GenerationQuerySet) -> list[Generation]:
    """The rows that belong to the signed-in person, locked until the transaction ends."""
    mine = rows.filter(owner=request.user)
    locked = lock_in_order(mine)
    return list(mine.filter(pk__in=locked))


@retried
def favourite(request: HttpRequest, rows: GenerationQuerySet) -> Done:
    """The person's own stars, on their own videos and on shared ones."""
    shown = list(rows.filter(pk__in=lock_in_order(rows)))
    starred = request.user.favourites.filter(generation__in=shown).count()
    wanted = starred < len(shown)
    for generation in shown:
        generation.mark_favourite(wanted, request.user)
    if wanted:
        return Done(shown, sentence(shown, "is a favourite now", "are favourites now"))
    return Done(shown, sentence(shown, "is no longer a favourite", "are no longer favourites"))


@retried
def share(request: HttpRequest, rows: GenerationQuerySet) -> Done:
    mine = lock_own(request, rows)
    wanted = not all(generation.shared for generation in mine)
    for generation in mine:
        generation.share_with_team(wanted, by=request.user)
    words = "shared with the team" if wanted else "private again"
    return Done(mine, sentence(mine, f"is {words}", f"are {words}"))


@retried
def trash(request: HttpRequest, rows: GenerationQuerySet) -> Done:
    chosen_rows = lock_own(request, rows.kept())
    mine = [generation for generation in chosen_rows if generation.move_to_trash(by=request.user)]
    if not mine and chosen_rows:
        return Done([], NOT_TRASHED)
    where = f"in the trash for {current().trash_days} days"
    return Done(mine, sentence(mine, f"is {where}", f"are {where}"), undo=mine)


@retried
def cancel(request: HttpRequest, rows: GenerationQuerySet) -> Done:
    """Cancels those that were not sent yet, and says how many could not be cancelled."""
    mine = lock_own(request, rows.kept())
    count = sum(generation.cancel(by=request.user) for generation in mine)
    now = list(Generation.objects.filter(pk__in=[generation.pk for generation in mine]).with_everything())
    in_progress = sum(generation.in_progress for generation in now)
    return Done(now, cancelled_words(count, in_progress))


def cancelled_words(count: int, in_progress: int) -> str:
    cancelled = (
        "1 video is cancelled, and not charged." if count == 1 else f"{count} videos are cancelled, and not charged."
    )
    rest = f"{in_progress} {'is' if in_progress == 1 else 'are'} already being made"
    if count:
        return f"{cancelled} {rest}, and will be saved." if in_progress else cancelled
    return (
        f"Nothing was cancelled: {rest}." if in_progress else "Nothing was cancelled: none of these waits to be sent."
    )


@retried
def restore(request: HttpRequest, rows: GenerationQuerySet) -> Done:
    mine = lock_own(request, rows.trashed())
    for generation in mine:
        generation.restore(by=request.user)
    return Done(mine, sentence(mine, "is back in the gallery", "are back in the gallery"))


def collect(request: HttpRequest, rows: GenerationQuerySet) -> Done:
    """Adds them to `collection`, or to the collection called `name`, which is made if needed."""
    shown, name = list(rows.kept()), " ".join(request.POST.get("name", "").replace("\0", "").split())[:LONGEST_NAME]
    if not shown:
        return Done([], "You can't change any of these.")
    collection = chosen_collection(request)
    if collection is None and not name:
        return Done([], "Choose a collection, or give a new one a name. Nothing was changed.")
    try:
        collection = collection or Collection.objects.find_or_make(name, request.user)
        count = collection.add(reversed(shown), request.user)  # the oldest first
    except CollectionFull:
        return Done([], f"“{collection.name}” is full: a collection takes {MAX_CLIPS:,} videos. Nothing was added.")
    where = f"in “{collection.name}”"
    return Done(shown, sentence(shown, f"is {where} now", f"are {where} now") if count else f"All are {where} already.")


def uncollect(request: HttpRequest, rows: GenerationQuerySet) -> Done:
    collection = chosen_collection(request)
    if collection is None:
        return Done([], "That collection no longer exists. Nothing was changed.")
    shown = list(rows)
    count = collection.remove(shown, by=request.user)
    words = "1 video is" if count == 1 else f"{count} videos are"
    return Done(shown, f"{words} out of “{collection.name}”. Nothing was deleted.")


def chosen_collection(request: HttpRequest) -> Collection | None:
    public_id = read_uuid(request.POST.get("collection", ""))
    return Collection.objects.visible_to(request.user).filter(public_id=public_id).first() if public_id else None


@require_POST
def empty_trash(request: HttpRequest) -> HttpResponse:
    """Deletes everything in the person's own trash for good, with its files, without waiting for the usual days."""
    count = sum(
        generation.remove_for_good()
        for generation in Generation.objects.filter(owner=request.user, tab="trash").removable()
    )
    words = "1 video is" if count == 1 else f"{count} videos are"
    if count:
        audit.record(request.user, "the trash", f"{words} removed for good.", flag=DELETION)
    messages.info(request, f"{words} removed for good." if count else "There was nothing to remove.")
    return redirect("gallery")


def sentence(rows: list[Generation], one: str, many: str) -> str:
    if not rows:
        return "You can't change any of these."
    return f"1 video {one}." if len(rows) == 1 else f"{len(rows)} videos {many}."


def compare(request: HttpRequest, rows: GenerationQuerySet) -> HttpResponse:
    ids = [str(public_id) for public_id in rows.values_list("public_id", flat=True)[:MAX_IN_AN_ADDRESS]]
    return redirect_to(f"{reverse('compare')}?{urlencode({'g': ids}, doseq=True)}")


def download(request: HttpRequest, rows: GenerationQuerySet) -> HttpResponseBase | Done:
    """One archive, made while it is sent. Videos are already compressed, so they are stored without compression."""
    rows = list(rows.filter(saved_video__isnull=False))
    if not rows:
        return Done([], "None of these has a saved video yet, so there is nothing to download.")
    return archive_of(rows, request.user, request.POST.get("clean") == "1")


# The field is not called `action`: scripts could not read the address of its form then.
ACTIONS = {
    "favourite": favourite,
    "share": share,
    "trash": trash,
    "cancel": cancel,
    "restore": restore,
    "undo": restore,
    "collect": collect,
    "uncollect": uncollect,
    "compare": compare,
    "download": download,
}
