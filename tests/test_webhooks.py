"""Webhooks: an event for each move that matters, in the move's own transaction, delivered until it is accepted."""

import hmac
import json
import logging
import re
import secrets
import time
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256

import pytest
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ

from tests.parts.accounts import record_checks
from tests.parts.generations import complete, make_queued, make_ready, make_running
from tests.parts.processes import ROOT, wait_until
from tests.parts.receiver import Receiver
from tests.parts.studio import csrf_token
from videos import stopping
from videos.engine import webhooks
from videos.engine.dispatcher import Dispatcher
from videos.lifecycle import Status
from videos.models import Generation, WebhookEvent
from videos.models.webhook_event import EVENTS
from videos.remotes.base import Progress, State
from videos.remotes.errors import Cause, RemoteError
from videos.tasks import deliver_webhooks

pytestmark = pytest.mark.django_db
SECRET = "a-secret-of-the-test"


@pytest.fixture
def receiver(settings):
    receiver = Receiver()
    settings.WEBHOOK_URL, settings.WEBHOOK_SECRET = f"{receiver.url}?key=in-the-address", SECRET
    yield receiver
    receiver.close()


def make_unknown(owner, token="form-token"):
    sending = Generation.objects.claim_to_send(make_queued(owner, token=token).pk)
    assert sending.mark_sending(sending.lease_token) and sending.lose_reply("lost.network")
    return sending


def make_failed(owner):
    generation = make_running(owner)
    complete(generation, Progress(State.FAILED, "failed", failure=RemoteError(Cause.REFUSED)))
    return generation


def make_refused(owner):
    sending = Generation.objects.claim_to_send(make_queued(owner).pk)
    assert sending.mark_sending(sending.lease_token)
    assert sending.refuse(sending.lease_token, Cause.CREDITS, "refusal.credits")
    return sending


def taken(receiver):
    return [json.loads(body) for _, _, body in receiver.taken]


def make_due():
    WebhookEvent.objects.update(due_at=timezone.now())


def test_a_finished_video_is_reported_with_a_signature_over_the_bytes(receiver, owner, settings):
    settings.STUDIO_URL = "https://studio.example.com"
    generation = make_ready(owner)
    webhooks.deliver()
    [(path, headers, body)] = receiver.taken
    assert path == "/hook?key=in-the-address"
    assert headers["X-Studio-Signature"] == "sha256=" + hmac.new(SECRET.encode(), body, sha256).hexdigest()
    assert headers["Content-Type"] == "application/json"
    told = json.loads(body)
    assert (told["event"], told["id"]) == ("generation.ready", str(WebhookEvent.objects.get().event_id))
    assert told["generation"]["id"] == str(generation.public_id)
    assert told["generation"]["url"] == f"https://studio.example.com/g/{generation.public_id}"
    assert told["generation"]["video"]["size"] == 20
    assert b"signature" not in body and b"files.example.com" not in body, "no signed link leaves"


@pytest.mark.parametrize(
    ("make", "event", "code"),
    [
        (make_failed, "generation.failed", "failure.refused"),
        (make_refused, "generation.failed", "refusal.credits"),
        (make_unknown, "generation.unknown", "lost.network"),
    ],
)
def test_a_definite_failure_is_reported_with_its_cause(receiver, owner, make, event, code):
    generation = make(owner)
    webhooks.deliver()
    [told] = taken(receiver)
    assert (told["event"], told["generation"]["error"]["code"]) == (event, code)
    assert told["generation"]["error"]["message"] == Generation.objects.get(pk=generation.pk).error_message


def test_no_other_move_is_reported(receiver, owner):
    make_running(owner)
    make_queued(owner, token="other").cancel()
    assert not WebhookEvent.objects.exists()
    assert set(EVENTS) == {Status.READY, Status.FAILED, Status.UNKNOWN}


def test_an_event_is_committed_with_its_move(receiver, owner):
    with transaction.atomic():
        make_unknown(owner)
        assert WebhookEvent.objects.count() == 1
        transaction.set_rollback(True)
    assert not WebhookEvent.objects.exists()


def test_without_an_address_nothing_is_kept(owner):
    make_ready(owner)
    assert not WebhookEvent.objects.exists()


def test_waiting_events_stay_when_the_address_is_removed(receiver, owner, settings):
    make_ready(owner)
    settings.WEBHOOK_URL = ""
    webhooks.deliver()
    assert receiver.taken == [] and WebhookEvent.objects.waiting().count() == 1


def test_a_failed_delivery_is_repeated_with_the_same_id_and_bytes_and_ever_later(receiver, owner):
    receiver.answers = [500, 404, 200]
    make_ready(owner)
    delays = []
    for _ in range(3):
        make_due()
        began = timezone.now()
        webhooks.deliver()
        due = WebhookEvent.objects.get().due_at
        delays.append((due - timezone.now(), due - began))
        WebhookEvent.objects.update(due_at=timezone.now() + timedelta(hours=1))
        webhooks.deliver()  # not due yet, or delivered
    assert len(receiver.taken) == 3 and len({body for _, _, body in receiver.taken}) == 1
    assert delays[0][0] < timedelta(seconds=5) < delays[0][1] < timedelta(minutes=1)
    assert delays[1][0] < timedelta(seconds=10) < delays[1][1] < timedelta(minutes=1)
    assert WebhookEvent.objects.get().delivered_at


def test_the_wait_is_at_most_an_hour_and_the_tries_end_after_days(receiver, owner):
    make_ready(owner)
    receiver.answers = [500]
    WebhookEvent.objects.update(attempts=5000, created_at=timezone.now() - timedelta(days=4))
    assert WebhookEvent.objects.get().delay() == timedelta(hours=1)
    webhooks.deliver()
    assert WebhookEvent.objects.get().given_up_at and not WebhookEvent.objects.waiting().exists()


