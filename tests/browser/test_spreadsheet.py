"""Many at once, filled in like a spreadsheet, by keyboard alone; and Undo after Generate."""

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


def test_a_table_is_typed_pasted_filled_down_checked_and_made(room):
    room.goto(f"{room.studio.url}/batch")
    cell(room, 0, 0).click()
    room.keyboard.type('A "fox", running')
    room.keyboard.press("Tab")
    room.keyboard.type("kling_pro")
    room.keyboard.press("Enter")
    expect(cell(room, 1, 1)).to_be_focused()
    room.keyboard.press("Control+d")
    room.keyboard.press("ArrowLeft")
    room.evaluate(PASTE, "A bear\nA wolf\tveo_3_1")
    table = room.locator("#table")
    first = 'prompt,provider,aspect_ratio,reference_image,count\n"A ""fox"", running",kling_pro,,,\nA bear,kling_pro,,,'
    expect(table).to_have_value(f"{first}\nA wolf,veo_3_1,,,")
    room.keyboard.press("Control+z")
    expect(table).to_have_value(first.replace("A bear", ""))
    room.evaluate(PASTE, "A bear")
    room.get_by_role("button", name="Check").click()
    expect(room.locator(".sums")).to_contain_text("2 videos")
    room.get_by_role("button", name="Generate").click()
    expect(room.locator("#toast")).to_contain_text("2 videos are queued.")
    room.locator("#toast").get_by_role("button", name="Undo").click()
    expect(room.locator("#toast")).to_contain_text("2 videos are cancelled")
