"""The viewer: over the gallery under its own address, and as a page of its own."""

import re

import pytest
from playwright.sync_api import expect

from tests.parts.exhibition import hang, make
from tests.parts.held import until_held
from tests.parts.processes import wait_until
from videos.models import Generation

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def open_first(room, **fields):
    [generation] = make(room.owner, "a lighthouse at dusk", **fields)
    room.goto(room.studio.url)
    room.locator(".card a.open").first.click()
    expect(room.locator("dialog .player")).to_be_visible()
    return generation


def test_a_video_opens_over_the_gallery_plays_and_back_closes_it_without_a_reload(room):
    generation = open_first(room)
    expect(room).to_have_url(re.compile(f"/g/{generation.public_id}"))
    room.wait_for_function("() => document.querySelector('dialog video').currentTime > 0")
    room.evaluate("window.untouched = true")
    room.go_back()
    expect(room.locator("dialog")).to_be_hidden()
    expect(room).to_have_url(f"{room.studio.url}/")
    assert room.evaluate("window.untouched"), "The gallery was loaded again"
    expect(room.locator(".card a.open")).to_be_focused()


def test_escape_closes_it_and_the_address_and_a_draft_are_as_before(room):
    make(room.owner)
    room.goto(room.studio.url)
    room.fill("#prompt", "half a sentence")
    room.locator(".card a.open").click()
    expect(room.locator("dialog .player")).to_be_visible()
    room.keyboard.press("Escape")
    expect(room.locator("dialog")).to_be_hidden()
    expect(room).to_have_url(f"{room.studio.url}/")
    expect(room.locator("#prompt")).to_have_value("half a sentence")
    room.keyboard.press("Enter")  # the focus is on the card again
    expect(room.locator("dialog .player")).to_be_visible()


def test_the_same_address_loaded_afresh_is_a_page_of_its_own(room):
    [generation] = make(room.owner)
    room.goto(f"{room.studio.url}/g/{generation.public_id}")
    expect(room.locator("main .player")).to_be_visible()
    expect(room.get_by_text(generation.remote_id)).to_be_attached()
    room.get_by_role("link", name="Back to the gallery").click()
    expect(room).to_have_url(f"{room.studio.url}/")


def test_arrows_go_through_the_filter_that_the_gallery_shows(room):
    make(room.owner, "oldest star", favourite=True)
    make(room.owner, "no star")
    make(room.owner, "newest star", favourite=True)
    room.goto(f"{room.studio.url}/?state=favourite")
    room.locator(".card a.open").first.click()
    expect(room.locator("dialog h1")).to_have_text("newest star")
    room.keyboard.press("ArrowRight")
    expect(room.locator("dialog h1")).to_have_text("oldest star")
    expect(room.locator("dialog .turn.older")).to_have_count(0)
    room.keyboard.press("ArrowLeft")
    expect(room.locator("dialog h1")).to_have_text("newest star")
    room.go_back()
    expect(room).to_have_url(re.compile(r"/\?state=favourite$"))


def test_what_was_watched_loses_its_dot(room):
    generation = open_first(room)
    wait_until(lambda: Generation.objects.get(pk=generation.pk).seen, 20)
    expect(room.locator(".card .dot")).to_have_count(0)  # now: below the pointer its preview would play, untouched


def test_a_favourite_is_starred_in_the_viewer_and_on_its_card(room):
    open_first(room)
    room.keyboard.press("f")
    expect(room.locator("#viewer-star")).to_have_attribute("aria-pressed", "true")
    expect(room.locator(".card button.starred")).to_have_attribute("aria-pressed", "true")


def test_delete_trashes_shows_the_next_and_can_be_undone(room):
    make(room.owner, "the older one")
    open_first(room)
    room.keyboard.press("Delete")
    expect(room.locator("dialog h1")).to_have_text("the older one")
    expect(room.locator("#cards .card")).to_have_count(1)
    room.get_by_role("button", name="Undo").click()
    expect(room.locator("#cards .card")).to_have_count(2)
    assert not Generation.objects.trashed().exists()


def test_the_last_one_trashed_closes_the_viewer(room):
    open_first(room)
    room.keyboard.press("Delete")
    expect(room.locator("dialog")).to_be_hidden()
    expect(room.locator(".toast")).to_contain_text("30 days")
    expect(room.get_by_role("button", name="Undo")).to_be_visible()


def test_reuse_fills_the_composer_without_leaving_the_gallery(room):
    open_first(room)
    room.locator("dialog").get_by_role("link", name="Reuse").click()
    expect(room.locator("dialog")).to_be_hidden()
    expect(room.locator("#prompt")).to_have_value("a lighthouse at dusk")
    expect(room.locator("#prompt")).to_be_focused()


def test_what_was_said_goes_away_automatically_unless_it_is_looked_at(room):
    room.clock.install()
    open_first(room)
    room.get_by_role("button", name="Copy prompt").click()
    room.locator(".toast").hover()
    room.clock.fast_forward(10_000)
    expect(room.locator(".toast")).to_have_text("Copied.")
    room.mouse.move(5, 5)
    room.clock.fast_forward(10_000)
    expect(room.locator(".toast")).to_have_count(0)


