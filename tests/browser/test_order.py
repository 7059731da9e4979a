"""The composer says what it will send and what that costs, before it can be sent."""

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from tests.parts.generations import make
from tests.parts.held import until_held
from tests.parts.processes import wait_until
from videos.models import Generation, Provider

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def composer(live_page):
    price("veo_3_1", "2")
    price("kling_pro", "5")
    live_page.goto(live_page.studio.url)
    return live_page


def price(value, amount, unit="video"):
    Provider.objects.filter(value=value).update(price=Decimal(amount), price_unit=unit)


def tick(page, *names):
    """Opens the list of models and clicks each of them."""
    page.click("#provider-pick")
    for name in names:
        page.locator(".offer", has=page.get_by_text(name, exact=True)).click()
    page.keyboard.press("Escape")


def hold_advice(page):
    """From now on answers to /compose/advice wait in the returned list."""
    held = []
    page.route("**/compose/advice", lambda route: held.append(route))
    return held


def let_go(page, held):
    for route in held:
        route.continue_()
    page.unroute("**/compose/advice")


def order_two_models_eight_times(page):
    tick(page, "Kling Pro")
    page.select_option("[name=count]", "8")
    page.click("#ratio-pick")
    page.fill("#aspect-ratio", "21:9")
    page.keyboard.press("Escape")
    expect(page.locator(".send")).to_contain_text("16 videos")
    expect(page.locator(".send")).to_contain_text("$56.00")


def test_after_a_reload_on_a_slow_line_the_labels_are_the_forms_own_and_the_button_waits(composer):
    composer.fill("#prompt", "a lighthouse")
    order_two_models_eight_times(composer)
    held = hold_advice(composer)
    composer.reload()
    expect(composer.locator("#show-provider")).to_have_text("VEO 3.1, Kling Pro")
    expect(composer.locator("#show-ratio")).to_have_text("21:9")
    expect(composer.locator("[name=ratio_choice][value='21:9']")).to_be_checked()
    expect(composer.locator(".send")).to_contain_text("16 videos")
    expect(composer.locator(".send")).not_to_contain_text("$2.00")
    expect(composer.locator(".send")).to_have_attribute("aria-disabled", "true")
    composer.locator(".send").dispatch_event("click")
    composer.locator("#prompt").press("Control+Enter")
    until_held(composer, held)
    let_go(composer, held)
    expect(composer.locator(".send")).to_contain_text("$56.00")
    expect(composer.locator(".send")).to_have_attribute("aria-disabled", "false")
    assert not Generation.objects.exists()
    composer.click(".send")
    expect(composer.locator(".card")).to_have_count(16)


def test_each_change_of_the_order_waits_for_its_own_price(composer):
    composer.fill("#prompt", "a lighthouse")
    held = hold_advice(composer)
    composer.select_option("[name=count]", "3")
    expect(composer.locator("#show-estimate")).to_have_text("3 videos price…")
    composer.click(".send", force=True)
    until_held(composer, held)
    let_go(composer, held)
    expect(composer.locator("#show-estimate")).to_contain_text("$6.00")
    assert not Generation.objects.exists()


def test_words_that_are_typed_and_sent_at_once_wait_for_nothing(composer):
    composer.locator("#prompt").press_sequentially("a lighthouse")
    composer.click(".send")
    expect(composer.locator(".card")).to_have_count(1)


def test_a_price_that_cannot_be_fetched_is_reported_and_blocks_nothing(composer):
    composer.allowed_errors += ["500", "htmx:"]
    composer.fill("#prompt", "a lighthouse")
    composer.route("**/compose/advice", lambda route: route.fulfill(status=500))
    composer.select_option("[name=count]", "2")
    expect(composer.locator("#show-estimate")).to_contain_text("price not known")
    composer.click(".send")
    expect(composer.locator(".card")).to_have_count(2)


def test_words_typed_before_the_script_has_loaded_are_not_replaced_by_the_draft(composer):
    composer.fill("#prompt", "an older draft")
    held = []
    composer.route("**/studio/composer*.js", lambda route: held.append(route))
    composer.reload(wait_until="commit")
    composer.fill("#prompt", "newer words")
    until_held(composer, held)
    held.pop().continue_()
    expect(composer.locator("html.scripted")).to_be_attached()
    expect(composer.locator("#prompt")).to_have_value("newer words")


def test_at_most_four_models_can_be_ticked(composer):
    tick(composer, "VEO 3.1 Fast", "Kling Pro", "Kling V2")
    composer.click("#provider-pick")
    expect(composer.locator("#models-selected")).to_have_text("4 of 4 selected")
    expect(composer.locator("[name=provider][value=seedance_pro]")).to_be_disabled()
    composer.locator(".offer", has_text="Kling V2").first.click()
    expect(composer.locator("#models-selected")).to_have_text("3 selected")
    expect(composer.locator("[name=provider][value=seedance_pro]")).to_be_enabled()


