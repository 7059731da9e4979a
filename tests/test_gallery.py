"""The gallery: every state has its look, the address decides what is shown, and owners act only on their own videos."""

import re
from collections import Counter
from datetime import timedelta

import httpx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.parts.accounts import account
from tests.parts.clicks import HTMX, click
from tests.parts.exhibition import one_of_each
from tests.parts.generations import make, make_queued, make_ready
from tests.parts.people import make_member, make_owner, signed_in, with_single_cards
from videos.models import Budget, Generation, PersonalNote, ProcessLock, SavedVideo
from videos.models.recount import recount
from videos.remotes.errors import Cause
from videos.templatetags.studio import ago, clock, ratio_class, size
from videos.views.generation_actions import make_again

pytestmark = pytest.mark.django_db


@pytest.fixture
def member():
    return with_single_cards(make_member())


@pytest.fixture
def client(member):
    return signed_in(member)


def cards(reply):
    """Public id → (classes, the card's HTML)."""
    found = re.findall(r'<article class="([^"]*)"\s+id="g-([^"]+)".*?</article>', reply.content.decode(), re.S)
    whole = re.findall(r"<article .*?</article>", reply.content.decode(), re.S)
    return {public_id: (classes, html) for (classes, public_id), html in zip(found, whole, strict=True)}


def card_of(client, generation):
    return cards(client.get("/"))[str(generation.public_id)]


def prompts(reply):
    return re.findall(r'<p class="prompt" dir="auto">(.*?)</p>', reply.content.decode())


FACES = {
    "queued": ["Queued", "waiting", "Remove"],
    "sending": ["Sending"],
    "saving": ["Saving", "Saving to your studio"],
    "unknown": ["We don&#x27;t know if HeyGen accepted this", "I found it", "It was not made", "may cost twice"],
    "stopped": ["Stopped waiting", "Check again"],
    "cancelled": ["Cancelled", "nothing was charged"],
    "ready": ["saved ", "/video.mp4", "/poster"],
}


@pytest.mark.parametrize(("status", "words"), FACES.items())
def test_each_state_has_its_own_look(client, member, status, words):
    (generation,) = make(member, status=status, seconds_ago=30)
    classes, html = card_of(client, generation)
    assert f"is-{status}" in classes
    for word in [*words, generation.prompt, "VEO 3.1", "16:9"]:
        assert word in html.replace("We don't", "We don&#x27;t")


def test_a_ready_card_holds_no_player_until_somebody_points_at_it(client, member):
    (generation,) = make(member)
    assert "<video" not in card_of(client, generation)[1]


def test_a_failure_says_its_cause_and_offers_to_edit_retry_and_see_the_details(client, member):
    error = {
        "error_class": "refused",
        "error_code": "Content policy. Nothing was saved.",
        "error_detail": "violence",
    }
    (generation,) = make(member, status="failed", **error)
    _, html = card_of(client, generation)
    for words in ("Refused by the provider", "Content policy. Nothing was saved.", "Edit and try again", "Retry"):
        assert words in html
    assert "violence" in client.get(f"/g/{generation.public_id}/details").content.decode()


def test_the_menu_of_a_small_queued_card_has_every_action_of_a_large_one(client, member):
    _first, second = make(member, status="queued", count=2)
    assert 'popovertarget="card-menu"' in card_of(client, second)[1]
    menu = client.get(f"/g/{second.public_id}/menu").text
    for action in ("front", "hold", "edit", "cancel"):
        assert f'formaction="/g/{second.public_id}/{action}"' in menu
    assert "Download" not in menu and "Continue" not in menu
    second.hold()
    menu = client.get(f"/g/{second.public_id}/menu").text
    assert "/let-go" in menu and "/hold" not in menu
    (running,) = make(member, status="running")
    menu = client.get(f"/g/{running.public_id}/menu").text
    assert "/hold" not in menu and "/trash" not in menu and "Reuse" in menu


def test_an_unknown_outcome_says_what_it_means_for_the_money_and_what_each_choice_does(client, member):
    (generation,) = make(member, status="unknown", estimate="0.4", error_code="lost.other_key")
    for page in ("", "/details"):
        words = " ".join(client.get(f"/g/{generation.public_id}{page}").text.split())
        for sentence in (
            "The API key changed before HeyGen answered",
            "may have charged about $0.40 for it",
            "Look for it in the HeyGen account whose API key sent it.",
            "<i>It was not made</i> gives back what it holds of the budget.",
        ):
            assert sentence in words


