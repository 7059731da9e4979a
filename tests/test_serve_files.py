"""Videos, posters, last frames and pictures: only for people who may see them, and in any range."""

import hashlib

import pytest
from django.core.files.base import ContentFile
from django.test import Client

from tests.parts.generations import make_ready
from tests.parts.people import make_member, make_owner, signed_in
from videos.models import Generation, Picture, SavedVideo
from videos.views.files import Slice

pytestmark = pytest.mark.django_db
SIZE = 5_000
LARGE = 3_000_000
KINDS = ["video", "poster", "last frame", "picture"]
TYPES = {"video": "video/mp4", "poster": "image/jpeg", "last frame": "image/jpeg", "picture": "image/webp"}


def content_of(kind, size=SIZE):
    """Bytes that differ everywhere, so that a slice from a wrong place is seen."""
    whole = b"".join(hashlib.sha256(f"{kind} {number}".encode()).digest() for number in range(size // 32 + 1))
    return whole[:size]


class StoredFiles:
    """A member's video with everything that belongs to it."""

    def __init__(self, video_size=SIZE):
        self.member = make_member()
        self.browser = signed_in(self.member)
        self.generation = make_ready(self.member)
        saved = self.generation.saved_video
        for field, kind, size in (
            (saved.file, "video", video_size),
            (saved.poster, "poster", SIZE),
            (saved.last_frame, "last frame", SIZE),
        ):
            field.save(f"{kind} ü%20?#.bin", ContentFile(content_of(kind, size)), save=False)
        saved.save()
        self.picture = Picture(
            owner=self.member, sha256="9" * 64, width=4, height=3, size=SIZE, content_type="image/webp"
        )
        self.picture.file.save("frame.webp", ContentFile(content_of("picture")))
        self.paths = {
            "video": f"/g/{self.generation.public_id}/video.mp4",
            "poster": f"/g/{self.generation.public_id}/poster",
            "last frame": f"/g/{self.generation.public_id}/last-frame",
            "picture": f"/pictures/{self.picture.public_id}",
        }

    def ask(self, kind, method="GET", browser=None, **headers):
        return (browser or self.browser).generic(method, self.paths[kind], headers=headers)


@pytest.fixture
def stored(db):
    return StoredFiles()


def body(answer):
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


# What is asked for → the part that comes: (first, last) of 206, None for all of it, "no" for 416.
RANGES = {
    "bytes=0-0": (0, 0),
    "bytes=0-": (0, SIZE - 1),
    "bytes=1-": (1, SIZE - 1),
    "bytes=10-19": (10, 19),
    "bytes=4999-4999": (SIZE - 1, SIZE - 1),
    "bytes=4999-": (SIZE - 1, SIZE - 1),
    "bytes=4000-9999": (4000, SIZE - 1),
    "bytes=0-99999999999999999999999999": (0, SIZE - 1),
    "bytes=-1": (SIZE - 1, SIZE - 1),
    "bytes=-500": (SIZE - 500, SIZE - 1),
    "bytes=-5000": (0, SIZE - 1),
    "bytes=-99999999999999999999999999": (0, SIZE - 1),
    " bytes=0-1 ": (0, 1),
    "bytes=000-001": (0, 1),
    "bytes=5000-": "no",
    "bytes=5000-6000": "no",
    "bytes=99999999999999999999999999-": "no",
    "bytes=-0": "no",
    "bytes=5-4": None,
    "bytes=-": None,
    "bytes=": None,
    "bytes=1-2,4-5": None,
    "bytes=0-0,-1": None,
    "bytes=a-b": None,
    "bytes=1-2-3": None,
    "bytes=--1": None,
    "bytes=+1-2": None,
    "bytes=1.0-2": None,
    "bytes= 1-2": None,
    "bytes=١-٢": None,
    "bytes 1-2": None,
    "items=0-1": None,
    "seconds=0-1": None,
    "0-1": None,
    "": None,
    "bytes=0-1;": None,
    "x" * 5000: None,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_range_gives_exactly_its_bytes_or_all_of_them_or_416(stored, kind):
    whole, path = content_of(kind), stored.paths[kind]
    for asked, part in RANGES.items():
        answer = stored.browser.get(path, headers={"Range": asked})
        got = body(answer)
        assert answer["Accept-Ranges"] == "bytes", asked
        if part == "no":
            assert (answer.status_code, got) == (416, b""), asked
            assert answer["Content-Range"] == f"bytes */{SIZE}", asked
        elif part is None:
            assert (answer.status_code, got) == (200, whole), asked
            assert answer["Content-Length"] == str(SIZE) and "Content-Range" not in answer, asked
        else:
            first, last = part
            assert (answer.status_code, got) == (206, whole[first : last + 1]), asked
            assert answer["Content-Range"] == f"bytes {first}-{last}/{SIZE}", asked
            assert answer["Content-Length"] == str(last + 1 - first), asked


@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_is_private_and_of_its_own_kind(stored, kind):
    tags = set()
    for headers in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=9999-"}, {"If-None-Match": "*"}):
        answer = stored.ask(kind, **headers)
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Cache-Control"].startswith("private")
        tags.add(answer["ETag"])
        if answer.status_code in {200, 206}:
            assert answer["Content-Type"] == TYPES[kind]
            assert answer.get("Content-Disposition", "inline").startswith("inline")
    assert len(tags) == 1


def test_no_two_files_share_a_tag(stored):
    assert len({stored.ask(kind)["ETag"] for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_request_describes_what_a_get_would_return(stored, kind):
    for headers in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=9999-"}):  # only a GET has ranges
        answer = stored.ask(kind, "HEAD", **headers)
        assert (answer.status_code, body(answer)) == (200, b"")
        assert answer["Content-Length"] == str(SIZE)
        assert answer["Accept-Ranges"] == "bytes" and "Content-Range" not in answer


@pytest.mark.parametrize("kind", KINDS)
def test_an_unchanged_file_is_not_sent_again(stored, kind):
    tag = stored.ask(kind)["ETag"]
    for known in (tag, f"W/{tag}", "*", f'"other", {tag}', f'"other",W/{tag}', f"{tag} "):
        for headers in ({}, {"Range": "bytes=0-9"}):
            answer = stored.ask(kind, **{"If-None-Match": known}, **headers)
            assert (answer.status_code, body(answer), answer["ETag"]) == (304, b"", tag), known
    for other in ('"other"', tag.strip('"'), "", "W/", tag[:-2] + '"'):
        assert stored.ask(kind, **{"If-None-Match": other}).status_code == 200, other


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_is_only_given_of_the_version_that_was_begun(stored, kind):
    tag = stored.ask(kind)["ETag"]
    assert stored.ask(kind, **{"Range": "bytes=0-9", "If-Range": tag}).status_code == 206
    for other in ('"other"', f"W/{tag}", "Wed, 21 Oct 2026 07:28:00 GMT", "yesterday", ""):
        answer = stored.ask(kind, **{"Range": "bytes=0-9", "If-Range": other})
        assert (answer.status_code, body(answer)) == (200, content_of(kind)), other


@pytest.mark.parametrize("first", [0, 1, 2_097_151, 2_097_152, LARGE - 1])
def test_a_range_without_an_end_goes_to_the_end_of_the_file(db, first):
    """WebKit cannot play a video otherwise, and a download that is resumed would be cut off and counted as whole."""
    stored = StoredFiles(LARGE)
    for asked in (f"bytes={first}-", f"bytes=-{LARGE - first}", f"bytes={first}-{LARGE}"):
        answer = stored.ask("video", Range=asked)
        assert body(answer) == content_of("video", LARGE)[first:]
        assert answer["Content-Range"] == f"bytes {first}-{LARGE - 1}/{LARGE}"


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_file_has_no_part(stored, kind):
    for path in stored.generation.saved_video.files():
        path.storage.delete(path.name)
        path.storage.save(path.name, ContentFile(b""))
    stored.picture.file.storage.delete(stored.picture.file.name)
    stored.picture.file.storage.save(stored.picture.file.name, ContentFile(b""))
    assert (stored.ask(kind).status_code, stored.ask(kind)["Content-Length"]) == (200, "0")
    for asked in ("bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"):
        answer = stored.ask(kind, Range=asked)
        assert (answer.status_code, answer["Content-Range"]) == (416, "bytes */0")


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_gone_is_not_found(stored, kind):
    for file in (*stored.generation.saved_video.files(), stored.picture.file):
        file.storage.delete(file.name)
    for headers in ({}, {"Range": "bytes=0-9"}):
        assert stored.ask(kind, **headers).status_code == 404


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "headers", [{}, {"Range": "bytes=0-9"}, {"If-None-Match": "*"}], ids=["whole", "part", "known"]
)
def test_nobody_else_gets_a_byte(stored, kind, headers):
    for person in (make_member("other"), make_owner()):
        for method in ("GET", "HEAD"):
            assert stored.ask(kind, method, signed_in(person), **headers).status_code == 404
    answer = stored.ask(kind, browser=Client(), **headers)
    assert answer.status_code == 302 and answer.url.startswith("/login")
    assert stored.ask(kind, "POST").status_code == 405


def test_a_video_that_its_owner_shares_is_for_the_team_and_its_frames_stay_private(stored):
    other = signed_in(make_member("other"))
    Generation.objects.update(shared=True)
    for kind in ("video", "poster", "last frame"):
        assert stored.ask(kind, browser=other).status_code == 200
    assert stored.ask("picture", browser=other).status_code == 404


PROMPTS = {
    "A drone shot, flying!": "A drone shot flying",
    "a\r\nSet-Cookie: x=1\r\n\r\n": "a Set-Cookie x 1",
    'say "hello"; filename="x.exe': "say hello filename x exe",
    "../../etc/passwd": "etc passwd",
    "C:\\con\\nul": "C con nul",
    "Über den Wolken – schön": "Über den Wolken schön",
    "夜の海": "夜の海",
    "שלום": "שלום",
    "👩‍👩‍👧 🎬": "video",
    "...": "video",
    "-rf": "rf",
    ".hidden": "hidden",
    "\x01\x1b[31m\x7f": "31m",
    "x" * 9000: "x" * 60,
    "é" * 500: "é" * 60,
}


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: repr(prompt[:20]))
def test_a_download_is_named_by_its_prompt_and_can_harm_no_disk(stored, prompt):
    Generation.objects.update(prompt=prompt)
    answer = stored.browser.get(stored.paths["video"] + "?download=1")
    assert body(answer) == content_of("video")
    name = file_name_in(answer["Content-Disposition"])
    stem, moment = name[:-20], name[-20:]
    assert stem == PROMPTS[prompt]
    assert moment == f" {stored.generation.created_at:%Y-%m-%d %H%M}.mp4"
    assert len(name.encode()) < 255


def file_name_in(header):
    """What a browser reads out of Content-Disposition."""
    assert header.isascii() and header.isprintable()
    assert header.startswith("attachment; filename")
    kind, _, rest = header.removeprefix("attachment; ").partition("=")
    if kind == "filename*":
        return bytes_of(rest.removeprefix("utf-8''")).decode()
    assert rest[0] == rest[-1] == '"' and '"' not in rest[1:-1]
    return rest[1:-1]


def bytes_of(quoted):
    head, *parts = quoted.split("%")
    return head.encode() + b"".join(bytes.fromhex(part[:2]) + part[2:].encode() for part in parts)


def test_behind_nginx_only_the_location_of_the_file_is_sent(stored, settings):
    settings.ACCEL_LOCATION = "/kept/"
    for kind in KINDS:
        answer = stored.ask(kind, Range="bytes=0-9")
        assert (answer.status_code, answer.content) == (200, b"")
        place = answer["X-Accel-Redirect"]
        assert place.startswith("/kept/") and place.isascii() and "//" not in place
        assert "?" not in place and "#" not in place and " " not in place
        assert answer["Content-Type"] == TYPES[kind] and answer["Cache-Control"].startswith("private")
        assert stored.ask(kind, browser=signed_in(make_member(f"other than {kind}"))).status_code == 404


def test_a_saved_copy_that_is_not_there_yet_is_not_found(stored):
    SavedVideo.objects.all().delete()
    for kind in ("video", "poster", "last frame"):
        assert stored.ask(kind).status_code == 404


def test_a_slice_reads_like_a_file_of_its_own(tmp_path):
    path, whole = tmp_path / "file", content_of("video")
    path.write_bytes(whole)
    part = Slice(str(path), 5, 10)
    assert part.read() == whole[5:15]
    assert part.seek(0, 2) == 10
    assert part.seek(2) == 2
    assert part.read(3) == whole[7:10]
    part.close()
    assert path.read_bytes() == whole
