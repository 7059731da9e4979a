"""Passkeys, with the browser's virtual authenticator."""

import pytest
from playwright.sync_api import expect

from tests.parts.studio import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_passkey_is_the_second_factor_and_signs_in_without_a_password(live_page):
    devtools = live_page.context.new_cdp_session(live_page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    url = live_page.studio.url
    live_page.goto(f"{url}/account/second-factor/passkeys/add")
    live_page.get_by_label("Password").fill(PASSWORD)
    live_page.get_by_role("button", name="Continue").click()
    live_page.get_by_label("Name").fill("My laptop")
    live_page.get_by_role("button", name="Add a passkey").click()
    expect(live_page.get_by_text("10 of 10 are left")).to_be_visible()
    live_page.goto(f"{url}/account/second-factor")
    expect(live_page.get_by_text("My laptop")).to_be_visible()

    live_page.context.clear_cookies()
    live_page.goto(f"{url}/login")
    live_page.get_by_role("button", name="Use a passkey").click()
    live_page.wait_for_url(f"{url}/")

    live_page.context.clear_cookies()
    live_page.goto(f"{url}/login")
    live_page.get_by_label("Username").fill("owner")
    live_page.get_by_label("Password").fill(PASSWORD)
    live_page.get_by_role("button", name="Sign in").click()
    live_page.get_by_role("heading", name="One more step").wait_for()
    live_page.get_by_role("button", name="Use a passkey").click()
    live_page.wait_for_url(f"{url}/")


def test_where_no_passkey_is_used_the_page_says_so_and_the_password_still_works(live_page):
    live_page.context.clear_cookies()
    devtools = live_page.context.new_cdp_session(live_page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**DEVICE, "isUserVerified": False}})
    live_page.goto(f"{live_page.studio.url}/login")
    live_page.get_by_role("button", name="Use a passkey").click()
    expect(live_page.get_by_text("No passkey was used. You can try again.")).to_be_visible()
    live_page.get_by_label("Username").fill("owner")
    live_page.get_by_label("Password").fill(PASSWORD)
    live_page.get_by_role("button", name="Sign in").click()
    live_page.wait_for_url(f"{live_page.studio.url}/")


def test_under_a_bare_address_no_passkey_is_offered_because_no_browser_would_make_one(live_page):
    live_page.context.clear_cookies()
    live_page.goto(f"{live_page.studio.url}/login")
    expect(live_page.get_by_role("button", name="Use a passkey")).to_be_visible()
    live_page.goto(f"{live_page.studio.url.replace('localhost', '127.0.0.1')}/login")
    expect(live_page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(live_page.get_by_role("button", name="Use a passkey")).to_be_hidden()
