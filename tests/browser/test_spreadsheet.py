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


def test_pictures_are_pasted_into_a_frame_and_dropped_ones_find_their_rows_by_name(room):
    room.goto(f"{room.studio.url}/batch")
    cell(room, 0, 0).click()
    room.evaluate(PASTE, "A fox\t\t\t\nA bear\t\t\tbear.png\nA wolf")
    cell(room, 0, 3).click()
    room.evaluate(PICTURES, {"kind": "paste", "names": ["image.png"]})
    room.evaluate(PICTURES, {"kind": "drop", "names": ["bear.png"]})
    expect(cell(room, 0, 3)).to_contain_text("pasted-1.png")
    expect(room.locator(".sheet-table td img")).to_have_count(2)
    room.get_by_role("button", name="Check").click()
    expect(room.locator(".sums")).to_contain_text("3 videos")
    expect(room.locator(".sheet-table").get_by_role("img", name="Start frame")).to_have_count(2)
    expect(room.locator(".sheet-table .is-wrong")).to_have_count(0)
