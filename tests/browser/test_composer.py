"""Composing as a person does it: with keys and mouse, files and addresses, without losing any text."""

import io
import re

from PIL import Image
from playwright.sync_api import expect

from tests.parts.still import until_still
from tests.parts.studio import PASSWORD
from videos.views.gallery import STARTERS

PROMPT = "Fog over a still lake,\nslow dolly in"


def picture(colour="teal"):
    data = io.BytesIO()
    Image.new("RGB", (96, 54), colour).save(data, "PNG")
    return {"name": f"{colour}.png", "mimeType": "image/png", "buffer": data.getvalue()}


def sent(studio, prompt):
    """The inputs of every submission with this prompt that was accepted. Browsers send a line's end as CR LF."""
    inputs = [entry["input"] for entry in studio.standin.ledger()]
    return [asked for asked in inputs if asked["prompt"].replace("\r\n", "\n") == prompt]


def test_keys_send_and_fields_do_not(member_page, shared_studio):
    page = member_page
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.fill("#prompt", PROMPT)
    page.click("#ratio-pick")
    page.fill("#aspect-ratio", "4:5")
    page.press("#aspect-ratio", "Enter")
    expect(page.locator("#ratio-pick")).to_contain_text("4:5")
    expect(page.locator("#advice")).to_contain_text("VEO 3.1 supports 16:9 and 9:16; 4:5 may be changed.")
    expect(page.locator(".card")).to_have_count(0)
    page.press("#prompt", "Control+Enter")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator("#prompt")).to_have_value("")
    page.press("#prompt", "ArrowUp")
    expect(page.locator("#prompt")).to_have_value(PROMPT)
    expect(page.locator(".card.is-ready")).to_have_count(1, timeout=120_000)
    assert [entry["aspect_ratio"] for entry in sent(shared_studio, PROMPT)] == ["4:5"]


def test_models_are_found_by_keyboard_and_one_batch_tries_several(member_page, shared_studio):
    page = member_page
    page.fill("#prompt", "Several at once")
    page.click("#provider-pick")
    expect(page.locator("#provider-search")).to_be_focused()
    page.keyboard.type("runway")
    expect(page.locator(".offer:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#providers")).to_be_visible()
    expect(page.locator("#provider-pick")).to_contain_text("VEO 3.1, Runway Gen-4")
    expect(page.locator("#advice")).to_contain_text("Runway Gen-4 needs a start frame.")
    page.fill("#provider-search", "")
    for name in ("LTX Distilled", "Seedance Lite"):
        page.get_by_role("checkbox", name=name).check()
    page.get_by_role("checkbox", name="VEO 3.1", exact=False).first.uncheck()
    page.keyboard.press("Escape")
    expect(page.locator("#providers")).to_be_hidden()
    page.select_option("[name=count]", "2")
    expect(page.locator(".send")).to_contain_text("6 videos")
    page.click(".send")
    expect(page.locator(".card.is-stack")).to_have_count(1)
    expect(page.locator(".card .progress")).to_contain_text("6 of 6", timeout=120_000)
    assert sorted({entry["provider"] for entry in sent(shared_studio, "Several at once")}) == [
        "ltx_distilled",
        "runway_gen4",
        "seedance_lite",
    ]


def test_down_and_enter_tick_a_model_that_was_searched_for(member_page):
    page = member_page
    page.click("#provider-pick")
    page.keyboard.type("ltx")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#provider-pick")).to_contain_text("LTX Distilled")
    page.keyboard.press("Escape")
    page.click("#provider-pick")
    expect(page.locator("#provider-search")).to_have_value("")
    expect(page.locator(".offer:visible").nth(7)).to_be_visible()


def test_after_a_reload_the_composer_says_what_it_would_send(member_page):
    page = member_page
    page.click("#provider-pick")
    page.click("text=Kling Pro model")
    page.select_option("[name=count]", "4")
    expect(page.locator(".send")).to_contain_text("8 videos")
    page.reload()
    expect(page.locator("[name=count]")).to_have_value("4")
    expect(page.locator("#provider-pick")).to_contain_text("VEO 3.1, Kling Pro")
    expect(page.locator(".send")).to_contain_text("8 videos")


