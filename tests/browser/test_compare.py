"""Two to four videos on one scrubber."""

import pytest
from playwright.sync_api import expect

from tests.parts.generations import make
from tests.parts.still import until_still

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

SMALL = {"draft": False, "size": (320, 180)}  # drawn in a third of the time, and as long as ever


@pytest.fixture
def compare_page(live_page):
    videos = make(live_page.owner, "a wave", providers=["veo_3_1", "kling_pro"], config={"duration": 2}, **SMALL)
    videos += make(live_page.owner, "a wave", providers=["seedance_pro"], config={"duration": 3}, **SMALL)
    live_page.goto(f"{live_page.studio.url}/compare?" + "&".join(f"g={video.public_id}" for video in videos))
    live_page.wait_for_function(
        "() => [...document.querySelectorAll('.beside video')].every(video => video.readyState > 2)"
    )
    return live_page


TIMES = "[...document.querySelectorAll('.beside video')].map(video => video.currentTime)"
APART = f"Math.max(...{TIMES}) - Math.min(...{TIMES})"


def test_one_button_plays_all_and_they_stay_together(compare_page):
    compare_page.get_by_role("button", name="Play all").click()
    compare_page.wait_for_function(f"() => {TIMES}.every(time => time > 0.8) && {APART} < 0.35")
    compare_page.keyboard.press("Space")
    expect(compare_page.locator(".play-all")).to_have_attribute("aria-pressed", "false")
    compare_page.wait_for_function("() => [...document.querySelectorAll('.beside video')].every(video => video.paused)")


def test_one_scrubber_moves_all_and_shorter_ones_wait_at_their_end(compare_page):
    compare_page.get_by_label("Position in all videos").fill("2.5")
    compare_page.wait_for_function(f"() => Math.abs({TIMES}[2] - 2.5) < 0.05")
    compare_page.wait_for_function(f"() => Math.abs({TIMES}[0] - 2) < 0.1")
    expect(compare_page.locator("[data-time]")).to_have_text("2.5 / 3.0 s")
    compare_page.get_by_label("Position in all videos").press("Space")
    expect(compare_page.locator(".play-all")).to_have_attribute("aria-pressed", "true")


def test_without_loop_it_stops_at_the_end_of_the_longest(compare_page):
    compare_page.get_by_role("button", name="Loop").click()
    compare_page.get_by_label("Position in all videos").fill("2.6")
    compare_page.get_by_role("button", name="Play all").click()
    compare_page.wait_for_function(f"() => {TIMES}[2] > 2.85 && document.querySelectorAll('.beside video')[2].paused")
    expect(compare_page.locator(".play-all")).to_have_attribute("aria-pressed", "false")


def test_half_speed_and_sound_from_one(live_page):
    videos = make(live_page.owner, "a wave", providers=["veo_3_1", "veo_3_1_fast"], config={"duration": 2}, **SMALL)
    live_page.goto(f"{live_page.studio.url}/compare?batch={videos[0].batch.public_id}")
    muted = "() => [...document.querySelectorAll('.beside video')].map(video => video.muted).join() === '{}'"
    live_page.wait_for_function(muted.format("false,true"))
    live_page.get_by_role("button", name="Sound").last.click()
    live_page.wait_for_function(muted.format("true,false"))
    live_page.get_by_role("button", name="½×").click()
    live_page.get_by_role("button", name="Play all").click()
    live_page.wait_for_function("() => document.querySelector('.beside video').currentTime > 0.3")
    assert live_page.evaluate("document.querySelector('.beside video').playbackRate") < 0.6


def test_the_table_lists_the_differences_and_marks_the_odd_one(compare_page):
    rows = compare_page.locator(".loupe tbody tr")
    expect(rows.filter(has_text="Length").locator(".odd")).to_have_text("3.0 s")
    expect(rows.filter(has_text="Prompt")).to_have_count(0)


def test_a_batch_opens_in_compare_with_one_click_on_its_card(live_page):
    make(live_page.owner, "a wave", providers=["veo_3_1", "kling_pro"])
    live_page.goto(live_page.studio.url)
    live_page.locator(".card").first.hover()
    live_page.get_by_role("button", name="More").first.click()
    live_page.get_by_role("link", name="Compare this batch").first.click()
    expect(live_page.locator(".beside video")).to_have_count(2)


def test_a_portrait_video_is_shown_whole(live_page):
    videos = make(live_page.owner, "a wave", count=2, ratio="9:16", draft=False, config={"duration": 2})
    live_page.goto(f"{live_page.studio.url}/compare?batch={videos[0].batch.public_id}")
    until_still(live_page)
    for pane in live_page.locator(".pane").all():
        frame, video = pane.bounding_box(), pane.locator("video").bounding_box()
        assert frame["height"] <= 0.6 * 900 + 1
        assert video["height"] <= frame["height"] + 1
        assert video["width"] <= frame["width"] + 1


def test_the_strip_swaps_what_is_shown(live_page):
    videos = make(live_page.owner, "a wave", count=5)
    live_page.goto(f"{live_page.studio.url}/compare?" + "&".join(f"g={video.public_id}" for video in videos))
    expect(live_page.locator(".swap")).to_contain_text("4 of 5 are shown")
    live_page.locator(".swap a:not([aria-current])").click()
    expect(live_page.locator(".swap [aria-current]")).to_have_count(4)
    expect(live_page.locator(f".pane video[src*='{videos[4].public_id}']")).to_have_count(1)


COINCIDE = """() => {
    const videos = [...document.querySelectorAll(".pane video")];
    const [first, second] = videos.map((video) => video.getBoundingClientRect());
    const areLoaded = videos.every((video) => video.readyState > 0);
    return areLoaded && Math.abs(first.x - second.x) < 2 && Math.abs(first.y - second.y) < 2;
}"""


def test_two_are_laid_over_each_other_and_the_line_between_them_follows_keys_and_pointer(live_page):
    videos = make(live_page.owner, "a wave", providers=["veo_3_1", "kling_pro"])
    live_page.goto(f"{live_page.studio.url}/compare?batch={videos[0].batch.public_id}")
    live_page.keyboard.press("w")
    line = live_page.get_by_label("Where one video ends and the other begins")
    expect(line).to_be_focused()
    live_page.wait_for_function(COINCIDE)
    line.press("ArrowRight")
    expect(live_page.locator("#beside")).to_have_attribute("style", "--wipe: 51%;")
    until_still(live_page)  # the focus may have scrolled it
    first = live_page.locator(".pane video").first.bounding_box()
    live_page.mouse.move(first["x"] + first["width"] / 4, first["y"] + first["height"] / 2)
    live_page.wait_for_function("line => Math.abs(line.value - 25) < 3", arg=line.element_handle())
    line.press("w")
    expect(line).to_be_hidden()


def test_on_a_phone_every_verdict_of_four_videos_is_within_the_page(live_page, phone_page):
    videos = make(live_page.owner, "a wave", providers=["veo_3_1", "kling_pro", "seedance_pro", "ltx_distilled"])
    page = live_page.enter(phone_page)
    page.goto(f"{live_page.studio.url}/compare?batch={videos[0].batch.public_id}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for button in page.locator(".verdict-row button").all():
        box = button.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
