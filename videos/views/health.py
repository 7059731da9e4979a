"""`/healthz`: whether the studio works, for monitoring from outside.

A fault of the studio's own code answers 503 like any other part that fails: it does not pass by itself, and monitors
only notice the status. A 200 with a note in the JSON once hid that no video was ever saved.
"""

import shutil

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from videos.models import ProcessLock, StudioFault
from videos.models.process_lock import POLLER, WORKER_SILENT
from videos.models.studio_settings import current
from videos.storage.writable import writable

FAULTS_SHOWN = 10


def worker_was_seen() -> bool:
    seconds = ProcessLock.objects.seconds_since(POLLER)
    return seconds is not None and seconds <= WORKER_SILENT


def space_is_free() -> bool:
    return shutil.disk_usage(settings.DATA).free > current().min_free_bytes


def no_job_fails() -> bool:
    return not StudioFault.objects.open().exists()


def open_faults() -> list[dict[str, str | int]]:
    """Job, place and type of each fault of the studio, the oldest first."""
    rows = StudioFault.objects.open().values("job", "place", "error", "count", "first_seen_at", "last_seen_at")
    return list(rows[:FAULTS_SHOWN])


PARTS = {
    "worker": worker_was_seen,
    "free_space": space_is_free,
    "jobs": no_job_fails,
}


def works(part) -> bool:
    try:
        return part()
    except Exception:  # this part does not work, and the others must still be reported
        return False


@login_not_required
@never_cache
@require_safe
def healthz(request):
    """200 if every part works, else 503. The JSON says which part does not, and lists the studio's own faults."""
    parts = writable.parts() | {name: works(part) for name, part in PARTS.items()}
    healthy = all(parts.values())
    faults = {} if parts["jobs"] else {"faults": works(open_faults) or []}
    return JsonResponse({"ok": healthy, **parts, **faults}, status=200 if healthy else 503)
