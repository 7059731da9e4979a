"""The consistency check: compares the files in the storage with the rows, for `checkstudio` and the nightly task.

An unknown file is never removed: it is set aside. Only two things are deleted: partial files that no generation waits
for, and videos that have been in the trash for long enough.
"""

import logging
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.utils import timezone

from videos import bucket_errors, planner_statistics, stopping, wording
from videos.lease_files import new_lease
from videos.lifecycle import FINAL, Status
from videos.models import Generation, Picture, ProcessLock, SavedVideo
from videos.models.process_lock import NIGHTLY
from videos.models.recount import differences, recount
from videos.models.studio_settings import current
from videos.models.transactions import unmapped
from videos.remotes.errors import RemoteError
from videos.storage import probe
from videos.storage.checked_connection import FetchError
from videos.storage.digests import sha256_in_storage
from videos.storage.download import guard_for, look
from videos.storage.folders import make_folder, walk
from videos.storage.listing import ListedFile, Listing
from videos.storage.names import Names
from videos.storage.small_poster import discard_smaller_posters

logger = logging.getLogger(__name__)

OUR_FOLDERS = ("videos/", "posters/", "frames/", "pictures/")  # a bucket may hold more than ours
SET_ASIDE = "lost-and-found"
PARTIAL_ENDINGS = frozenset({".part", ".json", ".new"})
A_FEW = 3
AT_ONCE = 500  # rows
MAX_FINDINGS = 10_000  # of a kind in one look; the next look finds what is left
DIFFERENCES_LOGGED = 20
YOUNG = timedelta(hours=1)  # a newer file may be waiting for its row
FORGOTTEN = timedelta(days=1)
PUBLIC_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LOCK_SECONDS = 3600  # as long as django-q2 lets the nightly task run
HASHED_IN_NIGHTS = 30  # each file is read and hashed once in this many nights, as far as time allows
HASHING_SECONDS = 600.0
MADE_IN_DEMO = "it was made in demo mode, and only a studio in demo mode can draw it again"
MADE_FOR_REAL = "it was made with an API key, and this studio runs without one"


class Kind(StrEnum):
    MISSING = "missing"
    CHANGED = "changed"
    ORPHAN = "orphan"
    STALE = "stale"


def storage_errors() -> tuple[type[Exception], ...]:
    """The errors of a disk or a bucket that fails."""
    return (OSError, *bucket_errors.refused())


@dataclass(frozen=True)
class Finding:
    """One mismatch. `name` is a name in the storage, or the path of a stale partial file."""

    kind: Kind
    name: str
    words: str
    generation_id: int | None = None

    def __str__(self):
        return f"{self.kind}: {self.name} ({self.words})"


class CannotRepair(Exception):
    """`str(error)` says why, in words for a person."""


def nightly() -> None:
    """Empties the trash, and repairs what it can. Runs on one host at a time."""
    with new_lease() as token:
        if ProcessLock.objects.acquire(NIGHTLY, LOCK_SECONDS, token):
            check_stored_totals()
            check_and_repair()
            ProcessLock.objects.release(NIGHTLY, token)


def check_stored_totals():
    """Corrects stored totals that differ from their rows. Such a difference is a fault of the studio, and is logged."""
    found = differences()
    for sentence in found[:DIFFERENCES_LOGGED]:
        logger.error("A stored total was wrong: %s", sentence)
    if found:
        recount()
    planner_statistics.refresh()


def check_and_repair():
    try:
        empty_trash()
        tonights = tonight(timezone.localdate().toordinal())
        repair_all(compare(is_hashed=tonights, is_recorded=True))
    except storage_errors() as error:
        logger.warning("The nightly check could not read the storage: %s", type(error).__name__)


def tonight(day: int) -> Callable[[int], bool]:
    """A function that says whether a file is to be hashed tonight, while there is time left."""
    until = time.monotonic() + HASHING_SECONDS

    def is_hashed(pk: int) -> bool:
        is_its_turn = pk % HASHED_IN_NIGHTS == day % HASHED_IN_NIGHTS
        return is_its_turn and time.monotonic() < until and not stopping.is_set()

    return is_hashed


