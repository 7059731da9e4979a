"""Phones, held upright or sideways, and pages at 200 % zoom."""

import re

import pytest
from playwright.sync_api import expect

from tests.parts.exhibition import one_of_each
from tests.parts.generations import make
from tests.parts.still import until_still

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

SMALLEST_TARGET = 40  # pixels
# What can be touched and is smaller. A box inside a label is touched by its label; links within a text flow with it.
TOO_SMALL = """(smallest) => {
    const shown = (element) => {
        const box = element.getBoundingClientRect();
        return element.checkVisibility({ visibilityProperty: true, opacityProperty: true })
            && box.width > 1 && box.height > 1 && box.bottom > 0; // a skip link waits above the page
    };
    const target = (element) => element.matches("input") && element.closest("label") || element;
    const inText = (element) => element.matches("a") && getComputedStyle(element).display === "inline";
    return [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary")]
        .filter((element) => shown(element) && !inText(element))
        .map(target)
        .filter((element) => shown(element))
        .map((element) => [element, element.getBoundingClientRect()])
        .filter(([, box]) => Math.min(box.width, box.height) < smallest - 0.5)
        .map(([element, box]) => `${element.outerHTML.slice(0, 90)} ${box.width} x ${box.height}`);
}"""

CUT_OFF = """() => [...document.querySelectorAll(".tabs a")]
    .filter((tab) => tab.scrollWidth > tab.clientWidth).map((tab) => tab.textContent.trim())"""


def too_small(page):
    until_still(page)
    return page.evaluate(TOO_SMALL, SMALLEST_TARGET)


@pytest.fixture
def sideways(new_page, live_page):
    make(live_page.owner)
    page = live_page.enter(new_page(width=844, height=390, has_touch=True, is_mobile=True))
    page.goto(live_page.studio.url)
    return page


def test_everything_that_is_touched_on_a_phone_is_large_enough(live_page, phone_page):
    one_of_each(live_page.owner)
    page = live_page.enter(phone_page)
    page.goto(live_page.studio.url)
    assert page.evaluate(CUT_OFF) == [], "a tab is as wide as its words"
    found = {"the gallery": too_small(page)}
    page.tap("#prompt")
    expect(page.locator("#provider-pick")).to_be_visible()
    found["the composer"] = too_small(page)
    for opener in (
        "#provider-pick",
        "#ratio-pick",
        "#settings-pick",
        "#pick-start",
        "[popovertarget=recent]",
        ".avatar",
    ):
        page.goto(live_page.studio.url)
        if opener != ".avatar":
            page.tap("#prompt")
        page.tap(opener)
        expect(page.locator(":popover-open")).to_have_count(1)
        found[opener] = too_small(page)
    page.goto(live_page.studio.url)
    page.locator(".find > summary").tap()
    expect(page.locator(".find[open]")).to_have_count(1)
    found["the filters"] = too_small(page)
    page.goto(live_page.studio.url)
    page.locator(".card.is-ready [title=More]").first.tap()
    expect(page.locator(".card-menu:popover-open")).to_have_count(1)
    found["the menu of a card"] = too_small(page)
    page.goto(live_page.studio.url)
    page.locator(".card.is-ready a.open").first.tap()
    expect(page.locator("dialog .player")).to_be_visible()
    found["the viewer"] = too_small(page)
    assert {place: small for place, small in found.items() if small} == {}


@pytest.mark.parametrize("address", ["/?state=trash", "/compare", "/usage", "/account", "/members"])
def test_other_pages_on_a_phone_are_large_enough_to_touch(live_page, phone_page, address):
    one_of_each(live_page.owner)
    page = live_page.enter(phone_page)
    page.goto(f"{live_page.studio.url}{address}")
    assert too_small(page) == []


# Pairs of children whose boxes overlap.
OVERLAPPING = """(selector) => {
    const parts = [...document.querySelectorAll(selector)].filter((part) => part.checkVisibility());
    const boxes = parts.map((part) => {
        const range = document.createRange();
        range.selectNodeContents(part);
        return [part.textContent.trim(), range.getBoundingClientRect()];
    });
    const meet = (a, b, start, end) => a[start] < b[end] - 1 && b[start] < a[end] - 1;
    const overlap = (a, b) => meet(a, b, "left", "right") && meet(a, b, "top", "bottom");
    return boxes.flatMap(([words, box], at) =>
        boxes.slice(at + 1).filter(([, other]) => overlap(box, other)).map(([others]) => [words, others]));
}"""


def test_on_a_phone_the_selection_bar_has_space_for_its_words_and_buttons(live_page, phone_page):
    make(live_page.owner, ["one", "two", "three"])
    make(live_page.owner, "four", "failed")
    page = live_page.enter(phone_page)
    page.goto(live_page.studio.url)
    assert page.locator(".card.is-failed").bounding_box()["height"] < 300, "it has the whole row, and few words"
    page.get_by_role("button", name="Select all of Today").tap()
    expect(page.locator("#selected")).to_have_text(re.compile(r"^4 selected, [\d.]+ MB$"))
    assert too_small(page) == []
    assert page.evaluate(OVERLAPPING, "#selection > :not(.grow)") == []


def test_on_a_phone_the_choices_of_the_settings_can_all_be_read(live_page, phone_page):
    page = live_page.enter(phone_page)
    page.goto(f"{live_page.studio.url}/settings")
    until_still(page)
    assert page.evaluate(OVERLAPPING, ".choice") == []
    cut = "() => [...document.querySelectorAll('.choices')].some((list) => list.scrollHeight > list.clientHeight + 1)"
    assert not page.evaluate(cut)


