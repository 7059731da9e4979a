"""Serves videos, posters and pictures to those who may see them: by Range, nginx, or a short-lived bucket link."""

import hashlib
import io
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from heygen_studio.web.sent_files import SentFile, answer
from videos.models import Generation, Picture, Preferences, SavedVideo
from videos.storage.described_copy import SplicedFile, size_of
from videos.storage.small_poster import BOXES, smaller_poster
from videos.storage.stored_file import SeekableFile, open_stored
from videos.views.descriptions import described_parts
from videos.views.download_names import name_of_download

PRIVATE = "private, max-age=3600"


class Slice(SeekableFile):
    """A part of a file, from `start` on, as a file. Its descriptor is at `start`, as sendfile expects."""

    def __init__(self, path: str, start: int, length: int):
        self.file = open(path, "rb", buffering=0)  # noqa: PTH123, SIM115 – closed by close(); storage gives a string
        self.file.seek(start)
        self.start, self.size = start, length

    def fileno(self):
        return self.file.fileno()

    def tell(self):
        return self.file.tell() - self.start

    def seek(self, offset, origin=io.SEEK_SET):
        return self.file.seek(self.start + self.place(offset, origin)) - self.start

    def readinto(self, buffer):
        room = max(0, min(len(buffer), self.size - self.tell()))
        return self.file.readinto(memoryview(buffer)[:room])

    def close(self):
        self.file.close()
        super().close()


def visible(request: HttpRequest, public_id) -> Generation:
    """The generation with its saved copy; a 404 if there is none, or if this person may not see it."""
    rows = Generation.objects.visible_to(request.user).with_everything().filter(saved_video__isnull=False)
    return get_object_or_404(rows, public_id=public_id)


@require_safe
def video(request: HttpRequest, public_id) -> HttpResponseBase:
    """The saved copy. With `download`, it gets a name and a description inside; with `download=clean`, only a name."""
    generation = visible(request, public_id)
    saved, asked = generation.saved_video, request.GET.get("download")
    name = name_for(request.user, generation) if asked else ""
    if asked and asked != "clean":
        return serve_described(request, generation, name)
    return serve(request, saved.file, "video/mp4", saved.sha256, name)


def name_for(user, generation: Generation) -> str:
    """The name of the file for this person's download."""
    return name_of_download(user, generation, Preferences.objects.of(user).name_pattern)


def serve_described(request: HttpRequest, generation: Generation, name: str) -> HttpResponseBase:
    """A copy that carries prompt, provider, settings and ids, put together while it is sent; the saved copy where
    nothing can be put into it."""
    saved = generation.saved_video
    try:
        parts = described_parts(generation)
    except FileNotFoundError:
        raise Http404 from None
    if not any(part.own for part in parts):
        return serve(request, saved.file, "video/mp4", saved.sha256, name)
    inside = hashlib.sha256(b"".join(part.own for part in parts)).hexdigest()[:16]
    file = SentFile(saved.file.name, size_of(parts), f'"{saved.sha256}-{inside}"', "video/mp4")
    found = answer(file, request.method, request.headers)
    if found.length is None:
        response = HttpResponse(status=found.status, headers=found.headers, content_type=file.content_type)
    else:
        part = SplicedFile(open_stored(saved.file), parts, found.start, found.length)
        response = FileResponse(part, status=found.status, headers=found.headers, content_type=file.content_type)
    release_database()
    response["Cache-Control"] = PRIVATE
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response


@require_safe
def poster(request: HttpRequest, public_id) -> HttpResponseBase:
    """Saved under a name with its video's id, so that the picture fills the composer when it is dropped there.
    `row` and `small` are what a card shows, depending on its size."""
    saved = visible(request, public_id).saved_video
    kind = next((kind for kind in BOXES if kind in request.GET), None)
    if kind and (smaller := smaller_poster(saved, kind)):
        return serve(request, smaller, "image/webp", picture_tag(saved, kind))
    response = serve(request, saved.poster, "image/jpeg", picture_tag(saved, "poster"))
    response["Content-Disposition"] = f'inline; filename="poster-{public_id}.jpg"'
    return response


@require_safe
def last_frame(request: HttpRequest, public_id) -> HttpResponseBase:
    saved = visible(request, public_id).saved_video
    return serve(request, saved.last_frame, "image/jpeg", picture_tag(saved, "last"))


def picture_tag(saved: SavedVideo, which: str) -> str:
    """Depends on the shape too: a picture is drawn again if an earlier version measured it wrongly."""
    return f"{saved.sha256}-{which}-{saved.width}x{saved.height}"


@require_safe
def picture(request: HttpRequest, public_id) -> HttpResponseBase:
    kept = get_object_or_404(Picture.objects.visible_to(request.user), public_id=public_id)
    return serve(request, kept.file, kept.content_type, kept.sha256)


def serve(request: HttpRequest, file, content_type: str, tag: str, download: str = "") -> HttpResponseBase:
    """Sends the file in the way that this studio is configured for, after the check."""
    if settings.BUCKET:
        link = bucket_link(file, content_type, download)
        return HttpResponseRedirect(link, headers={"Cache-Control": "private, no-store"})  # it is valid for a minute
    if not file or not file.storage.exists(file.name):
        raise Http404
    if settings.ACCEL_LOCATION:
        response = HttpResponse(content_type=content_type, headers={"ETag": f'"{tag}"'})
        response["X-Accel-Redirect"] = f"{settings.ACCEL_LOCATION.rstrip('/')}/{quote(file.name)}"
        del response["Content-Length"]
    else:
        response = from_disk(request, SentFile(file.path, file.size, f'"{tag}"', content_type))
    response["Cache-Control"] = PRIVATE
    response["X-Content-Type-Options"] = "nosniff"
    if download:
        response["Content-Disposition"] = content_disposition_header(True, download)
    return response


def bucket_link(file, content_type: str, download: str) -> str:
    parameters = {"ResponseContentType": content_type, "ResponseCacheControl": PRIVATE}
    if download:
        parameters["ResponseContentDisposition"] = content_disposition_header(True, download)
    return file.storage.url(file.name, parameters=parameters)


def from_disk(request: HttpRequest, file: SentFile) -> HttpResponseBase:
    found = answer(file, request.method, request.headers)
    if found.length is None:
        return HttpResponse(status=found.status, headers=found.headers, content_type=file.content_type)
    # Our web server then gives other parts of it to the same session without asking us, for two seconds.
    request.META.get("studio.remember_file", no_memory)(file)
    release_database()
    part = Slice(file.path, found.start, found.length)
    return FileResponse(part, status=found.status, headers=found.headers, content_type=file.content_type)


def no_memory(file: SentFile):
    """Other web servers do not cache it."""


def release_database():
    """Releases the database connection: a slow download must not hold one that others wait for."""
    if not connection.in_atomic_block:
        connection.close()
