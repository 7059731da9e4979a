"""HeyGen's own video models: requests, refusals before sending, and every odd answer, over real HTTP."""

import json
import uuid
from base64 import b64decode
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from django.utils import timezone

from tests.parts.accounts import account
from tests.parts.generations import complete, completed, generate, picture
from tests.parts.processes import LOOPBACK
from tests.parts.saving import save_until_ready
from videos.engine.submit import Attempt, submit
from videos.models import Generation, Provider
from videos.models.provider_limits import Asked, refusals
from videos.remotes import registry
from videos.remotes.base import Progress, State
from videos.remotes.errors import Cause, RemoteError
from videos.remotes.transport import Reply

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

MODEL = "heygen_video_1"
REMOTE = registry.find("heygen_models")


def test_an_api_without_an_end_frame_refuses_it_for_a_provider_that_an_owner_added_too(db):
    added = Provider(name="Added", value="added", backend="heygen_models")
    asked = Asked(aspect_ratio="16:9", settings={}, has_end=True)
    assert list(refusals(added, asked)) == [("end", "Added takes no end frame; remove it or choose another provider.")]
    assert not list(refusals(Provider(name="Other", value="other", backend="heygen_workflows"), asked))


def ask(prompt="It fails, a lighthouse", **fields):
    return generate(prompt, MODEL, **fields)


def sent(generation, remote):
    """The body that the API received for it."""
    submit(generation.pk)
    generation.refresh_from_db()
    assert generation.status == "running", generation.error_message or generation.status_message
    return remote.ledger()[-1]["body"]


# What is sent
def test_text_alone_is_sent_with_its_mode_and_ratio(remote):
    generation = ask(aspect_ratio="9:16")
    assert sent(generation, remote) == {
        "model": "heygen-video-1",
        "mode": "text_to_video",
        "prompt": generation.prompt,
        "aspect_ratio": "9:16",
    }
    [request] = remote.requests("submit")
    assert (request["path"], request["key_sent"]) == ("/v3/models/videos", True)
    assert request["headers"]["idempotency-key"] == str(generation.public_id)
    assert (generation.backend, generation.repeat_key) == ("heygen_models", str(generation.public_id))


def test_settings_are_sent_as_fields_of_their_own(remote):
    settings = {"duration": 8, "resolution": "1080p", "seed": 7, "prompt_enhancement": "disabled"}
    body = sent(ask(config=settings), remote)
    assert {name: body[name] for name in settings} == settings
    assert "config" not in body


def test_a_start_frame_is_an_asset_and_decides_the_ratio(remote):
    generation = ask(start_frame=picture(), aspect_ratio="1:1")
    body = sent(generation, remote)
    [asset] = remote.assets()
    assert (body["mode"], body["image"]) == ("image_to_video", {"type": "asset_id", "asset_id": asset["id"]})
    assert "aspect_ratio" not in body


def test_a_pasted_address_is_passed_on(remote):
    body = sent(ask(start_frame_url="https://example.com/a.png"), remote)
    assert body["image"] == {"type": "url", "url": "https://example.com/a.png"}


def test_without_an_asset_call_the_bytes_are_sent_in_the_request(remote):
    remote.faults([{"call": "upload", "do": {"status": 404}}])
    frame = picture()
    body = sent(ask(start_frame=frame), remote)
    assert (body["image"]["type"], body["image"]["media_type"]) == ("base64", "image/png")
    assert b64decode(body["image"]["data"]) == frame.file.open().read()
    assert [request["path"] for request in remote.requests("upload")] == ["/v3/assets"]


def test_each_backend_gets_its_own_copy_of_a_picture(remote):
    frame = picture()
    sent(ask(start_frame=frame), remote)
    submit(generate("It fails", start_frame=frame).pk)
    assert len(remote.assets()) == 2
    assert {copy.backend for copy in frame.remote_copies.all()} == {"heygen_models", "heygen_workflows"}