def test_a_redirect_is_not_followed(receiver, owner):
    receiver.answers = [302]
    make_ready(owner)
    webhooks.deliver()
    assert [path for path, *_ in receiver.taken] == ["/hook?key=in-the-address"]
    assert WebhookEvent.objects.get().last_error == "HTTP 302"


def test_a_receiver_that_is_not_there_costs_the_event_nothing(receiver, owner, settings):
    settings.WEBHOOK_URL = "http://127.0.0.1:9/"
    make_ready(owner)
    webhooks.deliver()
    assert WebhookEvent.objects.get().last_error == "ConnectError"


def drip(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    with suppress(OSError):  # it is cut off
        while True:
            handler.wfile.write(b"X-Slow: 1\r\n")
            time.sleep(0.1)


def answer_after(condition, handler):
    wait_until(condition, every=0.02)
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def test_a_receiver_that_answers_very_slowly_is_cut_off(receiver, owner, monkeypatch):
    monkeypatch.setattr(webhooks, "SECONDS", 0.5)
    receiver.answers = [drip]
    make_ready(owner)
    webhooks.deliver()  # it would wait for ever
    assert WebhookEvent.objects.get().last_error == "TimeoutError"


def test_one_slow_answer_does_not_hold_up_the_others(receiver, owner, monkeypatch):
    monkeypatch.setattr(webhooks, "SECONDS", 3600)
    receiver.answers = [lambda handler: answer_after(lambda: len(receiver.taken) == 3, handler)]
    for number in range(3):
        make_unknown(owner, token=f"token-{number}")
    webhooks.deliver()
    assert WebhookEvent.objects.exclude(delivered_at=None).count() == 3


def test_a_worker_that_stops_does_not_wait_for_the_receiver(receiver, owner, monkeypatch):
    receiver.answers = [drip]
    make_ready(owner)
    flag = stopping.renew()
    flag.set()
    monkeypatch.setattr(webhooks, "SECONDS", 3600)
    try:
        webhooks.deliver()
    finally:
        stopping.renew()
    assert WebhookEvent.objects.waiting().count() == 1


def test_two_workers_never_claim_one_event(receiver, owner):
    make_ready(owner)
    stale = WebhookEvent.objects.get()
    assert len(WebhookEvent.objects.claim_due(10)) == 1
    assert not stale.claim(timezone.now()) and WebhookEvent.objects.claim_due(10) == []


def test_neither_the_address_nor_the_secret_is_in_the_log_or_in_a_row(receiver, owner, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    receiver.answers = [500]
    make_ready(owner)
    webhooks.deliver()
    assert "was not delivered: HTTP 500" in caplog.text
    assert "in-the-address" not in caplog.text and SECRET not in caplog.text
    assert SECRET not in repr(list(WebhookEvent.objects.values()))


def test_the_worker_enqueues_a_delivery_when_one_is_due_and_only_then(receiver, owner):
    record_checks()
    Dispatcher().dispatch()
    assert not OrmQ.objects.exists()
    make_ready(owner)
    Dispatcher().dispatch()
    assert [task.func() for task in OrmQ.objects.all()] == ["videos.tasks.deliver_webhooks"]
    deliver_webhooks()
    assert len(receiver.taken) == 1


def test_delivered_events_are_deleted_after_a_week(receiver, owner):
    make_ready(owner)
    webhooks.deliver()
    assert WebhookEvent.objects.prune() == 0
    WebhookEvent.objects.update(delivered_at=timezone.now() - timedelta(days=8))
    assert WebhookEvent.objects.prune() == 1


def test_a_video_that_is_deleted_for_good_leaves_no_prompt_in_the_outbox(receiver, owner):
    generation = make_ready(owner)
    assert generation.move_to_trash() and generation.remove_for_good()
    assert not WebhookEvent.objects.exists()


DOCS = (ROOT / "docs" / "webhooks.md").read_text()


def test_the_receiver_of_the_documentation_knows_the_studios_events(receiver, owner):
    [code] = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    names = {}
    exec(code, names)
    make_ready(owner)
    webhooks.deliver()
    [(_, headers, body)] = receiver.taken
    check = names["is_from_the_studio"]
    assert check(body, headers["X-Studio-Signature"], SECRET)
    assert not check(body + b" ", headers["X-Studio-Signature"], SECRET)
    assert not check(body, headers["X-Studio-Signature"], "another secret")


def test_the_example_of_the_documentation_has_the_fields_that_are_sent(receiver, owner):
    example = json.loads(re.search(r"```json\n(.*?)```", DOCS, re.DOTALL)[1])
    make_ready(owner)
    webhooks.deliver()
    [told] = taken(receiver)
    assert told.keys() == example.keys()
    assert told["generation"].keys() == example["generation"].keys()
    assert told["generation"]["video"].keys() == example["generation"]["video"].keys()


def test_a_running_studio_reports_its_finished_video(new_studio):
    receiver = Receiver(500)
    try:
        studio = new_studio(STUDIO_WEBHOOK_URL=receiver.url, STUDIO_WEBHOOK_SECRET=SECRET).start()
        studio.make_owner()
        client, page = studio.client(), {"prompt": "a lighthouse", "provider": "veo_3_1", "aspect_ratio": "16:9"}
        page |= {"csrfmiddlewaretoken": csrf_token(client, "/"), "token": secrets.token_urlsafe(24)}
        assert client.post("/generate", data=page, headers={"Referer": f"{studio.url}/"}).status_code == 200
        wait_until(lambda: len(receiver.taken) >= 2, what="the event, and once more")
        assert {told["event"] for told in taken(receiver)} == {"generation.ready"}
    finally:
        receiver.close()
