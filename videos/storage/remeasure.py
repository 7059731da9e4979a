"""Measures again what an earlier version measured: it took no notice of pixel shapes, rotation and codec strings.

Such rows are known by their empty codec string. So many are done each night, and the rest in the nights after.
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

MOST_IN_A_NIGHT = 500
SECONDS_IN_A_NIGHT = 900.0


def measure_earlier_copies(most: int = MOST_IN_A_NIGHT, seconds: float = SECONDS_IN_A_NIGHT) -> int:
    """How many were measured again; the newest first."""
    until, measured = time.monotonic() + seconds, 0
    for copy in SavedVideo.objects.measured_by_an_earlier_version()[:most]:
        if stopping.is_set() or time.monotonic() > until:
            break
        measured += is_measured(copy)
    return measured


def is_measured(copy: SavedVideo) -> bool:
    """One that this studio cannot read keeps what is known of it, and is not tried again. What the storage does not
    give now is tried in another night; the consistency check tells of what is missing."""
    try:
        facts = look_at(copy.file.name)
        if (facts.width, facts.height) != (copy.width, copy.height):
            redraw(copy.generation)
        copy.measure_again(facts)
    except (probe.NotAVideo, CannotRepair) as error:
        logger.warning("Saved copy %s cannot be measured again: %s", copy.pk, error)
        copy.keep_measure()
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