# From click to copy
def test_it_is_made_and_saved_with_the_seed_and_the_size_really_used(remote, owner):
    [generation] = completed(remote, owner, provider=MODEL)
    saved = save_until_ready(generation)
    paid = remote.ledger()[-1]
    assert saved.status == "ready"
    assert saved.remote_facts["seed"] == paid["input"]["config"]["seed"]
    assert (saved.remote_facts["width"], saved.remote_facts["height"]) == tuple(paid["input"]["size"])


def test_two_backends_may_give_the_same_id(remote):
    """Ids are unique within their API alone."""
    one, other = ask("one"), generate("other")
    for generation in (one, other):
        claimed = Generation.objects.claim_to_send(generation.pk)
        assert claimed.mark_sending(claimed.lease_token)
        assert claimed.accept("same-id", claimed.lease_token)


# Refusals and odd answers
def fault(remote, do, call="submit", **more):
    remote.faults([{"call": call, "api": "models", "do": do, **more}])


def error(status, code):
    return {"status": status, "json": {"error": {"code": code, "message": "Something."}}}


REFUSALS = {
    "400": (error(400, "invalid_parameter"), "invalid", ""),
    "policy": (error(400, "content_policy_violation"), "refused", ""),
    "401": (error(401, "unauthorized"), "key", "refused_key"),
    "402": (error(402, "insufficient_credit"), "credits", "credits"),
    "403": (error(403, "forbidden"), "plan", "plan"),
    "404": (error(404, "not_found"), "retired", "retired"),
    "410": ({"status": 410, "html": "<h1>Gone"}, "retired", "retired"),
    "413": (error(413, "payload_too_large"), "too_large", ""),
    "422": (error(422, "x"), "invalid", ""),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_definite_refusal_fails_and_stops_this_api_alone(name, remote):
    do, cause, paused = REFUSALS[name]
    generation = ask()
    fault(remote, do)
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, generation.error_class) == ("failed", cause)
    assert account("heygen_models").pause_cause == paused
    assert not account("heygen_workflows").paused
    assert sum(entry.videos for entry in generation.ledger.all()) == 0
    other = generate("It fails elsewhere")
    submit(other.pk)
    other.refresh_from_db()
    assert other.status == "running"


MISSING = {
    "asset_not_found": "picture",
    "model_not_found": "model",
    "video_not_found": "invalid",
    "voice_not_found": "invalid",
}


@pytest.mark.parametrize("code, cause", MISSING.items())
def test_a_404_about_what_the_request_names_does_not_end_the_api(code, cause, remote):
    frame = picture()
    generation = ask(start_frame=frame)
    fault(remote, error(404, code))
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, generation.error_class) == ("failed", cause)
    assert not account("heygen_models").paused
    assert frame.remote_copy("heygen_models").is_usable() == (cause != "picture")


def test_a_video_that_failed_for_its_picture_is_retried_with_a_new_upload(remote):
    frame = picture()
    generation = ask("a lighthouse", start_frame=frame)
    submit(generation.pk)
    generation.refresh_from_db()
    failure = RemoteError(Cause.PICTURE, "It has expired.", is_definite=True)
    complete(generation, Progress(State.FAILED, "failed", failure=failure))
    submit(ask("a lighthouse", start_frame=frame).pk)
    assert (generation.status, len(remote.assets())) == ("failed", 2)


def test_a_repetition_whose_picture_has_expired_uploads_it_again_and_is_paid_for_once(remote):
    generation = ask(start_frame=picture())
    fault(remote, {"accept": True, "reset": True}, times=1)
    submit(generation.pk)
    fault(remote, error(404, "asset_not_found"), times=1)
    for _ in range(2):
        make_due(generation)
        submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, len(remote.ledger()), len(remote.assets())) == ("running", 1, 2)


def poll_of(remote, do):
    generation = ask("a lighthouse")
    submit(generation.pk)
    generation.refresh_from_db()
    remote.finish()
    fault(remote, do, "poll")
    return REMOTE.poll(generation.remote_id)


def wrapped(**data):
    return {"data": data}


