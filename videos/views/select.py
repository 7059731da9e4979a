"""What is done to many videos at once: favourite, share, trash, restore, compare, and download as one archive."""

from collections.abc import Iterator
from pathlib import PurePath
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header, url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_POST
from zipstream import ZIP_STORED, ZipStream

from videos.lifecycle import IN_PROGRESS
from videos.models import Generation
from videos.models.generation_queryset import GenerationQuerySet
from videos.views.files import download_name, release_database

MOST = 500
CHUNK = 256 * 1024


@require_POST
def selected(request: HttpRequest) -> HttpResponseBase:
    """`ids` (many), `deed`, and `next`: the gallery's address to return to."""
    deed = DEEDS.get(request.POST.get("deed", ""))
    rows = chosen(request)
    if deed is None or not rows:
        messages.error(request, "Nothing was selected, so nothing was done.")
        return back(request)
    return deed(request, rows) or back(request)


def chosen(request: HttpRequest) -> GenerationQuerySet:
    ids = filter(None, map(read_uuid, request.POST.getlist("ids")[:MOST]))
    return Generation.objects.visible_to(request.user).filter(public_id__in=list(ids)).newest_first()


def read_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def back(request: HttpRequest) -> HttpResponse:
    address = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(address, allowed_hosts={request.get_host()})
    return redirect(address if is_ours else reverse("gallery"))


def own(request: HttpRequest, rows: GenerationQuerySet) -> list[Generation]:
    """Watching may be shared; deciding is its owner's."""
    return list(rows.filter(owner=request.user))


def favourite(request: HttpRequest, rows: GenerationQuerySet):
    mine = own(request, rows)
    wanted = not all(generation.favourite for generation in mine)
    for generation in mine:
        generation.mark_favourite(wanted)
    say(request, mine, "is a favourite now" if wanted else "is no favourite any more")


def share(request: HttpRequest, rows: GenerationQuerySet):
    mine = own(request, rows)
    wanted = not all(generation.shared for generation in mine)
    for generation in mine:
        generation.share_with_team(wanted)
    say(request, mine, "is shared with the team" if wanted else "is private again")


def trash(request: HttpRequest, rows: GenerationQuerySet):
    """What is still under way stays where it can be seen."""
    mine = own(request, rows.exclude(status__in=IN_PROGRESS))
    for generation in mine:
        generation.move_to_trash()
    say(request, mine, "is in the trash, where it stays for 30 days")


def restore(request: HttpRequest, rows: GenerationQuerySet):
    mine = own(request, rows)
    for generation in mine:
        generation.restore()
    say(request, mine, "is back in the gallery")


def compare(request: HttpRequest, rows: GenerationQuerySet) -> HttpResponse:
    ids = [str(public_id) for public_id in rows.values_list("public_id", flat=True)]
    return redirect(f"{reverse('compare')}?{urlencode({'g': ids}, doseq=True)}")


def say(request: HttpRequest, done: list[Generation], words: str):
    noun = "1 video" if len(done) == 1 else f"{len(done)} videos"
    are = words if len(done) == 1 else words.replace("is ", "are ", 1).replace("a favourite", "favourites")
    messages.info(request, f"{noun} {are.replace('it stays', 'they stay') if len(done) != 1 else words}.")


def download(request: HttpRequest, rows: GenerationQuerySet) -> HttpResponseBase | None:
    """One archive, made while it is sent: videos are compressed already, so they are stored as they are."""
    rows = list(rows.filter(saved_video__isnull=False).with_everything())
    if not rows:
        messages.error(request, "None of these has a saved video yet, so there is nothing to download.")
        return None
    archive = ZipStream(compress_type=ZIP_STORED, sized=True)
    for generation, name in zip(rows, distinct_names(rows), strict=True):
        saved = generation.saved_video
        archive.add(chunks(saved.file), name, size=saved.size)
    moment = timezone.localtime().strftime("%Y-%m-%d %H%M")
    response = StreamingHttpResponse(archive, content_type="application/zip")
    response["Content-Length"] = str(len(archive))
    response["Content-Disposition"] = content_disposition_header(True, f"videos {moment}.zip")
    response["Cache-Control"] = "private, no-store"
    release_database()
    return response


def chunks(file) -> Iterator[bytes]:
    with file.storage.open(file.name) as opened:
        yield from opened.chunks(CHUNK)


def distinct_names(rows: list[Generation]) -> list[str]:
    """Names as single downloads have them; equal ones are numbered."""
    names: dict[str, int] = {}
    distinct = []
    for generation in rows:
        name = download_name(generation)
        names[name] = names.get(name, 0) + 1
        stem, ending = PurePath(name).stem, PurePath(name).suffix
        distinct.append(name if names[name] == 1 else f"{stem} ({names[name]}){ending}")
    return distinct


DEEDS = {
    "favourite": favourite,
    "share": share,
    "trash": trash,
    "restore": restore,
    "compare": compare,
    "download": download,
}