def test_a_public_link_is_made_copied_and_revoked_in_the_viewer(room, new_page):
    open_first(room)
    room.keyboard.press("s")
    room.get_by_role("button", name="Make a public link").click()
    address = room.get_by_label("Anybody who has this link").input_value()
    room.get_by_role("button", name="Copy link").click()
    expect(room.locator(".toast")).to_have_text("Copied.")
    stranger = new_page()
    stranger.goto(address)
    expect(stranger.locator("video")).to_be_visible()
    room.get_by_role("button", name="Revoke link").click()
    expect(room.get_by_role("button", name="Make a public link")).to_be_visible()
    stranger.allowed_errors.append("404")
    assert stranger.goto(address).status == 404


def test_on_a_phone_the_video_is_on_top_and_all_actions_are_below_it(room, phone_page):
    make(room.owner, ratio="9:16")
    room.enter(phone_page)
    phone_page.goto(room.studio.url)
    phone_page.locator(".card a.open").tap()
    expect(phone_page.locator("dialog .player")).to_be_visible()
    player, reuse = phone_page.locator("dialog .player"), phone_page.get_by_role("link", name="Reuse").first
    assert player.bounding_box()["y"] < reuse.bounding_box()["y"]
    assert phone_page.evaluate("document.documentElement.scrollWidth") <= 390
    phone_page.get_by_role("button", name="Close").tap()
    expect(phone_page.locator("dialog")).to_be_hidden()


def test_what_is_under_way_turns_into_its_video_automatically(room):
    [generation] = make(room.owner, status="saving")
    room.goto(f"{room.studio.url}/g/{generation.public_id}")
    expect(room.locator(".no-video strong")).to_have_text("Saving")
    make_ready(generation)
    expect(room.locator("main .player")).to_be_visible()


def make_ready(generation):
    hang(generation)
    Generation.objects.filter(pk=generation.pk).update(status="ready")


def test_on_a_phone_a_favourite_keeps_its_menu(room, phone_page):
    make(room.owner, favourite=True)
    room.enter(phone_page)
    phone_page.goto(room.studio.url)
    phone_page.get_by_role("button", name="More").tap()
    expect(phone_page.locator(".card-menu")).to_be_visible()


def test_back_after_a_reload_shows_the_gallery_again(room):
    generation = open_first(room)
    room.reload()
    expect(room.locator("main .player")).to_be_visible()
    room.go_back()
    expect(room).to_have_url(f"{room.studio.url}/")
    expect(room.locator("#cards .card")).to_have_count(1)
    room.go_forward()
    expect(room).to_have_url(re.compile(f"/g/{generation.public_id}"))
    expect(room.locator(".player")).to_be_visible()


def delay_viewer(room):
    """The viewer's content waits until the returned list is emptied by `send_on`."""
    waiting = []
    room.route(
        "**/g/*", lambda route: waiting.append(route) if route.request.headers.get("hx-request") else route.continue_()
    )
    return waiting


def test_the_poster_and_the_prompt_are_shown_while_the_viewer_loads(room):
    make(room.owner, "a lighthouse at dusk", ratio="9:16")
    room.goto(room.studio.url)
    waiting = delay_viewer(room)
    room.locator(".card a.open").click()
    expect(room.locator("dialog img.expected")).to_be_visible()
    room.wait_for_function("() => document.querySelector('dialog img.expected').naturalWidth > 0")
    box = room.locator("dialog img.expected").bounding_box()
    assert box["width"] < box["height"]
    expect(room.locator("dialog")).to_contain_text("a lighthouse at dusk")
    expect(room.get_by_role("button", name="Close")).to_be_visible()
    until_held(room, waiting)
    waiting.pop().continue_()
    expect(room.locator("dialog video.player")).to_be_visible()
    expect(room.locator("dialog img.expected")).to_have_count(0)


def test_a_viewer_that_is_closed_while_it_loads_stays_closed_and_silent(room):
    make(room.owner)
    room.goto(room.studio.url)
    waiting = delay_viewer(room)
    room.locator(".card a.open").click()
    until_held(room, waiting)
    room.keyboard.press("Escape")
    expect(room.locator("dialog")).to_be_hidden()
    with room.expect_response("**/g/*"):
        waiting.pop().continue_()
    room.unroute("**/g/*")
    expect(room).to_have_url(f"{room.studio.url}/")
    expect(room.locator("#viewer-body *")).to_have_count(0)
    room.locator(".card a.open").click()
    expect(room.locator("dialog video.player")).to_be_visible()


def test_a_viewer_that_cannot_load_says_so_and_closes(room):
    make(room.owner)
    room.goto(room.studio.url)
    room.allowed_errors += ["htmx:", "ERR_FAILED"]
    room.route("**/g/*", lambda route: route.abort())
    room.locator(".card a.open").click()
    expect(room.locator("dialog")).to_be_hidden()
    expect(room.locator(".toast")).to_contain_text("did not respond")
