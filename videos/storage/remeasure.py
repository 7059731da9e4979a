"""Measures saved copies again that an earlier version measured without pixel shape, rotation and codec string.

Such rows have an empty codec string. A limited number is measured each night.
"""

import logging
import tempfile
import time
from pathlib import Path

from django.core.files.storage import default_storage

from videos import stopping
from videos.models import SavedVideo
from videos.outages import outage_of
from videos.storage import probe
from videos.storage.consistency import CannotRepair, redraw

logger = logging.getLogger(__name__)

MAX_IN_A_NIGHT = 500
SECONDS_IN_A_NIGHT = 900.0


def measure_earlier_copies(limit: int = MAX_IN_A_NIGHT, seconds: float = SECONDS_IN_A_NIGHT) -> int:
    """Measures the newest ones first. Returns how many were measured again."""
    until, measured = time.monotonic() + seconds, 0
    for copy in SavedVideo.objects.measured_by_an_earlier_version()[:limit]:
        if stopping.is_set() or time.monotonic() > until:
            break
        measured += is_measured(copy)
    return measured


def is_measured(copy: SavedVideo) -> bool:
    """A file that cannot be decoded keeps its old values and is not tried again. A file that the storage does not
    give now is tried in another night; the consistency check reports missing files."""
    try:
        facts = look_at(copy.file.name)
        if (facts.width, facts.height) != (copy.width, copy.height):
            redraw(copy.generation)
        copy.generation.measure_again(facts)
    except (probe.NotAVideo, CannotRepair) as error:
        logger.warning("Saved copy %s cannot be measured again: %s", copy.pk, error)
        copy.keep_measurements()
        return False
    except Exception as error:
        if not isinstance(error, FileNotFoundError) and not outage_of(error):
            raise
        logger.warning("Saved copy %s cannot be read: %s", copy.pk, type(error).__name__)
        return False
    return True


def look_at(name: str) -> probe.VideoFacts:
    with tempfile.NamedTemporaryFile(suffix=".mp4") as video, default_storage.open(name) as stored:
        for chunk in stored.chunks(1024 * 1024):
            video.write(chunk)
        video.flush()
        return probe.check_video(Path(video.name))
