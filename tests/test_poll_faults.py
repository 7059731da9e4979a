"""Every way a poll can fail, played by the demo server over real HTTP: the state that follows, whether the account is
paused, the sentence on the card, and when the next poll comes."""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime

import pytest
from django.utils import timezone

from tests.parts.accounts import account
from tests.parts.processes import wait_until
from tests.test_poll import polling
from videos import wording
from videos.engine import poll
from videos.engine.submit import submit
from videos.models import Batch, Generation, Provider, Request
from videos.remotes.errors import Cause

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

KEPT = "The video is not lost"
HTML = "<html><body>502 Bad Gateway</body></html>"
POLL = 1.0  # seconds between polls, here
STALL = 8.0  # seconds that a busy machine may take from a request to the row


@dataclass(frozen=True)
class Case:
    """`fault` is what the demo server does to every poll; the rest is what is expected."""

    fault: dict
    status: str = "running"
    says: str = ""  # in the card's sentence
    pauses: str = ""  # the cause for which all sending is paused
    banner: bool = False  # whether the remote API is said to have problems
    waits: tuple[float, float] = (0, 5 * POLL)  # seconds until the next poll, at least and at most
    row: dict = field(default_factory=dict)


def retry_after(value):
    return {"status": 429, "headers": {"Retry-After": value}}


IN_A_DAY = format_datetime(timezone.now() + timedelta(days=1), usegmt=True)
BUSY = {"says": "less often"}
TROUBLE = {"says": KEPT, "banner": True}
CASES = {
    "429": Case(retry_after("30"), waits=(28, 31), **BUSY),
    "429 with a date": Case(retry_after(IN_A_DAY), waits=(890, 901), **BUSY),
    "429 with 0": Case(retry_after("0"), **BUSY),
    "429 with -1": Case(retry_after("-1"), **BUSY),
    "429 for longer than there is time": Case(retry_after("86399999999999.5"), waits=(890, 901), **BUSY),
    "429 for a day": Case(retry_after("86400"), waits=(890, 901), **BUSY),
    "429 with junk": Case(retry_after("soon"), **BUSY),
    "400": Case({"status": 400}, says="refused to give the status of this video. The video is not lost"),
    "401": Case({"status": 401}, says="API key", pauses="key", waits=(55, 61)),
    "402": Case({"status": 402}, says="credits", pauses="credits", waits=(55, 61)),
    "403": Case({"status": 403}, says="plan", waits=(55, 61)),
    "404 with a page": Case({"status": 404, "html": HTML}, says=KEPT, waits=(55, 61)),
    "410": Case({"status": 410, "html": HTML}, says=KEPT, waits=(55, 61)),
    "413": Case({"status": 413}, says="refused to give the status of this video. The video is not lost"),
    "422": Case({"status": 422}, says="refused to give the status of this video. The video is not lost"),
    "500": Case({"status": 500}, **TROUBLE),
    "503 with a page": Case({"status": 503, "html": HTML}, **TROUBLE),
    "reset": Case({"reset": True}, **TROUBLE),
    "closed without a word": Case({"close": True}, **TROUBLE),
    "cut short": Case({"partial": 120}, **TROUBLE),
    "no answer in time": Case({"hang": 60}, waits=(-5, 5), **TROUBLE),
    "a page instead": Case({"html": HTML}, **TROUBLE),
    "broken JSON": Case({"text": '{"data": {"status": "comp'}, **TROUBLE),
    "a list": Case({"json": [1, 2]}, **TROUBLE),
    "no status": Case({"data": {"execution_id": "x"}}, **TROUBLE),
    "somebody else's": Case({"data": {"execution_id": "other", "status": "completed"}}, **TROUBLE),
    "an unknown word": Case({"status_word": "rendering_frames"}, row={"remote_status": "rendering_frames"}),
    "a long word": Case({"status_word": "x" * 200}, row={"remote_status": "x" * 64}),
    "completed without a link": Case(
        {"data": {"status": "completed", "output": {}}},
        says="has not given a link yet",
        row={"remote_status": "completed"},
    ),
    "failed with an object": Case(
        {"data": {"status": "failed", "error": {"code": "content_policy_violation", "message": "Not this."}}},
        status="failed",
        says="content policy blocked this",
        row={"error_class": Cause.REFUSED, "error_detail": "Not this."},
    ),
    "failed in capitals": Case(
        {"data": {"status": " FAILED", "error": {"code": "content_policy_violation", "message": "Not this."}}},
        status="failed",
        says="content policy blocked this",
        row={"error_class": Cause.REFUSED, "error_detail": "Not this."},
    ),
    "failed with a text": Case(
        {"data": {"status": "failed", "error": "The machine broke."}},
        status="failed",
        says="failed to make this video",
        row={"error_class": Cause.FAULT, "error_detail": "The machine broke."},
    ),
    "failed without a word": Case(
        {"data": {"status": "failed"}}, status="failed", says="may have charged", row={"error_class": Cause.FAULT}
    ),
    "not found": Case(
        {"data": {"status": "not_found"}},
        status="failed",
        says="no longer knows",
        row={"error_class": Cause.NOT_FOUND, "missing_polls": 3},
    ),
    "404 about the execution": Case(
        {"status": 404, "json": {"error": {"code": "execution_not_found", "message": "No such execution."}}},
        status="failed",
        says="no longer knows",
        row={"error_class": Cause.NOT_FOUND},
    ),
    "404 of a gateway": Case({"status": 404}, says=KEPT, waits=(55, 61)),
    "odd characters": Case(
        {"data": {"status": "completed\0", "output": {"video": {"video_url": "http://127.0.0.1:9/\0v.mp4"}}}},
        status="saving",
        row={"video_url": "http://127.0.0.1:9/v.mp4"},
    ),
    "completed": Case({}, status="saving", row={"remote_status": "completed", "status_note": ""}),
    "completed the flat way": Case({"flat_output": True}, status="saving", row={"remote_status": "completed"}),
    "not found at first": Case({"sequence": ["not_found", "not_found"]}, status="saving", row={"missing_polls": 0}),
    "going back": Case({"sequence": ["running", "submitted", "pending"]}, status="saving"),
    "a link only later": Case({"sequence": [{"status": "completed"}, {"status": "completed"}]}, status="saving"),
}


