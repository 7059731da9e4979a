"""Many at once, filled in like a spreadsheet, by keyboard alone; and Undo after Generate."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
PASTE = """(text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
}"""


def cell(page, row, column):
    return page.locator(".sheet-table tbody tr").nth(row).locator("td").nth(column)


def test_a_table_is_typed_pasted_filled_down_checked_and_made(live_page):
    live_page.goto(f"{live_page.studio.url}/batch")
    cell(live_page, 0, 0).click()
    live_page.keyboard.type('A "fox", running')
    live_page.keyboard.press("Tab")
    live_page.keyboard.type("kling_pro")
    expect(live_page.locator(".sheet-table td input")).to_have_attribute("list", "choices-provider")
    live_page.keyboard.press("Enter")
    expect(cell(live_page, 1, 1)).to_be_focused()
    live_page.keyboard.press("Control+d")
    live_page.keyboard.press("ArrowLeft")
    live_page.evaluate(PASTE, "A bear\nA wolf\tveo_3_1")
    table = live_page.locator("#table")
    first = 'prompt,provider,aspect_ratio,reference_image,count\n"A ""fox"", running",kling_pro,,,\nA bear,kling_pro,,,'
    expect(table).to_have_value(f"{first}\nA wolf,veo_3_1,,,")
    live_page.keyboard.press("Control+z")
    expect(table).to_have_value(first.replace("A bear", ""))
    live_page.evaluate(PASTE, "A bear")
    live_page.get_by_label("Add a column").select_option("Collection")
    live_page.keyboard.type("Launch")
    live_page.keyboard.press("Enter")
    expect(table).to_have_value(re.compile("count,collection\n.*,Launch\n"))
    live_page.get_by_role("button", name="Check").click()
    expect(live_page.locator(".sums")).to_contain_text("2 videos")
    live_page.get_by_role("button", name="Generate").click()
    expect(live_page.locator("#toast")).to_contain_text("2 videos are queued.")
    live_page.locator("#toast").get_by_role("button", name="Undo").click()
    expect(live_page.locator("#toast")).to_contain_text("2 videos are cancelled")


PICTURES = """async ({kind, names}) => {
    const canvas = document.createElement("canvas");
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    const data = new DataTransfer();
    for (const name of names) data.items.add(new File([blob], name, {type: "image/png"}));
    const options = {bubbles: true, cancelable: true};
    const paste = new ClipboardEvent("paste", {clipboardData: data, ...options});
    const drop = new DragEvent("drop", {dataTransfer: data, ...options});
    document.activeElement.dispatchEvent(kind === "paste" ? paste : drop);
}"""


def test_pictures_are_pasted_into_a_frame_and_dropped_ones_find_their_rows_by_name(live_page):
    live_page.goto(f"{live_page.studio.url}/batch")
    cell(live_page, 0, 0).click()
    live_page.evaluate(PASTE, "A fox\t\t\t\nA bear\t\t\tbear.png\nA wolf")
    cell(live_page, 0, 3).click()
    live_page.evaluate(PICTURES, {"kind": "paste", "names": ["image.png"]})
    live_page.evaluate(PICTURES, {"kind": "drop", "names": ["bear.png"]})
    expect(cell(live_page, 0, 3)).to_contain_text("pasted-1.png")
    expect(live_page.locator(".sheet-table td img")).to_have_count(2)
    live_page.get_by_role("button", name="Check").click()
    expect(live_page.locator(".sums")).to_contain_text("3 videos")
    expect(live_page.locator(".sheet-table").get_by_role("img", name="Start frame")).to_have_count(2)
    expect(live_page.locator(".sheet-table .is-wrong")).to_have_count(0)


def test_what_is_typed_as_text_locks_the_cells_and_generate_until_it_is_checked(live_page):
    live_page.goto(f"{live_page.studio.url}/batch")
    text = live_page.locator("#table")
    text.fill("prompt\nA fox")
    live_page.get_by_role("button", name="Check").click()
    expect(live_page.locator(".sums")).to_contain_text("1 video")
    live_page.locator(".as-text summary").click()
    checked = text.input_value()
    generate, note = live_page.get_by_role("button", name="Generate"), live_page.locator(".newer")
    expect(note).to_be_hidden()
    text.fill("prompt\nA bear\nA wolf")
    expect(generate).to_be_hidden()
    expect(note).to_have_text("You changed the table. Press Check to see its rows, price and time.")
    assert live_page.locator(".sheet-table").evaluate("table => table.inert")
    text.fill(checked)
    expect(generate).to_be_visible()
    text.fill("prompt\nA bear\nA wolf")
    live_page.get_by_role("button", name="Check").click()
    expect(live_page.locator(".sums")).to_contain_text("2 videos")
    expect(cell(live_page, 1, 0)).to_have_text("A wolf")


def test_back_after_generate_shows_the_checked_table_and_never_sends_it_again(live_page):
    live_page.goto(f"{live_page.studio.url}/batch")
    live_page.locator("#table").fill("prompt,aspect_ratio\nA fox,9:16\nA bear,16:9\nA wolf,1:1")
    live_page.get_by_role("button", name="Check").click()
    live_page.get_by_label("Make row 2").uncheck()
    live_page.get_by_role("button", name="Generate").click()
    expect(live_page.locator("#toast")).to_contain_text("2 videos are queued.")
    sent = []
    live_page.on("request", lambda request: sent.append(request.post_data or "") if request.method == "POST" else None)
    live_page.go_back(wait_until="commit")  # the table is checked again before the page has loaded
    expect(live_page.locator(".many .notice")).to_contain_text("You generated this table")
    expect(live_page.locator(".sums")).to_contain_text("2 videos")
    expect(live_page.get_by_label("Make row 2")).not_to_be_checked()
    live_page.reload(wait_until="commit")
    expect(live_page.locator(".sums")).to_contain_text("2 videos")
    assert not [data for data in sent if '"action"\r\n\r\ngenerate' in data]
    assert live_page.owner.batches.count() == 1
    live_page.get_by_role("link", name="Table", exact=True).click()
    expect(live_page.locator("#table")).to_have_value(re.compile("^prompt,provider,aspect_ratio,reference_image,count"))