def looks_like_another_storage(findings: list[Finding]) -> bool:
    """Whether most copies are missing or most files are unknown: an unmounted disk, or another studio's database.

    Repairing would then download everything again, or set everything aside.
    """
    missing, strange = (sum(finding.kind == kind for finding in findings) for kind in (Kind.MISSING, Kind.ORPHAN))
    copies = SavedVideo.objects.count()
    return (missing > A_FEW and missing > copies / 2) or (strange > A_FEW * A_FEW and strange > copies)


def repair_all(findings: list[Finding]):
    if looks_like_another_storage(findings):
        logger.error("Storage and rows differ widely (%d findings): nothing is repaired automatically.", len(findings))
        return
    for finding in findings:
        try:
            logger.warning("%s: %s", finding, repair(finding))
        except CannotRepair as error:
            logger.error("%s: not repaired, because %s", finding, error)
        except storage_errors() as error:  # the others may succeed
            logger.error("%s: not repaired, because the storage failed: %s", finding, type(error).__name__)


def empty_trash() -> int:
    """Deletes videos that were in the trash long enough, with their files, except unfinished ones. Returns how many."""
    before = timezone.now() - timedelta(days=current().trash_days)
    old = Generation.objects.filter(tab="trash").removable().filter(trashed_at__lt=before)
    return sum(generation.remove_for_good() for chunk in in_chunks(old) for generation in chunk)


# Comparing
@dataclass
class Hashing:
    """Which files are read and hashed too, and the rows of those that were whole."""

    is_wanted: Callable[[int], bool]
    whole: list[SavedVideo | Picture] = field(default_factory=list)

    def wrong_bytes(self, row: SavedVideo | Picture) -> str:
        """The problem with the bytes of a file, or "". A file that cannot be read does not stop the check."""
        if not self.is_wanted(row.pk):
            return ""
        name = row.file.name
        try:
            if sha256_in_storage(name) != row.sha256:
                return "other bytes than"
            self.whole.append(row)
        except OSError as error:
            logger.warning("%s cannot be read: %s", name, error.strerror)
            is_still_there = type(row).objects.filter(pk=row.pk).exists() and default_storage.exists(name)
            return "unreadable:" if is_still_there else ""
        return ""


def compare(is_hashed: Callable[[int], bool] = lambda pk: False, is_recorded: bool = False) -> list[Finding]:
    """All mismatches, orphans first. `is_hashed(pk)` selects the copies whose bytes are compared too; if
    `is_recorded`, each video whose bytes are right has that in its history.

    The storage is listed before the rows are read, so a file created in between is not seen at all.
    """
    now, found, strange = timezone.now(), [], []
    with unmapped(), Listing(list_storage()) as listing:
        for rows, check in (
            (SavedVideo.objects.select_related("generation"), check_copy),
            (Picture.objects, check_picture),
        ):
            for chunk in in_chunks(rows):
                stored = listing.take([file.name for row in chunk for file in row.files() if file])
                hashing = Hashing(is_hashed)
                found += (finding for row in chunk for finding in check(row, stored, hashing))
                if is_recorded:
                    whole = [row.generation_id for row in hashing.whole if isinstance(row, SavedVideo)]
                    Generation.objects.record_whole(whole)
                if len(found) > MAX_FINDINGS:
                    break
        for files in listing.strangers():
            strange += orphans(files, now)
            if len(strange) > MAX_FINDINGS:
                break
    return [*strange, *stale_partial_files(now), *found, *unsaved()]


def in_chunks(rows) -> Iterator[list]:
    """All rows by their primary keys, some at a time."""
    last = 0
    while chunk := list(rows.filter(pk__gt=last).order_by("pk")[:AT_ONCE]):
        yield chunk
        last = chunk[-1].pk


def list_storage() -> Iterator[tuple[str, ListedFile]]:
    """All files that have their final name, by their name in the storage."""
    if settings.BUCKET:
        for prefix in OUR_FOLDERS:
            for item in default_storage.bucket.objects.filter(Prefix=prefix):
                yield item.key, ListedFile(item.size, item.last_modified)
        return
    root = Path(default_storage.path(""))
    for folder in OUR_FOLDERS:
        for path in walk(root / folder):
            if not path.name.startswith("."):
                yield str(path.relative_to(root)), stat_of(path)


