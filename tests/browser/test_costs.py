"""Everything that costs money shows at once that it happened, and can be cancelled while nothing is sent."""

import re

import pytest
from playwright.sync_api import expect

from tests.parts.generations import make
from videos.models import Generation, Provider, StudioSettings

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_generate_after_going_back_makes_the_new_video_too(room):
    room.goto(room.studio.url)
    room.fill("#prompt", "a lighthouse")
    room.click(".send")
    expect(room.locator(".card")).to_have_count(1)
    room.goto(f"{room.studio.url}/usage")
    room.go_back()
    room.fill("#prompt", "a harbour")
    room.click(".send")
    expect(room.locator(".card", has_text="a harbour")).to_have_count(1)
    assert Generation.objects.count() == 2


def test_a_form_that_was_sent_with_other_words_says_so_and_the_next_click_works(room):
    room.goto(room.studio.url)
    used = room.input_value("#token")
    room.fill("#prompt", "a lighthouse")
    room.click(".send")
    expect(room.locator(".card")).to_have_count(1)
    room.evaluate("token => { document.querySelector('#token').value = token }", used)
    room.fill("#prompt", "a harbour")
    room.click(".send")
    expect(room.locator("#errors")).to_contain_text("You sent this form already, with other words")
    assert room.input_value("#prompt") == "a harbour"
    room.click(".send")
    expect(room.locator(".card", has_text="a harbour")).to_have_count(1)
    expect(room.locator("#errors")).to_be_hidden()


def test_a_retry_changes_its_card_at_once_and_the_next_one_is_asked_about(room):
    Provider.objects.filter(value="veo_3_1").update(price="2.00", price_unit="video")
    [failed] = make(room.owner, status="failed")
    room.goto(room.studio.url)
    old = room.locator(f"#g-{failed.public_id}")
    old.get_by_role("button", name="Details").click()
    old.get_by_role("button", name="Retry unchanged · $2.00").click()
    expect(old.locator(".state")).to_contain_text("Retried")
    expect(room.locator(".card.is-queued")).to_have_count(1)
    expect(room.locator("#n-attention")).to_have_text("0")
    expect(room.locator("#toast")).to_contain_text("1 video is queued.")

    old.get_by_role("button", name="Details").click()
    old.get_by_role("button", name="Retry unchanged").click()
    expect(room.locator("#toast")).to_contain_text("Nothing was sent")
    assert Generation.objects.filter(retry_of=failed).count() == 1
    room.locator("#toast").get_by_role("button", name="Make one more · $2.00").click()
    expect(room.locator(".card.is-queued")).to_have_count(2)
    assert Generation.objects.filter(retry_of=failed).count() == 2


def test_undo_counts_down_and_takes_back_what_is_not_sent(room):
    room.goto(room.studio.url)
    room.fill("#prompt", "a lighthouse")
    room.select_option("[name=count]", "8")
    room.click(".send")
    undo = room.locator("#toast button")
    expect(undo).to_have_text("Undo 8")
    sent = list(Generation.objects.order_by("pk").values_list("pk", flat=True)[:3])
    Generation.objects.filter(pk__in=sent).update(status="sending")
    expect(undo).to_have_text("Undo 5")
    undo.click()
    expect(room.locator("#toast")).to_contain_text("5 videos are cancelled")
    expect(room.locator("#toast")).to_contain_text("3 are already being made")
    expect(room.locator(".card.is-cancelled")).to_have_count(5)


def test_the_selection_bar_cancels_what_waits(room):
    make(room.owner, status="queued", count=3)
    make(room.owner, status="running", seconds_ago=20)
    room.goto(room.studio.url)
    for box in room.locator("[name=ids]").all():
        box.check(force=True)
    room.get_by_role("button", name="Cancel queued videos").click()
    expect(room.locator("#toast")).to_contain_text("3 videos are cancelled")
    expect(room.locator(".card.is-cancelled")).to_have_count(3)
    expect(room.locator("#cancel-waiting")).to_be_hidden()


def test_only_what_waits_can_be_cancelled(room):
    make(room.owner)
    room.goto(room.studio.url)
    room.locator("[name=ids]").check(force=True)
    expect(room.locator(".selection")).to_be_visible()
    expect(room.locator("#cancel-waiting")).to_be_hidden()
    expect(room.locator("#selected")).to_have_text(re.compile("1 selected"))


def test_what_owners_want_to_be_asked_about_is_asked_once_and_enter_does_not_say_yes(room, settings):
    settings.SET_BY_ENVIRONMENT = frozenset()
    StudioSettings(ask_above_videos=3).save()
    room.goto(room.studio.url)
    room.fill("#prompt", "a lighthouse")
    room.get_by_label("How many videos").select_option("4")
    expect(room.locator(".send")).to_have_attribute("aria-disabled", "false")
    room.locator("#prompt").press("Control+Enter")
    question = room.locator("#question")
    expect(question).to_contain_text("This makes 4 videos")
    with room.expect_response("**/generate"):  # asked again, in the same words
        room.locator("#prompt").press("Control+Enter")
    expect(question).to_contain_text("Nothing was sent yet.")
    room.fill("#prompt", "a harbour")  # it would be about something else
    expect(question).to_be_empty()
    room.click(".send")
    question.get_by_role("button", name="Yes, make all 4").click()
    expect(room.locator(".card", has_text="a harbour")).to_have_count(4)
    expect(question).to_be_empty()
    assert Generation.objects.count() == 4
