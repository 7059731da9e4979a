"""Faults of the remote API while sending: for each, the state that follows, the next step, and the sentence shown.

Over real HTTP against the demo server. A row of the table is a fault and what is expected then; `paid` is how
many POSTs the remote API accepted, whatever it answered.
"""

import socket
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from django.db import connection
from django.utils import timezone

from tests.parts.accounts import account
from tests.parts.generations import generate, picture
from videos.engine.account_check import check_accounts
from videos.engine.submit import Attempt, submit
from videos.models import Batch, Generation

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@dataclass
class Fault:
    """What goes wrong and what must follow. `wait` is the span, in seconds, before anything is sent again."""

    name: str
    do: dict
    status: str
    sentence: str
    cause: str = ""
    paused: str = ""
    wait: tuple[float, float] | None = None
    paid: int = 0


def error(status, code, message="Something.", **headers):
    return {"status": status, "json": {"error": {"code": code, "message": message}}, "headers": headers}


def busy(retry_after):
    return error(429, "rate_limit_exceeded", **({"Retry-After": retry_after} if retry_after is not None else {}))


def beside_an_id(status, code, execution_id="node-gw-real"):
    """A reply that says no, and names an execution all the same: it was accepted."""
    named = {"status": "submitted"} | ({} if execution_id is None else {"execution_id": execution_id})
    return {**error(status, code), "accept": True, "json": {"error": {"code": code, "message": "Oh."}, "data": named}}


BUSY = "HeyGen is busy. This waits for its turn and is sent automatically; nothing was charged."
BROKE = "The connection to HeyGen broke before its answer came."
UNREADABLE = "HeyGen's answer could not be read."
OPEN = "HeyGen's answer does not say whether it accepted this request."
FAULTY = "HeyGen reported an internal error."
NOT_ACCEPTED = "HeyGen did not accept this request. Nothing was made; edit it and try again."
KEY = "HeyGen did not accept the API key."
CREDITS = "The HeyGen account has run out of credits."
PLAN = "The HeyGen account's plan does not allow this. Nothing was made."
RETIRED = "HeyGen no longer offered this call. Nothing was made and nothing was charged; retry once it is offered"
RAN_OUT = "The HeyGen account had run out of credits. Nothing was made and nothing was charged; retry once it is"
REFUSED = "Your prompt was blocked by the provider's content policy."
PICTURE = "HeyGen could not fetch the start or end frame. Nothing was made; try another picture."
UNKNOWN_MODEL = "HeyGen does not know this model. Nothing was made and nothing was charged; choose another model."
LARGE = "HeyGen says the request is too large."
BAD_KEY = ("key", "refused_key")  # the cause on the card, and of the pause
LONG_AGO = "Sat, 31 Oct 2020 00:00:00 GMT"