@pytest.fixture
def running(remote, django_user_model, settings):
    settings.POLL_SECONDS = POLL
    owner = django_user_model.objects.create_user("owner", password="x")
    request = Request(prompt="a lighthouse", provider=Provider.objects.get(value="ltx_distilled"))
    generation = Batch.objects.make(owner, uuid.uuid4().hex, [request]).generations.get()
    submit(generation.pk)
    return generation


def sentence(generation):
    return generation.error_message or generation.status_message


def has_come(generation, case):
    """Whether the polls have had their effect, whichever it is."""
    generation.refresh_from_db()
    if generation.lease_token or generation.status != case.status:
        return False
    shows = all(getattr(generation, name) == value for name, value in case.row.items())
    found = account()  # written after the row
    is_noted = (bool(found.status_message), found.pause_cause) == (case.banner, case.pauses)
    return shows and is_noted and bool(generation.remote_status or sentence(generation))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_result_of_a_poll_leads_to_the_right_state_sentence_and_next_step(running, remote, monkeypatch, case):
    if "hang" in case.fault:
        monkeypatch.setattr(poll, "POLL_SECONDS_AT_MOST", 3.0)
    remote.finish()
    remote.faults([{"call": "poll", "do": case.fault}] if case.fault else [])
    with polling():
        wait_until(lambda: has_come(running, case), 30, f"{case.status} after {case.fault}")
    assert case.says in sentence(running)
    assert bool(sentence(running)) == bool(case.says)
    found = account()
    assert (found.paused, found.pause_cause) == (bool(case.pauses), case.pauses)
    assert bool(found.status_message) == case.banner
    if case.status == "running":
        shortest, longest = case.waits
        due = running.due_at.timestamp()
        # One that hangs was not answered; one more may have been made since the row was read.
        answered = [request["at"] for request in remote.requests("poll") if request["at"] <= due]
        asked_at = answered[-1] if answered else timezone.now().timestamp()
        assert shortest <= due - asked_at <= longest + STALL
    if case.status == "saving":
        assert running.video_url.startswith(case.row.get("video_url", remote.url))
    assert len(remote.ledger()) == 1


def test_a_wrong_key_pauses_sending_and_polling_resumes_once_it_is_corrected(running, remote):
    remote.finish()
    remote.faults([{"call": "poll", "first": 1, "do": {"status": 401}}])
    with polling():
        wait_until(lambda: account().paused, 20)
        wait_until(lambda: Generation.objects.get().status_message, 20)
        Generation.objects.update(due_at=timezone.now())  # what resuming does not need to do: a minute is short
        wait_until(lambda: Generation.objects.get().status == "saving", 20)
    assert Generation.objects.get().status_message == ""


def test_every_code_has_a_sentence():
    facts = dict.fromkeys(["detail", "size", "http", "looks", "missing", "width", "height", "person", "backup"], "7")
    facts |= {"requests": 3, "words": "As it was.", "example": "x", "seconds": 60}
    for situation, table in wording.SENTENCES.items():
        for cause in {*Cause, *table} - {"*"}:
            words = wording.explain(f"{situation}.{cause}", "HeyGen", facts)
            assert words.endswith("."), words
            assert not {*"!{…"} & {*words}, words
