"""A sender's task continues with the waiting rows: in the order of the queue, each once, until the worker stops."""

import pytest

from tests.parts.generations import make_queued
from tests.parts.people import make_member
from videos import stopping, tasks
from videos.models import Generation

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
