"""Reviewing by hand: in the studio by keys alone, behind a link on a phone."""

import re

import pytest
from playwright.sync_api import expect

from tests.parts.generations import add_copy, make, settle
from videos.models import Clip, Collection, Comment, ReviewAnswer, ReviewLink

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def collection(live_page):
    made = Collection.objects.make(live_page.owner, "Autumn launch")
    small = {"draft": False, "size": (320, 180)}
    made.add(make(live_page.owner, "a wave", count=3, config={"duration": 2}, **small), live_page.owner)
    return made


def test_keys_decide_comment_and_jump(live_page, collection):
    first = collection.clips.in_order()[0]
    Comment.objects.write(first, author=live_page.owner, name="owner", text="Wider", at=1.2, area="0.1,0.1,0.2,0.2")
    live_page.goto(f"{live_page.studio.url}/c/{collection.public_id}")
    expect(live_page.locator("#markers .marker")).to_have_count(1)
    live_page.locator("#comments .timecode").first.click()
    expect(live_page.locator("[data-film-time]")).to_have_text(re.compile("0:01 / 0:02"))
    expect(live_page.locator("#areas .area")).to_be_visible()
    live_page.keyboard.press("c")
    live_page.keyboard.type("A little brighter")
    live_page.keyboard.press("Control+Enter")
    expect(live_page.locator("#comments")).to_contain_text("A little brighter")
    assert Comment.objects.get(text="A little brighter").at == pytest.approx(1.2, abs=0.1)
    live_page.keyboard.press("Escape")
    live_page.locator("body").press("2")
    expect(live_page.locator("#review")).to_contain_text("2 of 3")
    live_page.locator("body").press("4")
    expect(live_page.locator("#review")).to_contain_text("3 of 3")
    assert list(collection.clips.in_order().values_list("state", flat=True)) == ["approved", "rejected", "to_review"]


def test_a_client_answers_on_a_phone(live_page, collection, phone_page):
    token = ReviewLink.issue(collection, live_page.owner, label="Tern")
    phone_page.goto(f"{live_page.studio.url}/r/{token}")
    expect(phone_page.get_by_role("button", name="Approve")).to_be_in_viewport()
    phone_page.get_by_label("Comment").fill("The logo is cut off")
    phone_page.get_by_role("button", name="Ask for a change").press("Enter")
    expect(phone_page.get_by_label("Your name")).to_be_focused()
    phone_page.keyboard.type("Maya")
    phone_page.get_by_role("button", name="Ask for a change").click()
    expect(phone_page.locator("#comments")).to_contain_text("The logo is cut off")
    phone_page.get_by_role("button", name="Approve").click()
    expect(phone_page.locator("#review")).to_contain_text("2 of 3")
    assert phone_page.evaluate("document.documentElement.scrollWidth") <= 390
    assert ReviewAnswer.objects.get().name == "Maya"
    ReviewLink.objects.get().revoke()
    phone_page.allowed_errors.append("404")
    phone_page.get_by_label("Comment").fill("One more thing")
    phone_page.get_by_role("button", name="Send comment").click()
    expect(phone_page.locator(".notice.gone")).to_contain_text("This link has ended")
    expect(phone_page.get_by_label("Comment")).to_have_value("One more thing")
    assert collection.clips.in_order()[0].state == Clip.State.APPROVED


def test_a_video_appears_by_itself_and_the_comment_that_is_being_written_stays(live_page, collection):
    [coming] = later = make(live_page.owner, "later", "running")
    collection.add(later, live_page.owner)
    clip = collection.clips.get(generation=coming)
    live_page.goto(f"{live_page.studio.url}/c/{collection.public_id}?clip={clip.public_id}")
    expect(live_page.locator(f"#stage-{clip.public_id}")).to_contain_text("There is no video to review yet.")
    live_page.locator("#comment-form textarea").fill("Half a sentence")
    settle(coming, "saving", 60, 90, {})
    add_copy(coming)
    settle(coming, "ready", 60, 90, {})
    expect(live_page.locator("#film")).to_be_visible()
    expect(live_page.locator("#shots [aria-current] img")).to_have_count(1)
    expect(live_page.locator("#comment-form textarea")).to_have_value("Half a sentence")
    expect(live_page.locator("#refresh[hx-get]")).to_have_count(0)


def test_a_collection_deleted_elsewhere_says_so_once_in_place_and_asks_no_more(live_page, collection):
    collection.add(make(live_page.owner, "later", "running"), live_page.owner)
    live_page.allowed_errors.append("404")
    live_page.goto(f"{live_page.studio.url}/c/{collection.public_id}")
    live_page.locator("#comment-form textarea").fill("Half a sentence")
    collection.delete()
    expect(live_page.locator(".notice.gone")).to_contain_text("This collection is no longer here.")
    expect(live_page.locator(".toast")).to_have_count(0)
    expect(live_page.locator("#comment-form textarea")).to_have_value("Half a sentence")
    asked = requests_of(live_page)
    live_page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # everything that asks would ask now
    live_page.get_by_role("link", name="All collections").click()
    expect(live_page).to_have_url(re.compile("/collections$"))
    assert not asked


def requests_of(page):
    """Those that it sends from now on, to look whether its clip has changed."""
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "clip=" in request.url else None)
    return asked


HIDE = "window.isHidden = true; Object.defineProperty(Document.prototype, 'hidden', { get: () => window.isHidden })"
SHOW = "window.isHidden = false; document.dispatchEvent(new Event('visibilitychange'))"


def test_a_hidden_tab_asks_nothing_until_it_is_shown(live_page, collection):
    [coming] = later = make(live_page.owner, "later", "running")
    collection.add(later, live_page.owner)
    live_page.clock.install()
    live_page.add_init_script(HIDE)
    asked = requests_of(live_page)
    live_page.goto(f"{live_page.studio.url}/c/{collection.public_id}")
    live_page.clock.run_for(60_000)
    assert not asked
    settle(coming, "cancelled", 60, 90, {})
    live_page.evaluate(SHOW)
    expect(live_page.locator("#shots")).to_contain_text("Cancelled")
    assert asked
