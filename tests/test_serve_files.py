"""Files: only for who may see them, by Range, with headers that keep them private."""

import hashlib

import pytest
from django.core.files.base import ContentFile

from tests.parts.people import make_member, make_owner, signed_in
from tests.parts.things import make_picture, make_queued, make_ready
from videos.models import SavedVideo
from videos.views import files
from videos.views.files import MOST_BYTES, download_name

pytestmark = pytest.mark.django_db
BYTES = b"0123456789" * 2


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def client(member):
    return signed_in(member)


@pytest.fixture
def generation(member):
    return make_ready(member, prompt="A “dune” / at 5 o'clock: café\nwide")


def get(client, generation, name="video.mp4", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(f"/g/{generation.public_id}/{name}", headers=headers)


def body(reply):
    return b"".join(reply.streaming_content) if reply.streaming else reply.content


RANGES = [
    ("bytes=0-0", 206, b"0", "bytes 0-0/20"),
    ("bytes=0-", 206, BYTES, "bytes 0-19/20"),
    ("bytes=5-9", 206, b"56789", "bytes 5-9/20"),
    ("bytes=19-", 206, b"9", "bytes 19-19/20"),
    ("bytes=15-99", 206, b"56789", "bytes 15-19/20"),
    ("bytes=-3", 206, b"789", "bytes 17-19/20"),
    ("bytes=-99", 206, BYTES, "bytes 0-19/20"),
    ("bytes=20-", 416, b"", "bytes */20"),
    ("bytes=99-100", 416, b"", "bytes */20"),
    ("bytes=-0", 416, b"", "bytes */20"),
    ("bytes=9-5", 200, BYTES, None),
    ("bytes=-", 200, BYTES, None),
    ("bytes=a-b", 200, BYTES, None),
    ("bytes=0-1,5-6", 200, BYTES, None),
    ("items=0-1", 200, BYTES, None),
    ("bytes=" + "9" * 40 + "-", 416, b"", "bytes */20"),
]


@pytest.mark.parametrize(("asked", "status", "content", "content_range"), RANGES)
def test_a_range_is_answered_as_the_standard_says(client, generation, asked, status, content, content_range):
    reply = get(client, generation, Range=asked)
    assert reply.status_code == status
    assert body(reply) == content
    assert reply.get("Content-Range") == content_range
    if status != 416:
        assert reply["Content-Length"] == str(len(content))
        assert reply["Accept-Ranges"] == "bytes"


def test_a_partial_answer_is_never_longer_than_two_megabytes(client, generation):
    saved = SavedVideo.objects.get()
    saved.file.save("long.mp4", ContentFile(b"x" * (MOST_BYTES + 500)))
    reply = get(client, generation, Range="bytes=100-")
    assert reply["Content-Range"] == f"bytes 100-{MOST_BYTES + 99}/{MOST_BYTES + 500}"
    assert len(body(reply)) == MOST_BYTES


def test_if_range_with_an_old_tag_sends_the_whole_file(client, generation):
    tag = get(client, generation)["ETag"]
    assert get(client, generation, Range="bytes=0-1", If_Range=tag).status_code == 206
    assert get(client, generation, Range="bytes=0-1", If_Range='"old"').status_code == 200


def test_what_the_browser_has_is_not_sent_again(client, generation):
    tag = get(client, generation)["ETag"]
    assert get(client, generation, If_None_Match=tag).status_code == 304


def test_head_tells_the_length_and_sends_nothing(client, generation):
    reply = client.head(f"/g/{generation.public_id}/video.mp4")
    assert (reply.status_code, reply["Content-Length"], reply.content) == (200, "20", b"")
    whole = client.head(f"/g/{generation.public_id}/video.mp4", headers={"Range": "bytes=0-4"})
    assert (whole.status_code, whole["Content-Length"]) == (200, "20")  # only a GET has ranges


def test_a_file_is_private_and_of_its_own_type(client, generation, member):
    picture = make_picture(member)
    for path, kind in [
        (f"/g/{generation.public_id}/video.mp4", "video/mp4"),
        (f"/g/{generation.public_id}/poster", "image/jpeg"),
        (f"/g/{generation.public_id}/last-frame", "image/jpeg"),
        (f"/pictures/{picture.public_id}", "image/png"),
    ]:
        reply = client.get(path)
        assert reply.status_code == 200
        assert reply["Content-Type"] == kind
        assert reply["Cache-Control"].startswith("private")
        assert reply["X-Content-Type-Options"] == "nosniff"
        assert "inline" in reply.get("Content-Disposition", "inline")


def test_a_download_is_named_by_prompt_and_time(client, generation):
    reply = client.get(f"/g/{generation.public_id}/video.mp4?download=1")
    name = download_name(generation)
    assert name.startswith("A dune at 5 o clock café wide 20")
    assert reply["Content-Disposition"].startswith("attachment; filename*=utf-8''A%20dune")
    assert "\n" not in reply["Content-Disposition"]


def test_what_is_not_yours_is_not_there(generation, member):
    picture = make_picture(member)
    paths = [f"/g/{generation.public_id}/{name}" for name in ("video.mp4", "poster", "last-frame")]
    for other in (make_member("other"), make_owner()):
        client = signed_in(other)
        assert [client.get(path).status_code for path in [*paths, f"/pictures/{picture.public_id}"]] == [404] * 4
    generation.share_with_team(True)
    assert signed_in(other).get(paths[0]).status_code == 200


def test_what_is_not_saved_yet_or_gone_from_disk_is_not_there(client, member, generation):
    assert get(client, make_queued(member, token="another-token")).status_code == 404
    saved = SavedVideo.objects.get()
    saved.file.storage.delete(saved.file.name)
    assert get(client, generation).status_code == 404


def test_behind_nginx_the_view_only_points_at_the_file(client, generation, settings):
    settings.ACCEL_LOCATION = "/protected"
    reply = get(client, generation)
    assert reply["X-Accel-Redirect"] == f"/protected/{SavedVideo.objects.get().file.name}"
    assert reply.content == b""
    assert reply["Cache-Control"].startswith("private")


def test_a_slice_reads_like_a_file_of_its_own(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(BYTES)
    part = files.Slice(str(path), 5, 10)
    assert part.read() == BYTES[5:15]
    assert part.seek(0, 2) == 10
    assert part.seek(2) == 2
    assert part.read(3) == BYTES[7:10]
    part.close()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == hashlib.sha256(BYTES).hexdigest()