@pytest.mark.parametrize("cause", sorted(set(Cause) - {Cause.BUSY, Cause.NETWORK, Cause.UNREADABLE, Cause.IN_PROGRESS}))
def test_every_failure_has_a_title_of_its_own(client, member, cause):
    (generation,) = make(member, status="failed", error_class=cause)
    assert "This did not work" not in card_of(client, generation)[1]


def test_under_five_samples_the_estimate_is_up_to_five_minutes(client, member):
    (generation,) = make(member, status="running", seconds_ago=30)
    assert "up to 5 minutes" in card_of(client, generation)[1]


def test_with_five_samples_the_estimate_is_their_median(client, member):
    make(member, count=5, took=125)
    (generation,) = make(member, status="running", seconds_ago=30)
    classes, html = card_of(client, generation)
    assert "usually about 2:05" in html
    assert "is-late" not in classes
    assert 'data-eta="125"' in html


def test_past_its_estimate_it_is_longer_than_usual_and_past_ten_minutes_overdue(client, member):
    (late,) = make(member, status="running", seconds_ago=400)
    (overdue,) = make(member, status="running", seconds_ago=700)
    assert "is-late" in card_of(client, late)[0]
    assert "is-overdue" in card_of(client, overdue)[0]
    assert "Stop waiting" in card_of(client, overdue)[1]


def test_the_card_says_what_delays_saving(client, member):
    (generation,) = make(member, status="saving", status_note="saving.disk_full", status_facts={"seconds": 60})
    assert (
        ">The video is finished, but the studio&#x27;s disk is full. Trying again in 60 s; fix this soon"
        in card_of(client, generation)[1]
    )


def test_a_new_video_has_a_dot_until_it_is_watched(client, member):
    (generation,) = make(member, seen=False)
    assert 'class="dot"' in card_of(client, generation)[1]
    client.post(f"/g/{generation.public_id}/seen")
    assert 'class="dot"' not in card_of(client, generation)[1]


def test_a_card_of_somebody_else_has_no_actions(client):
    (generation,) = make(make_owner(), status="queued", shared=True)
    _, html = card_of(client, generation)
    assert "Remove" not in html
    assert "by <bdi>owner</bdi>" in html


def test_tabs_count_and_choose(client, member):
    one_of_each(member)
    page = client.get("/")
    counted = dict(re.findall(r'<small id="n-(\w+)">(\d+)</small>', page.content.decode()))
    assert counted == {"all": "13", "running": "6", "favourite": "1", "attention": "3"}
    for state, number in {"running": 6, "ready": 3, "favourite": 1, "attention": 3, "trash": 0}.items():
        assert len(cards(client.get(f"/?state={state}"))) == number
    assert "<title>(6) HeyGen Studio</title>" in page.content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=fog", ["Fog over a lake"]),
        ("q=LAKE fog", ["Fog over a lake"]),
        ("q=fog rain", []),
        ("provider=kling_pro", ["Rain on glass"]),
        ("ratio=9:16", ["Rain on glass"]),
        ("when=today", ["Fog over a lake"]),
        ("when=week", ["Rain on glass", "Fog over a lake"]),
        ("from=2020-01-01&to=2020-12-31", []),
        ("whose=mine", ["Rain on glass", "Fog over a lake"]),
        ("mine=1", ["Rain on glass", "Fog over a lake"]),
        ("whose=team", ["A shared dune"]),
    ],
)
def test_the_address_alone_decides_what_is_found(client, member, query, found):
    make(make_owner(), "A shared dune", shared=True, seconds_ago=40 * 86400)
    make(make_member("third"), "Not shared at all")
    make(member, "Fog over a lake", seconds_ago=0)
    make(member, "Rain on glass", providers=["kling_pro"], ratio="9:16", seconds_ago=3 * 86400)
    assert prompts(client.get(f"/?{query}")) == found


@pytest.mark.parametrize(
    "query", ["state=nonsense&when=x&from=1&to=y", "before=x", "before=" + "9" * 40, "q=%00", "provider=%00"]
)
def test_an_address_with_nonsense_in_it_still_shows_a_page(client, query):
    assert client.get(f"/?{query}").status_code == 200