def test_settings_are_fields_and_json_over_one_object(member_page):
    page = member_page
    page.click("#settings-pick")
    page.get_by_label("Seconds", exact=True).select_option("8")
    page.get_by_label("Seed", exact=True).fill("7")
    page.get_by_label("What to avoid").fill("text")
    page.get_by_label("Sound", exact=True).select_option("false")
    expected = '{\n  "duration": 8,\n  "seed": 7,\n  "negative_prompt": "text",\n  "generate_audio": false\n}'
    expect(page.locator("#config")).to_have_value(expected)
    page.fill("#config", '{"duration": 4, "style": "noir"}')
    expect(page.get_by_label("Seconds", exact=True)).to_have_value("4")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("")
    page.get_by_label("Seed", exact=True).fill("9")
    expect(page.locator("#config")).to_have_value(re.compile(r'"style": "noir",\s+"seed": 9'))
    page.fill("#config", '{"duration": ')
    expect(page.locator("#config-check")).to_contain_text("not valid JSON")
    page.keyboard.press("Escape")
    page.click("#provider-pick")
    page.click("text=Kling Pro model")
    page.locator("[name=provider][value=veo_3_1]").uncheck()
    page.keyboard.press("Escape")
    page.click("#settings-pick")
    expect(page.get_by_label("How closely to follow the prompt (0 to 1)")).to_be_visible()
    expect(page.locator("#config")).to_have_value('{"duration": ')  # another provider loses nothing


def test_frames_are_added_by_file_address_earlier_upload_and_paste_and_removed(member_page, shared_studio):
    page = member_page
    page.click("#pick-start")
    page.set_input_files("[name=reference_image]", picture("navy"))
    chosen = page.locator("#slot-start > .pick-frame img")
    expect(chosen).to_be_visible()
    address = chosen.get_attribute("src")
    page.get_by_label("Remove the start frame").click()
    expect(page.locator("#slot-start.is-filled")).to_have_count(0)
    page.click("#pick-start")
    page.locator("#frame-start .earlier label", has=page.locator(f"img[src='{address}']")).click()
    expect(page.locator(f"#slot-start > .pick-frame img[src='{address}']")).to_be_visible()

    page.click("#pick-end")
    page.fill("#address-end", "no address")
    page.press("#address-end", "Enter")
    expect(page.locator("#slot-error-end")).to_contain_text("full address")
    page.click("#pick-end")
    page.fill("#address-end", "https://example.com/end.jpg")
    page.press("#address-end", "Enter")
    expect(page.locator("#slot-end > .pick-frame")).to_contain_text("Address")
    until_still(page)  # a new button acts a moment after it can be seen
    page.get_by_label("Remove the end frame").press("Enter")
    expect(page.locator("#slot-end.is-filled")).to_have_count(0)
    paste_picture(page)
    expect(page.locator("#slot-end > .pick-frame img")).to_be_visible()

    page.fill("#prompt", "From here to there")
    page.click(".send")
    expect(page.locator(".card.is-ready")).to_have_count(1, timeout=120_000)
    (entry,) = sent(shared_studio, "From here to there")
    assert entry["reference_image_url"]
    assert entry["tail_image_url"]
    expect(page.locator(".slot.is-filled")).to_have_count(0)


def paste_picture(page):
    page.evaluate(
        """async () => {
            const canvas = Object.assign(document.createElement("canvas"), { width: 90, height: 60 });
            canvas.getContext("2d").fillRect(9, 9, 50, 30);
            const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([blob], "pasted.png", { type: "image/png" }));
            document.querySelector("#prompt").dispatchEvent(
                new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }"""
    )


