"""Imports videos that were made outside the studio. They are stored like saved copies, as sources of frames."""

import math
import shutil
import uuid
from pathlib import Path

from django.core.files.uploadedfile import UploadedFile

from videos.models import Batch, Generation, SavedVideo
from videos.models.studio_settings import current
from videos.storage.digests import sha256_of_path
from videos.storage.examine_process import examine_apart
from videos.storage.folders import make_folder
from videos.storage.names import Names, partial_path
from videos.storage.not_saved import NotSaved
from videos.storage.partial_file import publish

LONGEST_WORDS = 300


class TooLarge(Exception):
    """The file is larger than what this studio keeps."""


def import_video(owner, file: UploadedFile) -> Generation:
    """Checks the uploaded video by its bytes and keeps it. Raises TooLarge, NotAVideo or NotStored."""
    if file.size > current().max_video_bytes:
        raise TooLarge
    public_id = uuid.uuid4()
    names = Names.of(Generation(public_id=public_id))
    partials = [partial_path(name) for name in (names.video, names.poster, names.last_frame)]
    try:
        copy = examined(file, names, *partials)
        return Batch.objects.add_imported(owner, public_id, words_of(file.name), ratio_of(copy), copy)
    except NotSaved:
        for partial in partials:
            partial.unlink(missing_ok=True)
        raise


def examined(file: UploadedFile, names: Names, video: Path, poster: Path, last_frame: Path) -> SavedVideo:
    """The row of the copy. Its files have their final names by then."""
    for partial in (video, poster, last_frame):
        make_folder(partial.parent)
    with video.open("wb") as target:
        shutil.copyfileobj(file, target)
    video.chmod(0o600)
    facts = examine_apart(video, poster, last_frame)
    copy = names.saved_video(facts, file.size, sha256_of_path(video))
    for name in names.to_publish:
        publish(name)
    return copy


def words_of(name: str) -> str:
    """The file's name without its extension, which an imported video has in place of a prompt."""
    words = "".join(char for char in Path(name or "").stem if char.isprintable()).strip()
    return words[:LONGEST_WORDS] or "Imported video"


def ratio_of(copy: SavedVideo) -> str:
    """The nearest usual ratio, such as 16:9, or the reduced fraction if none is near."""
    for common in ((16, 9), (9, 16), (1, 1), (4, 3), (3, 4), (21, 9)):
        if math.isclose(copy.width / copy.height, common[0] / common[1], rel_tol=0.02):
            return f"{common[0]}:{common[1]}"
    part = math.gcd(copy.width, copy.height)
    return f"{copy.width // part}:{copy.height // part}"
