"""Smaller posters for cards, made on first use and stored next to the full poster."""

import io
import logging

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError
from django.db.models.fields.files import FieldFile
from PIL import Image

from videos.models import SavedVideo

logger = logging.getLogger(__name__)

ANY = 10_000  # pixels
BOXES = {  # the pixels that each kind fits into; the later boxes are for pictures with too many bytes at any quality
    "row": ((ANY, 270), (ANY, 200), (ANY, 135)),  # as high as a row of cards: browsers keep it decoded, 4 bytes a pixel
    "small": ((720, 640), (540, 480), (360, 320)),  # for large cards, and for screens with more pixels, as phones have
}
MAX_BYTES = 20_000  # reached with lower quality first, then with fewer pixels
QUALITIES = (72, 56, 40)


def smaller_poster(saved: SavedVideo, kind: str) -> FieldFile | None:
    """The poster of this kind, made now if there is none; None if it cannot be made."""
    field = f"{kind}_poster"
    if made := getattr(saved, field):
        return made
    try:
        content = ContentFile(shrunk(saved, BOXES[kind]))
        name = default_storage.save(saved.poster.name.replace(".jpg", f".{kind}.webp"), content)
        rows = SavedVideo.objects.filter(pk=saved.pk, poster=saved.poster.name, **{field: ""})
        if not rows.update(**{field: name}):  # another request was first
            default_storage.delete(name)
        saved.refresh_from_db(fields=[field])
    except (OSError, DatabaseError, SavedVideo.DoesNotExist) as error:
        logger.warning("No %s poster of %s: %s", kind, saved.poster.name, type(error).__name__)
        return None
    return getattr(saved, field) or None


def shrunk(saved: SavedVideo, boxes: tuple[tuple[int, int], ...]) -> bytes:
    with saved.poster.storage.open(saved.poster.name) as file, Image.open(file, formats=("JPEG",)) as poster:
        least = min(boxes[0])
        poster.draft("RGB", (least, least))
        picture = poster.convert("RGB")
    for box in boxes:
        picture.thumbnail(box)
        for quality in QUALITIES:
            out = io.BytesIO()
            picture.save(out, "WEBP", quality=quality)
            if out.tell() <= MAX_BYTES:
                return out.getvalue()
    return out.getvalue()


def discard_smaller_posters(saved: SavedVideo):
    """The poster was redrawn, so the smaller ones are discarded."""
    saved.generation.record_redrawn()
    for smaller in filter(None, (saved.small_poster, saved.row_poster)):
        default_storage.delete(smaller.name)
