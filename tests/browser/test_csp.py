"""A browser goes through every page that a link leads to, and the content security policy is never breached.

The fixtures collect every breach, script error and console error; a test fails with the first. test_every_page.py opens
the pages of the URL configuration in the other theme too.
"""

import re
from collections import deque
from urllib.parse import urldefrag, urlsplit

import pytest
from playwright.sync_api import expect

from tests.parts.extent import EVERYTHING
from tests.parts.processes import wait_until
from tests.parts.studio import csrf_token

LINKS = "() => [...document.querySelectorAll('a[href]')].map(link => link.href)"
TOKEN = re.compile(r'name="token"[^>]*value="([^"]+)"')
MAX_PAGES = 120
ENOUGH = 25
STARTS = [
    "/",
    "/account",
    "/members",
    "/members/budget/studio",
    "/settings",
    "/usage",
    "/batch",
    "/compare",
    "/nothing/here",
]


def kind(address):
    """The page's kind: its path with ids left out, and the names of what it asks for.

    The admin's lists have hundreds of links that sort and filter them: they are followed with TEST_ALL.
    """
    parts = urlsplit(address)
    path = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "#", parts.path)
    if path.startswith("/admin/") and not EVERYTHING:
        return path, ()
    return path, tuple(sorted(part.partition("=")[0] for part in parts.query.split("&")))


def is_page(address, studio):
    path = urlsplit(address).path
    return address.startswith(studio.url) and not re.search(r"\.(csv|mp4|zip)$|/poster$|/static/|/last-frame$", path)


def crawl(page, studio, starts):
    """Opens every page that can be reached by links, one of each kind. Returns (address, status) of each."""
    waiting, kinds, opened = deque(f"{studio.url}{start}" for start in starts), set(), []
    while waiting and len(opened) < MAX_PAGES:
        address = urldefrag(waiting.popleft()).url
        if kind(address) in kinds or not is_page(address, studio):
            continue
        kinds.add(kind(address))
        answer = page.goto(address)
        opened.append((address.removeprefix(studio.url), answer.status))
        waiting.extend(page.evaluate(LINKS))
    return opened


@pytest.fixture
def made(shared_studio):
    """A ready video of the owner's."""
    client = shared_studio.client()
    fields = {
        "csrfmiddlewaretoken": csrf_token(client, "/"),
        "token": TOKEN.search(client.get("/").text)[1],
        "prompt": "a lighthouse in fog",
        "provider": "veo_3_1",
        "aspect_ratio": "16:9",
        "config": "{}",
        "count": "1",
    }
    answer = client.post("/generate", data=fields, headers={"Referer": shared_studio.url})
    assert answer.status_code == 200, answer.text
    wait_until(lambda: "/video.mp4" in client.get("/?state=ready").text, 60, "a ready video")
    return client


def test_no_page_breaches_the_policy(new_page, sign_in, shared_studio, made):
    page = sign_in(new_page(color_scheme="light"), shared_studio)
    page.allowed_errors += [r"status of 40[34]"]
    opened = crawl(page, shared_studio, [*STARTS, *admin_pages(page, shared_studio)])
    assert len(opened) >= ENOUGH, opened
    assert {status for _, status in opened} <= {200, 403, 404}
    refused = [address for address, status in opened if status == 403]
    assert not refused, "a page links to what it does not allow"


def admin_pages(page, studio):
    page.goto(f"{studio.url}/admin/")
    addresses = page.evaluate(LINKS)
    return [address.removeprefix(studio.url) for address in addresses if "/admin/" in address]


def test_no_signed_out_page_breaches_the_policy(page, shared_studio):
    page.allowed_errors += [r"status of 40[034]"]
    opened = crawl(page, shared_studio, ["/login", "/", "/invite/over", "/reset/over", "/s/over", "/nothing/here"])
    assert {status for _, status in opened} <= {200, 404}


def test_the_admin_works_under_the_policy(new_page, sign_in, shared_studio, made):
    """Its own scripts are files, so they run: choosing rows, a filter, an action, a date's shortcut."""
    page = sign_in(new_page(), shared_studio)
    page.goto(f"{shared_studio.url}/admin/videos/provider/")
    page.locator("#action-toggle").check()
    page.get_by_text(re.compile(r"\d+ of \d+ selected")).first.wait_for()
    page.locator("select[name=action]").select_option("pause")
    page.get_by_role("button", name="Go").click()
    page.get_by_text("paused.").wait_for()
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option("resume")
    page.get_by_role("button", name="Go").click()
    page.get_by_text("offered again.").wait_for()


def test_the_first_visit_signing_out_and_in_work_in_a_browser(start_studio, page):
    studio = start_studio()
    page.allowed_errors += [r"status of 422"]
    page.goto(studio.url)
    page.get_by_label("Username").fill("mona")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Create owner account").click()
    page.get_by_text("too short").wait_for()
    expect(page.get_by_label("Username")).to_have_value("mona")
    page.get_by_label("Password").fill("a long enough password")
    page.get_by_role("button", name="Create owner account").click()
    page.locator("textarea[name=prompt]").wait_for()
    page.goto(f"{studio.url}/account")
    page.get_by_text("this browser").wait_for()
    page.get_by_role("button", name="mona: menu").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("heading", name="Sign in").wait_for()
    page.get_by_label("Username").fill("mona")
    page.get_by_label("Password").fill("a long enough password")
    page.get_by_role("button", name="Sign in").click()
    page.locator("textarea[name=prompt]").wait_for()
