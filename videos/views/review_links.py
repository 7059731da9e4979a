"""Review links for clients: the owner of a collection makes, lists and revokes them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from videos.forms.reviews import LinkForm
from videos.models import Agency, Clip, Collection, ReviewLink
from videos.models.collection import MAX_CLIPS
from videos.views.addresses import address_for_others, opens_only_here
from videos.views.collections import own
from videos.views.gallery_filters import read_number

MAX_LISTED = 50


@require_http_methods(["GET", "HEAD", "POST"])
def links(request: HttpRequest, public_id) -> HttpResponse:
    """Lists the links of a collection; a POST makes a new one and shows its address once."""
    collection = own(request, public_id)
    clips = clips_of(request, collection)
    form = LinkForm(request.POST if request.method == "POST" else None, clips=clips, label_suffix="")
    address = ""
    if form.is_bound and form.is_valid():
        token = ReviewLink.issue(collection, request.user, **form.fields_of_link())
        address = address_for_others(request, reverse("client", args=[token]))
        form = LinkForm(clips=clips, label_suffix="")
    context = {
        "collection": collection,
        "form": form,
        "clips": clips,
        **listed(collection, read_number(request.GET.get("before"))),
        "new_link": address,
        "address_opens_only_here": opens_only_here(address or address_for_others(request, "/")),
        "agency": Agency.objects.current(),
    }
    return render(request, "review/links.html", context, status=422 if form.errors else 200)


def clips_of(request: HttpRequest, collection: Collection) -> list[Clip]:
    clips = collection.clips.visible_to(request.user).filter(generation__saved_video__isnull=False)
    return clips.select_related("generation").in_order()[:MAX_CLIPS].titled_for(request.user)


def listed(collection: Collection, before: int | None) -> dict:
    """A page of links, the newest first: those older than the link `before`, and where the next page begins."""
    rows = collection.links.with_counts()
    rows = list((rows.filter(pk__lt=before) if before else rows)[: MAX_LISTED + 1])
    return {"links": rows[:MAX_LISTED], "older": rows[MAX_LISTED - 1].pk if len(rows) > MAX_LISTED else None}


@require_POST
def revoke(request: HttpRequest, public_id, pk) -> HttpResponse:
    collection = own(request, public_id)
    get_object_or_404(collection.links, pk=pk).revoke()
    messages.info(request, "The link is revoked. Its page says so.")
    return redirect("review_links", public_id=public_id)