def test_more_is_loaded_by_key_and_works_as_a_plain_link(client, member):
    made = make(member, status="queued", count=40)
    first = client.get("/")
    more = re.search(r'href="(/\?before=[^"]+)"', first.content.decode())[1].replace("&amp;", "&")
    second = client.get(more)
    fragment = client.get(more, headers=HTMX | {"HX-Target": "more"})
    assert len(cards(first)) == 30
    assert [*cards(first), *cards(second)] == [str(generation.public_id) for generation in reversed(made)]
    assert list(cards(fragment)) == list(cards(second))
    assert "<html" not in fragment.content.decode()


def test_a_full_page_goes_on_in_a_page_of_its_own_that_leads_back(client, member, monkeypatch):
    monkeypatch.setattr("videos.views.gallery.MAX_ON_A_PAGE", 60)
    make(member, status="queued", count=70)
    first = client.get("/?state=running").content.decode()
    assert "hx-get" in link_in(first, "Load more")
    assert "First page" not in first
    second = client.get(address_in(link_in(first, "Load more")), headers=HTMX | {"HX-Target": "more"}).content.decode()
    assert "hx-get" not in link_in(second, "Next page")
    third = client.get(address_in(link_in(second, "Next page")))
    assert len(cards(third)) == 10
    assert address_in(link_in(third.content.decode(), "First page")) == "/?state=running"


@pytest.mark.parametrize("sort", ["", "oldest", "longest", "provider"])
def test_the_address_of_a_page_says_how_many_cards_it_has_so_that_back_shows_as_many(client, member, sort):
    make(member, count=100)
    address = f"/?state=ready&sort={sort}"
    first = client.get(address)
    headers = HTMX | {"HX-Target": "more", "HX-Current-URL": f"http://testserver{address}"}
    more = client.get(address_in(link_in(first.content.decode(), "Load more")), headers=headers)
    assert more["HX-Replace-Url"] == f"{address}&cards=60"
    again = client.get(more["HX-Replace-Url"])
    assert [*cards(again)] == [*cards(first), *cards(more)]
    assert link_in(again.content.decode(), "Load more") == link_in(more.content.decode(), "Load more")
    headers["HX-Current-URL"] = f"http://testserver{more['HX-Replace-Url']}"
    third = client.get(address_in(link_in(again.content.decode(), "Load more")), headers=headers)
    assert third["HX-Replace-Url"] == f"{address}&cards=90"
    assert len(cards(client.get(f"{address}&cards=999999"))) == 100
    headers["HX-Current-URL"] = "http://testserver/g/a-video-that-is-open"
    more = client.get(address_in(link_in(first.content.decode(), "Load more")), headers=headers)
    assert "HX-Replace-Url" not in more


def test_a_page_has_no_more_cards_than_scrolling_loads_into_it(client, member, monkeypatch):
    monkeypatch.setattr("videos.views.gallery.MAX_ON_A_PAGE", 60)
    make(member, count=70)
    page = client.get("/?state=ready&cards=90")
    assert len(cards(page)) == 60
    assert "hx-get" not in link_in(page.content.decode(), "Next page")


def link_in(page, words):
    return re.search(rf"<a [^>]*>{words}</a>", page)[0]


def address_in(link):
    return re.search(r'href="([^"]+)"', link)[1].replace("&amp;", "&")


def test_a_filter_sends_only_the_list_and_its_tabs(client, member):
    make(member)
    body = client.get("/?state=ready", headers=HTMX | {"HX-Target": "gallery"}).content.decode()
    assert 'id="gallery"' in body
    assert 'id="bar" hx-swap-oob="true"' in body
    assert "<html" not in body
    assert 'id="composer"' not in body


def test_an_empty_studio_invites_and_a_search_without_result_says_so(client):
    for headers in ({}, HTMX | {"HX-Target": "gallery"}):
        page = client.get("/", headers=headers).content.decode()
        assert "What should the first video show?" in page
        assert len(re.findall(r'<div class="starters">\s*<button type="button"\s+data-fill>', page)) == 1
    assert "Nothing matches." in client.get("/?q=unicorn").content.decode()


