"""Batches as stacks, and what else a person can set in the gallery: order, size, headings, and selecting everything."""

import csv
import io
import re
import zipfile
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.parts.generations import make, settle
from tests.parts.people import make_member, signed_in
from videos.models import Generation, PersonalNote, Preferences
from videos.views import archives, gallery

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def client(owner):
    Preferences.objects.update_or_create(user=owner, defaults={"stacks": True})
    return signed_in(owner)


def shown(reply):
    """The ids of the cards (g-…) and stacks (b-…) in their order."""
    return re.findall(r'<article class="[^"]*"\s+id="([gb]-[^"]+)"', reply.content.decode())


def stack_id(generation):
    return f"b-{generation.batch_id}"


def card_id(generation):
    return f"g-{generation.public_id}"


def look(client, **choice):
    return client.post("/look", choice, headers=HTMX)


def test_the_videos_of_one_click_are_one_stack_and_a_single_video_is_a_card(client, owner):
    several, [single] = make(owner, count=3), make(owner)
    assert shown(client.get("/")) == [card_id(single), stack_id(several[0])]


def test_a_stack_shows_its_progress_with_a_segment_for_each_video(client, owner):
    made = make(owner, "a fox", "queued", count=4)
    settle(made[0], "running", 60, 90, {})
    settle(made[1], "failed", 60, 90, {})
    html = client.get("/").content.decode()
    assert re.search(r"<b>0 of 4</b>\s+1 rendering · 2 waiting · 1 without a video", html)
    segments = re.search(r'<div class="segments"[^>]*>(.*?)</div>', html, re.DOTALL)[1]
    assert re.findall(r'<i class="(\w+)">', segments) == ["rendering", "waiting", "waiting", "failed"]


def test_a_stack_of_several_models_or_ratios_does_not_claim_to_be_of_one(client, owner):
    made = make(owner, providers=["veo_3_1", "kling_pro", "kling_v2"])
    make(owner, providers=["seedance_pro"], count=2)
    Generation.objects.filter(pk=made[0].pk).update(aspect_ratio="9:16")
    lines = re.findall(r'<p class="sub">\s*<b>([^<]+)</b>\s*<span>(\S+)', client.get("/").content.decode())
    assert lines == [("Seedance Pro", "16:9"), ("3 models", "2")]


def test_a_stack_shows_only_failures_in_red(client, owner):
    made = make(owner, "a fox", "queued", count=3)
    for one, status in zip(made, ["failed", "cancelled", "unknown"], strict=True):
        settle(one, status, 60, 90, {})
    html = client.get("/").content.decode()
    assert re.search(r"<b>0 of 3</b>\s+1 to look at · 1 without a video · 1 cancelled", html)
    segments = re.search(r'<div class="segments"[^>]*>(.*?)</div>', html, re.DOTALL)[1]
    assert sorted(re.findall(r'<i class="(\w+)">', segments)) == ["cancelled", "failed", "unsure"]


def test_a_stack_that_waits_says_the_place_of_its_first_and_updates_follow_it(client, owner):
    [ahead], several = make(owner, status="queued"), make(owner, status="queued", count=2)
    Generation.objects.update(lease_until=None)
    page = client.get("/").content.decode()
    assert f'the first is <span class="place-{several[0].public_id}">2nd in the queue' in page
    since = re.search(r'id="since"\s+value="([^"]+)"', page)[1]
    ahead.cancel()
    answer = client.get("/updates", {"since": since}).content.decode()
    assert f'data-place="place-{several[0].public_id}">next in the queue' in answer


def test_a_stack_holds_what_the_filters_show_and_one_video_is_a_card(client, owner):
    made = make(owner, providers=["veo_3_1", "kling_pro"], count=2)
    assert shown(client.get("/?provider=kling_pro")) == [stack_id(made[0])]
    made[0].move_to_trash()
    made[2].move_to_trash()
    made[3].move_to_trash()
    assert shown(client.get("/")) == [card_id(made[1])]


def test_a_stack_opens_in_place_and_by_its_address(client, owner):
    made, [other] = make(owner, count=3), make(owner)
    batch = made[0].batch.public_id
    within = client.get(f"/?batch={batch}&open=1", headers=HTMX)
    assert shown(within) == [card_id(one) for one in reversed(made)]
    assert shown(client.get(f"/?batch={batch}")) == [card_id(one) for one in reversed(made)]
    assert card_id(other) not in shown(within)


def test_a_person_may_have_single_cards_instead_and_it_stays_so(client, owner):
    made = make(owner, count=2)
    answer = look(client, stacks="0")
    assert shown(answer) == [card_id(one) for one in reversed(made)]
    assert shown(client.get("/")) == [card_id(one) for one in reversed(made)]
    look(client, stacks="1")
    assert shown(client.get("/")) == [stack_id(made[0])]
    assert Preferences.objects.of(make_member()).stacks  # nobody else's gallery changed


