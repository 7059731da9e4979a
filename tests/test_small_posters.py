"""A card shows a smaller poster, which is made when it is first asked for and goes with its video."""

import io
import re

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from tests.parts.generations import make
from tests.parts.people import make_member, signed_in
from videos.models import SavedVideo
from videos.storage import consistency
from videos.storage.small_poster import BOXES, MAX_BYTES, discard_smaller_posters

pytestmark = pytest.mark.django_db


@pytest.fixture
def video():
    return make(make_member())[0]


each_kind = pytest.mark.parametrize("kind", BOXES)


def fetched(video, kind="small", who=None):
    return signed_in(who or video.owner).get(f"/g/{video.public_id}/poster?{kind}")


def made(video, kind):
    return getattr(SavedVideo.objects.get(generation=video), f"{kind}_poster").name


def body(response):
    return response.getvalue() if response.streaming else response.content


def fill(video, ratio):
    """Its poster becomes a picture of this ratio, as large as posters get."""
    width, height = (round(960 * min(1, side)) for side in (ratio, 1 / ratio))
    SavedVideo.objects.filter(generation=video).update(width=width * 2, height=height * 2)
    with default_storage.open(video.saved_video.poster.name, "wb") as file:
        Image.linear_gradient("L").resize((width, height)).convert("RGB").save(file, "JPEG")


@each_kind
def test_a_card_asks_for_smaller_posters_and_gets_at_most_20_kilobytes(video, kind):
    assert f"/g/{video.public_id}/poster?{kind} " in signed_in(video.owner).get("/").content.decode()
    answer = fetched(video, kind)
    assert answer["Content-Type"] == "image/webp"
    picture = Image.open(io.BytesIO(body(answer)))
    assert len(body(fetched(video, kind))) <= MAX_BYTES
    assert all(side <= most for side, most in zip(picture.size, BOXES[kind][0], strict=True))


@pytest.mark.parametrize(("ratio", "width"), [(16 / 9, 480), (9 / 16, 152), (1, 270), (21 / 9, 631)])
def test_the_smallest_is_as_high_as_a_row_of_cards(video, ratio, width):
    fill(video, ratio)
    assert Image.open(io.BytesIO(body(fetched(video, "row")))).size == (width, 270)


@pytest.mark.parametrize(("ratio", "size"), [(16 / 9, (720, 405)), (9 / 16, (360, 640)), (1, (640, 640))])
def test_the_next_one_is_as_wide_as_a_large_card_or_one_on_a_phone(video, ratio, size):
    fill(video, ratio)
    assert Image.open(io.BytesIO(body(fetched(video, "small")))).size == size


@pytest.mark.parametrize("ratio", [16 / 9, 9 / 16, 1, 21 / 9])
def test_a_card_offers_its_posters_with_their_widths(video, ratio):
    fill(video, ratio)
    page = signed_in(video.owner).get("/").content.decode()
    offered = [one.split() for one in re.search(r'srcset="([^"]+)"', page)[1].split(",")]
    assert [address.partition("?")[2] for address, _ in offered] == ["row", "small"]
    for address, width in offered:
        picture = Image.open(io.BytesIO(body(signed_in(video.owner).get(address))))
        assert picture.width == pytest.approx(int(width.removesuffix("w")), abs=1)  # they were rounded twice


@each_kind
def test_a_busy_picture_is_kept_small_too(video, kind):
    noise = Image.effect_noise((1280, 720), 120).convert("RGB")
    with default_storage.open(video.saved_video.poster.name, "wb") as file:
        noise.save(file, "JPEG", quality=90)
    assert len(body(fetched(video, kind))) <= MAX_BYTES


@each_kind
def test_it_is_made_once_and_belongs_to_its_video(video, kind):
    for _ in range(2):
        fetched(video, kind)
    folder = made(video, kind).rpartition("/")[0]
    names = [name for name in default_storage.listdir(folder)[1] if kind in name and str(video.public_id) in name]
    assert len(names) == 1
    assert not [finding for finding in consistency.compare() if finding.kind == consistency.Kind.ORPHAN]


@each_kind
def test_it_is_removed_with_its_video(video, kind, django_capture_on_commit_callbacks):
    fetched(video, kind)
    name = made(video, kind)
    video.move_to_trash()
    with django_capture_on_commit_callbacks(execute=True):
        assert video.remove_for_good()
    assert not default_storage.exists(name)


@each_kind
def test_it_is_made_again_after_the_poster_was_redrawn(video, kind):
    fetched(video, kind)
    name = made(video, kind)
    discard_smaller_posters(SavedVideo.objects.get(generation=video))
    assert not default_storage.exists(name)
    assert not made(video, kind)
    fetched(video, kind)
    assert default_storage.exists(made(video, kind))


@each_kind
def test_where_it_cannot_be_made_the_whole_poster_is_shown(video, kind):
    with default_storage.open(video.saved_video.poster.name, "wb") as file:
        file.write(b"no picture")
    answer = fetched(video, kind)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")


@each_kind
def test_nobody_else_gets_it(video, kind):
    assert fetched(video, kind, make_member("other")).status_code == 404
