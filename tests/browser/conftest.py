"""A real Chromium for tests that act as a person would.

    browser       one Chromium for the session
    new_page      makes pages: new_page(width=390, height=844, color_scheme="light")
    page          a wide page, 1440 × 900
    phone_page    a phone, 390 × 844, touch
    owner_page    `page`, signed in as the owner of `studio`
    member_page   `page`, signed in as a fresh member of `shared_studio`: much quicker
    live_page     `page`, signed in as `live_page.owner` on a server in this process: the test makes the rows itself

Every page collects what it should not have: errors on the console, uncaught exceptions, breaches of the content
security policy. At the end of the test there must be none, save those that `page.allowed_errors` (regular expressions)
expects. A failing test leaves a picture of each of its pages in test-results/.
"""

import os
import re
from contextlib import suppress

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect, sync_playwright

from tests.parts.chromium import launch_options
from tests.parts.people import make_owner, signed_in, with_single_cards
from tests.parts.processes import ROOT
from tests.parts.studio import PASSWORD

# Playwright's loop runs in the thread of the tests, where Django would refuse to touch the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

PICTURES = ROOT / "test-results"
TIMEOUT_MS = 60_000  # ms for an expectation: the machine runs other tests too
expect.set_options(timeout=TIMEOUT_MS)
# A refused form is answered with 422, and Chromium reports every such status as an error. htmx reports a request that a
# newer one replaced, as advice does on a slow machine. One that failed has an event of its own beside afterRequest.
EXPECTED = [r"status of 422", r"^htmx:sendAbort, ", r"^htmx:afterRequest, "]
REPORT_BREACHES = """
addEventListener("securitypolicyviolation", event =>
    console.error("CSP breach:", event.violatedDirective, event.blockedURI, event.sourceFile, event.lineNumber))
"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    setattr(item, f"report_{report.when}", report)
    return report


@pytest.fixture(scope="session")
def browser():
    options = launch_options()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(**options)
        yield chromium
        chromium.close()


@pytest.fixture
def new_page(browser, request):
    """`new_page(width=…, height=…, **context options)`: a page in a browser context of its own."""
    pages = []

    def make(width=1440, height=900, **options):
        options = {"locale": "en-US", "timezone_id": "UTC", **options}
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(TIMEOUT_MS)
        context.add_init_script(REPORT_BREACHES)
        page = context.new_page()
        watch(page)
        pages.append(page)
        return page

    yield make
    failed = getattr(request.node, "report_call", None) is None or request.node.report_call.failed
    if failed:
        keep_pictures(request.node.name, pages)
    unexpected = [error for page in pages for error in unexpected_errors(page)]
    for page in pages:
        page.context.close()  # this aborts requests in flight, which htmx reports as errors
    assert failed or not unexpected, "The pages reported errors:\n" + "\n".join(unexpected)


def watch(page):
    """Collects the page's errors in `page.errors`."""
    page.errors, page.allowed_errors = [], list(EXPECTED)
    page.on("pageerror", lambda error: page.errors.append(f"uncaught: {error}"))
    page.on("console", lambda message: note(page, message))


def note(page, message):
    if message.type == "error":
        page.errors.append(f"{message.text} ({message.location.get('url', '')})")


def unexpected_errors(page):
    with suppress(PlaywrightError):  # it is closed already, or leaves for another page
        page.title()  # the answer comes after all that was reported before it
    return [error for error in page.errors if not any(re.search(rule, error) for rule in page.allowed_errors)]


def keep_pictures(name, pages):
    PICTURES.mkdir(exist_ok=True)
    safe = re.sub(r"[^\w-]+", "-", name)
    for number, page in enumerate(pages, start=1):
        if not page.is_closed():
            page.screenshot(path=PICTURES / f"{safe}-{number}.png")


@pytest.fixture
def page(new_page):
    return new_page()


@pytest.fixture
def phone_page(new_page):
    return new_page(width=390, height=844, device_scale_factor=2, has_touch=True, is_mobile=True)


@pytest.fixture
def sign_in():
    """`sign_in(page, studio, username="owner")`: through the login form, as a person does."""

    def enter(page, studio, username="owner", password=PASSWORD):
        page.goto(f"{studio.url}/login")
        page.locator("input[name=username]").fill(username)
        page.locator("input[name=password]").fill(password)
        page.locator("input[name=password]").press("Enter")
        page.wait_for_url(lambda url: "/login" not in url)
        return page

    return enter


@pytest.fixture
def owner_page(studio, page, sign_in):  # in this order: the page is closed before its studio stops answering
    return sign_in(page, studio)


@pytest.fixture
def member_page(page, shared_studio, member, sign_in):
    return sign_in(page, shared_studio, member)


@pytest.fixture
def live_page(live_server, page):
    """Needs `pytest.mark.django_db(transaction=True, serialized_rollback=True)`.

    `live_page.enter(other)` signs in on another page.
    """
    page.owner, page.studio = with_single_cards(make_owner()), live_server

    def enter(other, person=page.owner):
        session = signed_in(person).cookies["sessionid"].value
        other.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        return other

    page.enter = enter
    return enter(page)
