"""The admin in a real browser: a field that was refused stays in sight, and a list on a phone is cards."""

import pytest
from playwright.sync_api import expect

from tests.parts.generations import make_queued

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_a_field_that_is_refused_stays_visible_with_its_sentence_and_a_list_fits_a_phone(room):
    """A style of the composer once hid every row of a form that had an error."""
    room.goto(f"{room.studio.url}/admin/videos/provider/add/")
    room.get_by_label("Name:", exact=True).fill("Neo")
    room.get_by_label("Ratios").fill("16x9")
    room.get_by_role("button", name="Save", exact=True).click()
    expect(room.get_by_text("“16x9” is not a ratio.")).to_be_visible()
    expect(room.get_by_label("Ratios")).to_have_value("16x9")
    expect(room.get_by_label("Ratios")).to_be_visible()

    make_queued(room.owner, "a tern runner on a warm plinth")
    room.set_viewport_size({"width": 390, "height": 844})
    room.goto(f"{room.studio.url}/admin/videos/generation/")
    for words in ("a tern runner on a warm plinth", "Queued", "VEO 3.1", "No price set"):
        box = room.locator("#result_list").get_by_text(words).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
