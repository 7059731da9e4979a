"""Selecting many videos, and the actions on all of them."""

import zipfile

import pytest
from playwright.sync_api import expect

from tests.parts.generations import make
from tests.parts.held import until_held
from videos.models import Generation

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gallery(live_page):
    make(live_page.owner, [f"video {number}" for number in range(5)])
    live_page.goto(live_page.studio.url)
    return live_page


def tick(page, number, **options):
    page.get_by_label(f"Select: video {number}").click(**options)


def test_a_click_and_a_shift_click_select_a_range_and_the_bar_says_how_many_and_how_large(gallery):
    expect(gallery.locator("#selection")).to_be_hidden()
    tick(gallery, 4)
    tick(gallery, 1, modifiers=["Shift"])
    expect(gallery.locator("#selected")).to_contain_text("4 selected")
    expect(gallery.locator("#selected")).to_contain_text("MB")
    gallery.keyboard.press("Escape")
    expect(gallery.locator("#selection")).to_be_hidden()


def test_a_range_is_selected_also_before_its_script_has_loaded(gallery):
    held = []
    gallery.route("**/studio/selection*.js", lambda route: held.append(route))
    tick(gallery, 4)
    tick(gallery, 1, modifiers=["Shift"])
    until_held(gallery, held)
    held.pop().continue_()
    expect(gallery.locator("#selected")).to_contain_text("4 selected")


def test_many_go_to_the_trash_and_one_undo_brings_all_back(gallery):
    tick(gallery, 4)
    tick(gallery, 3)
    gallery.get_by_role("button", name="Move to trash").last.click()
    expect(gallery.locator("#cards .card")).to_have_count(3)
    expect(gallery.locator(".toast")).to_contain_text("2 videos are in the trash for 30 days.")
    expect(gallery.locator("#selection")).to_be_hidden()
    gallery.get_by_role("button", name="Undo").click()
    expect(gallery.locator("#cards .card")).to_have_count(5)


def test_the_trash_shows_its_size_and_restores(gallery):
    Generation.objects.get(prompt="video 2").move_to_trash()
    gallery.goto(f"{gallery.studio.url}/?state=trash")
    expect(gallery.locator(".trash-note")).to_contain_text("in the trash. Each video is removed for good 30 days after")
    tick(gallery, 2)
    gallery.locator("#selection").get_by_role("button", name="Restore").click()
    expect(gallery.locator("#cards .card")).to_have_count(0)
    assert not Generation.objects.trashed().exists()


def test_favourite_and_share_mark_every_selected_card(gallery):
    tick(gallery, 0)
    tick(gallery, 1)
    gallery.locator("#selection").get_by_role("button", name="Favourite").click()
    expect(gallery.locator("#n-favourite")).to_have_text("2")
    tick(gallery, 0)
    gallery.locator("#selection").get_by_role("button", name="Share with the team").click()
    expect(gallery.locator(".toast")).to_have_text("1 video is shared with the team.")
    assert Generation.objects.filter(shared=True).count() == 1


def test_selected_videos_are_downloaded_as_one_archive(gallery, tmp_path):
    tick(gallery, 0)
    tick(gallery, 1)
    with gallery.expect_download() as download:
        gallery.locator("#selection").get_by_role("button", name="Download").click()
    path = tmp_path / "videos.zip"
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        assert len([name for name in archive.namelist() if name.endswith(".mp4")]) == 2
        assert archive.testzip() is None


def test_two_selected_open_side_by_side(gallery):
    tick(gallery, 0)
    tick(gallery, 1)
    gallery.locator("#selection").get_by_role("button", name="Compare").click()
    expect(gallery.locator(".beside video")).to_have_count(2)


def test_a_selection_survives_a_card_that_changes_meanwhile(gallery):
    tick(gallery, 2)
    Generation.objects.get(prompt="video 2").mark_favourite(True)
    expect(gallery.locator("#n-favourite")).to_have_text("1")
    expect(gallery.get_by_label("Select: video 2")).to_be_checked()


def test_on_a_phone_a_select_button_turns_taps_into_choices(live_page, phone_page):
    make(live_page.owner, "video 0")
    live_page.enter(phone_page)
    phone_page.goto(live_page.studio.url)
    phone_page.locator(".picking").tap()
    phone_page.locator(".card .frame").tap()
    expect(phone_page.locator("#selected")).to_contain_text("1 selected")
    expect(phone_page.locator("dialog")).to_be_hidden()


def test_with_scripts_off_checkboxes_and_buttons_do_the_same(live_page, new_page):
    make(live_page.owner, "video 0")
    page = live_page.enter(new_page(java_script_enabled=False))
    page.goto(live_page.studio.url)
    page.locator(".card").hover()
    page.get_by_label("Select: video 0").check()
    page.locator("#selection").get_by_role("button", name="Move to trash").click()
    expect(page.locator(".notice")).to_contain_text("1 video is in the trash")
    assert Generation.objects.trashed().count() == 1