# Acting
def test_a_queued_video_is_cancelled_before_it_is_sent(client, member):
    generation = make_queued(member)
    reply = click(client, generation, "cancel")
    assert reply["Location"] == f"/#g-{generation.public_id}"
    assert "Never sent; nothing was charged." in card_of(client, generation)[1]


def test_a_generation_sent_meanwhile_is_not_cancelled_and_the_card_shows_its_state(client, member):
    (generation,) = make(member, status="running")
    reply = click(client, generation, "cancel", HTMX)
    assert "changed in the meantime" in reply.content.decode()
    assert "is-running" in reply.content.decode()


def test_a_double_click_on_retry_makes_one_new_video(client, member):
    (generation,) = make(member, status="failed")
    for _ in range(2):
        click(client, generation, "retry", token="retry-token-0123456789")
    new = Generation.objects.newest_first().first()
    assert Generation.objects.count() == 2
    assert (new.retry_of, new.status) == (generation, "queued")


def test_a_retry_over_the_budget_says_so_and_makes_nothing(client, member):
    (generation,) = make(member, status="failed")
    Budget.objects.create(scope="studio", videos_per_month=1)
    reply = click(client, generation, "retry", HTMX, token="retry-token-0123456789")
    assert "over the budget" in reply.content.decode()
    assert Generation.objects.count() == 1


def test_not_made_and_stop_and_check_again_move_as_the_card_says(client, member):
    (unknown,) = make(member, status="unknown")
    click(client, unknown, "not-made")
    (running,) = make(member, status="running")
    click(client, running, "stop")
    unknown.refresh_from_db()
    running.refresh_from_db()
    assert (unknown.status, running.status) == ("cancelled", "stopped")
    click(client, running, "check")
    running.refresh_from_db()
    assert running.status == "running"


def test_a_found_id_is_looked_up_before_it_is_linked(client, member, remote):
    (unknown,) = make(member, status="unknown")
    reply = click(client, unknown, "found", HTMX, remote_id="node-gw-nobody")
    assert "HeyGen does not know this id" in reply.content.decode()
    accepted = submit(remote)
    click(client, unknown, "found", remote_id=f" {accepted} ")
    unknown.refresh_from_db()
    assert (unknown.status, unknown.remote_id) == ("running", accepted)
    (second,) = make(member, status="unknown")
    again = click(client, second, "found", HTMX, remote_id=accepted)
    assert "already belongs to another video" in again.content.decode()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422, 429, 500])
def test_an_id_that_could_not_be_looked_up_says_nothing_about_what_was_charged(client, member, remote, status):
    (unknown,) = make(member, status="unknown")
    remote.faults([{"call": "poll", "do": {"status": status, "html": "<h1>No"}}])
    said = click(client, unknown, "found", HTMX, remote_id=submit(remote)).content.decode()
    assert "It is still unknown whether this was charged." in said
    for untrue in ("othing was made", "othing was charged", "sent automatically"):
        assert untrue not in said


def submit(standin):
    body = {"workflow_type": "GenerateVideoNode", "input": {"prompt": "found"}}
    url, headers = f"{standin.url}/v1/workflows/executions", {"X-Api-Key": "test-key"}
    return httpx.post(url, json=body, headers=headers, trust_env=False, timeout=60).json()["data"]["execution_id"]


@pytest.mark.parametrize("text", ["", "two words", "../../etc", "x" * 300, "naïve"])
def test_an_invalid_id_is_refused_before_the_remote_is_asked(client, member, text):
    (unknown,) = make(member, status="unknown")
    assert "Paste the id as HeyGen shows it" in click(client, unknown, "found", HTMX, remote_id=text).content.decode()


def test_a_wrong_id_is_shown_beside_its_field(client, member):
    (unknown,) = make(member, status="unknown")
    reply = click(client, unknown, "found", HTMX, remote_id="<b>")
    assert (reply.status_code, reply["HX-Retarget"]) == (422, f"#found-error-{unknown.public_id}")
    assert "<b>" not in reply.content.decode()


@pytest.mark.parametrize("status", ["failed", "unknown", "stopped", "cancelled"])
def test_a_card_in_the_trash_must_be_restored_first(client, member, status):
    (generation,) = make(member, status=status)
    Generation.objects.update(trashed_at=timezone.now())
    body = client.get("/?state=trash").content.decode()
    assert "Restore" in body
    for action in ("retry", "another", "not_made", "found", "check", "trash"):
        assert f"/g/{generation.public_id}/{action}" not in body