def test_three_sizes_of_cards_and_nothing_else(client):
    assert 'class="cards is-large"' in look(client, density="large").content.decode()
    assert 'class="cards is-large"' in look(client, density="enormous").content.decode()
    assert 'class="cards is-large"' in client.get("/").content.decode()


def test_without_scripts_the_switch_leads_back_to_where_it_was(client):
    assert client.post("/look", {"stacks": "0", "next": "/?state=ready"})["Location"] == "/?state=ready"


def test_an_update_brings_the_stack_and_the_open_ones_also_their_cards(client, owner):
    made = make(owner, "a fox", "running", count=3)
    since = re.search(r'id="since"\s+value="([^"]+)"', client.get("/").content.decode())[1]
    made[0].mark_favourite(True)
    assert shown(client.get("/updates", {"since": since})) == [stack_id(made[0])]
    opened = client.get("/updates", {"since": since, "open": str(made[0].batch.public_id)})
    assert shown(opened) == [stack_id(made[0]), card_id(made[0])]


def test_an_update_turns_a_stack_of_two_into_a_card_when_one_leaves(client, owner):
    made = make(owner, count=2)
    since = re.search(r'id="since"\s+value="([^"]+)"', client.get("/").content.decode())[1]
    made[0].move_to_trash()
    answer = client.get("/updates", {"since": since})
    assert shown(answer) == [card_id(made[1])]
    gone = re.findall(r'<i id="([^"]+)" data-gone>', answer.content.decode())
    assert gone == [stack_id(made[0]), card_id(made[0])]


def test_a_page_of_stacks_costs_the_same_queries_whatever_the_stacks_hold(client, owner):
    make(owner, count=2)
    client.get("/")
    with CaptureQueriesContext(connection) as small:
        client.get("/")
    make(owner, count=4)
    make(owner, "another", count=4)
    with CaptureQueriesContext(connection) as large:
        client.get("/")
    assert len(large) <= len(small) + 1  # the studio's settings are read every two seconds


def test_pages_of_stacks_follow_each_other_without_a_gap(client, owner):
    made = [make(owner, f"number {number}", count=2)[0] for number in range(33)]
    first = client.get("/")
    more = re.search(r'hx-get="(/\?before=[^"]+)"', first.content.decode())[1].replace("&amp;", "&")
    second = client.get(more, headers={**HTMX, "HX-Target": "more"})
    assert shown(first) + shown(second) == [stack_id(one) for one in reversed(made)]
    assert 'class="day"' not in second.content.decode()  # the same day goes on


@pytest.mark.parametrize("sort", ["oldest", "longest", "provider"])
def test_other_orders_page_through_everything_once(client, owner, sort):
    for number in range(16):
        make(owner, f"number {number}", providers=["veo_3_1", "kling_pro"], config={"duration": 5 + number % 2 * 3})
    look(client, stacks="0")
    first = client.get(f"/?sort={sort}")
    more = re.search(r'hx-get="(/\?[^"]*before=[^"]+)"', first.content.decode())[1].replace("&amp;", "&")
    ids = shown(first) + shown(client.get(more, headers={**HTMX, "HX-Target": "more"}))
    assert len(ids) == len(set(ids)) == 32
    by_id = {card_id(one): one for one in Generation.objects.select_related("saved_video", "provider")}
    rows = [by_id[one] for one in ids]
    orders = {
        "oldest": lambda one: one.pk,
        "longest": lambda one: (-one.saved_video.seconds, -one.pk),
        "provider": lambda one: (one.provider.name, -one.pk),
    }
    assert rows == sorted(rows, key=orders[sort])


def test_longest_first_shows_generations_without_a_video_last_and_also_in_the_trash(client, owner):
    look(client, stacks="0")
    [short], [long] = make(owner, config={"duration": 5}), make(owner, config={"duration": 8})
    others = [make(owner, status=status)[0] for status in ("failed", "queued", "cancelled", "unknown")]
    wanted = [card_id(one) for one in [long, short, *reversed(others)]]
    assert shown(client.get("/?sort=longest")) == wanted
    assert shown(client.get("/?sort=longest&state=ready")) == wanted[:2]
    assert shown(client.get("/?sort=longest&state=running")) == [card_id(others[1])]
    for one in (short, others[0]):
        one.move_to_trash()
    assert shown(client.get("/?sort=longest&state=trash")) == [card_id(short), card_id(others[0])]


def test_longest_first_pages_through_generations_without_a_video_too(client, owner):
    look(client, stacks="0")
    make(owner, count=8)
    make(owner, status="failed", count=8)
    for number in range(3):
        make(owner, f"number {number}", "cancelled", count=8)
    first = client.get("/?sort=longest")
    more = re.search(r'hx-get="(/\?[^"]*before=[^"]+)"', first.content.decode())[1].replace("&amp;", "&")
    ids = shown(first) + shown(client.get(more, headers={**HTMX, "HX-Target": "more"}))
    assert len(ids) == len(set(ids)) == 40
    newest = [card_id(one) for one in Generation.objects.newest_first() if one.status != "ready"]
    assert ids[8:] == newest