WAITS = [
    Fault("429, three seconds", busy("3"), "queued", BUSY, wait=(2, 3)),
    Fault("429, a fraction", busy("2.5"), "queued", BUSY, wait=(1.5, 2.5)),
    Fault("429, zero", busy("0"), "queued", BUSY, wait=(0, 1)),
    Fault("429, minus one", busy("-1"), "queued", BUSY, wait=(0, 1)),
    Fault("429, a whole day", busy("86400"), "queued", BUSY, wait=(880, 900)),
    Fault("429, junk", busy("soon"), "queued", BUSY, wait=(8, 10)),
    Fault("429, not a number", busy("nan"), "queued", BUSY, wait=(8, 10)),
    Fault("429, endless", busy("inf"), "queued", BUSY, wait=(8, 10)),
    Fault("429, nothing said", busy(None), "queued", BUSY, wait=(8, 10)),
    Fault("429, a date long ago", busy(LONG_AGO), "queued", BUSY, wait=(0, 1)),
    Fault("429, quota", error(429, "quota_exceeded"), "queued", BUSY, wait=(8, 10)),
    Fault("429, a fault's code", error(429, "internal_error"), "queued", BUSY, wait=(8, 10)),
    Fault(
        "429, an empty id",
        beside_an_id(429, "rate_limit_exceeded", "") | {"accept": False},
        "queued",
        BUSY,
        wait=(8, 10),
    ),
    Fault("429 as HTML", {"status": 429, "html": "<p>Slow down"}, "queued", BUSY, wait=(8, 10)),
    Fault("429 with a past sunset", busy("3") | {"headers": {"Sunset": LONG_AGO}}, "queued", BUSY, wait=(8, 10)),
]
REFUSALS = [
    Fault("400", error(400, "invalid_parameter"), "failed", NOT_ACCEPTED, "invalid"),
    Fault(
        "400, older code", {"status": 400, "json": {"code": 400175, "message": "no"}}, "failed", NOT_ACCEPTED, "invalid"
    ),
    Fault("400, only text", {"status": 400, "json": {"error": "no", "data": None}}, "failed", NOT_ACCEPTED, "invalid"),
    Fault("400, frame", error(400, "download_failed"), "failed", PICTURE, "picture"),
    Fault("400, policy", error(400, "content_policy_violation"), "failed", REFUSED, "refused"),
    Fault("400, blocked words", {"status": 400, "json": {"code": 400105, "msg": "no"}}, "failed", REFUSED, "refused"),
    Fault("401", error(401, "unauthorized"), "failed", KEY, *BAD_KEY),
    Fault("401, older code", {"status": 401, "json": {"code": 400112, "message": "no"}}, "failed", KEY, *BAD_KEY),
    Fault("402", error(402, "insufficient_credit"), "failed", RAN_OUT, "credits", paused="credits"),
    Fault("402, trial", error(402, "trial_limit_exceeded"), "failed", RAN_OUT, "credits", paused="credits"),
    Fault("403", error(403, "forbidden"), "failed", PLAN, "plan", paused="plan"),
    Fault("403, this provider", error(403, "ai_vendor_access_restricted"), "failed", PLAN, "plan"),
    Fault("404", error(404, "not_found"), "failed", RETIRED, "retired", paused="retired"),
    Fault("404, the workflow", error(404, "workflow_type_not_found"), "failed", RETIRED, "retired", paused="retired"),
    Fault("404, an endpoint", error(404, "endpoint_not_found"), "failed", RETIRED, "retired", paused="retired"),
    Fault("404, this provider", error(404, "provider_not_found"), "failed", UNKNOWN_MODEL, "model"),
    Fault("404, something named", error(404, "voice_not_found"), "failed", NOT_ACCEPTED, "invalid"),
    Fault("404 as HTML", {"status": 404, "html": "<h1>Gone"}, "failed", RETIRED, "retired", paused="retired"),
    Fault("410", error(410, "gone"), "failed", RETIRED, "retired", paused="retired"),
    Fault("past sunset", error(400, "x", Sunset=LONG_AGO), "failed", RETIRED, "retired", paused="retired"),
    Fault("413", error(413, "payload_too_large"), "failed", LARGE, "too_large"),
    Fault("422", error(422, "invalid_parameter"), "failed", NOT_ACCEPTED, "invalid"),
    Fault("200 that refuses", error(200, "invalid_parameter"), "failed", NOT_ACCEPTED, "invalid"),
    Fault("200 that refuses, older", {"json": {"code": 400112, "msg": "no"}}, "failed", KEY, *BAD_KEY),
]
ACCEPTED_HTML = {"accept": True, "status": 200, "html": "<h1>Welcome"}
UNKNOWNS = [
    Fault("500", error(500, "internal_error"), "unknown", FAULTY, "lost_reply"),
    Fault("500 after acceptance", {"accept": True, "status": 500}, "unknown", FAULTY, "lost_reply", paid=1),
    Fault("an endless word", error(500, "internal_error", "token" * 150_000), "unknown", FAULTY, "lost_reply"),
    Fault("502 as HTML", {"status": 502, "html": "<h1>Bad gateway"}, "unknown", FAULTY, "lost_reply"),
    Fault("503 with Retry-After", {"status": 503, "headers": {"Retry-After": "5"}}, "unknown", FAULTY, "lost_reply"),
    Fault("504", error(504, "gateway_timeout"), "unknown", FAULTY, "lost_reply"),
    Fault("200 with a fault", error(200, "internal_error"), "unknown", FAULTY, "lost_reply"),
    Fault("408", {"status": 408}, "unknown", FAULTY, "lost_reply"),
    Fault("409", {"status": 409}, "unknown", FAULTY, "lost_reply"),
    Fault("a redirect", {"status": 302, "headers": {"Location": "/elsewhere"}}, "unknown", FAULTY, "lost_reply"),
    Fault("a reset", {"reset": True}, "unknown", BROKE, "lost_reply"),
    Fault("a reset after acceptance", {"accept": True, "reset": True}, "unknown", BROKE, "lost_reply", paid=1),
    Fault("a close", {"close": True}, "unknown", BROKE, "lost_reply"),
    Fault("half a reply", {"accept": True, "partial": 60}, "unknown", BROKE, "lost_reply", paid=1),
    Fault("half a body", {"partial": 200}, "unknown", BROKE, "lost_reply", paid=1),
    Fault("HTML", ACCEPTED_HTML, "unknown", UNREADABLE, "lost_reply", paid=1),
    Fault("broken JSON", {"accept": True, "text": '{"data": {'}, "unknown", UNREADABLE, "lost_reply", paid=1),
    Fault("not an object", {"json": ["node-gw-1"]}, "unknown", UNREADABLE, "lost_reply"),
    Fault("deep JSON", {"text": "[" * 100_000}, "unknown", UNREADABLE, "lost_reply"),
    Fault("two megabytes", {"text": "x" * 2_000_000}, "unknown", UNREADABLE, "lost_reply"),
    Fault("400 of a gateway", error(400, "gateway_timeout"), "unknown", FAULTY, "lost_reply"),
    Fault("425", {"status": 425}, "unknown", FAULTY, "lost_reply"),
    Fault("499", {"status": 499}, "unknown", FAULTY, "lost_reply"),
    Fault("429 beside an id", beside_an_id(429, "rate_limit_exceeded"), "unknown", OPEN, "lost_reply", paid=1),
    Fault("400 beside an id", beside_an_id(400, "invalid_parameter"), "unknown", OPEN, "lost_reply", paid=1),
    Fault("busy with 200", beside_an_id(200, "quota_exceeded", None), "unknown", OPEN, "lost_reply", paid=1),
    Fault("busy, odd id", beside_an_id(200, "rate_limit_exceeded", 7), "unknown", OPEN, "lost_reply", paid=1),
    Fault("a refusal, odd id", beside_an_id(200, "400175", "a b"), "unknown", OPEN, "lost_reply", paid=1),
    Fault("no content", {"status": 204}, "unknown", UNREADABLE, "lost_reply"),
    Fault("text as error", {"json": {"error": "odd", "data": None}}, "unknown", UNREADABLE, "lost_reply"),
    Fault("no id", {"omit_id": True}, "unknown", UNREADABLE, "lost_reply", paid=1),
    Fault("an empty id", {"execution_id": ""}, "unknown", UNREADABLE, "lost_reply", paid=1),
    Fault("a number for an id", {"execution_id": 7}, "unknown", UNREADABLE, "lost_reply", paid=1),
    Fault("a path for an id", {"execution_id": "../../me"}, "unknown", UNREADABLE, "lost_reply", paid=1),
    Fault("an endless id", {"execution_id": "x" * 5000}, "unknown", UNREADABLE, "lost_reply", paid=1),
    Fault("a list for data", {"data": ["node-gw-1"]}, "unknown", UNREADABLE, "lost_reply", paid=1),
]


