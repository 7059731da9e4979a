"""The most memory that one piece of nightly or exporting work takes: `… tests.benchmarks.memory <what>`, in a process
of its own, over the studio whose environment it has. Prints JSON: seconds, and megabytes before and at the most."""

import json
import sys
import tempfile
import time
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from videos.models import SavedVideo  # noqa: E402
from videos.models.recount import differences  # noqa: E402
from videos.storage import consistency  # noqa: E402
from videos.storage.backup import back_up  # noqa: E402
from videos.storage.listing import ListedFile  # noqa: E402


def check_stored_totals():
    assert differences() == []


def check_storage():
    """As if every file that a row names was there: a million videos would be three million files."""
    consistency.list_storage = named_files
    assert consistency.compare() == []


def named_files():
    now = timezone.now()
    for *names, size in SavedVideo.objects.values_list("file", "poster", "last_frame", "size").iterator(2000):
        yield from ((name, ListedFile(size, now)) for name in names if name)


def make_backup():
    with tempfile.TemporaryDirectory(dir=settings.DATA) as folder:
        back_up(Path(folder) / "backup")


def download_usage():
    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    owner = get_user_model().objects.get(username="bench")
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/usage.csv?days=365").status_code == 200


WHAT = {
    "stored totals": check_stored_totals,
    "storage": check_storage,
    "backup": make_backup,
    "usage as CSV": download_usage,
}


def megabytes(name: str) -> int:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) // 1024


def main(what):
    before, started = megabytes("VmRSS"), time.perf_counter()
    WHAT[what]()
    seconds = round(time.perf_counter() - started, 1)
    print(json.dumps({"seconds": seconds, "before_mb": before, "most_mb": megabytes("VmHWM")}))


if __name__ == "__main__":
    main(sys.argv[1])
