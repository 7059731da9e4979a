"""Dragging: cards onto a collection and into the composer, and posters."""

import re

import pytest
from playwright.sync_api import expect

from tests.parts.generations import make
from tests.parts.still import until_still
from videos.models import Collection

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def drag(page, card):
    """Takes the card and moves it a little; the button of the mouse stays down."""
    until_still(page)
    box = card.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 30, box["y"] + box["height"] / 2 + 10, steps=4)


def drop_on(page, target):
    until_still(page)
    box = target.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()


def test_selected_cards_are_dragged_onto_a_collection(live_page):
    collection = Collection.objects.make(live_page.owner, "Autumn launch")
    made = [make(live_page.owner, f"video {number}")[0] for number in range(3)]
    live_page.goto(live_page.studio.url)
    for video in made[:2]:
        live_page.get_by_label(f"Select: {video.prompt}").check(force=True)
    drag(live_page, live_page.locator(f"#g-{made[0].public_id} .frame"))
    choice = live_page.locator("#choose").get_by_role("button", name="Autumn launch")
    expect(choice).to_be_visible()
    drop_on(live_page, choice)
    expect(live_page.locator("#toast")).to_contain_text("2 videos are in “Autumn launch” now")
    expect(live_page.locator("#choose")).to_be_hidden()
    assert set(collection.generations(live_page.owner)) == set(made[:2])
    drag(live_page, live_page.locator(f"#g-{made[2].public_id} .frame"))
    expect(choice).to_be_visible()
    drop_on(live_page, live_page.locator(".bar").first)  # elsewhere
    expect(live_page.locator("#choose")).to_be_hidden()
    assert collection.clips.count() == 2


def test_a_card_that_is_dropped_on_the_composer_fills_it_and_on_a_frame_gives_its_last_frame(live_page):
    make(live_page.owner, "a wave over sand", ratio="9:16", providers=["kling_pro"])
    live_page.goto(live_page.studio.url)
    card = live_page.locator("#cards .card .frame").first
    drag(live_page, card)
    drop_on(live_page, live_page.locator("#slot-end"))
    expect(live_page.locator("#slot-end")).to_have_class(re.compile("is-filled"))
    expect(live_page.locator("#prompt")).to_have_value("")
    drag(live_page, card)
    drop_on(live_page, live_page.locator("#prompt"))
    expect(live_page.locator("#prompt")).to_have_value("a wave over sand")
    expect(live_page.locator("#show-ratio")).to_contain_text("9:16")


def test_a_saved_poster_fills_the_composer_and_undo_restores_the_half_written_prompt(live_page):
    [video] = make(live_page.owner, "a wave over sand")
    live_page.goto(live_page.studio.url)
    live_page.locator("#prompt").fill("half a prompt")
    dropped = """async (address) => {
        const reply = await fetch(address);
        const name = reply.headers.get("Content-Disposition").match(/filename="([^"]+)"/)[1];
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([await reply.blob()], name, {type: "image/jpeg"}));
        const prompt = document.querySelector("#prompt");
        prompt.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
    }"""
    live_page.evaluate(dropped, f"/g/{video.public_id}/poster")
    expect(live_page.locator("#prompt")).to_have_value("a wave over sand")
    live_page.locator("#toast").get_by_role("button", name="Undo").click()
    expect(live_page.locator("#prompt")).to_have_value("half a prompt")


def test_a_frame_from_the_videos_own_page_is_added_to_the_draft(live_page):
    [video] = make(live_page.owner, draft=False, config={"duration": 2})
    live_page.goto(live_page.studio.url)
    live_page.locator("#prompt").fill("half a prompt")
    live_page.goto(f"{live_page.studio.url}/g/{video.public_id}")
    live_page.wait_for_function("() => document.querySelector('video.player').readyState > 1")
    live_page.locator("[data-frame=end]").click()
    live_page.wait_for_url(re.compile(r"/\?end_picture="))
    expect(live_page.locator("#slot-end")).to_have_class(re.compile("is-filled"))
    expect(live_page.locator("#prompt")).to_have_value("half a prompt")
