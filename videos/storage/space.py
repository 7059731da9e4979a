"""Stops sending before the disk is full, so that every video that is paid for can be saved."""

import math
import shutil

from django.conf import settings

from videos.models import Alarm
from videos.models.event import THIS_HOST
from videos.models.studio_settings import current
from videos.text import bytes_in_words

RESERVE = 256 * 1024**2  # bytes beyond what always stays free: room for what is in progress


def free() -> float:
    try:
        return shutil.disk_usage(settings.DATA).free
    except OSError:  # a missing folder is reported by /healthz, not here
        return math.inf


def needed() -> int:
    """How many bytes must be free before anything new is sent; 0 if the owner turned this off."""
    return current().min_free_bytes and current().min_free_bytes + RESERVE


def has_room() -> bool:
    """Whether something new may be sent from this host. Raises or ends the alarm."""
    left, wanted = free(), needed()
    if left >= wanted:
        Alarm.objects.end(Alarm.Kind.DISK, THIS_HOST)
        return True
    Alarm.objects.set_off(Alarm.Kind.DISK, THIS_HOST, sentence(wanted))
    return False


def sentence(wanted: int) -> str:
    return (
        f"Less than {bytes_in_words(wanted)} is free on {THIS_HOST}, in {settings.DATA}. Nothing new is sent, and "
        "nothing is charged, until there is space again; videos in progress are still saved as long as they fit."
    )
