"""Everything works by keyboard, and no shortcut acts while somebody types."""

import re

import pytest
from playwright.sync_api import expect

from tests.parts.generations import make
from videos.models import Favourite, Generation

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gallery(live_page):
    make(live_page.owner, [f"video {number}" for number in range(8)])
    live_page.goto(live_page.studio.url)
    return live_page


def expect_focus_on(page, prompt):
    expect(page.locator(".card:focus-within .prompt")).to_have_text(prompt)


def test_a_question_mark_shows_the_list_of_keys(gallery):
    gallery.keyboard.press("?")
    expect(gallery.locator("#keys")).to_be_visible()
    expect(gallery.locator("#keys")).to_contain_text("Move to trash")
    gallery.keyboard.press("Escape")
    expect(gallery.locator("#keys")).to_be_hidden()


def test_arrows_go_from_card_to_card_and_down_a_row(gallery):
    gallery.keyboard.press("ArrowRight")
    expect_focus_on(gallery, "video 7")
    gallery.keyboard.press("ArrowRight")
    expect_focus_on(gallery, "video 6")
    top = "document.activeElement.closest('.card').getBoundingClientRect().top + scrollY"
    before = gallery.evaluate(top)
    gallery.keyboard.press("ArrowDown")
    gallery.wait_for_function(f"(before) => {top} > before", arg=before)
    gallery.keyboard.press("ArrowUp")
    expect_focus_on(gallery, "video 6")


def test_keys_act_on_the_card_in_focus(gallery):
    gallery.keyboard.press("ArrowRight")
    gallery.keyboard.press("f")
    expect(gallery.locator("#n-favourite")).to_have_text("1")
    gallery.keyboard.press("x")
    expect(gallery.get_by_label("Select: video 7")).to_be_checked()
    gallery.keyboard.press("Shift+ArrowRight")
    expect(gallery.locator("#selected")).to_contain_text("2 selected")
    gallery.keyboard.press("Escape")
    expect(gallery.locator("#selection")).to_be_hidden()
    gallery.keyboard.press("Delete")
    expect(gallery.locator("#cards .card")).to_have_count(7)
    assert Generation.objects.trashed().get().prompt == "video 6"
    expect_focus_on(gallery, "video 5")


def test_s_opens_the_sharing_of_the_card_in_focus(gallery):
    gallery.keyboard.press("ArrowRight")
    gallery.keyboard.press("s")
    expect(gallery.get_by_role("button", name="Make a public link")).to_be_visible()


def test_space_plays_and_pauses_in_the_viewer(gallery):
    gallery.keyboard.press("ArrowRight")
    gallery.keyboard.press("Enter")
    gallery.wait_for_function("() => document.querySelector('dialog video')?.paused === false")
    gallery.keyboard.press("Space")
    gallery.wait_for_function("() => document.querySelector('dialog video').paused")


def test_slash_searches_and_typed_letters_trigger_no_shortcut(gallery):
    gallery.keyboard.press("/")
    expect(gallery.locator("#q")).to_be_focused()
    gallery.keyboard.type("fsx?")
    expect(gallery).to_have_url(re.compile(r"q=fsx"))
    gallery.locator("#prompt").click()
    gallery.keyboard.type("f x s ?")
    gallery.keyboard.press("Delete")
    expect(gallery.locator("#keys")).to_be_hidden()
    assert not Favourite.objects.exists()
    assert not Generation.objects.trashed().exists()


def press_on_another_keyboard(page, key, code):
    """As a keyboard does that writes another script: its key has a place (`code`) and a letter of its own (`key`)."""
    page.evaluate(
        """(init) => document.activeElement.dispatchEvent(
            new KeyboardEvent("keydown", { ...init, bubbles: true, cancelable: true }))""",
        {"key": key, "code": code},
    )


@pytest.mark.parametrize("letter", ["а", "φ", "כ", "ب", "F"])
def test_letters_work_on_keyboards_of_other_scripts_and_in_capitals(gallery, letter):
    gallery.keyboard.press("ArrowRight")
    press_on_another_keyboard(gallery, letter, "KeyF")
    expect(gallery.locator("#n-favourite")).to_have_text("1")


def test_a_capital_s_opens_the_sharing_too(gallery):
    gallery.keyboard.press("ArrowRight")
    press_on_another_keyboard(gallery, "Ы", "KeyS")
    expect(gallery.get_by_role("button", name="Make a public link")).to_be_visible()


def test_on_another_latin_keyboard_the_letter_counts_and_not_its_place(gallery):
    gallery.keyboard.press("ArrowRight")
    press_on_another_keyboard(gallery, "u", "KeyF")  # Dvorak writes u there
    press_on_another_keyboard(gallery, "f", "KeyY")
    expect(gallery.locator("#n-favourite")).to_have_text("1")


def test_p_focuses_the_prompt_from_a_card(gallery):
    gallery.keyboard.press("ArrowRight")
    gallery.keyboard.press("p")
    expect(gallery.locator("#prompt")).to_be_focused()
    gallery.keyboard.type("p")
    expect(gallery.locator("#prompt")).to_have_value("p")


def test_the_second_skip_link_leads_to_the_prompt(gallery):
    gallery.keyboard.press("Tab")
    gallery.keyboard.press("Tab")
    expect(gallery.get_by_role("link", name="Skip to the prompt")).to_be_focused()
    gallery.keyboard.press("Enter")
    expect(gallery.locator("#prompt")).to_be_focused()
