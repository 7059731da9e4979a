"""The guard that stops sending before the disk is full: a video that is paid for must find its place."""

import math
import shutil
import socket

from django.conf import settings

from videos.models import Alarm
from videos.models.studio_settings import current
from videos.storage.download import amount

RESERVE = 256 * 1024**2  # bytes beyond what always stays free: room for what is under way
THIS_HOST = socket.gethostname()[:64]


def free() -> float:
    try:
        return shutil.disk_usage(settings.DATA).free
    except OSError:  # a folder that is gone: said by /healthz, and no reason of this guard's
        return math.inf


def needed() -> int:
    """How much must be free before anything new is sent; 0 where the owner wants no guard."""
    return current().min_free_bytes and current().min_free_bytes + RESERVE


def has_room() -> bool:
    """Whether something new may be sent from this host. The alarm is set off, or ended, accordingly."""
    left, wanted = free(), needed()
    if left >= wanted:
        Alarm.objects.end(Alarm.Kind.DISK, THIS_HOST)
        return True
    Alarm.objects.set_off(Alarm.Kind.DISK, THIS_HOST, sentence(wanted))
    return False


def sentence(wanted: int) -> str:
    return (
        f"Less than {amount(wanted)} is free on {THIS_HOST}, in {settings.DATA}. Nothing new is sent, and nothing is "
        "charged, until there is room again; videos under way are still saved as long as they fit."
    )
