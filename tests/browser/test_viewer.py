"""The viewer: over the gallery under its own address, and as a page of its own."""

import re

import pytest
from playwright.sync_api import expect

from tests.parts.generations import add_copy, make
from tests.parts.held import until_held
from tests.parts.processes import wait_until
from tests.parts.still import until_still
from videos.models import Generation

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def open_first(live_page, **fields):
    [generation] = make(live_page.owner, "a lighthouse at dusk", **fields)
    live_page.goto(live_page.studio.url)
    live_page.locator(".card a.open").first.click()
    expect(live_page.locator("dialog .player")).to_be_visible()
    return generation


def test_a_video_opens_over_the_gallery_plays_and_back_closes_it_without_a_reload(live_page):
    generation = open_first(live_page)
    expect(live_page).to_have_url(re.compile(f"/g/{generation.public_id}"))
    live_page.wait_for_function("() => document.querySelector('dialog video').currentTime > 0")
    live_page.evaluate("window.untouched = true")
    live_page.go_back()
    expect(live_page.locator("dialog")).to_be_hidden()
    expect(live_page).to_have_url(f"{live_page.studio.url}/")
    assert live_page.evaluate("window.untouched"), "The gallery was loaded again"
    expect(live_page.locator(".card a.open")).to_be_focused()


def test_escape_closes_it_and_the_address_and_a_draft_are_as_before(live_page):
    make(live_page.owner)
    live_page.goto(live_page.studio.url)
    live_page.fill("#prompt", "half a sentence")
    live_page.locator(".card a.open").click()
    expect(live_page.locator("dialog .player")).to_be_visible()
    live_page.keyboard.press("Escape")
    expect(live_page.locator("dialog")).to_be_hidden()
    expect(live_page).to_have_url(f"{live_page.studio.url}/")
    expect(live_page.locator("#prompt")).to_have_value("half a sentence")
    live_page.keyboard.press("Enter")  # the focus is on the card again
    expect(live_page.locator("dialog .player")).to_be_visible()


def test_the_same_address_loaded_afresh_is_a_page_of_its_own(live_page):
    [generation] = make(live_page.owner)
    live_page.goto(f"{live_page.studio.url}/g/{generation.public_id}")
    expect(live_page.locator("main .player")).to_be_visible()
    expect(live_page.get_by_text(generation.remote_id)).to_be_attached()
    live_page.get_by_role("link", name="Back to the gallery").click()
    expect(live_page).to_have_url(f"{live_page.studio.url}/")


def test_arrows_go_through_the_filter_that_the_gallery_shows(live_page):
    make(live_page.owner, "oldest star", favourite=True)
    make(live_page.owner, "no star")
    make(live_page.owner, "newest star", favourite=True)
    live_page.goto(f"{live_page.studio.url}/?state=favourite")
    live_page.locator(".card a.open").first.click()
    expect(live_page.locator("dialog h1")).to_have_text("newest star")
    live_page.keyboard.press("ArrowRight")
    expect(live_page.locator("dialog h1")).to_have_text("oldest star")
    expect(live_page.locator("dialog .turn.older")).to_have_count(0)
    live_page.keyboard.press("ArrowLeft")
    expect(live_page.locator("dialog h1")).to_have_text("newest star")
    live_page.go_back()
    expect(live_page).to_have_url(re.compile(r"/\?state=favourite$"))


def test_a_watched_video_loses_its_dot(live_page):
    generation = open_first(live_page)
    wait_until(lambda: Generation.objects.get(pk=generation.pk).seen, 20)
    expect(live_page.locator(".card .dot")).to_have_count(0)  # now: below the pointer its preview would play, untouched


def test_a_favourite_is_starred_in_the_viewer_and_on_its_card(live_page):
    open_first(live_page)
    live_page.keyboard.press("f")
    expect(live_page.locator("#viewer-star")).to_have_attribute("aria-pressed", "true")
    expect(live_page.locator(".card button.starred")).to_have_attribute("aria-pressed", "true")


