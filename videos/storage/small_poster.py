"""Small posters for cards, made on first use and stored next to the full poster."""

import io
import logging

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError
from django.db.models.fields.files import FieldFile
from PIL import Image

from videos.models import SavedVideo

logger = logging.getLogger(__name__)

SIDES = (640, 480, 320)  # pixels of the longer side; cards are rarely wider
MOST_BYTES = 20_000  # reached with lower quality first, then with fewer pixels
QUALITIES = (72, 56, 40)


def small_poster(saved: SavedVideo) -> FieldFile | None:
    """The small poster, made now if there is none; None if it cannot be made."""
    if saved.small_poster:
        return saved.small_poster
    try:
        name = default_storage.save(saved.poster.name.replace(".jpg", ".small.webp"), ContentFile(shrunk(saved)))
        rows = SavedVideo.objects.filter(pk=saved.pk, small_poster="", poster=saved.poster.name)
        if not rows.update(small_poster=name):  # another request was first
            default_storage.delete(name)
        saved.refresh_from_db(fields=["small_poster"])
    except (OSError, DatabaseError, SavedVideo.DoesNotExist) as error:
        logger.warning("No small poster of %s: %s", saved.poster.name, type(error).__name__)
        return None
    return saved.small_poster or None


def shrunk(saved: SavedVideo) -> bytes:
    with saved.poster.storage.open(saved.poster.name) as file, Image.open(file, formats=("JPEG",)) as poster:
        poster.draft("RGB", (SIDES[0], SIDES[0]))
        picture = poster.convert("RGB")
    for side in SIDES:
        picture.thumbnail((side, side))
        for quality in QUALITIES:
            out = io.BytesIO()
            picture.save(out, "WEBP", quality=quality)
            if out.tell() <= MOST_BYTES:
                return out.getvalue()
    return out.getvalue()


def discard_small_poster(saved: SavedVideo):
    """The poster was redrawn, so the small one is discarded."""
    saved.generation.record_redrawn()
    if saved.small_poster:
        default_storage.delete(saved.small_poster.name)