def named(faults):
    return pytest.mark.parametrize("fault", faults, ids=lambda fault: fault.name)


def check(fault, generation, remote):
    generation.refresh_from_db()
    found = account()
    said = generation.status_message if fault.status == "queued" else generation.error_message
    assert generation.status == fault.status
    assert said.startswith(fault.sentence)
    assert generation.error_class == fault.cause
    assert (found.pause_cause, found.paused) == (fault.paused, bool(fault.paused))
    assert len(remote.ledger()) == fault.paid
    submit(generation.pk)
    assert len(remote.requests("submit")) <= 1, "It was sent a second time by itself"


def bounds(moment, began):
    """How many seconds after something the moment is, at least and at most: it happened between `began` and now."""
    return (moment - timezone.now()).total_seconds(), (moment - began).total_seconds()


@named(WAITS)
def test_a_busy_answer_puts_it_back_and_keeps_everything_for_as_long_as_was_asked(fault, remote):
    generation = generate()
    remote.faults([{"call": "submit", "do": fault.do}])
    began = timezone.now()
    submit(generation.pk)
    shortest, longest = bounds(account().not_before, began)
    assert fault.wait[0] - 1 < longest
    assert shortest <= fault.wait[1]
    account().wait(timedelta(minutes=1))
    check(fault, generation, remote)
    account().resume()
    remote.faults([])
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, generation.status_message, len(remote.ledger())) == ("running", "", 1)


