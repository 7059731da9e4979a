"""Public links: anybody who has the address may watch one video, until its owner revokes it."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from videos.models import PublicLink
from videos.views.download_names import download_name
from videos.views.files import picture_tag, serve

NOT_FOR_SEARCH_ENGINES = "noindex, nofollow, noarchive"


def shared(token: str) -> PublicLink:
    if "\0" in token:  # PostgreSQL would fail on it
        raise Http404
    links = PublicLink.objects.open().select_related("generation__saved_video", "generation__provider")
    return get_object_or_404(links.filter(generation__saved_video__isnull=False), token=token)


def unlisted(response: HttpResponse) -> HttpResponse:
    response["X-Robots-Tag"] = NOT_FOR_SEARCH_ENGINES
    response["Referrer-Policy"] = "no-referrer"  # the address is the secret
    return response


def gone_in_plain_words(view: Callable) -> Callable:
    """A visitor with a revoked link is not a member, so the page shows no navigation."""

    @wraps(view)
    def answer(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Http404:
            return unlisted(render(request, "share/gone.html", status=404))

    return answer


@login_not_required
@require_safe
@gone_in_plain_words
def shared_video(request: HttpRequest, token: str) -> HttpResponse:
    link = shared(token)
    context = {"link": link, "generation": link.generation, "saved": link.generation.saved_video}
    return unlisted(render(request, "share/shared.html", context))


@login_not_required
@csrf_exempt  # it only changes a count, and a visitor has no session
@require_POST
def shared_watched(request: HttpRequest, token: str) -> HttpResponse:
    """Sent by the page when it is viewed: a GET must change nothing, and a link preview is not a view."""
    shared(token).count_view()
    return HttpResponse(status=204)


@login_not_required
@require_safe
@gone_in_plain_words
def shared_file(request: HttpRequest, token: str, name: str) -> HttpResponse:
    generation = shared(token).generation
    saved = generation.saved_video
    if name == "poster":
        return unlisted(serve(request, saved.poster, "image/jpeg", picture_tag(saved, "poster")))
    download = download_name(generation) if request.GET.get("download") else ""
    return unlisted(serve(request, saved.file, "video/mp4", saved.sha256, download))
