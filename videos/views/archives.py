"""ZIP archives of saved videos, built while they are sent. Videos are compressed already, so they are only stored."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from tempfile import TemporaryFile

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe
from zipstream import ZIP_STORED, ZipStream

from videos.models import Collection, Generation, Preferences
from videos.storage.described_copy import Part, SplicedFile, chunks_of, size_of
from videos.storage.stored_file import open_stored
from videos.views.descriptions import contents, described_parts
from videos.views.download_names import archive_names, collections_in_names
from videos.views.files import release_database
from videos.views.filtered_gallery import FilteredGallery
from videos.views.gallery import MAX_SELECTED
from videos.views.gallery_filters import GalleryFilters
from videos.views.next_page import LONGEST_ADDRESS, redirect_to

AT_ONCE = 100  # videos that a long archive looks up together
CHUNK = 256 * 1024
ASKED_AT_ONCE = 16  # concurrent requests to a bucket


@require_safe
def download_results(request: HttpRequest) -> HttpResponseBase:
    """Every saved video that the filters of the address find, the newest first. Up to MAX_SELECTED of them make an
    archive whose size is known beforehand; more are looked up while it is sent."""
    found = FilteredGallery(GalleryFilters.asked_for(request.GET), request.user)
    pks = newest_saved(found, None, MAX_SELECTED + 1)
    if not pks:
        messages.info(request, "There is no saved video here yet, so there is nothing to download.")
        return redirect_to(f"{reverse('gallery')}?{request.GET.urlencode()[:LONGEST_ADDRESS]}")
    if len(pks) > MAX_SELECTED:
        return sent(long_archive(found), archive_name())
    return archive_of(rows_of(pks), request.user)


def newest_saved(found: FilteredGallery, before: int | None, count: int) -> list[int]:
    rows = found.rows.filter(saved_video__isnull=False)
    return (rows.filter(pk__lt=before) if before else rows).newest_pks(found.user, count)


def rows_of(pks: list[int]) -> list[Generation]:
    return list(Generation.objects.filter(pk__in=pks).with_everything().newest_first())


def archive_of(
    rows: list[Generation], user, is_clean: bool = False, collection: Collection | None = None
) -> StreamingHttpResponse:
    """These videos, each with a description inside unless `is_clean`, and contents.csv, which lists them all. A video
    whose file was removed meanwhile is left out. `collection`: the one that all names contain."""
    pattern = Preferences.objects.of(user).name_pattern
    collections = collections_in_names(rows, user, pattern, collection)
    parts = parts_of_each(rows, is_clean)  # last: files may be removed at any moment
    rows = [row for row in rows if row.pk in parts]
    archive = ZipStream(compress_type=ZIP_STORED, sized=True)
    names = archive_names(rows, pattern, collections)
    add_videos(archive, rows, names, parts)
    if not is_clean:
        archive.add(contents(names, rows), "contents.csv")
    return sent(archive, archive_name())


def long_archive(found: FilteredGallery) -> Iterator[bytes]:
    """An archive of any number of videos: the next ones are looked up when those before them are sent."""
    archive, user = ZipStream(compress_type=ZIP_STORED), found.user
    pattern = Preferences.objects.of(user).name_pattern
    taken: set[str] = set()
    count, before = 0, None
    with TemporaryFile() as lines:
        while pks := newest_saved(found, before, AT_ONCE):
            before, rows = pks[-1], rows_of(pks)
            collections = collections_in_names(rows, user, pattern)
            parts = parts_of_each(rows, is_clean=False)
            rows = [row for row in rows if row.pk in parts]
            names = archive_names(rows, pattern, collections, count + 1, taken)
            lines.write(contents(names, rows, has_head=not count))
            count += len(rows)
            release_database()
            add_videos(archive, rows, names, parts)
            yield from archive.all_files()
        lines.seek(0)
        archive.add(iter(partial(lines.read, CHUNK), b""), "contents.csv")
        yield from archive.finalize()


def add_videos(archive: ZipStream, rows: list[Generation], names: list[str], parts: dict[int, list[Part]]):
    for generation, name in zip(rows, names, strict=True):
        own = parts[generation.pk]
        archive.add(chunks(generation.saved_video.file, own), name, size=size_of(own))


def archive_name() -> str:
    return f"videos {timezone.localtime():%Y-%m-%d %H%M}.zip"


def sent(archive: ZipStream | Iterator[bytes], name: str) -> StreamingHttpResponse:
    """The archive as a download of this name. The database is released, because a download may take hours."""
    response = StreamingHttpResponse(archive, content_type="application/zip")
    if isinstance(archive, ZipStream):
        response["Content-Length"] = str(len(archive))
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["Cache-Control"] = "private, no-store"
    release_database()
    return response


def parts_of_each(rows: list[Generation], is_clean: bool) -> dict[int, list[Part]]:
    """Id → the parts of its file, for those that have one. A bucket is asked about several at once, because
    each answer takes time."""
    look = partial(parts_of, is_clean=is_clean)
    if settings.BUCKET and not is_clean:
        with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            found = list(pool.map(look, rows))
    else:
        found = list(map(look, rows))
    return {row.pk: parts for row, parts in zip(rows, found, strict=True) if parts}


def parts_of(generation: Generation, is_clean: bool) -> list[Part]:
    """The parts of its file in the archive; none once its file is removed."""
    saved = generation.saved_video
    try:
        if is_clean:
            return [Part(0, saved.size if settings.BUCKET else saved.file.size)]
        return described_parts(generation)
    except FileNotFoundError:
        return []


def chunks(file, parts: list[Part]) -> Iterator[bytes]:
    yield from chunks_of(SplicedFile(open_stored(file), parts), CHUNK)