LINK = "https://files.example.com/v.mp4"
POLLS = {
    "pending": (wrapped(status="pending"), State.RUNNING, None),
    "processing": (wrapped(status="processing"), State.RUNNING, None),
    "another word": (wrapped(status="Rendering soon"), State.RUNNING, None),
    "completed": (wrapped(status="completed", video_url=LINK, seed=7, width=10, height=20), State.COMPLETED, None),
    "completed without a link": (wrapped(status="completed", video_url=None), State.RUNNING, None),
    "failed": (
        wrapped(status="failed", failure_code="generation_failed", failure_message="No."),
        State.FAILED,
        "fault",
    ),
    "filtered": (wrapped(status="failed", failure_code="filtered"), State.FAILED, "refused"),
    "failed, no reason": (wrapped(status="failed", failure_code=None, failure_message=None), State.FAILED, "fault"),
    "failed, odd reason": (wrapped(status="failed", failure_code=["x"], failure_message=7), State.FAILED, "fault"),
    "cancelled": (wrapped(status="cancelled"), State.FAILED, "cancelled"),
    "odd facts": (wrapped(status="completed", video_url=LINK, seed="x", width=-1, height=[]), State.COMPLETED, None),
}


@pytest.mark.parametrize("name", POLLS)
def test_every_state_of_a_video_is_understood(name, remote):
    do, state, cause = POLLS[name]
    found = poll_of(remote, {"data": do["data"]})
    assert found.state == state
    assert (found.failure.cause if found.failure else None) == cause
    assert found.facts == ({"seed": 7, "width": 10, "height": 20} if name == "completed" else {})


def test_an_unknown_video_is_missing_and_a_gateways_404_is_not(remote):
    assert REMOTE.poll("nobody-knows-this").is_missing
    with pytest.raises(RemoteError, match="retired"):
        poll_of(remote, {"status": 404, "html": "<h1>No such host"})


@pytest.mark.parametrize("backend", ["heygen_models", "heygen_workflows"])
@pytest.mark.parametrize(
    "body",
    [
        {"error": "Not Found"},
        {"error": {"message": "404 page not found"}},
        {"error": {"code": 404, "message": "The requested URL was not found."}},
        {"code": 404, "message": "Not Found"},
    ],
)
def test_a_404_in_a_gateways_own_words_fails_no_video(body, backend):
    reply = Reply(404, httpx.Headers(), json.dumps(body).encode())
    with pytest.raises(RemoteError, match="retired"):
        registry.find(backend).read_progress("node-gw-1", reply)


# Safe repetition
LOST = {
    "a reset": {"reset": True},
    "a reset after acceptance": {"accept": True, "reset": True},
    "half a reply": {"partial": 40},
    "500": error(500, "internal_error"),
    "500 after acceptance": {"accept": True, "status": 500},
    "503 as HTML": {"status": 503, "html": "<h1>Down"},
    "409 in progress": error(409, "request_in_progress"),
    "408": {"status": 408},
    "HTML": {"accept": True, "status": 200, "html": "<h1>Welcome"},
    "no id": {"omit_id": True},
    "a redirect": {"status": 302, "headers": {"Location": "/elsewhere"}},
}


def make_due(generation):
    Generation.objects.filter(pk=generation.pk).update(due_at=timezone.now())


@pytest.mark.parametrize("name", LOST)
def test_a_request_whose_reply_was_lost_is_repeated_under_the_same_key_and_paid_for_once(name, remote):
    generation = ask()
    fault(remote, LOST[name], times=2)
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, generation.lease_until) == ("sending", None)
    assert "never costs twice" in generation.status_message
    assert generation.pk not in Generation.objects.sendable(timezone.now())
    for _ in range(2):
        make_due(generation)
        assert generation.pk in Generation.objects.sendable(timezone.now())
        submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, generation.status_message) == ("running", "")
    [paid] = remote.ledger()
    assert generation.remote_id == paid["execution_id"]
    keys = {request["headers"]["idempotency-key"] for request in remote.requests("submit")}
    assert (keys, len(remote.requests("submit"))) == ({str(generation.public_id)}, 3)
    assert account("heygen_models").unknowns_in_a_row == 0


