"""Videos that play in their cards while somebody points at them."""

import pytest
from playwright.sync_api import expect

from tests.parts.generations import make

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
HAVE_LOADED = "[...document.querySelectorAll('.card video')].filter((video) => video.readyState > 0).length"


def test_a_preview_plays_while_it_is_pointed_at_and_is_unloaded_afterwards(room):
    for number in range(4):
        make(room.owner, f"video {number}")
    room.goto(room.studio.url)
    for number in range(4):
        room.locator(".card a.open").nth(number).hover()
        room.wait_for_selector(".card.is-playing")
        assert room.evaluate(HAVE_LOADED) == 1
    room.mouse.move(2, 2)
    expect(room.locator(".card.is-playing")).to_have_count(0)
    assert room.evaluate(HAVE_LOADED) == 0


def test_a_preview_plays_again_after_it_was_unloaded(room):
    make(room.owner)
    room.goto(room.studio.url)
    for _ in range(2):
        room.locator(".card a.open").hover()
        room.wait_for_function("() => document.querySelector('.card video')?.currentTime > 0")
        room.mouse.move(2, 2)
        expect(room.locator(".card.is-playing")).to_have_count(0)
