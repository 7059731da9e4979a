"""Usage, drawn and as tables."""

import pytest
from playwright.sync_api import expect

from tests.parts.generations import make

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_the_figures_the_drawing_and_the_table_say_the_same(live_page):
    make(live_page.owner, "one")
    make(live_page.owner, "two", "failed")
    live_page.goto(f"{live_page.studio.url}/usage")
    expect(live_page.locator(".figure").first).to_contain_text("1")
    expect(live_page.locator(".figures")).to_contain_text("50.0 %")
    expect(live_page.locator(".columns g")).to_have_count(30)
    live_page.get_by_text("As a table").click()
    expect(live_page.get_by_role("region", name="Videos by day, as a table")).to_be_visible()
    live_page.get_by_role("link", name="7 days").click()
    expect(live_page.locator(".columns g")).to_have_count(7)


def test_a_year_is_drawn_by_the_week_and_the_csv_comes_as_a_file(live_page):
    make(live_page.owner)
    live_page.goto(f"{live_page.studio.url}/usage?days=365")
    expect(live_page.get_by_role("heading", name="Videos a week")).to_be_visible()
    with live_page.expect_download() as download:
        live_page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename.startswith("usage-")
