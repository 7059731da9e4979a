"""Copies measured by version 0.1.0 are measured again, some each night: size, codec, poster and last frame."""

import errno
import os

import pytest
from django.core.files import File
from django.core.files.storage import default_storage
from PIL import Image

from tests.parts.films import film
from tests.parts.generations import make
from videos import tasks
from videos.models import SavedVideo
from videos.storage.remeasure import measure_earlier_copies

pytestmark = pytest.mark.django_db


@pytest.fixture
def earlier(owner, tmp_path):
    """A copy with pixels that are not square, measured as 0.1.0 did."""
    [generation] = make(owner)
    saved = generation.saved_video
    with film(tmp_path / "wide.mp4", pixels=(16, 9)).open("rb") as file:
        saved.file.save("wide.mp4", File(file), save=False)
    saved.width, saved.height, saved.codec, saved.codec_string = 320, 180, "libdav1d", ""
    saved.save()
    return saved


def size_of(file):
    with default_storage.open(file.name) as stored, Image.open(stored) as image:
        return image.size


def test_an_earlier_copy_gets_its_size_codec_and_pictures_as_a_browser_shows_it(earlier, client, owner):
    client.force_login(owner)
    poster = f"/g/{earlier.generation.public_id}/poster"
    old = client.get(poster)["ETag"]
    tasks.nightly()
    earlier.refresh_from_db()
    assert (earlier.width, earlier.height, earlier.codec) == (569, 180, "h264")
    assert earlier.codec_string.startswith("avc1.")
    assert size_of(earlier.poster) == size_of(earlier.last_frame) == (569, 180)
    assert client.get(poster)["ETag"] != old, "no browser keeps the old poster"
    assert not SavedVideo.objects.measured_by_an_earlier_version().exists()


def test_each_night_measures_a_limited_number_of_copies(owner):
    make(owner, count=3)
    SavedVideo.objects.update(codec_string="")
    assert [measure_earlier_copies(limit=2) for _ in range(3)] == [2, 1, 0]


def test_without_time_left_no_copy_is_measured(earlier):
    assert measure_earlier_copies(seconds=0) == 0


def test_a_copy_that_this_studio_cannot_read_keeps_its_values_and_is_not_tried_again(earlier):
    with default_storage.open(earlier.file.name, "wb") as file:
        file.write(b"not a video")
    assert measure_earlier_copies() == 0
    earlier.refresh_from_db()
    assert (earlier.width, earlier.height) == (320, 180)
    assert not SavedVideo.objects.measured_by_an_earlier_version().exists()


def test_a_copy_that_the_storage_does_not_give_is_tried_in_another_night(earlier, monkeypatch):
    def away(*arguments):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("videos.storage.remeasure.look_at", away)
    assert measure_earlier_copies() == 0
    assert SavedVideo.objects.measured_by_an_earlier_version().exists()
