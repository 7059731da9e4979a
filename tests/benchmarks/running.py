"""Many running generations, all due, as after an outage of the poller. `… tests.benchmarks.running <count>`"""

import json
import secrets
import sys
from datetime import timedelta

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from tests.parts.history import History  # noqa: E402
from videos import search_index  # noqa: E402
from videos.models import Generation  # noqa: E402
from videos.models.studio_settings import current  # noqa: E402


def make(count):
    """As the engine leaves them, with ledger lines: saved ones, set back to running. Their turns are spread over one
    interval, which has passed."""
    owner = get_user_model().objects.create_user(f"bench-{secrets.token_hex(4)}")
    search_index.drop()
    with transaction.atomic():
        History(owner, count).make()
        now, interval = timezone.now(), timedelta(seconds=current().poll_seconds)
        rows = list(Generation.objects.only("pk").order_by("pk"))
        for number, row in enumerate(rows):
            row.due_at = now - interval * number / len(rows)
        Generation.objects.bulk_update(rows, ["due_at"], batch_size=400)
        running = {"status": "running", "remote_status": "", "sent_at": now, "polled_since": now, "trashed_at": None}
        Generation.objects.update(**running, completed_at=None, ended_at=None, error_class="", settled=True)
    return {"in_flight": len(rows)}


if __name__ == "__main__":
    print(json.dumps(make(int(sys.argv[1]))))