def test_a_providers_success_rate_counts_only_accepted_requests(client, member):
    make(member, count=4)
    made = make(member, status="failed", count=4)
    for generation in made[1:]:  # never accepted: an empty account, a wrong key
        Generation.objects.filter(pk=generation.pk).update(remote_id=None)
    recount()  # the rows were changed past what keeps them
    [record] = Generation.objects.track_records().values()
    assert (record.succeeded, record.ended) == (4, 5)


def test_a_refused_prompt_counts_against_no_provider(client, member):
    make(member, count=4)
    make(member, status="failed", error_class="fault")
    for cause in ("refused", "picture", "invalid", "credits"):
        make(member, status="failed", error_class=cause)
    recount()  # the rows were changed past what keeps them
    [record] = Generation.objects.track_records().values()
    assert (record.succeeded, record.ended) == (4, 5)


def test_an_unknown_outcome_that_was_made_again_says_so_with_a_link_and_stays(client, member):
    (generation,) = make(member, status="unknown")
    make_again(generation, member, "a-form-token-0123456789", again=False)
    new = Generation.objects.get(retry_of=generation)
    page = client.get("/?state=attention").text
    assert "Another was made meanwhile; this one stays here until you say whether it was made." in page
    assert f'href="/g/{new.public_id}"' in page


def test_trash_offers_to_undo_and_restore_brings_it_back(client, member):
    (generation,) = make(member)
    reply = click(client, generation, "trash", HTMX).content.decode()
    assert "Undo" in reply
    assert f'id="g-{generation.public_id}" data-gone' in reply
    assert list(cards(client.get("/?state=trash"))) == [str(generation.public_id)]
    assert f'id="g-{generation.public_id}"' in click(client, generation, "restore", HTMX).content.decode()


def test_a_favourite_is_set_and_taken_back_however_often_it_is_clicked(client, member):
    generation = make_ready(member)
    for wanted in ("1", "1", "0"):
        click(client, generation, "favourite", favourite=wanted)
        generation.refresh_from_db()
        assert generation.favourites.exists() is (wanted == "1")


# What is wrong at the moment
def test_a_pause_says_why_and_only_the_owner_may_resume(client):
    account().pause("credits")
    ProcessLock.objects.acquire("poller", 30)
    body = client.get("/").content.decode()
    assert "is paused." in body
    assert body.count("The HeyGen account has run out of credits.") == 1
    assert "Resume" not in client.get("/").content.decode()
    assert client.post("/resume").status_code == 404
    owner = signed_in(make_owner())
    assert "Resume" in owner.get("/").content.decode()
    owner.post("/resume")
    assert not account().paused


def test_while_one_api_is_paused_the_banner_says_which_models_wait_and_that_others_cost_money(client):
    account("heygen_models").pause("credits")
    body = client.get("/").content.decode()
    assert (
        "What you generate with HeyGen Video 1 waits here, and costs nothing yet. Other models are still sent." in body
    )
    assert "nothing is charged" not in body
    account("heygen_workflows").pause("credits")
    body = client.get("/").content.decode()
    assert body.count("What you generate now waits here, and nothing is charged.") == 1
    account("heygen_models").resume()
    assert (
        "What you generate with VEO 3.1, VEO 3.1 Fast, Kling Pro and 5 others waits here"
        in client.get("/").content.decode()
    )


def test_a_missing_key_and_problems_at_heygen_are_reported(client, settings):
    account()
    account().record_problem("network")
    settings.HEYGEN_API_KEY = ""
    body = client.get("/").content.decode()
    assert "There is no API key." in body
    assert "HeyGen could not be reached." in body


def test_a_worker_that_was_not_seen_for_a_minute_is_reported(client):
    ProcessLock.objects.acquire("poller", 30)
    assert "The worker is not running." not in client.get("/").content.decode()
    ProcessLock.objects.update(seen_at=timezone.now() - timedelta(seconds=61))
    assert "The worker is not running." in client.get("/").content.decode()


