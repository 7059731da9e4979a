"""The pictures in docs/, taken from a running studio: `make screenshots`.

The studio runs on data of its own, in demo mode, with a lived-in gallery: a month of usage, really drawn videos, and a
card in every state.
"""

import tempfile
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.parts.chromium import launch_options
from tests.parts.processes import ROOT
from tests.parts.studio import PASSWORD, Studio

DOCS = ROOT / "docs"
DEMO = {"HEYGEN_API_KEY": None, "HEYGEN_API_URL": None, "HEYGEN_UPLOAD_URL": None, "STUDIO_POLL_SECONDS": "10"}
FILL = "from tests.parts.exhibition import fill_gallery; fill_gallery('maria')"
WIDE = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
TIMEOUT_MS = 60_000  # ms


def main():
    DOCS.mkdir(exist_ok=True)
    with lived_in_studio() as studio, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        take_all(browser, studio)
        browser.close()


@contextmanager
def lived_in_studio():
    """A running studio in demo mode, with maria's gallery in it."""
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(folder, DEMO)
        studio.prepare()
        studio.make_owner("maria")
        studio.manage("shell", "-v", "0", "-c", FILL, STUDIO_DEMO="1")
        studio.start()
        try:
            yield studio
        finally:
            studio.destroy()


def take_all(browser, studio):
    signed_in = sign_in(browser, studio)

    def page(kind, scheme="dark"):
        opened = browser.new_context(**kind, color_scheme=scheme, storage_state=signed_in, locale="en-US").new_page()
        opened.set_default_timeout(TIMEOUT_MS)
        opened.goto(studio.url)
        return opened

    for scheme in ("dark", "light"):
        gallery = page(WIDE, scheme)
        gallery.fill("#prompt", "Animate this product photo with a slow zoom and soft particle effects")
        gallery.mouse.move(0, 0)
        take(gallery, f"gallery-{scheme}")

    phone = page(PHONE)
    phone.evaluate("scrollTo(0, document.querySelector('.card.is-ready').offsetTop - 240)")
    take(phone, "phone-dark")

    composer = page(WIDE)
    composer.fill("#prompt", "Wave rolling over black sand, top-down")
    composer.click("#provider-pick")
    composer.locator(".offer input:enabled:not(:checked)").first.check()
    take(composer, "composer-dark")

    viewer = page(WIDE)
    viewer.locator(".card a.open:not([data-stack])").first.click()
    viewer.locator("dialog .player").wait_for()
    hold(viewer, "dialog video", 2)
    take(viewer, "viewer-dark")

    compare = page(WIDE)
    compare.goto(f"{studio.url}/compare")
    compare.locator(".batches a").first.click()
    compare.locator(".beside video").first.wait_for()
    compare.get_by_label("Position in all videos").fill("3.2")
    compare.get_by_label("Position in all videos").blur()
    take(compare, "compare-dark")

    usage = page(WIDE)
    usage.goto(f"{studio.url}/usage")
    take(usage, "usage-dark")


def sign_in(browser, studio):
    context = browser.new_context()
    page = context.new_page()
    enter(page, studio)
    return context.storage_state()


def enter(page, studio):
    """Through the login form, as maria."""
    page.goto(f"{studio.url}/login")
    page.fill("input[name=username]", "maria")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/login" not in url)


def hold(page, video, seconds):
    """A still player at that second, its controls faded."""
    page.wait_for_function(f"() => document.querySelector('{video}').readyState > 2")
    page.evaluate(f"video => {{ video.pause(); video.currentTime = {seconds} }}", page.query_selector(video))


def take(page, name):
    page.wait_for_function("() => [...document.images].every(image => image.complete || image.loading === 'lazy')")
    page.evaluate("() => document.fonts.ready")
    page.wait_for_timeout(1500)  # pictures, and whatever moves into place
    path = DOCS / f"{name}.png"
    page.screenshot(path=path)
    print(f"{Path(path).relative_to(ROOT)}  {path.stat().st_size / 1000:.0f} kB")
    page.context.close()


if __name__ == "__main__":
    main()
