"""Everything by keyboard, and nothing while somebody writes."""

import re

import pytest
from playwright.sync_api import expect

from tests.parts.exhibition import make
from videos.models import Favourite, Generation

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def shelf(room):
    for number in range(8):
        make(room.owner, f"video {number}")
    room.goto(room.studio.url)
    return room


def focused_prompt(page):
    return page.evaluate("document.activeElement.closest('.card')?.querySelector('.prompt').textContent")


def test_a_question_mark_shows_the_list_of_keys(shelf):
    shelf.keyboard.press("?")
    expect(shelf.locator("#keys")).to_be_visible()
    expect(shelf.locator("#keys")).to_contain_text("Move to trash")
    shelf.keyboard.press("Escape")
    expect(shelf.locator("#keys")).to_be_hidden()


def test_arrows_go_from_card_to_card_and_down_a_row(shelf):
    shelf.keyboard.press("ArrowRight")
    assert focused_prompt(shelf) == "video 7"
    shelf.keyboard.press("ArrowRight")
    assert focused_prompt(shelf) == "video 6"
    top = "document.activeElement.closest('.card').getBoundingClientRect().top + scrollY"
    before = shelf.evaluate(top)
    shelf.keyboard.press("ArrowDown")
    assert shelf.evaluate(top) > before
    shelf.keyboard.press("ArrowUp")
    assert focused_prompt(shelf) == "video 6"


def test_keys_act_on_the_card_in_focus(shelf):
    shelf.keyboard.press("ArrowRight")
    shelf.keyboard.press("f")
    expect(shelf.locator("#n-favourite")).to_have_text("1")
    shelf.keyboard.press("x")
    expect(shelf.get_by_label("Select: video 7")).to_be_checked()
    shelf.keyboard.press("Shift+ArrowRight")
    expect(shelf.locator("#selected")).to_contain_text("2 selected")
    shelf.keyboard.press("Escape")
    expect(shelf.locator("#selection")).to_be_hidden()
    shelf.keyboard.press("Delete")
    expect(shelf.locator("#cards .card")).to_have_count(7)
    assert Generation.objects.trashed().get().prompt == "video 6"
    assert focused_prompt(shelf) == "video 5"


def test_s_opens_the_sharing_of_the_card_in_focus(shelf):
    shelf.keyboard.press("ArrowRight")
    shelf.keyboard.press("s")
    expect(shelf.get_by_role("button", name="Make a public link")).to_be_visible()


def test_space_plays_and_pauses_in_the_viewer(shelf):
    shelf.keyboard.press("ArrowRight")
    shelf.keyboard.press("Enter")
    shelf.wait_for_function("() => document.querySelector('dialog video')?.paused === false")
    shelf.keyboard.press("Space")
    shelf.wait_for_function("() => document.querySelector('dialog video').paused")


def test_slash_searches_and_letters_that_are_typed_do_nothing_else(shelf):
    shelf.keyboard.press("/")
    expect(shelf.locator("#q")).to_be_focused()
    shelf.keyboard.type("fsx?")
    expect(shelf).to_have_url(re.compile(r"q=fsx"))
    shelf.locator("#prompt").click()
    shelf.keyboard.type("f x s ?")
    shelf.keyboard.press("Delete")
    expect(shelf.locator("#keys")).to_be_hidden()
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
def test_letters_work_on_keyboards_of_other_scripts_and_in_capitals(shelf, letter):
    shelf.keyboard.press("ArrowRight")
    press_on_another_keyboard(shelf, letter, "KeyF")
    expect(shelf.locator("#n-favourite")).to_have_text("1")


def test_a_capital_s_opens_the_sharing_too(shelf):
    shelf.keyboard.press("ArrowRight")
    press_on_another_keyboard(shelf, "Ы", "KeyS")
    expect(shelf.get_by_role("button", name="Make a public link")).to_be_visible()


def test_on_another_latin_keyboard_the_letter_counts_and_not_its_place(shelf):
    shelf.keyboard.press("ArrowRight")
    press_on_another_keyboard(shelf, "u", "KeyF")  # Dvorak writes u there
    press_on_another_keyboard(shelf, "f", "KeyY")
    expect(shelf.locator("#n-favourite")).to_have_text("1")


def test_p_focuses_the_prompt_from_a_card(shelf):
    shelf.keyboard.press("ArrowRight")
    shelf.keyboard.press("p")
    expect(shelf.locator("#prompt")).to_be_focused()
    shelf.keyboard.type("p")
    expect(shelf.locator("#prompt")).to_have_value("p")


def test_the_second_skip_link_leads_to_the_prompt(shelf):
    shelf.keyboard.press("Tab")
    shelf.keyboard.press("Tab")
    expect(shelf.get_by_role("link", name="Skip to the prompt")).to_be_focused()
    shelf.keyboard.press("Enter")
    expect(shelf.locator("#prompt")).to_be_focused()
