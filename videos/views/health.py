"""Whether the studio can do its work, for whoever watches over it from outside.

A fault of the studio's own code answers 503 like any other part that fails: it does not pass by itself, somebody has
to act, and monitors only notice the status. 200 with a word in the JSON is what hid that no video was ever saved.
"""

import shutil
import tempfile

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.files.storage import default_storage
from django.db import connection
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from videos.models import ProcessLock, StudioFault

WORKER_SEEN_WITHIN = 60  # seconds
FAULTS_SHOWN = 10


def database_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone() == (1,)


def worker_was_seen() -> bool:
    seconds = ProcessLock.objects.seconds_since("pump")
    return seconds is not None and seconds < WORKER_SEEN_WITHIN


def storage_is_writable() -> bool:
    """A folder is tried with a file that has no name; a bucket is only asked, because every write would cost."""
    if settings.BUCKET:
        default_storage.exists("healthz")
        return True
    settings.MEDIA_ROOT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=settings.MEDIA_ROOT) as file:
        return file.write(b"healthy") == 7


def space_is_free() -> bool:
    return shutil.disk_usage(settings.DATA).free > settings.MIN_FREE_BYTES


def no_job_fails() -> bool:
    return not StudioFault.objects.open().exists()


def open_faults() -> list[dict[str, str | int]]:
    """Job, place and type of each fault of the studio, the oldest first."""
    rows = StudioFault.objects.open().values("job", "place", "error", "count", "first_seen_at", "last_seen_at")
    return list(rows[:FAULTS_SHOWN])


PARTS = {
    "database": database_answers,
    "worker": worker_was_seen,
    "storage": storage_is_writable,
    "free_space": space_is_free,
    "jobs": no_job_fails,
}


def works(part) -> bool:
    try:
        return part()
    except Exception:  # whatever it is, this part does not work, and the others are still to be told of
        return False


@login_not_required
@never_cache
@require_safe
def healthz(request):
    """200 when every part works, else 503; the JSON says which one does not, and where a job met a fault of ours."""
    parts = {name: works(part) for name, part in PARTS.items()}
    healthy = all(parts.values())
    faults = {} if parts["jobs"] else {"faults": works(open_faults) or []}
    return JsonResponse({"ok": healthy, **parts, **faults}, status=200 if healthy else 503)
