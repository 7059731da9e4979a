"""A video that this browser cannot play says so, on its card, in the viewer and on a shared page, with a download."""

import re

import pytest
from django.core.files import File
from playwright.sync_api import expect

from tests.parts.films import film, patched
from tests.parts.generations import make
from tests.parts.processes import ROOT
from videos.codecs import ASKED
from videos.storage import probe

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
SHOWN = """async (address) => {
    const video = document.createElement("video");
    video.src = address;
    await new Promise((resolve, reject) => { video.onloadeddata = resolve; video.onerror = reject; });
    return [video.videoWidth, video.videoHeight];
}"""


def with_video(generation, path):
    """Gives the generation another saved copy: this file, and what the studio finds out about it."""
    saved, found = generation.saved_video, probe.check_video(path)
    with path.open("rb") as file:
        saved.file.save(path.name, File(file), save=False)
    for name in ("width", "height", "codec", "codec_string"):
        setattr(saved, name, getattr(found, name))
    saved.size = path.stat().st_size
    saved.save()
    return generation


@pytest.fixture
def hevc(live_page, tmp_path):
    [generation] = make(live_page.owner, "a lighthouse at dusk")
    return with_video(generation, film(tmp_path / "hevc.mp4", encoder="libx265"))


def test_the_viewer_says_what_it_cannot_play_and_offers_the_file(live_page, hevc):
    live_page.goto(f"{live_page.studio.url}/g/{hevc.public_id}")
    note = live_page.locator(".stage .cannot-play")
    expect(note).to_contain_text("This browser can't play HEVC.")
    expect(live_page.locator(".stage .player")).to_be_hidden()
    with live_page.expect_download() as download:
        note.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith(".mp4")
    assert download.value.path().stat().st_size > hevc.saved_video.size  # it carries its prompt and settings


def test_its_card_says_so_and_so_does_the_viewer_over_the_gallery(live_page, hevc):
    live_page.goto(live_page.studio.url)
    expect(live_page.locator(".card .codec-badge")).to_have_text("Can't play HEVC here")
    live_page.locator(".card a.open").click()
    expect(live_page.locator("dialog .cannot-play")).to_contain_text("can't play HEVC")


def test_a_shared_page_informs_its_visitor_and_lets_them_download(live_page, hevc, new_page):
    link = hevc.public_links.create()
    visitor = new_page()
    visitor.goto(f"{live_page.studio.url}/s/{link.token}")
    note = visitor.locator(".cannot-play")
    expect(note).to_contain_text("This browser can't play HEVC.")
    with visitor.expect_download() as download:
        note.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.startswith("a lighthouse at dusk")


def test_a_video_that_plays_shows_no_note(live_page):
    [generation] = make(live_page.owner)
    live_page.goto(live_page.studio.url)
    expect(live_page.locator(".card .codec-badge")).to_have_count(0)
    live_page.goto(f"{live_page.studio.url}/g/{generation.public_id}")
    expect(live_page.locator(".stage .player")).to_be_visible()
    expect(live_page.locator(".cannot-play")).to_be_hidden()


def test_a_player_that_stops_at_an_error_says_so(live_page):
    [generation] = make(live_page.owner)
    saved = generation.saved_video
    with saved.file.storage.open(saved.file.name, "wb") as file:
        file.write(b"not a video at all" * 100)
    live_page.goto(f"{live_page.studio.url}/g/{generation.public_id}")
    expect(live_page.locator(".stage .cannot-play")).to_contain_text("The video did not play.")


@pytest.mark.parametrize("pixels", [(16, 9), (9, 16)])
@pytest.mark.parametrize("matrix", [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, 1)])
def test_the_stated_size_is_the_size_that_the_browser_shows(live_page, tmp_path, pixels, matrix):
    a, b, c, d = (value << 16 & 0xFFFFFFFF for value in matrix)
    path = film(tmp_path / "film.mp4", pixels=pixels)
    turned = b"".join(value.to_bytes(4, "big") for value in (a, b, 0, c, d, 0, 0, 0, 0x40000000))
    generation = with_video(make(live_page.owner)[0], patched(path, b"tkhd", 40, turned))
    live_page.goto(live_page.studio.url)
    shown = live_page.evaluate(SHOWN, f"/g/{generation.public_id}/video.mp4")
    assert shown == [generation.saved_video.width, generation.saved_video.height]


def test_the_script_asks_about_the_same_codecs_as_the_server_knows():
    script = (ROOT / "static" / "studio" / "playable.js").read_text()
    assert dict(re.findall(r'^  (\w+): "([^"]+)",$', script, re.MULTILINE)) == ASKED
    styles = (ROOT / "static" / "studio" / "playable.css").read_text()
    assert set(re.findall(r'\[data-codec="(\w+)"\],?', styles)) == {*ASKED, "other"}