def test_a_busy_answer_may_name_a_moment(remote):
    generation = generate()
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    remote.faults([{"call": "submit", "do": busy(moment)}])
    submit(generation.pk)
    left = (account().not_before - timezone.now()).total_seconds()
    assert 30 < left <= 60


@named(REFUSALS)
def test_a_definite_refusal_fails_with_its_cause_and_costs_nothing(fault, remote):
    generation = generate()
    remote.faults([{"call": "submit", "do": fault.do}])
    submit(generation.pk)
    check(fault, generation, remote)
    assert sum(entry.videos for entry in generation.ledger.all()) == 0


@named(UNKNOWNS)
def test_an_inconclusive_answer_leaves_an_unknown_outcome(fault, remote):
    generation = generate()
    remote.faults([{"call": "submit", "do": fault.do}])
    submit(generation.pk)
    check(fault, generation, remote)
    assert sum(entry.videos for entry in generation.ledger.all()) == 1
    assert account().unknowns_in_a_row == 1


@pytest.mark.parametrize("accept", [False, True])
def test_silence_ends_before_the_lease_and_leaves_an_unknown_outcome(accept, remote, settings):
    settings.LEASE_SECONDS = 6
    generation = generate()
    remote.faults([{"call": "submit", "do": {"accept": accept, "hang": True}}])
    submit(generation.pk)
    check(Fault("", {}, "unknown", BROKE, "lost_reply", paid=int(accept)), generation, remote)


def test_an_answer_that_drips_ends_before_the_lease(remote, settings, dripping_server):
    """httpx's time-outs are for one read each: a byte now and then would hold a sender for ever."""
    settings.LEASE_SECONDS = 6
    settings.HEYGEN_API_URL = dripping_server
    generation = generate()
    submit(generation.pk)
    check_unknown(generation, BROKE)


@pytest.fixture
def dripping_server():
    listener = socket.create_server(("127.0.0.1", 0))
    is_over = threading.Event()

    def drip():
        line, _ = listener.accept()
        with line:
            line.recv(65536)
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
                if is_over.wait(0.1) or not sent(line, byte):
                    return

    threading.Thread(target=drip, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    is_over.set()
    listener.close()


def sent(line, byte):
    try:
        line.send(bytes([byte]))
    except OSError:
        return False
    return True


def check_unknown(generation, sentence):
    generation.refresh_from_db()
    assert generation.status == "unknown"
    assert generation.error_message.startswith(sentence)


def test_an_id_that_another_generation_has_is_shown_and_not_stored(remote):
    first, second = generate("a pier"), generate("a harbour")
    submit(first.pk)
    remote.faults([{"call": "submit", "do": {"repeat_id": True}}])
    submit(second.pk)
    check_unknown(second, "HeyGen answered with the id of another video here")
    first.refresh_from_db()
    assert first.remote_id in second.__class__.objects.get(pk=second.pk).error_detail
    assert first.status == "running"


def test_an_id_counts_even_beside_an_error(remote):
    generation = generate()
    answer = {"data": {"execution_id": "node-gw-beside", "status": "submitted"}, "error": "A warning."}
    remote.faults([{"call": "submit", "do": {"json": answer}}])
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, generation.remote_id) == ("running", "node-gw-beside")


def test_three_unknown_outcomes_in_a_row_pause_sending_until_a_person_resumes(remote):
    generations = [generate(f"number {number}") for number in range(4)]
    remote.faults([{"call": "submit", "do": {"status": 500}}])
    for generation in generations:
        submit(generation.pk)
    found = account()
    assert (found.paused, found.pause_cause) == (True, "unknowns")
    assert len(remote.requests("submit")) == 3
    remote.faults([])
    account().resume()
    submit(generations[3].pk)
    generations[3].refresh_from_db()
    assert generations[3].status == "running"


def test_after_a_person_resumed_the_row_of_unknown_outcomes_starts_again(remote):
    remote.faults([{"call": "submit", "do": {"status": 500}}])
    for number in range(3):
        submit(generate(f"number {number}").pk)
    account().resume()
    submit(generate("after that").pk)
    assert not account().paused


