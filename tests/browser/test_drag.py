"""What is dragged: cards onto a collection and into the composer, and posters."""

import re

import pytest
from playwright.sync_api import expect

from tests.parts.generations import make
from videos.models import Collection

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def drag(page, card):
    """Takes the card and moves it a little; the button of the mouse stays down."""
    box = card.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 30, box["y"] + box["height"] / 2 + 10, steps=4)


def drop_on(page, target):
    box = target.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()


def test_selected_cards_are_dragged_onto_a_collection(room):
    collection = Collection.objects.make(room.owner, "Autumn launch")
    made = [make(room.owner, f"video {number}")[0] for number in range(3)]
    room.goto(room.studio.url)
    for video in made[:2]:
        room.get_by_label(f"Select: {video.prompt}").check(force=True)
    drag(room, room.locator(f"#g-{made[0].public_id} .frame"))
    choice = room.locator("#choose").get_by_role("button", name="Autumn launch")
    expect(choice).to_be_visible()
    drop_on(room, choice)
    expect(room.locator("#toast")).to_contain_text("2 videos are in “Autumn launch” now")
    expect(room.locator("#choose")).to_be_hidden()
    assert set(collection.generations(room.owner)) == set(made[:2])
    drag(room, room.locator(f"#g-{made[2].public_id} .frame"))
    expect(choice).to_be_visible()
    drop_on(room, room.locator(".bar").first)  # elsewhere
    expect(room.locator("#choose")).to_be_hidden()
    assert collection.clips.count() == 2


def test_a_card_that_is_dropped_on_the_composer_fills_it_and_on_a_frame_gives_its_last_frame(room):
    make(room.owner, "a wave over sand", ratio="9:16", providers=["kling_pro"])
    room.goto(room.studio.url)
    card = room.locator("#cards .card .frame").first
    drag(room, card)
    drop_on(room, room.locator("#slot-end"))
    expect(room.locator("#slot-end")).to_have_class(re.compile("is-filled"))
    expect(room.locator("#prompt")).to_have_value("")
    drag(room, card)
    drop_on(room, room.locator("#prompt"))
    expect(room.locator("#prompt")).to_have_value("a wave over sand")
    expect(room.locator("#show-ratio")).to_contain_text("9:16")


def test_a_poster_that_was_saved_fills_the_composer_and_the_half_written_prompt_comes_back(room):
    [video] = make(room.owner, "a wave over sand")
    room.goto(room.studio.url)
    room.locator("#prompt").fill("half a prompt")
    dropped = """async (address) => {
        const reply = await fetch(address);
        const name = reply.headers.get("Content-Disposition").match(/filename="([^"]+)"/)[1];
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([await reply.blob()], name, {type: "image/jpeg"}));
        const prompt = document.querySelector("#prompt");
        prompt.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
    }"""
    room.evaluate(dropped, f"/g/{video.public_id}/poster")
    expect(room.locator("#prompt")).to_have_value("a wave over sand")
    room.locator("#toast").get_by_role("button", name="Undo").click()
    expect(room.locator("#prompt")).to_have_value("half a prompt")


def test_a_frame_of_the_videos_own_page_is_added_to_what_was_written(room):
    [video] = make(room.owner, draft=False, config={"duration": 2})
    room.goto(room.studio.url)
    room.locator("#prompt").fill("half a prompt")
    room.goto(f"{room.studio.url}/g/{video.public_id}")
    room.wait_for_function("() => document.querySelector('video.player').readyState > 1")
    room.locator("[data-frame=end]").click()
    room.wait_for_url(re.compile(r"/\?end_picture="))
    expect(room.locator("#slot-end")).to_have_class(re.compile("is-filled"))
    expect(room.locator("#prompt")).to_have_value("half a prompt")
