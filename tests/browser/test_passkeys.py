"""Passkeys, with an authenticator that the browser itself plays."""

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


def test_a_passkey_is_the_second_factor_and_signs_in_without_a_password(room):
    devtools = room.context.new_cdp_session(room)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    url = room.studio.url
    room.goto(f"{url}/account/second-factor/passkeys/add")
    room.get_by_label("Password").fill(PASSWORD)
    room.get_by_role("button", name="Continue").click()
    room.get_by_label("Name").fill("My laptop")
    room.get_by_role("button", name="Add a passkey").click()
    expect(room.get_by_text("10 of 10 are left")).to_be_visible()
    room.goto(f"{url}/account/second-factor")
    expect(room.get_by_text("My laptop")).to_be_visible()

    room.context.clear_cookies()
    room.goto(f"{url}/login")
    room.get_by_role("button", name="Use a passkey").click()
    room.wait_for_url(f"{url}/")

    room.context.clear_cookies()
    room.goto(f"{url}/login")
    room.get_by_label("Username").fill("owner")
    room.get_by_label("Password").fill(PASSWORD)
    room.get_by_role("button", name="Sign in").click()
    room.get_by_role("heading", name="One more step").wait_for()
    room.get_by_role("button", name="Use a passkey").click()
    room.wait_for_url(f"{url}/")


def test_where_no_passkey_is_used_the_page_says_so_and_the_password_still_works(room):
    room.context.clear_cookies()
    devtools = room.context.new_cdp_session(room)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**DEVICE, "isUserVerified": False}})
    room.goto(f"{room.studio.url}/login")
    room.get_by_role("button", name="Use a passkey").click()
    expect(room.get_by_text("No passkey was used. You can try again.")).to_be_visible()
    room.get_by_label("Username").fill("owner")
    room.get_by_label("Password").fill(PASSWORD)
    room.get_by_role("button", name="Sign in").click()
    room.wait_for_url(f"{room.studio.url}/")


def test_under_a_bare_address_no_passkey_is_offered_because_no_browser_would_make_one(room):
    room.context.clear_cookies()
    room.goto(f"{room.studio.url}/login")
    expect(room.get_by_role("button", name="Use a passkey")).to_be_visible()
    room.goto(f"{room.studio.url.replace('localhost', '127.0.0.1')}/login")
    expect(room.get_by_role("button", name="Sign in")).to_be_visible()
    expect(room.get_by_role("button", name="Use a passkey")).to_be_hidden()