def lost(remote, do=None):
    generation = ask()
    fault(remote, do or {"accept": True, "reset": True}, times=1)
    submit(generation.pk)
    generation.refresh_from_db()
    assert generation.status == "sending"
    make_due(generation)
    return generation


@pytest.mark.parametrize(
    "do",
    [
        error(429, "rate_limit_exceeded"),
        error(401, "unauthorized"),
        error(402, "x"),
        error(403, "x"),
        error(404, "x"),
        error(404, "model_not_found"),
        error(404, "voice_not_found"),
        {"status": 405},
    ],
)
def test_a_repetition_that_is_refused_early_decides_nothing(do, remote):
    """The first request may have been accepted: only an answer to it can tell."""
    generation = lost(remote)
    fault(remote, do)
    submit(generation.pk)
    generation.refresh_from_db()
    assert generation.status == "sending"
    fault(remote, {"delay": 0})
    account("heygen_models").resume()
    make_due(generation)
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, len(remote.ledger())) == ("running", 1)


class Overtaken(Attempt):
    """Its request may no longer be repeated by the time its answer comes."""

    def mark(self):
        super().mark()
        account("heygen_models").rows().update(trusts_repeats=False)


EARLY = {
    "busy": error(429, "rate_limit_exceeded"),
    "key": error(401, "unauthorized"),
    "credits": error(402, "insufficient_credit"),
    "plan": error(403, "forbidden"),
    "plan of one provider": error(403, "ai_vendor_access_restricted"),
    "retired": error(404, "not_found"),
}


@pytest.mark.parametrize("name", EARLY)
def test_a_repetition_refused_early_that_cannot_be_repeated_again_leaves_an_unknown_outcome(name, remote):
    """It is not queued, to be paid for again, and is not said to be free: the first request may have been accepted."""
    generation = lost(remote)
    fault(remote, EARLY[name])
    Overtaken(Generation.objects.claim_to_repeat(generation.pk)).run()
    generation.refresh_from_db()
    assert (generation.status, len(remote.ledger())) == ("unknown", 1)
    assert sum(entry.videos for entry in generation.ledger.all()) == 1


def test_a_request_is_not_repeated_with_another_api_key_which_may_be_another_accounts(remote, settings):
    generation = lost(remote)
    settings.HEYGEN_API_KEY = "the-key-of-another-account"
    assert generation.pk not in Generation.objects.sendable(timezone.now())
    submit(generation.pk)
    assert Generation.objects.give_up_lost_replies() == 1
    generation.refresh_from_db()
    assert (generation.status, len(remote.requests("submit"))) == ("unknown", 1)
    assert "The API key changed before HeyGen answered" in generation.error_message


def test_an_api_key_that_changes_just_before_sending_sends_nothing(remote, settings):
    generation = lost(remote)
    attempt = Attempt(Generation.objects.claim_to_repeat(generation.pk))
    settings.HEYGEN_API_KEY = "another-key"
    attempt.run()
    assert len(remote.requests("submit")) == 1


def test_what_can_no_longer_be_repeated_says_why_it_was_lost(remote):
    generation = lost(remote, {"accept": True, "status": 500})
    Generation.objects.update(first_sent_at=timezone.now() - timedelta(hours=23, seconds=1))
    assert Generation.objects.give_up_lost_replies() == 1
    generation.refresh_from_db()
    assert generation.error_message.startswith("HeyGen reported an internal error.")


def test_a_definite_refusal_of_a_repetition_fails_and_releases_the_hold(remote):
    generation = lost(remote, {"reset": True})
    fault(remote, error(400, "content_policy_violation"))
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, generation.error_class) == ("failed", "refused")
    assert sum(entry.videos for entry in generation.ledger.all()) == 0


