"""axe finds nothing in any state of the gallery, the viewer and their menus, nor on other variants of a page.

Each is looked at wide in the dark and on a phone in the light, so that both themes and both layouts are seen; with
`make test-all`, in all four. test_every_page.py goes through all other pages.
"""

import pytest
from playwright.sync_api import expect

from tests.parts.audit import violations
from tests.parts.exhibition import one_of_each
from tests.parts.extent import EVERYTHING
from tests.parts.generations import make
from videos.models import PublicLink

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}
LOOKS = {"wide-dark": (WIDE, "dark"), "phone-light": (PHONE, "light")}
if EVERYTHING:
    LOOKS |= {"wide-light": (WIDE, "light"), "phone-dark": (PHONE, "dark")}


@pytest.fixture(params=LOOKS)
def visitor(request, live_page, new_page):
    kind, scheme = LOOKS[request.param]
    page = new_page(**kind, color_scheme=scheme, reduced_motion="reduce")
    page.studio, page.owner = live_page.studio, live_page.owner
    return live_page.enter(page)


def check(page, what, part=None):
    assert violations(page, part) == {}, what


def test_the_gallery_with_every_state_its_menus_and_the_composer(visitor):
    one_of_each(visitor.owner)
    visitor.goto(visitor.studio.url)
    check(visitor, "gallery")
    for popover in ("me", "keys", "providers", "ratios", "settings", "recent", "frame-start"):
        visitor.evaluate("id => document.getElementById(id).showPopover()", popover)
        check(visitor, popover, f"#{popover}")
        visitor.evaluate("id => document.getElementById(id).hidePopover()", popover)
    for sheet in visitor.locator(".details").all():
        sheet.evaluate("sheet => sheet.showPopover()")
        expect(sheet).not_to_be_empty()  # its content is loaded when it opens
        check(visitor, "details", f"#{sheet.get_attribute('id')}")
        sheet.evaluate("sheet => sheet.hidePopover()")
    visitor.locator("[name=ids]").first.evaluate("tick => tick.click()")
    check(visitor, "selection", "#selection")


def test_the_viewer_as_dialog_as_page_and_its_sharing(visitor):
    [generation] = make(visitor.owner, providers=["veo_3_1", "kling_pro"], config={"seed": 7})[:1]
    visitor.goto(visitor.studio.url)
    visitor.locator(".card a.open").first.click()
    expect(visitor.locator("dialog .player")).to_be_visible()
    check(visitor, "dialog")
    visitor.keyboard.press("s")
    visitor.get_by_role("button", name="Make a public link").click()
    expect(visitor.get_by_label("Anybody who has this link")).to_be_visible()
    check(visitor, "sharing")
    visitor.goto(f"{visitor.studio.url}/g/{generation.public_id}")
    visitor.get_by_text("Times and ids").click()
    check(visitor, "page")
    visitor.goto(f"{visitor.studio.url}/s/{PublicLink.objects.get().token}")
    check(visitor, "public page")


def test_the_viewer_of_a_generation_without_a_video(visitor):
    for status in ("running", "failed", "unknown", "stopped"):
        [generation] = make(visitor.owner, status=status, error_code="HeyGen said no.")
        visitor.goto(f"{visitor.studio.url}/g/{generation.public_id}")
        check(visitor, status)


def test_pages_that_look_different_with_a_query(visitor):
    made = make(visitor.owner, providers=["veo_3_1", "kling_pro"])
    addresses = [
        f"/compare?batch={made[0].batch.public_id}",
        f"/compare?g={made[0].public_id}",
        "/batch?from=variables",
        "/usage?days=365",
        "/?state=trash",
        "/?q=nothing-like-this",
    ]
    for address in addresses:
        visitor.goto(visitor.studio.url + address)
        check(visitor, address)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_pages_before_signing_in_and_errors(live_page, new_page, scheme):
    page = new_page(color_scheme=scheme)
    page.allowed_errors.append("404")
    for address in ("/login", "/s/nothing", "/invite/nothing"):
        page.goto(live_page.studio.url + address)
        check(page, address)


def test_at_200_percent_nothing_is_cut_off_sideways(live_page, new_page):
    one_of_each(live_page.owner)
    page = live_page.enter(new_page(width=640, height=400, device_scale_factor=2))
    for address in ("/", "/compare", "/usage", "/account"):
        page.goto(live_page.studio.url + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 640, address
