"""In a browser: a locked database is reported next to the prompt, the text stays, and Generate works later."""

import re
import sqlite3
from contextlib import closing

import pytest
from django.db import connection
from playwright.sync_api import expect

from videos.models import Generation

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_a_locked_database_is_reported_next_to_the_prompt_and_the_text_stays(live_page, monkeypatch):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL locks no whole file")
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 1)  # of the server's own connections
    live_page.allowed_errors += ["status of 503", "Status Error Code 503"]
    live_page.goto(live_page.studio.url)
    live_page.locator("#composer [name=prompt]").fill("a lighthouse in fog")
    send = live_page.locator("#composer .send")
    expect(send).to_be_enabled()
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as other:
        other.execute("BEGIN EXCLUSIVE")
        send.click()
        said = re.compile("locked by another program.*nothing was charged")
        expect(live_page.locator("#error-prompt")).to_have_text(said, timeout=120_000)
        expect(live_page.locator("#composer [name=prompt]")).to_have_value("a lighthouse in fog")
    send.click()
    expect(live_page.locator("#cards .card")).to_have_count(1)
    assert Generation.objects.count() == 1
