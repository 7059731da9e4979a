"""A session that ends while somebody composes loses nothing that they typed."""

from playwright.sync_api import expect

from tests.parts.studio import PASSWORD

PROMPT = "a lighthouse in fog, long exposure"


def test_a_click_after_the_session_ended_says_so_and_can_be_repeated(page, sign_in, shared_studio, member):
    page.allowed_errors += [r"status of 401", r"Error Code 401"]
    sign_in(page, shared_studio, member)
    page.locator("textarea[name=prompt]").fill(PROMPT)
    shared_studio.manage("shell", "-v", "0", "-c", END_SESSIONS.format(member))

    page.locator("textarea[name=prompt]").press("Control+Enter")
    page.get_by_text("You have been signed out").first.wait_for()
    expect(page.locator("textarea[name=prompt]")).to_have_value(PROMPT)

    again = page.context.new_page()
    again.goto(f"{shared_studio.url}/login")
    again.locator("input[name=username]").fill(member)
    again.locator("input[name=password]").fill(PASSWORD)
    again.get_by_role("button", name="Sign in").click()
    again.wait_for_url(lambda url: "/login" not in url)
    again.close()

    page.locator("textarea[name=prompt]").press("Control+Enter")
    page.locator(".card", has_text=PROMPT).first.wait_for()


END_SESSIONS = """
from django.contrib.auth.models import User
from videos.accounts import sessions
sessions.end_all(User.objects.get(username="{}"))
"""
