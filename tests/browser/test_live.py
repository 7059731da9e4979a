"""Pages that stay open: what changes arrives, what is in use is left alone, and trouble is said and forgotten."""

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

PANELS = ["#provider-pick", "#ratio-pick", "#settings-pick", "#pick-start", ".is-unknown .state [popovertarget]"]
PREPARE = """
from django.contrib.auth import get_user_model
from tests.parts.exhibition import make, one_of_each
from videos.models import Generation, RemoteAccount
owner = get_user_model().objects.get(username="{}")
"""


def prepare(studio, owner, code):
    """Runs `code` on the studio's data, with `make`, `one_of_each`, `owner` and the models at hand."""
    studio.manage("shell", "-v", "0", "-c", PREPARE.format(owner) + code)


def test_a_press_in_one_tab_appears_in_the_other_and_becomes_ready_there(member_page, member, shared_studio):
    other = member_page.context.new_page()
    other.goto(shared_studio.url)
    member_page.fill("#prompt", "Seen from two tabs")
    member_page.click(".send")
    expect(other.locator(".card .prompt")).to_have_text(["Seen from two tabs"])
    for page in (member_page, other):
        expect(page.locator(".card.is-ready")).to_have_count(1, timeout=45_000)
        expect(page.locator("#n-all")).to_have_text("1")
        expect(page).to_have_title("HeyGen Studio")
    expect(member_page.locator(".empty")).to_be_hidden()


def test_what_is_in_use_is_left_alone_and_changes_when_it_is_free(member_page, member, shared_studio):
    page = member_page
    prepare(shared_studio, member, 'make(owner, "plays"); make(owner, "menu"); make(owner, "lost", "unknown")')
    page.reload()
    playing = page.locator(".card", has_text="plays").locator("video")
    playing.evaluate("video => { video.muted = true; video.loop = true; window.playing = video; return video.play() }")
    page.locator(".card", has_text="lost").get_by_role("button", name="I found it").click()
    page.get_by_label("I found it: its execution id").fill("node-gw-hal")
    page.fill("#prompt", "half a sen")
    page.get_by_label("I found it: its execution id").focus()

    prepare(shared_studio, member, "[row.mark_favourite(True) for row in owner.generations.all()]")
    expect(page.locator("#n-favourite")).to_have_text("3")
    expect(page.locator(".card", has_text="menu").locator("[aria-pressed=true]")).to_have_count(1)
    assert page.evaluate("window.playing.isConnected && !window.playing.paused")
    assert page.get_by_label("I found it: its execution id").input_value() == "node-gw-hal"
    expect(page.get_by_label("I found it: its execution id")).to_be_focused()
    expect(page.locator("#prompt")).to_have_value("half a sen")

    page.evaluate("window.playing.pause()")
    expect(page.locator(".card", has_text="plays").locator("[aria-pressed=true]")).to_have_count(1)


def test_scrolling_stays_where_it_was_when_cards_arrive(member_page, member, shared_studio):
    page = member_page
    prepare(shared_studio, member, 'make(owner, "old", "cancelled", count=24)')
    page.reload()
    page.locator(".card").nth(12).scroll_into_view_if_needed()
    anchor = page.locator(".card").nth(12)
    identity, before = anchor.get_attribute("id"), anchor.bounding_box()["y"]
    page.fill("#prompt", "x")
    prepare(shared_studio, member, 'make(owner, "new", "cancelled", count=4)')
    expect(page.locator(".card")).to_have_count(28)
    assert page.evaluate("scrollY") > 0
    assert abs(page.locator(f"[id='{identity}']").bounding_box()["y"] - before) < 400


def test_a_stopped_web_server_is_said_and_forgotten_when_it_is_back(owner_page, studio):
    page = owner_page
    page.allowed_errors += ["ERR_CONNECTION", "ERR_EMPTY", "htmx:", "Failed to load"]
    studio.stop()
    expect(page.locator("#offline")).to_be_visible(timeout=60_000)
    studio.start()
    expect(page.locator("#offline")).to_be_hidden(timeout=60_000)
    page.close()


def test_a_pause_reaches_an_open_page_and_its_owner_resumes(owner_page, studio):
    page = owner_page
    prepare(
        studio, "owner", 'RemoteAccount.objects.load(); RemoteAccount.objects.pause("credits", "Insufficient credit.")'
    )
    expect(page.get_by_text("The HeyGen account has run out of credits.")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("The HeyGen account has run out of credits.")).to_be_hidden()
    page.close()


def test_find_is_in_the_address_and_back_and_forward_follow(member_page, member, shared_studio):
    page = member_page
    prepare(
        shared_studio, member, 'make(owner, "a dune"); make(owner, "a lake", providers=["kling_pro"], favourite=True)'
    )
    page.reload()
    page.fill("#q", "dune")
    expect(page.locator(".card")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?q=dune$"))
    page.fill("#q", "")
    expect(page.locator(".card")).to_have_count(2)
    page.get_by_role("link", name="Favourites").click()
    expect(page.locator(".card .prompt")).to_have_text(["a lake"])
    expect(page).to_have_url(re.compile("state=favourite"))
    page.go_back()
    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator("#tab-all")).to_have_attribute("aria-current", "page")
    page.go_forward()
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card .prompt")).to_have_text(["a lake"])
    page.get_by_role("link", name="All").click()
    expect(page.locator(".card")).to_have_count(2)
    page.select_option("#filter-provider", "kling_pro")
    expect(page.locator(".card .prompt")).to_have_text(["a lake"])
    expect(page).to_have_url(re.compile("provider=kling_pro"))


def test_the_ring_and_the_clock_run_by_the_servers_time(member_page, member, shared_studio):
    page = member_page
    prepare(shared_studio, member, 'make(owner, "runs", "running", seconds_ago=70)')
    page.reload()
    clock = page.locator(".card .tick")
    first = clock.inner_text()
    assert re.fullmatch(r"1:\d\d", first)
    expect(clock).not_to_have_text(first)
    assert page.locator(".card .run").get_attribute("stroke-dashoffset") != "100"


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_with_every_card_and_every_panel(new_page, shared_studio, member, sign_in, scheme):
    prepare(shared_studio, member, "one_of_each(owner)")
    for width in (1440, 390):
        page = sign_in(new_page(width=width, color_scheme=scheme, reduced_motion="reduce"), shared_studio, member)
        expect(page.locator(".card")).to_have_count(13)
        if width == 390:
            page.locator("#prompt").focus()
        violations(page)
        for opener in (
            "#provider-pick",
            "#ratio-pick",
            "#settings-pick",
            "#pick-start",
            ".is-unknown .state [popovertarget]",
        ):
            page.locator(opener).first.click()
            violations(page)
            page.keyboard.press("Escape")


def violations(page):
    found = Axe().run(page).response["violations"]
    told = [(one["id"], one["nodes"][0]["html"][:200], one["nodes"][0]["failureSummary"][:300]) for one in found]
    assert not told, json.dumps(told, indent=1)


def test_an_empty_gallery_costs_little(member_page, member, shared_studio):
    page = member_page
    sizes = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(shared_studio.url, wait_until="networkidle")
    assert sum(sizes) < 150_000
