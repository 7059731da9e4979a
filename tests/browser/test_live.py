"""Pages that stay open: changes arrive, elements in use are left alone, and notices appear and disappear."""

import re

import pytest
from playwright.sync_api import expect

from tests.parts.generations import make
from tests.parts.still import until_still

in_database = pytest.mark.django_db(transaction=True, serialized_rollback=True)
PREPARE = """
from django.contrib.auth import get_user_model
from tests.parts.exhibition import one_of_each
from videos.models import Generation, RemoteAccount
owner = get_user_model().objects.get(username="{}")
"""


def prepare(studio, owner, code):
    """Runs `code` on the studio's data, with `make`, `one_of_each`, `owner` and the models at hand."""
    studio.manage("shell", "-v", "0", "-c", PREPARE.format(owner) + code)


def test_a_batch_made_in_one_tab_appears_in_the_other_and_becomes_ready_there(member_page, member, shared_studio):
    other = member_page.context.new_page()
    other.goto(shared_studio.url)
    member_page.fill("#prompt", "Seen from two tabs")
    member_page.click(".send")
    expect(other.locator(".card .prompt")).to_have_text(["Seen from two tabs"])
    for page in (member_page, other):
        expect(page.locator(".card.is-ready")).to_have_count(1, timeout=120_000)
        expect(page.locator("#n-all")).to_have_text("1")
        expect(page).to_have_title("HeyGen Studio")
    expect(member_page.locator(".empty")).to_be_hidden()
    expect(member_page.locator("#n-ready")).to_be_hidden()  # the count of a tab that is not shown


PLAY = """card => {
    const source = `${card.querySelector(".open").href}/video.mp4`;
    window.playing = Object.assign(document.createElement("video"), { src: source, muted: true, loop: true });
    card.querySelector(".open").before(playing);
    return playing.play();
}"""


@in_database
def test_an_element_in_use_is_left_alone_and_updated_afterwards(live_page):
    make(live_page.owner, "plays")
    make(live_page.owner, "menu")
    make(live_page.owner, "lost", "unknown")
    live_page.goto(live_page.studio.url)
    live_page.locator(".card", has_text="plays").evaluate(PLAY)
    live_page.locator(".card", has_text="lost").get_by_role("button", name="I found it").click()
    live_page.get_by_label("I found it: its id at HeyGen").fill("node-gw-hal")
    live_page.fill("#prompt", "half a sen")
    live_page.get_by_label("I found it: its id at HeyGen").focus()

    for generation in live_page.owner.generations.all():
        generation.mark_favourite(True)
    expect(live_page.locator("#n-favourite")).to_have_text("3")
    expect(live_page.locator(".card", has_text="menu").locator("[aria-pressed=true]")).to_have_count(1)
    assert live_page.evaluate("window.playing.isConnected && !window.playing.paused")
    expect(live_page.get_by_label("I found it: its id at HeyGen")).to_have_value("node-gw-hal")
    expect(live_page.get_by_label("I found it: its id at HeyGen")).to_be_focused()
    expect(live_page.locator("#prompt")).to_have_value("half a sen")

    live_page.evaluate("window.playing.pause()")
    expect(live_page.locator(".card", has_text="plays").locator("[aria-pressed=true]")).to_have_count(1)


@in_database
def test_scrolling_stays_where_it_was_when_cards_arrive(live_page):
    make(live_page.owner, "old", "cancelled", count=24)
    live_page.goto(live_page.studio.url)
    live_page.locator(".card").nth(12).scroll_into_view_if_needed()
    until_still(live_page)
    anchor = live_page.locator(".card").nth(12)
    identity, before = anchor.get_attribute("id"), anchor.bounding_box()["y"]
    live_page.fill("#prompt", "x")
    make(live_page.owner, "new", "cancelled", count=4)
    expect(live_page.locator(".card")).to_have_count(28)
    until_still(live_page)
    assert live_page.evaluate("scrollY") > 0
    assert abs(live_page.locator(f"[id='{identity}']").bounding_box()["y"] - before) < 400