def test_no_preview_starts_below_the_viewer_where_it_would_keep_its_card_as_it_was(live_page):
    open_first(live_page)
    live_page.locator(".card").dispatch_event("mouseover")  # as its script reports it once it is loaded
    live_page.evaluate("() => new Promise((done) => setTimeout(done, 400))")  # a preview begins after 150 ms
    live_page.keyboard.press("f")
    expect(live_page.locator(".card button.starred")).to_have_attribute("aria-pressed", "true")


def test_delete_trashes_shows_the_next_and_can_be_undone(live_page):
    make(live_page.owner, "the older one")
    open_first(live_page)
    live_page.keyboard.press("Delete")
    expect(live_page.locator("dialog h1")).to_have_text("the older one")
    expect(live_page.locator("#cards .card")).to_have_count(1)
    live_page.get_by_role("button", name="Undo").click()
    expect(live_page.locator("#cards .card")).to_have_count(2)
    assert not Generation.objects.trashed().exists()


def test_the_last_one_trashed_closes_the_viewer(live_page):
    open_first(live_page)
    live_page.keyboard.press("Delete")
    expect(live_page.locator("dialog")).to_be_hidden()
    expect(live_page.locator(".toast")).to_contain_text("30 days")
    expect(live_page.get_by_role("button", name="Undo")).to_be_visible()


def test_reuse_fills_the_composer_without_leaving_the_gallery(live_page):
    open_first(live_page)
    live_page.locator("dialog").get_by_role("link", name="Reuse").click()
    expect(live_page.locator("dialog")).to_be_hidden()
    expect(live_page.locator("#prompt")).to_have_value("a lighthouse at dusk")
    expect(live_page.locator("#prompt")).to_be_focused()


def test_a_toast_goes_away_automatically_unless_it_is_in_use(live_page):
    live_page.clock.install()
    open_first(live_page)
    live_page.get_by_role("button", name="Copy prompt").click()
    live_page.locator(".toast").hover()
    live_page.clock.fast_forward(10_000)
    expect(live_page.locator(".toast")).to_have_text("Copied.")
    live_page.mouse.move(5, 5)
    live_page.clock.fast_forward(10_000)
    expect(live_page.locator(".toast")).to_have_count(0)


def test_a_public_link_is_made_copied_and_revoked_in_the_viewer(live_page, new_page):
    open_first(live_page)
    live_page.keyboard.press("s")
    live_page.get_by_role("button", name="Make a public link").click()
    address = live_page.get_by_label("Anybody who has this link").input_value()
    live_page.get_by_role("button", name="Copy link").click()
    expect(live_page.locator(".toast")).to_have_text("Copied.")
    stranger = new_page()
    stranger.goto(address)
    expect(stranger.locator("video")).to_be_visible()
    live_page.get_by_role("button", name="Revoke link").click()
    expect(live_page.get_by_role("button", name="Make a public link")).to_be_visible()
    stranger.allowed_errors.append("404")
    assert stranger.goto(address).status == 404


def test_on_a_phone_the_video_is_on_top_and_all_actions_are_below_it(live_page, phone_page):
    make(live_page.owner, ratio="9:16")
    live_page.enter(phone_page)
    phone_page.goto(live_page.studio.url)
    phone_page.locator(".card a.open").tap()
    expect(phone_page.locator("dialog .player")).to_be_visible()
    until_still(phone_page)
    player, reuse = phone_page.locator("dialog .player"), phone_page.get_by_role("link", name="Reuse").first
    assert player.bounding_box()["y"] < reuse.bounding_box()["y"]
    assert phone_page.evaluate("document.documentElement.scrollWidth") <= 390
    phone_page.get_by_role("button", name="Close").tap()
    expect(phone_page.locator("dialog")).to_be_hidden()


def test_a_generation_in_progress_turns_into_its_video_automatically(live_page):
    [generation] = make(live_page.owner, status="saving")
    live_page.goto(f"{live_page.studio.url}/g/{generation.public_id}")
    expect(live_page.locator(".no-video strong")).to_have_text("Saving")
    make_ready(generation)
    expect(live_page.locator("main .player")).to_be_visible()


def make_ready(generation):
    add_copy(generation)
    Generation.objects.filter(pk=generation.pk).update(status="ready")