def test_lost_replies_that_pile_up_during_another_pause_need_a_person_all_the_same(remote):
    first, second, third = [generate(f"number {number}") for number in range(3)]
    remote.faults([{"call": "submit", "do": {"status": 500}}])
    submit(first.pk)
    submit(second.pk)
    on_its_way = Attempt(Generation.objects.claim_to_send(third.pk))
    account().pause("key")
    on_its_way.run()
    check_accounts()
    found = account()
    assert (found.paused, found.pause_cause) == (True, "unknowns")


def test_an_answer_ends_the_row_of_unknown_outcomes(remote):
    remote.faults([{"call": "submit", "nth": [1, 2, 4, 5], "do": {"status": 500}}])
    for number in range(5):
        submit(generate(f"number {number}").pk)
    assert not account().paused


# Before anything has left
@pytest.fixture
def closed_port():
    with socket.socket() as kept:  # nobody listens at it, and nobody else gets it
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


@pytest.mark.parametrize("address", ["http://127.0.0.1:{closed}", "http://studio.invalid", "https://127.0.0.1:{plain}"])
def test_an_unreachable_api_costs_only_time(address, remote, settings, closed_port):
    settings.HEYGEN_API_URL = address.format(closed=closed_port, plain=remote.url.rsplit(":", 1)[1])
    generation, began = generate(), timezone.now()
    submit(generation.pk)
    generation.refresh_from_db()
    assert generation.status == "queued"
    assert generation.status_message.startswith("HeyGen could not be reached. Nothing was sent")
    shortest, longest = bounds(generation.due_at, began)
    assert shortest <= 2 and longest > 0
    assert account().status_message == "HeyGen could not be reached."
    settings.HEYGEN_API_URL = remote.url
    make_due(generation)
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, account().status_message) == ("running", "")


def make_due(generation):
    type(generation).objects.filter(pk=generation.pk).update(due_at=timezone.now())


def test_tries_become_rarer_up_to_one_a_minute(settings, closed_port):
    settings.HEYGEN_API_URL = f"http://127.0.0.1:{closed_port}"
    generation = generate()
    waits = []
    for _ in range(8):
        make_due(generation)
        began = timezone.now()
        submit(generation.pk)
        generation.refresh_from_db()
        waits.append(bounds(generation.due_at, began))
    for (shortest, longest), seconds in zip(waits, [2, 4, 8, 16, 32, 60, 60, 60], strict=True):
        assert shortest - 0.5 <= seconds <= longest + 0.5


def test_a_key_that_no_header_can_carry_pauses_and_sends_nothing(remote, settings):
    settings.HEYGEN_API_KEY = "schlüssel"
    generation = generate()
    submit(generation.pk)
    generation.refresh_from_db()
    assert generation.status == "queued"
    assert account().pause_cause == "refused_key"
    assert remote.requests() == []


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL keeps no such text in the first place")
def test_a_config_that_json_cannot_express_is_refused_before_anything_is_sent(remote):
    generation = generate(config={"seed": "\ud800"})
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, generation.error_class) == ("failed", "invalid")
    assert remote.requests() == []


# The upload, which is free of charge
NOTHING_SENT = "Nothing was sent and nothing was charged; it is tried again automatically."
UPLOADS = [
    Fault("upload 401", error(401, "unauthorized"), "queued", KEY, paused="refused_key"),
    Fault("upload 402", error(402, "insufficient_credit"), "queued", CREDITS, paused="credits"),
    Fault(
        "upload 403",
        error(403, "forbidden"),
        "failed",
        "The HeyGen account's plan does not allow pictures.",
        "picture",
    ),
    Fault("upload 429", busy("3"), "queued", BUSY),
    Fault("upload 400", error(400, "invalid_parameter"), "failed", "HeyGen did not accept the start or end", "picture"),
    Fault("upload 422", error(422, "x"), "failed", "HeyGen did not accept the start or end frame.", "picture"),
    Fault("upload 413", error(413, "payload_too_large"), "failed", LARGE, "too_large"),
    Fault("upload blocked", error(400, "content_policy_violation"), "failed", "HeyGen refused the start", "picture"),
    Fault("both calls gone", error(404, "not_found"), "failed", "HeyGen no longer accepts pictures", "picture"),
    Fault("upload 500", error(500, "internal_error"), "queued", "HeyGen reported an internal error. Nothing"),
    Fault("upload 408", {"status": 408}, "queued", "HeyGen reported an internal error. Nothing"),
    Fault("upload 425", {"status": 425}, "queued", "HeyGen reported an internal error. Nothing"),
    Fault("upload reset", {"reset": True}, "queued", f"HeyGen could not be reached. {NOTHING_SENT}"),
    Fault("upload HTML", {"html": "<h1>Hello"}, "queued", f"HeyGen's answer could not be read. {NOTHING_SENT}"),
    Fault("upload without address", {"json": {"data": {"asset_id": "a"}}}, "queued", "HeyGen's answer could not be"),
]


