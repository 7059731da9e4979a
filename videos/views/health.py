"""Whether the studio can do its work, for whoever watches over it from outside."""

import shutil
import tempfile

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.files.storage import default_storage
from django.db import connection
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from videos.models import ProcessLock

WORKER_SEEN_WITHIN = 60  # seconds


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


PARTS = {
    "database": database_answers,
    "worker": worker_was_seen,
    "storage": storage_is_writable,
    "free_space": space_is_free,
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
    """200 when every part works, else 503; which one is in the JSON, and nothing else is."""
    parts = {name: works(part) for name, part in PARTS.items()}
    healthy = all(parts.values())
    return JsonResponse({"ok": healthy, **parts}, status=200 if healthy else 503)