def test_after_23_hours_the_outcome_is_unknown_and_nothing_more_is_sent(remote):
    generation = lost(remote)
    Generation.objects.update(first_sent_at=timezone.now() - timedelta(hours=23, seconds=1))
    submit(generation.pk)
    assert len(remote.requests("submit")) == 1
    assert Generation.objects.give_up_lost_replies() == 1
    generation.refresh_from_db()
    assert generation.status == "unknown"


def test_the_last_moment_before_23_hours_still_counts(remote):
    generation = lost(remote)
    Generation.objects.update(first_sent_at=timezone.now() - timedelta(hours=22, minutes=59))
    assert Generation.objects.give_up_lost_replies() == 0
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, len(remote.ledger())) == ("running", 1)


def test_a_key_first_used_in_the_future_is_not_trusted(remote):
    """The clock was put back: nobody can say how old the key is."""
    generation = lost(remote)
    Generation.objects.update(first_sent_at=timezone.now() + timedelta(hours=5))
    assert Generation.objects.give_up_lost_replies() == 1
    submit(generation.pk)
    assert len(remote.requests("submit")) == 1


def moved_clock(remote, date):
    remote.faults([{"call": "account", "do": {"headers": {"Date": date}}}])


def ahead(**span):
    return format_datetime(datetime.now(UTC) + timedelta(**span), usegmt=True)


def test_nothing_is_repeated_while_our_clock_is_hours_behind_the_remotes(remote):
    """A machine that boots with a slow clock takes an old key for a young one, which the remote has forgotten."""
    generation = lost(remote)
    moved_clock(remote, ahead(hours=3))
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, len(remote.requests("submit"))) == ("sending", 1)
    assert "clock is behind HeyGen's" in generation.status_message
    assert generation.due_at > timezone.now()
    remote.faults([])
    make_due(generation)
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, generation.status_message, len(remote.ledger())) == ("running", "", 1)


def test_a_key_that_grew_too_old_while_the_clock_was_wrong_is_an_unknown_outcome_that_says_so(remote):
    generation = lost(remote)
    moved_clock(remote, ahead(hours=3))
    submit(generation.pk)
    Generation.objects.update(first_sent_at=timezone.now() - timedelta(hours=23, seconds=1))
    assert Generation.objects.give_up_lost_replies() == 1
    generation.refresh_from_db()
    assert (generation.status, len(remote.requests("submit"))) == ("unknown", 1)
    assert "clock was hours behind HeyGen's" in generation.error_message


DATES = {"a little ahead": ahead(minutes=50), "behind": ahead(hours=-30), "junk": "soon", "none": ""}


@pytest.mark.parametrize("name", DATES)
def test_any_other_clock_of_the_remote_keeps_no_repetition_back(name, remote):
    generation = lost(remote)
    moved_clock(remote, DATES[name])
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, len(remote.ledger())) == ("running", 1)


def test_a_repetition_waits_until_the_remotes_clock_can_be_read(remote):
    generation = lost(remote)
    remote.faults([{"call": "account", "do": {"reset": True}}])
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, len(remote.requests("submit"))) == ("sending", 1)
    remote.faults([{"call": "account", "do": {"status": 500}}])
    make_due(generation)
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, len(remote.ledger())) == ("running", 1), "any reply tells the time"


def test_reading_the_remotes_clock_takes_nothing_from_the_time_for_the_request(remote, monkeypatch):
    """With frames to prepare, it was put off again and again, and the card did not say so."""
    generation = lost(remote)

    def slow(backend, seconds):
        Generation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    monkeypatch.setattr(type(generation.remote), "behind_by", slow)
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, len(remote.ledger())) == ("running", 1)


def test_a_repetition_that_another_process_has_claimed_meanwhile_is_left_to_it(remote, monkeypatch):
    generation = lost(remote)
    monkeypatch.setattr(
        type(generation.remote), "behind_by", lambda *_: Generation.objects.update(lease_token=uuid.uuid4()) and None
    )
    submit(generation.pk)
    assert len(remote.requests("submit")) == 1


