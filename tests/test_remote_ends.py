"""A remote API that ends, and its account: pauses, notices, and everything that continues."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from tests.parts.accounts import account
from tests.parts.generations import generate, make
from tests.parts.people import make_member, make_owner, signed_in
from videos.engine.account_check import check_accounts, is_due
from videos.engine.dispatcher import Dispatcher
from videos.engine.recovery import recover
from videos.engine.submit import submit
from videos.forms.generate import first_offer
from videos.lifecycle import Status
from videos.models import Generation, Provider, RemoteAccount
from videos.remotes.errors import EndNotice

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

LONG_AGO = datetime(2020, 10, 31, tzinfo=UTC)
AHEAD = datetime(2098, 10, 31, tzinfo=UTC)


def http(moment):
    return format_datetime(moment, usegmt=True)


def says(text):
    return {"json": {"data": {"execution_id": "node-gw-1", "status": "submitted"}, "message": text}}


ENDS = {
    "404": ({"status": 404, "html": "<h1>Gone"}, None),
    "410": ({"status": 410}, None),
    "a past Sunset beside an error": ({"status": 400, "headers": {"Sunset": http(LONG_AGO)}}, LONG_AGO),
    "a past Sunset beside a success": ({"headers": {"Sunset": http(LONG_AGO)}}, LONG_AGO),
    "a past Deprecation": ({"headers": {"Deprecation": f"@{int(LONG_AGO.timestamp())}"}}, LONG_AGO),
    "a removal notice": (says("This endpoint is Legacy and was removed on 31 October 2020."), LONG_AGO),
    "a removal notice without a date": (says("This API version is no longer supported."), None),
    "a past Sunset in ISO": ({"headers": {"Sunset": "2020-10-31T00:00:00Z"}}, LONG_AGO),
    "a past Sunset in quotes": ({"headers": {"Sunset": f'"{http(LONG_AGO)}"'}}, LONG_AGO),
    "a past Sunset in seconds": ({"headers": {"Sunset": str(int(LONG_AGO.timestamp()))}}, LONG_AGO),
    "a refusal that says so": (
        {"status": 400, "json": {"error": {"code": "x", "message": "This endpoint was removed on 31 October 2020."}}},
        LONG_AGO,
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_an_api_that_is_gone_is_paused_alone_and_named_with_its_date(name, remote):
    do, ends_at = ENDS[name]
    remote.faults([{"call": "submit", "api": "workflows", "do": do}])
    submit(generate("It fails").pk)
    found = account()
    assert (found.paused, found.pause_cause, found.has_ended) == (True, "retired", True)
    assert found.pause_reason.startswith("HeyGen's workflow API no longer takes requests.")
    assert ("31 October 2020" in found.pause_reason) == bool(ends_at)
    assert not account("heygen_models").paused
    other = generate("It fails", "heygen_video_1")
    submit(other.pk)
    other.refresh_from_db()
    assert other.status == "running"


NOTICES = {
    "a Sunset to come": {"headers": {"Sunset": http(AHEAD)}},
    "a Deprecation to come": {"headers": {"Deprecation": http(AHEAD)}},
    "a sentence": says("GET /v1/x is Legacy and will be removed on 31 October 2098."),
    "a sentence with the month first": says("This API is deprecated and will be removed on October 31st, 2098."),
    "a sentence with an ISO date": says("Deprecated endpoint: will be removed on 2098-10-31."),
    "a sentence with two dates": says("This API is deprecated since 2020-01-01 and will be removed on 2098-10-31."),
}


@pytest.mark.parametrize("name", NOTICES)
def test_an_announced_end_is_an_early_warning_for_owners_and_stops_nothing(name, remote):
    remote.faults([{"call": "submit", "api": "workflows", "do": NOTICES[name]}])
    submit(generate("It fails").pk)
    found = account()
    assert (found.paused, found.ends_at) == (False, AHEAD)
    page = signed_in(make_owner("chief")).get("/").content.decode()
    assert "HeyGen&#x27;s workflow API will end on 31 October 2098" in page
    assert "A remote API is going away." not in signed_in(make_member("someone")).get("/").content.decode()


@pytest.mark.parametrize("text", ["Your video was removed from the queue.", "Legacy", "", "All is well with this API."])
def test_other_headers_do_not_count_as_an_announcement(text, remote):
    remote.faults([{"call": "submit", "api": "workflows", "do": says(text)}])
    submit(generate("It fails").pk)
    found = account()
    assert (found.paused, found.will_end) == (False, text == "Legacy")


REFUSALS = {
    "a prompt": "The prompt 'a coastal city at sunset' was refused by the API.",
    "a model": "Sora V2 is no longer available.",
    "another model": "Model kling_v2 is deprecated. Use kling_pro.",
    "a version of a model": "This model version is no longer supported.",
    "a picture": "Image was removed because it violates the API policy.",
    "a provider": "Provider veo2 has been retired; the API now offers veo_3_1.",
    "a legacy model": "veo2 is legacy and will be removed on 31 October 2020.",
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_of_one_request_does_not_announce_the_end_of_the_api(name, remote):
    reply = {"status": 400, "json": {"error": {"code": "invalid_parameter", "message": REFUSALS[name]}}}
    remote.faults([{"call": "submit", "api": "workflows", "do": reply}])
    submit(generate("It fails").pk)
    found = account()
    assert (found.paused, found.will_end, found.end_words) == (False, False, "")


def test_a_model_that_the_remote_does_not_know_is_said_beside_it_until_it_is_accepted_again(remote):
    refuse = {"status": 404, "json": {"error": {"code": "provider_not_found", "message": "Unknown provider."}}}
    remote.faults([{"call": "submit", "prompt": "one", "do": refuse}])
    for prompt, value in (("It fails: one", "kling_v2"), ("It fails: two", "kling_pro")):
        submit(generate(prompt, value).pk)
    assert list(Generation.objects.order_by("pk").values_list("status", "error_class")) == [
        ("failed", "model"),
        ("running", ""),
    ]
    assert len(remote.ledger()) == 1
    assert not account().paused
    person = signed_in(make_member("someone"))
    words = "Unknown to HeyGen"
    assert person.get("/").content.decode().count(words) == 1
    fields = {"prompt": "x", "provider": "kling_v2"}
    assert "that it does not know this model." in person.post("/compose/advice", fields).content.decode()
    remote.faults([])
    submit(generate("It fails: three", "kling_v2").pk)
    assert words not in person.get("/").content.decode()


NEVER = [
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "9999-12-31",
    "@99999999999",
    "soon",
    "false",
]


@pytest.mark.parametrize("name", ["Sunset", "Deprecation"])
@pytest.mark.parametrize("value", NEVER)
def test_a_header_that_names_no_real_date_ends_nothing_and_hides_no_refusal(name, value, remote):
    reply = {"status": 400, "json": {"error": {"code": "x", "message": "No."}}, "headers": {name: value}}
    remote.faults([{"call": "submit", "api": "workflows", "do": reply}])
    generation = generate("It fails")
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, account().paused, account().ends_at) == ("failed", False, None)
    assert account().will_end == ((name, value) not in {("Sunset", value), ("Deprecation", "false")})


def test_after_a_resume_another_wording_of_the_same_end_does_not_pause_again(remote):
    headers = [{"Sunset": http(LONG_AGO)}, {"Deprecation": "@1500000000"}, {"Sunset": http(LONG_AGO)}]
    remote.faults([{"call": "submit", "nth": n + 1, "do": {"headers": each}} for n, each in enumerate(headers)])
    submit(generate("It fails").pk)
    assert account().has_ended
    account().resume()
    for number in (2, 3):
        submit(generate(f"It fails, {number}").pk)
        assert not account().paused


def test_a_resume_before_the_announced_end_does_not_accept_that_end(remote):
    now = timezone.now()
    account().record_end_notice(EndNotice(now + timedelta(days=1)))
    account().pause("owner", person="chief")
    account().resume()
    account().rows().update(ends_at=now - timedelta(days=1))
    account().record_end_notice(EndNotice(now - timedelta(days=1)))
    assert account().has_ended


def test_after_a_resume_the_same_notice_does_not_pause_again(remote):
    remote.faults([{"call": "submit", "api": "workflows", "do": {"headers": {"Sunset": http(LONG_AGO)}}}])
    submit(generate("It fails").pk)
    account().resume()
    submit(generate("It fails again").pk)
    assert not account().paused
    remote.faults([{"call": "submit", "api": "workflows", "do": {"status": 410}}])
    submit(generate("It fails at last").pk)
    assert account().has_ended


def test_running_videos_are_still_polled_and_the_picker_offers_a_working_provider_first(remote):
    running = generate("It fails")
    submit(running.pk)
    assert first_offer() == "veo_3_1"
    account().pause("retired")
    soon = timezone.now() + timedelta(hours=1)
    assert [poll.pk for poll in Generation.objects.claim_due_polls(soon, 10)] == [running.pk]
    assert first_offer() == "heygen_video_1"
    page = signed_in(make_member("someone")).get("/").content.decode()
    assert re.findall(r'value="([^"]+)"\s+checked', page)[0] == "heygen_video_1"
    assert "HeyGen&#x27;s workflow API no longer takes requests." in page
    assert re.search(r'value="veo_3_1"\s+disabled', page)


def test_videos_of_an_api_that_is_no_longer_part_of_the_studio_stay_whole(owner):
    """Its module was removed: pages and recovery work, and a person can still resolve what is open."""
    Provider.objects.create(value="gone_1", name="Gone 1", family="Gone", backend="gone")
    rows = {status: make(owner, f"It was {status}", status, providers=("gone_1",))[0] for status in Status.values}
    recover()
    rows["saving"].refresh_from_db()
    assert "gone is no longer part of this studio" in rows["saving"].status_message
    client = signed_in(owner)
    for page in ("/", "/?state=attention", "/usage", "/remotes", *(f"/g/{row.public_id}" for row in rows.values())):
        assert client.get(page).status_code == 200, page
    unknown = f"/g/{rows['unknown'].public_id}"
    assert client.post(f"{unknown}/found", {"remote_id": "job-1"}).status_code == 422
    assert client.post(f"{unknown}/not-made").status_code == 302
    rows["unknown"].refresh_from_db()
    assert rows["unknown"].status == "cancelled"


# The account
WALLET = {"billing_type": "wallet", "wallet": {"remaining_balance": 1.5, "currency": "usd"}}
CREDITS = {"billing_type": "subscription", "subscription": {"credits": {"premium_credits": {"remaining": 40}}}}
CAP = {"billing_type": "usage_based", "usage_based": {"spending_cap_usd": 100, "spending_current_usd": 30.5}}
TEXT = {"billing_type": "wallet", "wallet": {"remaining_balance": "1,234.5"}}
ACCOUNTS = {
    "a wallet": (WALLET, Decimal("1.5"), "USD"),
    "a wallet as text": (
        {"billing_type": "wallet", "wallet": {"remaining_balance": "1,234.5"}},
        Decimal("1234.5"),
        "USD",
    ),
    "credits": (CREDITS, Decimal(40), "credits"),
    "a cap": (CAP, Decimal("69.5"), "USD"),
    "no type": ({"billing_type": None}, None, ""),
    "nonsense": ({"billing_type": "wallet", "wallet": {"remaining_balance": "NaN", "currency": 7}}, None, "USD"),
    "a list": ({"billing_type": "wallet", "wallet": []}, None, "USD"),
    "more than there is": (
        {"billing_type": "wallet", "wallet": {"remaining_balance": "999999999999.99999"}},
        None,
        "USD",
    ),
}


@pytest.mark.parametrize("name", ACCOUNTS)
def test_the_balance_is_stored_if_the_api_reports_it(name, remote):
    told, balance, unit = ACCOUNTS[name]
    remote.faults([{"call": "account", "do": {"json": {"data": told}}}])
    check_accounts()
    found = account("heygen_models")
    assert (found.balance, found.balance_unit) == (balance, unit)


def test_a_low_balance_is_beside_the_button_and_on_the_owners_page(remote):
    remote.faults([{"call": "account", "do": {"json": {"data": WALLET}}}])
    check_accounts()
    owner = signed_in(make_owner("chief"))
    assert "HeyGen account: $1.50 left." in owner.get("/").content.decode()
    page = owner.get("/remotes").content.decode()
    assert "$1.50" in page
    assert "HeyGen&#x27;s video model API" in page


def test_the_owner_sets_what_a_low_balance_is(remote):
    remote.faults([{"call": "account", "do": {"json": {"data": WALLET}}}])
    check_accounts()
    owner = signed_in(make_owner("chief"))
    address = f"/remotes/{account().backend}/low-balance"
    for limit, is_told in {"": True, "1.50": False, "1.51": True, "0": False}.items():
        assert owner.post(address, {"low_below": limit}).status_code == 302
        assert ("HeyGen account: $1.50 left." in owner.get("/").text) == is_told
    reply = owner.post(address, {"low_below": "-3"})
    assert (reply.status_code, 'value="-3"' in reply.text) == (422, True)
    assert account().low_below == 0
    assert signed_in(make_member("someone")).post(address, {"low_below": "1"}).status_code == 404


def test_an_owner_gets_an_answer_within_seconds_even_if_the_remote_gives_none(remote, monkeypatch):
    monkeypatch.setattr("videos.views.remotes.TIMEOUT", 0.2)
    remote.faults([{"call": "account", "do": {"delay": 3600}}])
    owner = signed_in(make_owner("chief"))
    reply = owner.post("/remotes/heygen_models/check", follow=True)
    assert "HeyGen could not be reached." in reply.text


def test_an_account_is_checked_at_start_hourly_and_sooner_after_a_problem(remote, owner):
    assert is_due()
    check_accounts()
    assert not is_due()
    checked_ago(minutes=61)
    assert is_due()
    check_accounts()
    account().record_problem("network")
    assert not is_due()
    checked_ago(seconds=11)
    assert is_due()
    check_accounts()
    account().pause("owner", person="chief")
    assert not is_due(), "only a person ends that"
    account().resume()
    account().pause("key")
    assert not is_due()
    checked_ago(minutes=6)
    assert is_due()


def checked_ago(**ago):
    RemoteAccount.objects.update(checked_at=timezone.now() - timedelta(**ago))


@pytest.mark.parametrize(
    ("lasted", "checked", "is_again"), [(20, 1, False), (20, 11, True), (200, 80, False), (200, 101, True)]
)
def test_the_banner_of_an_unreachable_api_goes_soon_after_the_fault(lasted, checked, is_again, remote):
    """At a start of the studio, the worker may check the account before the demo server listens."""
    check_accounts()
    account().record_problem("network")
    RemoteAccount.objects.update(status_note_since=timezone.now() - timedelta(seconds=lasted))
    checked_ago(seconds=checked)
    Dispatcher().dispatch()
    assert OrmQ.objects.count() == is_again


def test_a_price_above_the_balance_warns_before_the_click(remote):
    Provider.objects.filter(value="veo_3_1").update(price="3", price_unit="video")
    remote.faults([{"call": "account", "do": {"json": {"data": WALLET}}}])
    check_accounts()
    reply = signed_in(make_member("someone")).post("/compose/advice", {"provider": "veo_3_1", "prompt": "x"})
    assert "This costs $3.00, which is more than the balance." in reply.content.decode()


def test_an_owner_checks_pauses_and_resumes_one_api_on_its_page(remote):
    owner = signed_in(make_owner("chief"))
    owner.post("/remotes/heygen_models/check")
    assert account("heygen_models").balance == 100
    owner.post("/remotes/heygen_models/pause")
    assert account("heygen_models").paused
    assert not account().paused
    owner.post("/remotes/heygen_models/resume")
    assert not account("heygen_models").paused