def test_the_last_model_stays_ticked(composer):
    tick(composer, "VEO 3.1")
    expect(composer.locator("[name=provider][value=veo_3_1]")).to_be_checked()
    expect(composer.locator("#show-provider")).to_have_text("VEO 3.1")


def test_the_list_shows_each_price_and_what_is_unknown(composer):
    price("kling_v2", "0.50", "second")
    composer.reload()
    composer.click("#provider-pick")
    row = composer.locator(".offer", has=composer.get_by_text("Kling V2", exact=True))
    expect(row).to_contain_text("not measured yet")
    expect(row.locator(".price")).to_contain_text("$0.50/s · up to $5.00")
    expect(composer.locator(".offer", has_text="Runway").locator(".price")).to_have_text("No price set")
    composer.keyboard.press("Escape")
    composer.click("#settings-pick")
    composer.select_option("#key-duration", "4")
    expect(row.locator(".price")).to_contain_text("about $2.50")  # of 5 and 10 s that it makes, the next longer


def test_a_retired_model_cannot_be_ticked_and_a_reused_prompt_offers_another(composer):
    make(composer.owner, "made long ago", providers=["veo3"])
    composer.goto(composer.studio.url)
    composer.get_by_role("button", name="More").click()
    composer.get_by_role("link", name="Reuse").click()
    expect(composer.locator("#prompt")).to_have_value("made long ago")
    expect(composer.locator("#show-provider")).to_have_text("Choose a model")
    composer.click(".send", force=True)
    composer.click("#provider-pick")
    expect(composer.locator("[name=provider][value=veo3]")).to_be_disabled()
    expect(composer.locator(".ended")).to_contain_text(
        "This prompt last used VEO 3. Google ended this model in June 2026."
    )
    composer.get_by_role("button", name="Switch to VEO 3.1").click()
    expect(composer.locator("#show-provider")).to_have_text("VEO 3.1")
    composer.keyboard.press("Escape")
    assert Generation.objects.count() == 1
    composer.click(".send")
    wait_until(lambda: Generation.objects.filter(provider__value="veo_3_1").exists())


def reuse(page, name="Reuse"):
    page.get_by_role("button", name="More").click()
    page.get_by_role("link", name=name).click()


@pytest.mark.parametrize("action", ["Reuse", "Continue from its last frame"])
def test_a_replaced_prompt_is_announced_and_comes_back_with_undo(composer, action):
    make(composer.owner, "a saved video", ratio="9:16")
    composer.reload()
    tick(composer, "Kling Pro")
    composer.fill("#prompt", "half a sentence")
    reuse(composer, action)
    expect(composer.locator("#prompt")).to_have_value("a saved video")
    expect(composer.locator(".toast")).to_contain_text("was replaced")
    composer.get_by_role("button", name="Undo").click()
    expect(composer.locator("#prompt")).to_have_value("half a sentence")
    expect(composer.locator("#show-provider")).to_have_text("VEO 3.1, Kling Pro")
    expect(composer.locator("#show-ratio")).to_have_text("16:9")
    expect(composer.locator("#slot-start.is-filled")).to_have_count(0)


def test_a_prompt_replaced_by_a_link_to_another_page_comes_back_with_undo(composer):
    [generation] = make(composer.owner, "a saved video")
    composer.fill("#prompt", "half a sentence")
    composer.goto(f"{composer.studio.url}/g/{generation.public_id}")
    composer.get_by_role("link", name="Reuse").click()
    expect(composer.locator("#prompt")).to_have_value("a saved video")
    composer.get_by_role("button", name="Undo").click()
    expect(composer.locator("#prompt")).to_have_value("half a sentence")


def test_choosing_an_earlier_prompt_can_be_undone(composer):
    make(composer.owner, "an earlier prompt")
    composer.reload()
    composer.fill("#prompt", "half a sentence")
    composer.click("[popovertarget=recent]")
    composer.locator("#recent [data-fill]").first.click()
    expect(composer.locator("#prompt")).to_have_value("an earlier prompt")
    composer.get_by_role("button", name="Undo").click()
    expect(composer.locator("#prompt")).to_have_value("half a sentence")


def test_nothing_is_announced_when_nothing_was_written(composer):
    make(composer.owner, "a saved video")
    composer.reload()
    reuse(composer)
    expect(composer.locator("#prompt")).to_have_value("a saved video")
    expect(composer.locator(".toast")).to_have_count(0)
