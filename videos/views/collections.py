"""Collections: their list, one collection, and adding and removing videos."""

from django.contrib import messages
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from videos.forms.collections import NAME_TAKEN, NameForm, PersonalNoteForm
from videos.forms.fields import read_uuid
from videos.models import Clip, Collection, Generation, NameTaken, PersonalNote
from videos.models.collection import MAX_CLIPS
from videos.views.gallery_filters import read_number
from videos.views.next_page import asked_next, redirect_to
from videos.views.selection_actions import chosen

PAGE = 24
PICTURES = 3  # of its videos, on the face of a collection without a cover
MAX_CHOICES = 30
SHARED = "Everyone in this studio can see this collection and your videos in it now."
PRIVATE = "The collection is private again. Its videos are still shared with the team individually."


def visible(request: HttpRequest, public_id) -> Collection:
    rows = Collection.objects.visible_to(request.user).select_related("owner", "cover__saved_video")
    return get_object_or_404(rows, public_id=public_id)


def own(request: HttpRequest, public_id) -> Collection:
    return get_object_or_404(request.user.collections, public_id=public_id)


# The list
@require_http_methods(["GET", "HEAD", "POST"])
def collections(request: HttpRequest) -> HttpResponse:
    """Lists the collections that this person may see; a POST makes a new one."""
    form = NameForm(request.POST if request.method == "POST" else None, auto_id="new-%s")
    if form.is_bound and form.is_valid():
        try:
            return redirect(address_of(Collection.objects.make(request.user, form.cleaned_data["name"])))
        except NameTaken:
            form.add_error("name", NAME_TAKEN)
    context = list_context(request) | {"form": form}
    return render(request, "collections/collections.html", context, status=422 if form.is_bound else 200)


def list_context(request: HttpRequest) -> dict:
    words = request.GET.get("q", "").replace("\0", "").strip()[:200]
    rows = Collection.objects.visible_to(request.user).search(words).newest_first()
    before = read_number(request.GET.get("before"))
    rows = rows.select_related("owner", "cover__saved_video")
    rows = list((rows.filter(pk__lt=before) if before else rows)[: PAGE + 1])
    has_more, rows = len(rows) > PAGE, rows[:PAGE]
    return {"faces": faces_of(rows, request.user), "words": words, "before": rows[-1].pk if has_more else ""}


def faces_of(rows: list[Collection], user) -> list[dict]:
    """Adds counts and first pictures to all of these collections, in three queries."""
    clips = Clip.objects.visible_to(user).filter(collection__in=rows)
    counts, pictures = clips.counts(), first_pictures(clips)
    return [face_of(row, counts.get(row.pk, {}), pictures.get(row.pk, []), user) for row in rows]


def face_of(collection: Collection, counts: dict[str, int], pictures: list, user) -> dict:
    cover = collection.cover_for(user)
    return {
        "collection": collection,
        "address": address_of(collection),
        "count": sum(counts.values()),
        "approved": counts.get(Clip.State.APPROVED, 0),
        "pictures": [cover.public_id] if cover else pictures,
        "is_mine": collection.owner_id == user.pk,
    }


def first_pictures(clips) -> dict[int, list]:
    """Collection's id → the public ids of its first saved videos."""
    place = Window(RowNumber(), partition_by=F("collection"), order_by=[F("position"), F("pk")])
    rows = clips.filter(generation__saved_video__isnull=False).annotate(place=place).filter(place__lte=PICTURES)
    found: dict[int, list] = {}
    for collection, public_id in rows.order_by("position", "pk").values_list("collection", "generation__public_id"):
        found.setdefault(collection, []).append(public_id)
    return found


def address_of(collection: Collection) -> str:
    return reverse("collection", args=[collection.public_id])


# One collection
@require_POST
def share(request: HttpRequest, public_id) -> HttpResponse:
    changed = own(request, public_id)
    changed.share_with_team("shared" in request.POST)
    messages.info(request, SHARED if changed.shared else PRIVATE)
    return redirect(address_of(changed))


@require_POST
def cover(request: HttpRequest, public_id) -> HttpResponse:
    """Sets the cover: `g` is the video to use; without it, the first videos are shown."""
    changed = own(request, public_id)
    videos = changed.generations(request.user).filter(saved_video__isnull=False)
    changed.set_cover(videos.filter(public_id=read_uuid(request.POST.get("g", ""))).first())
    return redirect_to(asked_next(request) or address_of(changed))


@require_POST
def order(request: HttpRequest, public_id) -> HttpResponse:
    """Sorts the collection: `g`, repeated, are its videos in their new order."""
    changed = visible(request, public_id)
    changed.arrange([found for found in map(read_uuid, request.POST.getlist("g")[:MAX_CLIPS]) if found])
    return HttpResponse(status=204) if request.htmx else redirect(address_of(changed))


@require_POST
def delete(request: HttpRequest, public_id) -> HttpResponse:
    removed = own(request, public_id)
    removed.remove_for_good(by=request.user)
    messages.info(request, f"“{removed.name}” is removed. Its videos are still in the gallery.")
    return redirect("collections")


# Adding videos
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """The collections to which the selected videos can be added. A POST only because there may be many ids."""
    rows = chosen(request)
    ids = list(rows.values_list("public_id", flat=True))
    offered = list(Collection.objects.visible_to(request.user).newest_first()[: MAX_CHOICES + 1])
    has_more, offered = len(offered) > MAX_CHOICES, offered[:MAX_CHOICES]
    held = Clip.objects.filter(collection__in=offered, generation__public_id__in=ids).counts()
    for one in offered:
        one.has_all = bool(ids) and sum(held.get(one.pk, {}).values()) == len(ids)
    context = {"ids": ids, "offered": offered, "has_more": has_more, "next": asked_next(request) or reverse("gallery")}
    return render(request, f"collections/{'_choose' if request.htmx else 'choose'}.html", context)


@require_POST
def personal_note(request: HttpRequest, public_id) -> HttpResponse:
    """Sets this person's own title and rating of a video."""
    rows = Generation.objects.visible_to(request.user).with_everything()
    generation = get_object_or_404(rows, public_id=public_id)
    form = PersonalNoteForm(request.POST)
    if form.is_valid():
        PersonalNote.objects.write(request.user, generation, **form.changes())
        if not request.htmx:
            return redirect("viewer", public_id=public_id)
    note = PersonalNote.objects.filter(user=request.user, generation=generation).first()
    context = {"generation": generation, "note": note, "note_form": form, "is_kept": form.is_valid()}
    status = 200 if form.is_valid() else 422
    return render(request, "viewer/_personal.html" if request.htmx else "viewer/personal.html", context, status=status)