def test_a_refused_picture_says_why_and_keeps_the_prompt(member_page):
    page = member_page
    page.fill("#prompt", PROMPT)
    page.click("#pick-start")
    page.set_input_files("[name=reference_image]", {"name": "a.gif", "mimeType": "image/gif", "buffer": b"GIF89a"})
    expect(page.locator("#slot-error-start")).to_contain_text("GIF")
    expect(page.locator("#prompt")).to_have_value(PROMPT)


def test_nothing_typed_is_lost_by_an_error_a_reload_or_an_expired_session(member_page, member):
    page = member_page
    page.fill("#prompt", PROMPT)
    page.click("#pick-start")
    page.set_input_files("[name=reference_image]", picture())
    expect(page.locator("#slot-start.is-filled")).to_have_count(1)
    page.click("#settings-pick")
    page.fill("#config", "[1]")
    page.keyboard.press("Escape")
    page.click(".send")
    expect(page.locator("#error-config")).to_contain_text("must be one JSON object")
    still_there(page, "[1]")

    page.reload()
    still_there(page, "[1]")
    page.context.clear_cookies()
    page.allowed_errors += ["401", "403", "htmx:"]
    page.click(".send")
    expect(page.locator("#toast")).to_contain_text("signed out")
    still_there(page, "[1]")
    page.click("text=Sign in")
    page.fill("[name=username]", member)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    still_there(page, "[1]")


def still_there(page, config):
    expect(page.locator("#prompt")).to_have_value(PROMPT)
    expect(page.locator("#config")).to_have_value(config)
    expect(page.locator("#slot-start > .pick-frame img")).to_be_visible()


def test_starters_fill_and_never_send(member_page, shared_studio):
    page = member_page
    page.click("text=Fog over a still lake at dawn")
    expect(page.locator("#prompt")).to_have_value(re.compile("^Fog over"))
    expect(page.locator("#prompt")).to_be_focused()
    assert sent(shared_studio, STARTERS[1]) == []


def test_on_a_phone_the_composer_is_one_line_until_it_is_touched(phone_page, shared_studio, member, sign_in):
    page = sign_in(phone_page, shared_studio, member)
    expect(page.locator("#provider-pick")).to_be_hidden()
    page.wait_for_function("() => document.querySelector('#composer').offsetHeight < 90")
    page.tap("#prompt")
    expect(page.locator("#provider-pick")).to_be_visible()
    page.tap("#provider-pick")
    expect(page.locator("#providers")).to_be_visible()
    until_still(page)
    sheet = page.locator("#providers").bounding_box()
    assert (sheet["x"], sheet["width"]) == (0, 390)
    page.locator(".offer", has_text="Kling V2").tap()
    page.locator(".offer", has_text="Google VEO 3.1 (default").tap()
    page.get_by_role("button", name="Done").tap()
    expect(page.locator("#provider-pick")).to_contain_text("Kling V2")
    page.fill("#prompt", "From a phone")
    page.tap(".fold")
    expect(page.locator("#provider-pick")).to_be_hidden()
    page.tap(".send")  # nobody pays for what they cannot see: the first click unfolds
    expect(page.locator("#provider-pick")).to_be_visible()
    expect(page.locator(".card")).to_have_count(0)
    page.tap(".send")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator("#provider-pick")).to_be_hidden()


def test_with_scripts_off_the_form_and_its_pickers_still_work(new_page, shared_studio, member, sign_in):
    page = sign_in(new_page(java_script_enabled=False), shared_studio, member)
    prompt = "Without scripts"
    page.fill("#prompt", prompt)
    page.click("#provider-pick")
    page.locator(".offer", has_text="Kling V2").click()
    page.locator("[name=provider][value=veo_3_1]").uncheck()
    page.keyboard.press("Escape")
    page.click("#pick-start")
    page.set_input_files("[name=reference_image]", picture())
    page.keyboard.press("Escape")
    page.click(".send")
    expect(page.locator(".card .prompt")).to_have_text([prompt])
    expect(page.locator(".card")).to_contain_text("Kling V2")
    page.click(".send")
    expect(page.locator("#error-prompt")).to_have_text("Enter a prompt.")