# How things are written
@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        ("16:9", "r-16-9"),
        ("9:16", "r-9-16 is-tall"),
        ("1920:1080", "r-p15"),
        ("7:5", "r-p9"),
        ("1:10", "r-m25 is-tall"),
    ],
)
def test_a_cards_ratio_is_a_class(member, ratio, expected):
    (generation,) = make(member, status="queued", ratio=ratio)
    assert ratio_class(generation) == expected


@pytest.mark.parametrize(("seconds", "words"), [(5, "0:05"), (59.6, "1:00"), (125, "2:05"), (3725, "1:02:05")])
def test_seconds_are_written_as_a_clock(seconds, words):
    assert clock(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"), [(20, "1 kB"), (187_000, "187 kB"), (6_240_000, "6.2 MB"), (2e9, "2.0 GB")]
)
def test_sizes_are_written_as_people_say_them(count, words):
    assert size(count) == words


@pytest.mark.parametrize(("seconds", "words"), [(5, "just now"), (240, "4 min ago"), (7300, "2 h ago")])
def test_moments_are_written_as_people_say_them(seconds, words):
    assert ago(timezone.now() - timedelta(seconds=seconds)) == words


def test_no_page_has_inline_script_or_style(client, member):
    one_of_each(member)
    body = client.get("/").content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)", body)
    assert not re.search(r"\sstyle=|<style|\son\w+=|hx-on", body)


def test_a_filter_without_an_index_looks_at_the_newest_and_says_so(owner, monkeypatch):
    monkeypatch.setattr("videos.models.generation_queryset.LOOKED_THROUGH", 2)
    monkeypatch.setattr("videos.views.filtered_gallery.LOOKED_THROUGH", 2)
    make(owner, "A dune", ratio="1:1", seconds_ago=40 * 86400)
    make(owner, "A lighthouse", count=3)
    client = signed_in(owner)
    found = lambda query: [card.generation.prompt for card in client.get(f"/?{query}").context["cards"]]  # noqa: E731
    assert found("ratio=1:1") == []
    assert "None of the newest 2 videos fits" in client.get("/?ratio=1:1").content.decode()
    assert found("q=du") == []
    assert "Only the newest 2 videos were searched" in client.get("/?q=li&whose=mine").content.decode()
    to = f"to={timezone.localdate() - timedelta(days=30)}"
    assert found(f"ratio=1:1&{to}") == found(f"q=du&{to}") == ["A dune"]
    assert "newest 2 videos" not in client.get(f"/?q=du&{to}").content.decode()
    assert found("q=dun") == ["A dune"]  # which an index finds


def test_a_filtered_page_asks_only_once_which_videos_its_filters_find(owner):
    make(owner, "A dune", ratio="1:1")
    PersonalNote.objects.write(owner, owner.generations.get(), title="My dune")
    client = signed_in(owner)
    for address in ("/?q=dune&ratio=1:1&when=week", "/updates?q=dune&ratio=1:1&when=week"):
        with CaptureQueriesContext(connection) as made:
            assert "My dune" in client.get(address).content.decode()
        counts = Counter(query["sql"] for query in made if re.search("videos_(generation|personalnote)", query["sql"]))
        assert {sql: count for sql, count in counts.items() if count > 1} == {}


def test_days_are_found_whatever_the_order_in_which_videos_were_made(owner):
    make(owner, "Today")
    make(owner, "Long ago", seconds_ago=40 * 86400)
    make(owner, "Today too")
    client = signed_in(owner)
    prompts = lambda query: {card.generation.prompt for card in client.get(f"/?{query}").context["cards"]}  # noqa: E731
    assert prompts("when=week") == {"Today", "Today too"}
    assert prompts(f"to={timezone.localdate() - timedelta(days=30)}") == {"Long ago"}


@pytest.mark.parametrize("sort", ["longest", "provider"])
def test_a_page_after_somebody_elses_private_video_says_nothing_about_that_one(sort):
    """It began after a video of that length, or of that provider."""
    member, other = make_member(), make_member("other")
    mine, theirs = make_ready(member, provider="kling_pro"), make_ready(other, "node-gw-2")
    SavedVideo.objects.filter(generation=mine).update(seconds=9)
    page = signed_in(member).get(
        f"/?sort={sort}&before={theirs.pk}", headers={"HX-Request": "true", "HX-Target": "more"}
    )
    assert str(mine.public_id) in page.content.decode()
