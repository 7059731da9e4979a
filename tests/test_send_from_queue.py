"""A sender's task continues with the waiting rows: in the order of the queue, each once, until the worker stops."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from django_q.models import OrmQ

from tests.parts.accounts import account
from tests.parts.generations import make_queued
from tests.parts.people import make_member
from videos import stopping, tasks
from videos.engine.enqueue import enqueue_submit
from videos.host_locks import host_lock
from videos.limits import SENDERS
from videos.models import Generation
from videos.models.lease import CLAIM

LONG_AGO = timedelta(seconds=20)
pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def line(remote):
    member = make_member()
    return [make_queued(member, prompt, token=f"token-{prompt}") for prompt in ("one", "two", "three")]


def prompts(remote):
    return [paid["input"]["prompt"] for paid in remote.ledger()]


def test_one_task_sends_all_that_wait_in_their_order(line, remote):
    tasks.submit(line[0].pk)
    assert prompts(remote) == ["one", "two", "three"]
    assert set(Generation.objects.values_list("status", flat=True)) == {"running"}


def test_held_rows_and_those_of_another_sender_are_skipped(line, remote):
    line[1].hold()
    Generation.objects.claim_to_send(line[2].pk)
    tasks.submit(line[0].pk)
    assert prompts(remote) == ["one"]


def test_no_more_leaves_than_may_be_in_flight(line, remote, settings):
    settings.MAX_IN_FLIGHT = 2
    tasks.submit(line[0].pk)
    assert prompts(remote) == ["one", "two"]


def test_one_that_cannot_be_sent_now_is_tried_once(line, remote, monkeypatch):
    tried = []
    monkeypatch.setattr(tasks.sending, "submit", tried.append)
    tasks.submit(line[0].pk)
    assert tried == [generation.pk for generation in line]
    assert not OrmQ.objects.exists(), "such as on a full disk, one task would follow the other without end"


def test_a_stopping_worker_begins_no_other(line, remote, monkeypatch):
    send = tasks.sending.submit

    def send_and_stop(pk):
        send(pk)
        stopping.request()

    monkeypatch.setattr(tasks.sending, "submit", send_and_stop)
    try:
        tasks.submit(line[0].pk)
    finally:
        stopping.renew()
    assert prompts(remote) == ["one"]


def test_one_sender_is_left_for_apis_that_answer(remote):
    member = make_member()
    hangs = make_queued(member, "hangs", provider="heygen_video_1")
    repeated = make_queued(member, "repeated", provider="heygen_video_1")
    make_queued(member, "fine")
    remote.faults([{"call": "submit", "prompt": "repeated", "times": 1, "do": {"accept": True, "reset": True}}])
    tasks.send(repeated.pk)
    Generation.objects.filter(pk=repeated.pk).update(due_at=timezone.now(), sent_at=timezone.now() - LONG_AGO)
    account("heygen_models").clear_problem()  # a free call succeeds
    with host_lock(settings.DATA / "sending", SENDERS), host_lock(settings.DATA / "sending-in-turn", 1) as is_busy:
        assert is_busy
        tasks.submit(hangs.pk)
    assert statuses() == {"hangs": "queued", "repeated": "sending", "fine": "running"}
    tasks.submit(hangs.pk)
    assert statuses() == {"hangs": "running", "repeated": "running", "fine": "running"}, (
        "the other one sends everything"
    )


def statuses():
    return dict(Generation.objects.values_list("prompt", "status"))


def test_the_task_of_a_sender_outlives_its_slowest_request(line, settings):
    """One that is ended in the middle leaves an unknown outcome."""
    enqueue_submit(line[0].pk)
    [row] = OrmQ.objects.all()
    parts_of_the_lease = settings.LEASE_SECONDS * (1 / 2 + 1 / 4)  # the paid call, and storing its id
    assert row.task["timeout"] > tasks.TASK_SECONDS + 2 * CLAIM.total_seconds() + parts_of_the_lease + 60
