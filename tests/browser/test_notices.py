"""Notices of videos that finish while the page is hidden: only for people who enabled them."""

import pytest
from playwright.sync_api import expect

from tests.parts.generations import add_copy, make
from videos.models import Generation
from videos.models.changes import CHANGED

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


HIDE = """Object.defineProperty(Document.prototype, "hidden", { get: () => window.isHidden || false });
window.told = []; window.played = 0;
window.Notification = class { static permission = "default";
  static async requestPermission() { return (Notification.permission = window.answer || "granted"); }
  constructor(words) { told.push(words); } };
HTMLAudioElement.prototype.play = async function () { played += 1; };"""


def finish(prompt):
    generation = Generation.objects.get(prompt=prompt)
    add_copy(generation)
    Generation.objects.filter(pk=generation.pk).update(status="ready", **CHANGED)


def opt_in(page):
    page.get_by_role("button", name="owner: menu").click()
    page.get_by_role("button", name="Notify me when a video is finished").click()


@pytest.fixture
def gallery(live_page):
    for name in ("first", "second"):
        make(live_page.owner, name, "saving")
    live_page.add_init_script(HIDE)
    live_page.goto(live_page.studio.url)
    return live_page


def test_a_hidden_page_notifies_with_a_sound_once_if_enabled_and_a_visible_one_is_silent(gallery):
    opt_in(gallery)
    expect(gallery.locator("#notify")).to_have_attribute("aria-pressed", "true")
    finish("first")
    expect(gallery.locator(".card.is-ready")).to_have_count(1)
    assert gallery.evaluate("told") == []
    gallery.evaluate("window.isHidden = true")
    finish("second")
    gallery.wait_for_function("() => told.length === 1")
    assert gallery.evaluate("told[0]") == "Ready: second"
    gallery.wait_for_function("() => played === 1")


def test_nobody_is_asked_or_notified_unless_they_enable_it(gallery):
    gallery.evaluate("window.isHidden = true")
    finish("first")
    expect(gallery.locator(".card.is-ready")).to_have_count(1, timeout=120_000)
    assert gallery.evaluate("told") == []
    assert gallery.evaluate("Notification.permission") == "default"
    expect(gallery.locator("#notify")).to_have_attribute("aria-pressed", "false")


def test_the_choice_is_kept_and_a_refusal_is_explained(gallery):
    gallery.evaluate("window.answer = 'denied'")
    opt_in(gallery)
    expect(gallery.locator("#toast")).to_contain_text("blocks notifications")
    expect(gallery.locator("#notify")).to_have_attribute("aria-pressed", "false")
