"""The admin in a real browser: a refused field stays visible, and a list on a phone shows cards."""

import pytest
from playwright.sync_api import expect

from tests.parts.generations import make_queued

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

STARTS = """cells => cells.map(cell => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return Math.round(range.getBoundingClientRect().left);
})"""


def lefts(page, selector):
    """Where the words of these cells begin."""
    return page.locator(f"#result_list {selector}").evaluate_all(STARTS)


def test_a_refused_field_stays_visible_with_its_error_and_a_list_fits_a_phone(live_page):
    """A style of the composer once hid every row of a form that had an error."""
    live_page.goto(f"{live_page.studio.url}/admin/videos/provider/add/")
    live_page.get_by_label("Name:", exact=True).fill("Neo")
    live_page.get_by_label("Ratios").fill("16x9")
    live_page.get_by_role("button", name="Save", exact=True).click()
    expect(live_page.get_by_text("“16x9” is not a ratio.")).to_be_visible()
    expect(live_page.get_by_label("Ratios")).to_have_value("16x9")
    expect(live_page.get_by_label("Ratios")).to_be_visible()

    make_queued(live_page.owner, "a tern runner on a warm plinth")
    live_page.goto(f"{live_page.studio.url}/admin/videos/generation/")
    assert lefts(live_page, "thead .column-provider .text") == lefts(live_page, "tbody .field-provider")

    live_page.set_viewport_size({"width": 390, "height": 844})
    live_page.goto(f"{live_page.studio.url}/admin/videos/generation/")
    for words in ("a tern runner on a warm plinth", "Queued", "VEO 3.1", "No price set"):
        box = live_page.locator("#result_list").get_by_text(words).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
