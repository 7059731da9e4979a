"""Many people and the worker write to the same rows at once on PostgreSQL: no deadlock, and no error page.

`STUDIO_RACE_SECONDS=60 pytest tests/test_row_locks.py` races for as long as that; by default only a few seconds.
"""

import os
import random
import time
import traceback
import uuid

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, OperationalError
from django.db.models import F
from django.utils import timezone
from psycopg.errors import DeadlockDetected, ForeignKeyViolation, UniqueViolation

from tests.parts.crowd import crowd
from tests.parts.people import make_owner, signed_in
from tests.parts.postgres import MIGRATED
from tests.parts.processes import ROOT
from tests.parts.studio import Studio
from videos.lifecycle import Status
from videos.models import Batch, Generation, Outcome, Provider, Request, SavedVideo
from videos.models.transactions import retried

SECONDS = float(os.environ.get("STUDIO_RACE_SECONDS", 6))
ROWS = 60


def make_rows():
    owner = make_owner()
    generate(owner, "running", status=Status.RUNNING)
    generate(owner, "saving", status=Status.SAVING)
    generate(owner, "ready", status=Status.READY)


def generate(owner, prompt, count=ROWS, **fields):
    provider = Provider.objects.get(value="sora_v2_pro")
    batch = Batch.objects.make(owner, uuid.uuid4().hex, [Request(prompt, provider)] * count)
    for generation in batch.generations.all():
        remote = {"remote_id": f"node-{uuid.uuid4().hex}"} if fields else {}
        Generation.objects.filter(pk=generation.pk).update(**fields, **remote)
    return batch


# What each process does again and again. All return how often they did it.
def race(number):
    works = (select_in_the_gallery, record_polls, save, cancel_and_empty_the_trash)
    owner = get_user_model().objects.get()
    work = works[number % len(works)](owner, random.Random(number))
    rounds, end = 0, time.monotonic() + SECONDS
    try:
        while not rounds or time.monotonic() < end:
            next(work)
            rounds += 1
    except Exception:
        return traceback.format_exc()
    return rounds


def select_in_the_gallery(owner, draw):
    client = signed_in(owner)
    ids = list(Generation.objects.filter(prompt__in=["running", "ready"]).values_list("public_id", flat=True))
    while True:
        for operation in ("favourite", "trash", "undo", "share"):
            chosen = draw.sample(ids, ROWS)
            reply = client.post("/selected", {"operation": operation, "ids": chosen})
            assert reply.status_code == 302, reply.status_code
            yield


def record_polls(owner, draw):
    pks = list(Generation.objects.filter(prompt="running").values_list("pk", flat=True))
    while True:
        token = uuid.uuid4()
        for pk in pks:
            Generation.objects.filter(pk=pk).update(lease_token=token, lease_until=timezone.now(), status="running")
        word = draw.choice(["queued", "rendering", "almost"])
        fields = {"due_at": timezone.now(), "remote_status": word}
        draw.shuffle(pks)
        Generation.objects.record_outcomes([Outcome(pk, token, Status.RUNNING, fields) for pk in pks])
        Generation.objects.release_polls()
        yield


def save(owner, draw):
    pks = list(Generation.objects.filter(prompt="saving").values_list("pk", flat=True))
    while True:
        generation = Generation.objects.claim_to_save(draw.choice(pks))
        if generation:
            copy = SavedVideo(file="a.mp4", poster="a.jpg", last_frame="b.jpg", size=1, sha256="0" * 64, **FACTS)
            generation.keep_video(generation.lease_token, copy)
            generation.fetch_again()
        yield


def cancel_and_empty_the_trash(owner, draw):
    client = signed_in(owner)
    while True:
        batch = generate(owner, "mistake", 6)
        first, *_ = mistakes = list(batch.generations.order_by("pk"))
        press_again = Batch.objects.make(owner, uuid.uuid4().hex, [Request.again(first)] * 3)
        mistakes += press_again.generations.all()
        draw.shuffle(mistakes)
        for generation in mistakes:
            generation.cancel()
        ids = [generation.public_id for generation in mistakes]
        client.post("/selected", {"operation": "trash", "ids": ids})
        reply = client.post("/trash/empty")
        assert reply.status_code == 302, reply.status_code
        yield


FACTS = {"width": 2, "height": 2, "seconds": 1.0, "fps": 24.0, "codec": "h264", "has_sound": False}


@pytest.mark.timeout(SECONDS + 600)
def test_people_the_poller_the_saver_and_the_trash_race_without_a_deadlock_or_an_error(postgres, tmp_path):
    url = postgres.new_database(MIGRATED)
    studio = Studio(tmp_path, {"DATABASE_URL": url})
    studio.manage("shell", "-v", "0", "-c", "from tests.test_row_locks import make_rows; make_rows()")
    rounds = crowd("tests.test_row_locks:race", url, studio.data, processes=12, seconds=SECONDS + 500)
    errors = [answer for answer in rounds if not isinstance(answer, int)]
    assert not errors, f"{len(errors)} of {len(rounds)} met an error, the first of which is {errors[0]}"
    assert min(rounds) > 0
    deadlocks = [line for line in postgres.log.read_text().splitlines() if "deadlock detected" in line]
    assert deadlocks == []


def test_every_transaction_of_ours_is_repeated_after_a_deadlock():
    """`transaction.atomic` is used only where a repetition is impossible or not wanted; elsewhere use `retried`."""
    probe = "videos/storage/writable.py"  # writes one row and takes it back, on a connection of its own
    single = {"videos/models/transactions.py", "videos/models/process_lock.py", "videos/engine/submit.py", probe}
    single |= {"videos/models/recount.py"}  # where it only reads, at one moment
    single |= {"videos/search_index.py", "videos/storage/move_database.py"}  # while the studio stands still
    found = {str(path.relative_to(ROOT)) for path in ROOT.glob("videos/**/*.py") if "atomic(" in path.read_text()}
    assert found == single


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_deadlock_is_repeated_together_with_what_was_half_done(owner):
    [generation] = generate(owner, "a lighthouse", 1).generations.all()
    times = []

    @retried
    def favourite():
        times.append(1)
        Generation.objects.filter(pk=generation.pk).update(send_attempts=F("send_attempts") + 1)
        if len(times) < 3:
            raise OperationalError("deadlock detected") from DeadlockDetected()

    favourite()
    generation.refresh_from_db()
    assert (len(times), generation.send_attempts) == (3, 1)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_removing_what_somebody_has_just_referred_to_is_repeated():
    times = []

    @retried
    def remove():
        times.append(1)
        if len(times) < 2:
            raise IntegrityError("still referenced") from ForeignKeyViolation()

    remove()
    assert len(times) == 2


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("cause", [None, UniqueViolation()])
def test_another_failure_of_the_database_is_not_repeated(cause):
    times = []
    failure = IntegrityError if cause else OperationalError

    @retried
    def fail():
        times.append(1)
        raise failure("disk full") from cause

    with pytest.raises(failure):
        fail()
    assert len(times) == 1