def test_on_a_phone_a_tap_beside_a_panel_only_closes_it(live_page, phone_page):
    page = live_page.enter(phone_page)
    page.goto(live_page.studio.url)
    page.tap("#prompt")
    page.get_by_role("button", name="Words").tap()
    word = page.locator("[data-word='golden hour']")
    word.tap()
    expect(word).to_have_attribute("aria-pressed", "true")
    page.touchscreen.tap(200, 30)  # where the search is
    expect(page.locator(":popover-open")).to_have_count(0)
    expect(page.locator("#q")).not_to_be_focused()
    page.touchscreen.tap(200, 30)
    expect(page.locator("#q")).to_be_focused()
    page.fill("#prompt", "a harbour")
    page.get_by_role("button", name="Words").tap()
    expect(word).to_have_attribute("aria-pressed", "false")


def test_on_a_phone_a_picture_on_its_way_is_seen_and_replaces_the_error_before_it(live_page, phone_page):
    page = live_page.enter(phone_page)
    page.goto(live_page.studio.url)
    page.tap("#prompt")
    page.tap("#pick-start")
    chooser = page.locator("#slot-start input[type=file]")
    chooser.set_input_files({"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4"})
    error = page.locator("#slot-error-start")
    expect(error).to_contain_text("This is a PDF")
    waiting = []
    page.route("**/frame/start", lambda route: waiting.append(route))
    page.tap("#pick-start")
    chooser.set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"x"})
    expect(error).to_be_hidden()
    words = "() => getComputedStyle(document.querySelector('#slot-start .drop'), '::after').content"
    assert page.evaluate(words) == '"Uploading…"'
    waiting[0].abort()
    page.wait_for_function(f"({words})() === 'none'")
    page.allowed_errors += [r"ERR_FAILED", r"^htmx:sendError"]


def test_on_a_phone_the_tab_that_is_open_is_not_faded_out(live_page, phone_page):
    page = live_page.enter(phone_page)
    page.goto(f"{live_page.studio.url}/?state=trash")
    until_still(page)
    tabs, tab = (page.locator(name).bounding_box() for name in (".tabs", ".tabs [aria-current]"))
    assert tab["x"] >= tabs["x"]
    assert tab["x"] + tab["width"] <= tabs["x"] + tabs["width"] - 23


def swipe(page, start, end, y):
    devtools = page.context.new_cdp_session(page)
    for kind, x in [("touchStart", start), ("touchMove", (start + end) // 2), ("touchMove", end), ("touchEnd", None)]:
        points = [] if x is None else [{"x": x, "y": y}]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_on_a_phone_a_swipe_across_the_video_shows_the_one_beside_it(live_page, phone_page):
    make(live_page.owner, ["older", "newer"])
    page = live_page.enter(phone_page)
    page.goto(live_page.studio.url)
    page.locator(".card", has_text="newer").locator("a.open").tap()
    shown = page.locator("#viewer .viewer:not(.is-loading) h1")
    expect(shown).to_have_text("newer")
    page.wait_for_function("() => performance.getEntriesByType('resource').some(({ name }) => /panels/.test(name))")
    until_still(page)
    swipe(page, 320, 60, 100)
    expect(shown).to_have_text("older")
    until_still(page)
    swipe(page, 60, 320, 100)
    expect(shown).to_have_text("newer")


def test_on_a_phone_held_sideways_the_viewer_shows_the_video_as_high_as_the_screen(sideways):
    sideways.locator(".card a.open").first.tap()
    expect(sideways.locator("dialog .player")).to_be_visible()
    until_still(sideways)
    assert sideways.locator("dialog .player").bounding_box()["height"] > 380


def test_on_a_phone_held_sideways_the_composer_is_one_line_until_it_is_touched(sideways):
    sideways.wait_for_function("() => document.querySelector('#composer').offsetHeight < 90")
    expect(sideways.locator("#provider-pick")).to_be_hidden()
    sideways.tap("#prompt")
    expect(sideways.locator("#provider-pick")).to_be_visible()
    until_still(sideways)
    composer = sideways.locator("#composer").bounding_box()
    assert composer["y"] >= 0
    assert composer["height"] <= 390
    expect(sideways.locator(".send")).to_be_in_viewport(ratio=1)
    expect(sideways.locator(".fold")).to_be_in_viewport(ratio=1)
    sideways.tap(".fold")
    expect(sideways.locator("#provider-pick")).to_be_hidden()


def test_on_a_phone_held_sideways_the_lists_above_the_composer_can_be_read(sideways):
    sideways.tap("#prompt")
    sideways.tap("#provider-pick")
    sideways.wait_for_function("() => document.querySelector('#providers').offsetHeight > 250")


def test_at_200_percent_zoom_the_composer_leaves_the_page_to_be_seen(live_page, new_page):
    make(live_page.owner)
    page = live_page.enter(new_page(width=720, height=450))
    page.goto(live_page.studio.url)
    page.wait_for_function("() => document.querySelector('#composer').offsetHeight < 90")
    page.click("#prompt")
    expect(page.locator(".fold")).to_be_in_viewport(ratio=1)
    page.click(".fold")
    page.wait_for_function("() => document.querySelector('#composer').offsetHeight < 90")


def test_an_owners_header_fits_windows_of_every_width(live_page, new_page):
    page = live_page.enter(new_page(width=1280, height=700))
    page.goto(live_page.studio.url)
    for width in (1000, 945, 941, 940, 920, 901, 900, 760, 641, 640, 480, 390, 320):
        page.set_viewport_size({"width": width, "height": 700})
        page.wait_for_function(FITS, arg=width)


FITS = "(width) => innerWidth === width && document.documentElement.scrollWidth <= width"