def test_an_owner_may_switch_it_off_and_a_lost_reply_is_unknown_then(remote):
    account("heygen_models").rows().update(trusts_repeats=False)
    generation = ask()
    fault(remote, {"accept": True, "reset": True}, times=1)
    submit(generation.pk)
    generation.refresh_from_db()
    assert generation.status == "unknown"
    assert account("heygen_models").unknowns_in_a_row == 1


def test_a_killed_sender_is_repeated_once_its_lease_is_over(remote):
    generation = Generation.objects.claim_to_send(ask().pk)
    assert generation.mark_sending(generation.lease_token)
    submit(generation.pk)
    assert remote.requests("submit") == []
    Generation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert Generation.objects.give_up_lost_replies() == 0
    generation.refresh_from_db()
    assert "interrupted" in generation.status_message
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, len(remote.ledger())) == ("running", 1)


FIRST_SENT = [None, *(timedelta(hours=hours) for hours in (-30, -23.01, -22.99, -1, -0.01, 0.01, 5))]  # from now
KEYED = [
    (backend, trusts, key)
    for backend in ("heygen_models", "heygen_workflows")
    for trusts in (True, False)
    for key in ("", "k")
]


@pytest.mark.parametrize("backend, trusts, key", KEYED)
def test_a_row_and_the_database_agree_on_what_may_be_repeated(backend, trusts, key):
    """`may_repeat` decides about one row, `repeatable` about many."""
    one = account(backend)
    one.rows().update(trusts_repeats=trusts)
    generation = Generation.objects.claim_to_send(ask().pk)
    assert generation.mark_sending(generation.lease_token)
    facts = {"backend": one.backend, "repeat_key": key, "lease_until": None, "due_at": timezone.now()}
    answers = []
    for moment in FIRST_SENT:
        Generation.objects.update(first_sent_at=moment and timezone.now() + moment, **facts)
        generation.refresh_from_db()
        found = Generation.objects.repeatable(account(backend), timezone.now()).filter(pk=generation.pk)
        assert found.exists() == generation.may_repeat(), moment
        answers.append(found.exists())
    known = [False, False, False, True, True, True, True, False]
    assert answers == (known if backend == "heygen_models" and trusts and key else [False] * len(FIRST_SENT))


def test_nothing_is_repeated_while_this_api_is_paused(remote):
    generation = lost(remote)
    account("heygen_models").pause("owner", person="owner")
    submit(generation.pk)
    assert len(remote.requests("submit")) == 1
    assert generation.pk not in Generation.objects.sendable(timezone.now())


# The demo server's own idempotency
def test_the_demo_server_makes_a_new_video_once_the_key_has_expired(remote):
    generation = lost(remote)
    remote.advance(24 * 3600 + 1)
    submit(generation.pk)
    assert len(remote.ledger()) == 2


def test_the_demo_server_answers_409_while_the_first_request_is_on_its_way(remote):
    remote.faults([{"call": "submit", "api": "models", "times": 1, "do": {"delay": "held"}}])
    body = {"model": "heygen-video-1", "mode": "text_to_video", "prompt": "It fails"}
    headers = {"X-Api-Key": "test-key", "Idempotency-Key": "one-key"}

    def post(_):
        return httpx.post(f"{remote.url}/v3/models/videos", json=body, headers=headers, timeout=60, **LOOPBACK)

    with ThreadPoolExecutor() as threads:
        both = [threads.submit(post, None) for _ in range(2)]
        wait(both, return_when=FIRST_COMPLETED)
        remote.faults([])
    statuses = sorted(reply.result().status_code for reply in both)
    again = post(None)
    assert (statuses, again.status_code, len(remote.ledger())) == ([202, 409], 202, 1)
    assert again.json()["data"]["video_id"] == remote.ledger()[0]["execution_id"]


def test_the_provider_exists_with_its_limits_and_prices():
    provider = Provider.objects.get(value=MODEL)
    assert (provider.name, provider.family, provider.backend) == ("HeyGen Video 1", "HeyGen", "heygen_models")
    assert provider.is_strict
    assert provider.prices.count() == 4