def stat_of(path: Path) -> ListedFile:
    try:
        found = path.stat()
    except FileNotFoundError:  # removed since it was listed
        return ListedFile(0, timezone.now())
    return ListedFile(found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))


def orphans(strangers: dict[str, ListedFile], now: datetime) -> Iterator[Finding]:
    """Files without a row, unless they are new or belong to a generation in progress."""
    old = {name: file for name, file in strangers.items() if now - file.modified > YOUNG}
    awaited = ids_in_progress(old)
    for name, file in sorted(old.items()):
        if public_id_in(name) not in awaited:
            yield Finding(Kind.ORPHAN, name, f"{file.size:,} bytes that no row names")


def ids_in_progress(names) -> set[str]:
    ids = {public_id for public_id in map(public_id_in, names) if public_id}
    unfinished = Generation.objects.filter(public_id__in=ids).exclude(status__in=FINAL)
    return {str(public_id) for public_id in unfinished.values_list("public_id", flat=True)}


def public_id_in(name: str) -> str:
    found = PUBLIC_ID.search(name)
    return found[0] if found else ""


def stale_partial_files(now: datetime) -> Iterator[Finding]:
    """Partial files whose generation no longer waits for them."""
    roots = [settings.PARTIAL_FOLDER] if settings.BUCKET else [settings.PARTIAL_FOLDER, Path(default_storage.path(""))]
    partials = [path for root in roots for path in walk(Path(root)) if is_partial_file(path)]
    awaited = ids_in_progress(path.name for path in partials)
    for path in partials:
        if public_id_in(path.name) not in awaited and now - stat_of(path).modified > FORGOTTEN:
            yield Finding(Kind.STALE, str(path), "a partial download that nobody waits for")


def is_partial_file(path: Path) -> bool:
    return path.name.startswith(".") and path.suffix in PARTIAL_ENDINGS and bool(public_id_in(path.name))


def check_copy(copy: SavedVideo, stored: dict[str, ListedFile], hashing: Hashing) -> Iterator[Finding]:
    whose = f"of {str(copy.generation.prompt)[:40]!r}"
    video = stored.get(copy.file.name)
    if video is None and is_truly_gone(copy, copy.file.name):
        yield Finding(Kind.MISSING, copy.file.name, f"the saved copy {whose}", copy.generation_id)
        return
    if video is not None and video.size != copy.size:
        words = f"the saved copy {whose} has {video.size:,} bytes in place of {copy.size:,}"
        yield Finding(Kind.CHANGED, copy.file.name, words, copy.generation_id)
        return
    if wrong := hashing.wrong_bytes(copy):
        yield Finding(Kind.CHANGED, copy.file.name, f"{wrong} the saved copy {whose}", copy.generation_id)
        return
    for file, what in ((copy.poster, "poster"), (copy.last_frame, "last frame")):
        is_empty = file.name in stored and stored[file.name].size == 0
        if is_empty or (file.name not in stored and is_truly_gone(copy, file.name)):
            yield Finding(Kind.MISSING, file.name, f"the {what} {whose}", copy.generation_id)


def is_truly_gone(row, name: str) -> bool:
    """Whether the file is missing now. A file that was created or removed since the listing is not a mismatch."""
    return type(row).objects.filter(pk=row.pk).exists() and not default_storage.exists(name)


def unsaved() -> Iterator[Finding]:
    lost = Generation.objects.filter(status=Status.READY, saved_video=None)
    for generation in lost[:MAX_FINDINGS].iterator(AT_ONCE):
        words = f"there is no row for the saved copy of {generation.prompt[:40]!r}"
        yield Finding(Kind.MISSING, Names.of(generation).video, words, generation.pk)


def check_picture(picture: Picture, stored: dict[str, ListedFile], hashing: Hashing) -> Iterator[Finding]:
    name = picture.file.name
    if name not in stored and is_truly_gone(picture, name):
        yield Finding(Kind.MISSING, name, "an uploaded picture")
    elif name in stored and stored[name].size != picture.size:
        words = f"an uploaded picture has {stored[name].size:,} bytes in place of {picture.size:,}"
        yield Finding(Kind.CHANGED, name, words)
    elif name in stored and (wrong := hashing.wrong_bytes(picture)):
        yield Finding(Kind.CHANGED, name, f"{wrong} an uploaded picture")


