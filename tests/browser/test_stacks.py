"""A batch as a stack: it opens in place by keyboard, follows what happens, and is selected as one."""

import re

import pytest
from playwright.sync_api import expect

from tests.parts.generations import make, settle
from tests.parts.held import until_held
from videos.models import Preferences

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def show_a_stack_of_three(live_page):
    """Beside a single video. Returns its videos, and the locator of all cards."""
    Preferences.objects.keep(live_page.owner, stacks=True)
    made = make(live_page.owner, "a fox", "running", count=3)
    make(live_page.owner, "a bear")
    live_page.goto(live_page.studio.url)
    cards = live_page.locator("#cards > .card")
    expect(cards).to_have_count(2)
    return made, cards


def test_a_stack_opens_closes_is_followed_and_selected_whole(live_page):
    made, cards = show_a_stack_of_three(live_page)
    stack = live_page.get_by_role("link", name="Stack of 3")
    stack.focus()
    live_page.keyboard.press("Enter")
    expect(cards).to_have_count(5)
    settle(made[0], "failed", 60, 90, {})
    made[0].mark_favourite(True)  # a change that pages are told
    expect(live_page.locator(f"#g-{made[0].public_id}")).to_have_attribute("data-state", "failed")
    expect(live_page.locator(".is-stack .progress")).to_contain_text("1 without a video")
    expect(cards).to_have_count(5)
    live_page.get_by_role("link", name="Stack of 3").press("Enter")
    expect(cards).to_have_count(2)
    expect(live_page.get_by_role("link", name="Stack of 3")).to_be_focused()
    live_page.keyboard.press("x")
    expect(live_page.locator("#selected")).to_contain_text("3 selected")
    live_page.get_by_role("button", name="Stack batches").click()
    expect(cards).to_have_count(4)
    live_page.reload()
    expect(cards).to_have_count(4)


def test_a_stack_that_changes_while_it_opens_shows_its_videos_beside_all_others(live_page):
    made, cards = show_a_stack_of_three(live_page)
    held = []
    live_page.route(re.compile("[?&]open=1$"), lambda route: held.append(route))
    live_page.get_by_role("link", name="Stack of 3").press("Enter")
    until_held(live_page, held)
    settle(made[0], "failed", 60, 90, {})
    made[0].mark_favourite(True)
    expect(live_page.locator(".is-stack .progress")).to_contain_text("1 without a video")  # it was replaced
    held[0].continue_()
    expect(live_page.locator(f"#g-{made[2].public_id}")).to_be_visible()
    expect(cards).to_have_count(5)


def test_a_video_that_was_downloaded_fills_the_composer_when_it_is_dropped(live_page):
    [video] = make(live_page.owner, "a wave over sand", ratio="9:16", providers=["kling_pro"])
    live_page.goto(live_page.studio.url)
    dropped = """async (address) => {
        const bytes = await (await fetch(address)).blob();
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([bytes], "wave.mp4", {type: "video/mp4"}));
        const prompt = document.querySelector("#prompt");
        prompt.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
    }"""
    live_page.evaluate(dropped, f"/g/{video.public_id}/video.mp4?download=1")
    expect(live_page.locator("#prompt")).to_have_value("a wave over sand")
    expect(live_page.locator("#show-ratio")).to_contain_text("9:16")


@pytest.mark.retried("a busy machine may decode a video later than the test waits")
def test_the_frame_that_the_player_shows_becomes_the_start_frame(live_page):
    make(live_page.owner, draft=False, config={"duration": 2})
    live_page.goto(live_page.studio.url)
    live_page.locator("a.open").first.click()
    live_page.wait_for_function("() => document.querySelector('#viewer video')?.readyState > 1")
    live_page.locator("[data-frame=start]").click()
    expect(live_page.locator("#slot-start")).to_have_class(re.compile("is-filled"))
    expect(live_page.locator("#viewer[open]")).to_have_count(0)