def test_the_gallery_filters_by_a_persons_own_rating(client, owner):
    made = make(owner, count=2) + make(owner)
    PersonalNote.objects.write(owner, made[0], rating=5)
    PersonalNote.objects.write(owner, made[1], rating=3)
    PersonalNote.objects.write(make_member(), made[2], rating=5)
    assert shown(client.get("/?rating=4")) == [card_id(made[0])]
    assert shown(client.get("/?rating=3")) == [stack_id(made[0])]
    assert shown(client.get("/?rating=nonsense")) == shown(client.get("/"))
    assert '<option value="4" selected>' in " ".join(client.get("/?rating=4").content.decode().split())


def test_days_have_headings(client, owner):
    make(owner, seconds_ago=3 * 86400)
    make(owner, seconds_ago=86400)
    make(owner, seconds_ago=1)
    headings = re.findall(r"<h2>([^<]+)</h2>", client.get("/").content.decode())
    assert headings[:2] == ["Today", "Yesterday"]


def test_providers_are_the_headings_of_their_order(client, owner):
    make(owner, providers=["veo_3_1", "kling_pro"])
    assert re.findall(r"<h2>([^<]+)</h2>", client.get("/?sort=provider").content.decode())[:2] == [
        "Kling Pro",
        "VEO 3.1",
    ]


def test_a_ticked_stack_means_the_videos_that_it_shows(client, owner):
    made = make(owner, providers=["veo_3_1", "kling_pro"])
    ticked = {"operation": "trash", "batches": [str(made[0].batch.public_id)], "filters": "provider=kling_pro"}
    client.post("/selected", ticked)
    assert list(Generation.objects.trashed()) == [made[1]]


def test_everything_means_all_videos_that_the_filters_find_loaded_or_not(client, owner):
    make(owner, "a fox", count=3)
    make(owner, "a bear")
    client.post("/selected", {"operation": "trash", "everything": "1", "filters": "q=fox"})
    assert set(Generation.objects.trashed().values_list("prompt", flat=True)) == {"a fox"}
    assert Generation.objects.trashed().count() == 3


@pytest.mark.parametrize("asked", [{"everything": "1"}, {"batches": True}])
def test_without_the_filters_neither_everything_nor_a_stack_is_meant(client, owner, asked):
    made = make(owner, count=2)
    if "batches" in asked:
        asked = {"batches": [str(made[0].batch.public_id)]}
    client.post("/selected", {"operation": "trash", **asked})
    assert not Generation.objects.trashed().exists()


def test_all_results_are_one_download(client, owner):
    make(owner, "a fox", count=2)
    make(owner, "a fox", "running")
    make(owner, "a bear")
    reply = client.get("/results.zip?q=fox")
    names = zipfile.ZipFile(io.BytesIO(b"".join(reply.streaming_content))).namelist()
    assert len([name for name in names if name.endswith(".mp4")]) == 2
    assert client.get("/results.zip?q=nothing")["Location"] == "/?q=nothing"


def test_all_results_of_a_filter_are_one_download_whatever_their_number(client, owner, monkeypatch):
    monkeypatch.setattr(archives, "MAX_SELECTED", 4)
    monkeypatch.setattr(archives, "AT_ONCE", 3)
    Preferences.objects.keep(owner, name_pattern="{n:02}_{prompt:5}")
    made = make(owner, "a fox", count=8)
    make(owner, "a bear", count=2)
    Path(made[3].saved_video.file.path).unlink()
    reply = client.get("/results.zip?q=fox")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(reply.streaming_content)))
    assert archive.testzip() is None
    names = [f"{number:02}_a fox.mp4" for number in range(1, 8)]
    assert archive.namelist() == [*names, "contents.csv"]
    rows = list(csv.DictReader(archive.read("contents.csv").decode("utf-8-sig").splitlines()))
    assert [row["file"] for row in rows] == names
    assert [row["id"] for row in rows] == [str(one.public_id) for one in reversed(made) if one != made[3]]


def test_a_selection_above_the_limit_says_so(client, owner, monkeypatch):
    monkeypatch.setattr(gallery, "MAX_SELECTED", 2)
    make(owner, count=3)
    assert "of which the newest 2 are selected" in client.get("/").content.decode()


def test_a_stack_contains_no_videos_of_other_people(client, owner):
    theirs = make(make_member(), count=2)
    theirs[0].share_with_team(True)
    assert shown(client.get("/")) == [card_id(theirs[0])]
    assert shown(client.get(f"/?batch={theirs[0].batch.public_id}")) == [card_id(theirs[0])]