def test_a_stopped_web_server_is_reported_until_it_is_back(owner_page, studio):
    page = owner_page
    page.allowed_errors += ["ERR_CONNECTION", "ERR_EMPTY", "htmx:", "Failed to load"]
    studio.stop()
    expect(page.locator("#offline")).to_be_visible(timeout=120_000)
    studio.start()
    expect(page.locator("#offline")).to_be_hidden(timeout=120_000)
    page.close()


def test_a_pause_reaches_an_open_page_and_its_owner_resumes(owner_page, studio):
    page = owner_page
    prepare(studio, "owner", 'RemoteAccount.objects.make_all_active()[0].pause("credits")')
    expect(page.get_by_text("has run out of credits")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("has run out of credits")).to_be_hidden()
    page.close()


@in_database
def test_a_search_is_in_the_address_and_back_and_forward_follow_it(live_page):
    make(live_page.owner, "a dune")
    make(live_page.owner, "a lake", providers=["kling_pro"], favourite=True)
    live_page.goto(live_page.studio.url)
    live_page.fill("#q", "dune")
    expect(live_page.locator(".card")).to_have_count(1)
    expect(live_page).to_have_url(re.compile(r"\?q=dune$"))
    live_page.fill("#q", "")
    expect(live_page.locator(".card")).to_have_count(2)
    live_page.get_by_role("link", name="Favourites").click()
    expect(live_page.locator(".card .prompt")).to_have_text(["a lake"])
    expect(live_page).to_have_url(re.compile("state=favourite"))
    live_page.go_back()
    expect(live_page.locator(".card")).to_have_count(2)
    expect(live_page.locator("#tab-all")).to_have_attribute("aria-current", "page")
    live_page.go_forward()
    expect(live_page.locator(".card")).to_have_count(1)
    expect(live_page.locator(".card .prompt")).to_have_text(["a lake"])
    live_page.locator("#tab-all").click()
    expect(live_page.locator(".card")).to_have_count(2)
    live_page.select_option("#filter-provider", "kling_pro")
    expect(live_page.locator(".card .prompt")).to_have_text(["a lake"])
    expect(live_page).to_have_url(re.compile("provider=kling_pro"))


@in_database
def test_the_ring_and_the_clock_run_by_the_servers_time(live_page):
    make(live_page.owner, "runs", "running", seconds_ago=70)
    live_page.goto(live_page.studio.url)
    clock = live_page.locator(".card .tick")
    first = clock.inner_text()
    assert re.fullmatch(r"[1-4]:\d\d", first), "it began 70 s ago"
    expect(clock).not_to_have_text(first)
    expect(live_page.locator(".card .run")).not_to_have_attribute("stroke-dashoffset", "100")


def test_an_empty_gallery_costs_little(member_page, member, shared_studio):
    page = member_page
    sizes = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(shared_studio.url, wait_until="networkidle")
    assert sum(sizes) < 150_000


@in_database
def test_on_a_phone_a_tap_on_the_magnifying_glass_opens_the_search(live_page, phone_page):
    make(live_page.owner, "a dune")
    make(live_page.owner, "a pier")
    live_page.enter(phone_page)
    phone_page.goto(live_page.studio.url)
    phone_page.locator(".search").tap()
    expect(phone_page.locator("#q")).to_be_focused()
    phone_page.keyboard.type("pier")
    expect(phone_page.locator(".card .prompt")).to_have_text(["a pier"])


@in_database
def test_a_wrong_execution_id_is_shown_beside_the_field_and_stays_there(live_page):
    make(live_page.owner, "a dune", "unknown")
    live_page.goto(live_page.studio.url)
    live_page.get_by_role("button", name="I found it").click()
    live_page.get_by_label("I found it: its id at HeyGen").fill("no id")
    live_page.get_by_role("button", name="Use this id").click()
    expect(live_page.get_by_text("Paste the id as HeyGen shows it")).to_be_visible()
    expect(live_page.get_by_label("I found it: its id at HeyGen")).to_have_value("no id")
