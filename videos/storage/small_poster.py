"""Posters in the size in which cards show them: made when one is first asked for, and kept beside the poster."""

import io
import logging

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError
from django.db.models.fields.files import FieldFile
from PIL import Image

from videos.models import SavedVideo

logger = logging.getLogger(__name__)

SIDES = (640, 480, 320)  # pixels of the longer side: a card is hardly wider on the screens that most people have
MOST_BYTES = 20_000  # reached by a lower quality, and then by fewer pixels
QUALITIES = (72, 56, 40)


def small_poster(saved: SavedVideo) -> FieldFile | None:
    """The small poster, made now where there is none; None where it cannot be."""
    if saved.small_poster:
        return saved.small_poster
    try:
        name = default_storage.save(saved.poster.name.replace(".jpg", ".small.webp"), ContentFile(shrunk(saved)))
        rows = SavedVideo.objects.filter(pk=saved.pk, small_poster="", poster=saved.poster.name)
        if not rows.update(small_poster=name):  # somebody else was first
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


def forget_small_poster(saved: SavedVideo):
    """The poster is drawn anew."""
    if saved.small_poster:
        name = saved.small_poster.name
        SavedVideo.objects.filter(pk=saved.pk).update(small_poster="")
        default_storage.delete(name)