def test_on_a_phone_a_favourite_keeps_its_menu(live_page, phone_page):
    make(live_page.owner, favourite=True)
    live_page.enter(phone_page)
    phone_page.goto(live_page.studio.url)
    phone_page.get_by_role("button", name="More").tap()
    expect(phone_page.locator(".card-menu")).to_be_visible()


def test_back_after_a_reload_shows_the_gallery_again(live_page):
    generation = open_first(live_page)
    live_page.reload()
    expect(live_page.locator("main .player")).to_be_visible()
    live_page.go_back()
    expect(live_page).to_have_url(f"{live_page.studio.url}/")
    expect(live_page.locator("#cards .card")).to_have_count(1)
    live_page.go_forward()
    expect(live_page).to_have_url(re.compile(f"/g/{generation.public_id}"))
    expect(live_page.locator(".player")).to_be_visible()


def delay_viewer(live_page):
    """The viewer's content waits until the returned list is emptied by `send_on`."""
    waiting = []
    live_page.route(
        "**/g/*", lambda route: waiting.append(route) if route.request.headers.get("hx-request") else route.continue_()
    )
    return waiting


def test_the_poster_and_the_prompt_are_shown_while_the_viewer_loads(live_page):
    make(live_page.owner, "a lighthouse at dusk", ratio="9:16")
    live_page.goto(live_page.studio.url)
    waiting = delay_viewer(live_page)
    live_page.locator(".card a.open").click()
    expect(live_page.locator("dialog img.expected")).to_be_visible()
    live_page.wait_for_function("() => document.querySelector('dialog img.expected').naturalWidth > 0")
    box = live_page.locator("dialog img.expected").bounding_box()
    assert box["width"] < box["height"]
    expect(live_page.locator("dialog")).to_contain_text("a lighthouse at dusk")
    expect(live_page.get_by_role("button", name="Close")).to_be_visible()
    until_held(live_page, waiting)
    waiting.pop().continue_()
    expect(live_page.locator("dialog video.player")).to_be_visible()
    expect(live_page.locator("dialog img.expected")).to_have_count(0)


def test_a_viewer_that_is_closed_while_it_loads_stays_closed_and_silent(live_page):
    make(live_page.owner)
    live_page.goto(live_page.studio.url)
    waiting = delay_viewer(live_page)
    live_page.locator(".card a.open").click()
    until_held(live_page, waiting)
    live_page.keyboard.press("Escape")
    expect(live_page.locator("dialog")).to_be_hidden()
    with live_page.expect_response("**/g/*"):
        waiting.pop().continue_()
    live_page.unroute("**/g/*")
    expect(live_page).to_have_url(f"{live_page.studio.url}/")
    expect(live_page.locator("#viewer-body *")).to_have_count(0)
    live_page.locator(".card a.open").click()
    expect(live_page.locator("dialog video.player")).to_be_visible()


def test_a_viewer_that_cannot_load_says_so_and_closes(live_page):
    make(live_page.owner)
    live_page.goto(live_page.studio.url)
    live_page.allowed_errors += ["htmx:", "ERR_FAILED"]
    live_page.route("**/g/*", lambda route: route.abort())
    live_page.locator(".card a.open").click()
    expect(live_page.locator("dialog")).to_be_hidden()
    expect(live_page.locator(".toast")).to_contain_text("did not respond")


@pytest.mark.parametrize("is_dialog", [True, False], ids=["over the gallery", "as a page"])
def test_a_video_removed_while_it_is_waited_for_says_so_once_in_place(live_page, is_dialog):
    make(live_page.owner)
    [coming] = make(live_page.owner, "a lighthouse", "running")
    live_page.allowed_errors.append("404")
    live_page.goto(live_page.studio.url if is_dialog else f"{live_page.studio.url}/g/{coming.public_id}")
    if is_dialog:
        live_page.locator(".card a.open").click()
        live_page.locator("dialog .turn.newer").click()
    expect(live_page.locator("#viewing")).to_contain_text("Rendering")
    coming.delete()
    expect(live_page.locator("#viewing")).to_contain_text("This video is no longer here")
    expect(live_page.locator(".toast, [data-every]")).to_have_count(0)
    live_page.keyboard.press("Escape")
    expect(live_page.locator("#viewing")).to_have_count(0)
    expect(live_page).to_have_url(f"{live_page.studio.url}/")
