"""One video at its own address: as a dialog over the gallery, and as a page of its own."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from videos.models import Generation, PersonalNote, PublicLink
from videos.models.studio_settings import current
from videos.views.addresses import address_for_others, opens_only_here
from videos.views.cards import cards_of, own_generation
from videos.views.compare import MAX_COMPARED
from videos.views.filtered_gallery import FilteredGallery
from videos.views.gallery_filters import GalleryFilters


@gzip_page
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
def viewer(request: HttpRequest, public_id) -> HttpResponse:
    """The address may carry filters of the gallery; previous and next then stay within them."""
    visible = Generation.objects.visible_to(request.user).with_everything()
    generation = get_object_or_404(visible, public_id=public_id)
    template = "viewer/_viewer.html" if request.htmx else "viewer/viewer.html"
    return render(request, template, viewer_context(request, generation))


def is_page(request: HttpRequest) -> bool:
    """Otherwise it is in the gallery's dialog. A page of its own reloads itself while its video is in progress."""
    return not request.htmx or request.htmx.target == "viewing"


def viewer_context(request: HttpRequest, generation: Generation) -> dict:
    filters = GalleryFilters.asked_for(request.GET)
    rows = FilteredGallery(filters, request.user).rows
    link = generation.open_public_link()
    address = public_address(request, link)
    siblings = generation.batch.generations.visible_to(request.user).kept().exclude(pk=generation.pk)
    siblings = list(siblings.with_everything()[: MAX_COMPARED - 1])
    return {
        "card": cards_of([generation], request.user)[0],
        "generation": generation,
        "saved": getattr(generation, "saved_video", None),
        "is_mine": generation.owner_id == request.user.pk,
        "gallery_query": f"?{filters.query()}" if filters.query() else "",
        "newer": first_of(rows.filter(pk__gt=generation.pk).newest_pks(request.user, 1, newest=False)),
        "older": first_of(rows.filter(pk__lt=generation.pk).newest_pks(request.user, 1)),
        "siblings": siblings,
        "compare_address": compare_address([generation, *siblings]),
        "public_link": link,
        "public_address": address,
        "address_opens_only_here": opens_only_here(address),
        "own_address": reverse("viewer", args=[generation.public_id]),
        "gone_at": generation.trashed_at and generation.trashed_at + timedelta(days=current().trash_days),
        "is_page": is_page(request),
        "note": PersonalNote.objects.filter(user=request.user, generation=generation).first(),
    }


def first_of(pks: list[int]) -> Generation | None:
    return Generation.objects.filter(pk__in=pks).first() if pks else None


def compare_address(generations: list[Generation]) -> str:
    saved = [str(generation.public_id) for generation in generations if hasattr(generation, "saved_video")]
    return f"{reverse('compare')}?{urlencode({'g': saved}, doseq=True)}"


def public_address(request: HttpRequest, link: PublicLink | None) -> str:
    return address_for_others(request, reverse("shared", args=[link.token])) if link else ""


@require_POST
def share_with_team(request: HttpRequest, public_id) -> HttpResponse:
    generation = own_generation(request, public_id)
    generation.share_with_team("shared" in request.POST, by=request.user)
    return sharing(request, generation)


@require_POST
def make_public_link(request: HttpRequest, public_id) -> HttpResponse:
    generation = own_generation(request, public_id)
    generation.make_public_link()
    return sharing(request, generation)


@require_POST
def revoke_public_link(request: HttpRequest, public_id) -> HttpResponse:
    generation = own_generation(request, public_id)
    generation.revoke_public_links()
    return sharing(request, generation)


def sharing(request: HttpRequest, generation: Generation) -> HttpResponse:
    """The sharing part of the viewer, or the whole page with scripts off."""
    if not request.htmx:
        return redirect("viewer", public_id=generation.public_id)
    return render(request, "viewer/_sharing.html", viewer_context(request, generation))
