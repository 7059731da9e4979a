"""Everything that costs money shows at once that it happened, and can be cancelled while nothing is sent."""

import re

import pytest
from playwright.sync_api import expect

from tests.parts.generations import make
from videos.models import Generation, Provider, StudioSettings

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_generate_after_going_back_makes_the_new_video_too(live_page):
    live_page.goto(live_page.studio.url)
    live_page.fill("#prompt", "a lighthouse")
    live_page.click(".send")
    expect(live_page.locator(".card")).to_have_count(1)
    live_page.goto(f"{live_page.studio.url}/usage")
    live_page.go_back()
    live_page.fill("#prompt", "a harbour")
    live_page.click(".send")
    expect(live_page.locator(".card", has_text="a harbour")).to_have_count(1)
    assert Generation.objects.count() == 2


def test_a_form_resent_with_a_different_prompt_says_so_and_the_next_click_works(live_page):
    live_page.goto(live_page.studio.url)
    used = live_page.input_value("#token")
    live_page.fill("#prompt", "a lighthouse")
    live_page.click(".send")
    expect(live_page.locator(".card")).to_have_count(1)
    live_page.evaluate("token => { document.querySelector('#token').value = token }", used)
    live_page.fill("#prompt", "a harbour")
    live_page.click(".send")
    expect(live_page.locator("#errors")).to_contain_text("You sent this form already, with other words")
    expect(live_page.locator("#prompt")).to_have_value("a harbour")
    live_page.click(".send")
    expect(live_page.locator(".card", has_text="a harbour")).to_have_count(1)
    expect(live_page.locator("#errors")).to_be_hidden()


def test_a_retry_changes_its_card_at_once_and_the_next_one_asks_first(live_page):
    Provider.objects.filter(value="veo_3_1").update(price="2.00", price_unit="video")
    [failed] = make(live_page.owner, status="failed")
    live_page.goto(live_page.studio.url)
    old = live_page.locator(f"#g-{failed.public_id}")
    old.get_by_role("button", name="Details").click()
    old.get_by_role("button", name="Retry unchanged · $2.00").click()
    expect(old.locator(".state")).to_contain_text("Retried")
    expect(live_page.locator(".card.is-queued")).to_have_count(1)
    expect(live_page.locator("#n-attention")).to_have_text("0")
    expect(live_page.locator("#toast")).to_contain_text("1 video is queued.")

    old.get_by_role("button", name="Details").click()
    old.get_by_role("button", name="Retry unchanged").click()
    expect(live_page.locator("#toast")).to_contain_text("Nothing was sent")
    assert Generation.objects.filter(retry_of=failed).count() == 1
    live_page.locator("#toast").get_by_role("button", name="Make one more · $2.00").click()
    expect(live_page.locator(".card.is-queued")).to_have_count(2)
    assert Generation.objects.filter(retry_of=failed).count() == 2


def test_undo_counts_down_and_cancels_what_is_not_sent(live_page):
    live_page.goto(live_page.studio.url)
    live_page.fill("#prompt", "a lighthouse")
    live_page.select_option("[name=count]", "8")
    live_page.click(".send")
    undo = live_page.locator("#toast button")
    expect(undo).to_have_text("Undo 8")
    sent = list(Generation.objects.order_by("pk").values_list("pk", flat=True)[:3])
    Generation.objects.filter(pk__in=sent).update(status="sending")
    expect(undo).to_have_text("Undo 5")
    undo.click()
    expect(live_page.locator("#toast")).to_contain_text("5 videos are cancelled")
    expect(live_page.locator("#toast")).to_contain_text("3 are already being made")
    expect(live_page.locator(".card.is-cancelled")).to_have_count(5)


def test_the_selection_bar_cancels_queued_videos(live_page):
    make(live_page.owner, status="queued", count=3)
    make(live_page.owner, status="running", seconds_ago=20)
    live_page.goto(live_page.studio.url)
    for box in live_page.locator("[name=ids]").all():
        box.check(force=True)
    live_page.get_by_role("button", name="Cancel queued videos").click()
    expect(live_page.locator("#toast")).to_contain_text("3 videos are cancelled")
    expect(live_page.locator(".card.is-cancelled")).to_have_count(3)
    expect(live_page.locator("#cancel-waiting")).to_be_hidden()


def test_only_queued_videos_can_be_cancelled(live_page):
    make(live_page.owner)
    live_page.goto(live_page.studio.url)
    live_page.locator("[name=ids]").check(force=True)
    expect(live_page.locator(".selection")).to_be_visible()
    expect(live_page.locator("#cancel-waiting")).to_be_hidden()
    expect(live_page.locator("#selected")).to_have_text(re.compile("1 selected"))


def test_a_click_above_the_owners_limit_asks_once_and_enter_does_not_confirm(live_page, settings):
    settings.SET_BY_ENVIRONMENT = frozenset()
    StudioSettings(ask_above_videos=3).save()
    live_page.goto(live_page.studio.url)
    live_page.fill("#prompt", "a lighthouse")
    live_page.get_by_label("How many videos").select_option("4")
    expect(live_page.locator(".send")).to_have_attribute("aria-disabled", "false")
    live_page.locator("#prompt").press("Control+Enter")
    question = live_page.locator("#question")
    expect(question).to_contain_text("This makes 4 videos")
    with live_page.expect_response("**/generate"):  # asked again, in the same words
        live_page.locator("#prompt").press("Control+Enter")
    expect(question).to_contain_text("Nothing was sent yet.")
    live_page.fill("#prompt", "a harbour")  # it would be about something else
    expect(question).to_be_empty()
    live_page.click(".send")
    question.get_by_role("button", name="Yes, make all 4").click()
    expect(live_page.locator(".card", has_text="a harbour")).to_have_count(4)
    expect(question).to_be_empty()
    assert Generation.objects.count() == 4
