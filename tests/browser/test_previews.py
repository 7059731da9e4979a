"""Videos that play in their cards while somebody points at them."""

import re

import pytest
from playwright.sync_api import expect

from tests.parts.generations import make

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
HAVE_LOADED = """(number) =>
    [...document.querySelectorAll(".card video")].filter((video) => video.readyState > 0).length === number"""


def test_a_preview_plays_while_it_is_pointed_at_and_is_unloaded_afterwards(live_page):
    for number in range(4):
        make(live_page.owner, f"video {number}")
    live_page.goto(live_page.studio.url)
    for number in range(4):
        live_page.locator(".card a.open").nth(number).hover()
        expect(live_page.locator("#cards .card").nth(number)).to_have_class(re.compile("is-playing"))
        live_page.wait_for_function(HAVE_LOADED, arg=1)
    live_page.mouse.move(2, 2)
    expect(live_page.locator(".card.is-playing")).to_have_count(0)
    live_page.wait_for_function(HAVE_LOADED, arg=0)


def test_a_preview_plays_again_after_it_was_unloaded(live_page):
    make(live_page.owner)
    live_page.goto(live_page.studio.url)
    for _ in range(2):
        live_page.locator(".card a.open").hover()
        live_page.wait_for_function("() => document.querySelector('.card video')?.currentTime > 0")
        live_page.mouse.move(2, 2)
        expect(live_page.locator(".card.is-playing")).to_have_count(0)