@named(UPLOADS)
def test_an_upload_that_fails_sends_nothing(fault, remote):
    generation = generate(start_frame=picture())
    remote.faults([{"call": "upload", "do": fault.do}])
    submit(generation.pk)
    generation.refresh_from_db()
    found = account()
    said = generation.status_message if fault.status == "queued" else generation.error_message
    assert (generation.status, generation.error_class) == (fault.status, fault.cause)
    assert said.startswith(fault.sentence)
    assert found.pause_cause == fault.paused
    assert remote.requests("submit") == []
    if fault.status == "queued":
        remote.faults([])
        account().resume()
        make_due(generation)
        submit(generation.pk)
        generation.refresh_from_db()
        assert generation.status == "running"


def test_after_a_long_upload_the_paid_call_waits_for_a_whole_lease(remote, settings):
    settings.LEASE_SECONDS = 20  # an upload may take a quarter of it
    generation = generate(start_frame=picture(), end_frame=picture("orange"))
    remote.faults([{"call": "upload", "do": {"delay": 2.8}}])
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, generation.status_message, remote.requests("submit")) == ("queued", "", [])
    make_due(generation)
    submit(generation.pk)
    generation.refresh_from_db()
    assert generation.status == "running"
    assert len(remote.assets()) == 2


def test_an_upload_that_hangs_is_cut_and_tried_again(remote, settings):
    settings.LEASE_SECONDS = 4
    generation = generate(start_frame=picture())
    remote.faults([{"call": "upload", "do": {"hang": True}}])
    submit(generation.pk)
    generation.refresh_from_db()
    assert generation.status == "queued"
    assert generation.status_message.startswith("HeyGen could not be reached. Nothing was sent")
    assert remote.requests("submit") == []


def test_a_missing_file_of_a_frame_is_shown(remote):
    frame = picture()
    generation = generate(start_frame=frame)
    frame.file.storage.delete(frame.file.name)
    submit(generation.pk)
    generation.refresh_from_db()
    assert generation.status == "failed"
    assert generation.error_message.startswith("The start or end frame's file is missing in the studio.")


def test_a_remote_copy_that_cannot_be_fetched_is_uploaded_again_by_retry(remote):
    frame = picture()
    generation = generate(start_frame=frame)
    remote.faults([{"call": "submit", "nth": 1, "do": error(400, "download_failed")}])
    submit(generation.pk)
    generation.refresh_from_db()
    assert generation.error_class == "picture"
    again = Batch.objects.retry(generation, generation.owner, "retry").generations.get()
    submit(again.pk)
    again.refresh_from_db()
    assert again.status == "running"
    assert len(remote.assets()) == 2


def test_an_id_next_to_an_error_is_shown_to_help_resolve_it(remote):
    generation = generate()
    answer = {"data": {"execution_id": "node-gw-beside"}, "error": {"code": "internal_error", "message": "Oh."}}
    remote.faults([{"call": "submit", "do": {"status": 500, "json": answer}}])
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, "node-gw-beside" in generation.error_detail) == ("unknown", True)


@pytest.mark.parametrize("ending", ["", "}}, oh"])
def test_an_id_in_an_answer_that_cannot_be_read_is_shown_too(ending, remote):
    generation = generate()
    answer = '{"data": {"execution_id": "node-gw-broken", "status": "subm' + ending
    remote.faults([{"call": "submit", "do": {"text": answer}}])
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, "node-gw-broken" in generation.error_detail) == ("unknown", True)


def test_an_id_in_an_answer_that_breaks_off_is_shown_too(remote):
    generation = generate()
    whole = '{"data": {"execution_id": "node-gw-broken", "status": "submitted"}, "padding": "%s"}' % ("x" * 5000)
    remote.faults([{"call": "submit", "do": {"text": whole, "partial": 2000}}])
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, "node-gw-broken" in generation.error_detail) == ("unknown", True)