# Repairing
def repair(finding: Finding) -> str:
    """Repairs one mismatch and says how, in words for a person. Raises CannotRepair."""
    if finding.kind == Kind.ORPHAN:
        return f"set aside as {set_aside(finding.name)}"
    if finding.kind == Kind.STALE:
        Path(finding.name).unlink(missing_ok=True)
        return "removed"
    generation = Generation.objects.filter(pk=finding.generation_id).first()
    if generation is None:
        raise CannotRepair("only a backup has it")
    is_picture = finding.name in {Names.of(generation).poster, Names.of(generation).last_frame}
    generation.record_not_whole("check.picture" if is_picture else f"check.{finding.kind}")
    if is_picture:
        return redraw(generation)
    return fetch_again(generation)


def set_aside(name: str) -> str:
    """Moves a file to lost-and-found; in a folder by renaming, which takes no space and leaves no partial copy."""
    if not settings.BUCKET:
        kept = default_storage.get_available_name(f"{SET_ASIDE}/{name}")
        make_folder(Path(default_storage.path(kept)).parent)
        shutil.move(default_storage.path(name), default_storage.path(kept))
        return kept
    with default_storage.open(name) as file:
        kept = default_storage.save(f"{SET_ASIDE}/{name}", File(file))
    default_storage.delete(name)
    return kept


def redraw(generation: Generation) -> str:
    """Draws the poster and the last frame again from the saved copy."""
    copy = generation.saved_video
    with tempfile.TemporaryDirectory() as folder:
        video, picture = Path(folder) / "video.mp4", Path(folder) / "picture.jpg"
        with default_storage.open(copy.file.name) as source, video.open("wb") as target:
            for chunk in source.chunks(1024 * 1024):
                target.write(chunk)
        for draw, name in ((probe.poster, copy.poster.name), (probe.last_frame, copy.last_frame.name)):
            draw_into_storage(draw, video, picture, name)
    discard_smaller_posters(copy)
    return "drawn again from the saved copy"


def draw_into_storage(draw: Callable[[Path, Path], None], video: Path, picture: Path, name: str):
    try:
        draw(video, picture)
    except probe.NotAVideo as error:
        raise CannotRepair(f"the saved copy cannot be read. {error}") from None
    default_storage.delete(name)
    with picture.open("rb") as file:
        default_storage.save(name, File(file))


def fetch_again(generation: Generation, by=None) -> str:
    """Has the engine download the video again, if the remote API still has it. Returns words for a person.

    Asks the API and requests the first bytes before anything changes; the file that is there is set aside. Raises
    CannotRepair.
    """
    if generation.status != Status.READY:
        raise CannotRepair("only ready videos have a copy")
    if not generation.remote_id:
        raise CannotRepair(f"{generation.remote_name} did not make it; only a backup has it")
    if not generation.is_of_this_mode:
        raise CannotRepair(MADE_FOR_REAL if settings.DEMO else MADE_IN_DEMO)
    require_remote_copy(generation)
    name = Names.of(generation).video
    aside = f" and what was there is set aside as {set_aside(name)}" if default_storage.exists(name) else ""
    if not generation.fetch_again(by=by):
        raise CannotRepair("it has moved on meanwhile")
    return f"{generation.remote_name} still has it: it is fetched again{aside}"


def require_remote_copy(generation: Generation):
    try:
        found = generation.remote.poll(generation.remote_id)
    except RemoteError as error:
        why = wording.sentence("remote", error.cause, generation.remote_name)
        raise CannotRepair(f"{generation.remote_name} could not be asked for it. {why}") from None
    if not found.is_completed:
        raise CannotRepair(f"{generation.remote_name} no longer has it; only a backup has it")
    try:
        look(found.video_url, guard_for(generation.remote.trusted_origin))
    except FetchError as error:
        raise CannotRepair(f"{generation.remote_name} knows it, but {error}. The current copy is kept") from None
