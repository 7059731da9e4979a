"""A card shows a small poster, which is made when it is first asked for and goes with its video."""

import io
import re

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from tests.parts.generations import make
from tests.parts.people import make_member, signed_in
from videos.models import SavedVideo
from videos.storage import consistency
from videos.storage.small_poster import MOST_BYTES, SIDES

pytestmark = pytest.mark.django_db


@pytest.fixture
def video():
    return make(make_member())[0]


def fetched(video, who=None):
    return signed_in(who or video.owner).get(f"/g/{video.public_id}/poster?small")


def body(response):
    return response.getvalue() if response.streaming else response.content


def test_a_card_asks_for_the_small_poster_and_gets_at_most_20_kilobytes(video):
    assert f"/g/{video.public_id}/poster?small" in signed_in(video.owner).get("/").content.decode()
    answer = fetched(video)
    assert answer["Content-Type"] == "image/webp"
    picture = Image.open(io.BytesIO(body(answer)))
    assert len(body(fetched(video))) <= MOST_BYTES
    assert max(picture.size) <= SIDES[0]


def test_a_card_offers_the_small_and_the_whole_poster_with_their_widths(video):
    page = signed_in(video.owner).get("/").content.decode()
    offered = [one.split() for one in re.search(r'srcset="([^"]+)"', page)[1].split(",")]
    assert len(offered) == 2
    for address, width in offered:
        picture = Image.open(io.BytesIO(body(signed_in(video.owner).get(address))))
        assert f"{picture.width}w" == width


def test_a_busy_picture_is_kept_small_too(video):
    noise = Image.effect_noise((1280, 720), 120).convert("RGB")
    with default_storage.open(video.saved_video.poster.name, "wb") as file:
        noise.save(file, "JPEG", quality=90)
    assert len(body(fetched(video))) <= MOST_BYTES


def test_it_is_made_once_and_belongs_to_its_video(video):
    for _ in range(2):
        fetched(video)
    saved = SavedVideo.objects.get(generation=video)
    folder = saved.small_poster.name.rpartition("/")[0]
    assert (
        len([name for name in default_storage.listdir(folder)[1] if "small" in name and str(video.public_id) in name])
        == 1
    )
    assert not [finding for finding in consistency.compare() if finding.kind == consistency.Kind.ORPHAN]


def test_it_is_removed_with_its_video(video, django_capture_on_commit_callbacks):
    fetched(video)
    name = SavedVideo.objects.get(generation=video).small_poster.name
    video.move_to_trash()
    with django_capture_on_commit_callbacks(execute=True):
        assert video.remove_for_good()
    assert not default_storage.exists(name)


def test_where_it_cannot_be_made_the_whole_poster_is_shown(video):
    with default_storage.open(video.saved_video.poster.name, "wb") as file:
        file.write(b"no picture")
    answer = fetched(video)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")


def test_nobody_else_gets_it(video):
    assert fetched(video, make_member("other")).status_code == 404
