"""Files in a bucket: the studio checks, then says where to look for the next minute. The bucket is a real one."""

import io
import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import av
import httpx
import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.test import Client

from tests.parts.bucket import KEY, NAME, SECRET
from tests.parts.generations import make, make_ready
from tests.parts.people import make_member, make_owner, signed_in
from tests.parts.processes import ROOT, environment
from videos.models import Picture

pytestmark = pytest.mark.django_db
WHOLE = bytes(range(250)) * 40
SHOW = """
from django.conf import settings
from django.core.files.storage import default_storage
print("link", default_storage.url("videos/a b.mp4"))
print("media", *settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["media-src"])
print("images", *settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["img-src"])
"""


@pytest.fixture
def stored(bucket, settings):
    """A member's files in the bucket: kind → (address here, content type)."""
    settings.BUCKET = NAME
    options = {**settings.BUCKET_STORAGE["OPTIONS"], "bucket_name": NAME, "endpoint_url": bucket.url}
    options |= {"region_name": "us-east-1", "access_key": KEY, "secret_key": SECRET, "addressing_style": None}
    settings.STORAGES = {**settings.STORAGES, "default": {**settings.BUCKET_STORAGE, "OPTIONS": options}}
    return fill(make_member())


def fill(member):
    generation = make_ready(member, prompt='a "lighthouse"\r\nüber 夜')
    saved = generation.saved_video
    for number, file in enumerate(saved.files()):
        file.save(f"ü a+b {number}.bin", ContentFile(WHOLE), save=False)
    saved.save()
    picture = Picture(owner=member, sha256="9" * 64, width=4, height=3, size=len(WHOLE), content_type="image/png")
    picture.file.save("frame.png", ContentFile(WHOLE))
    place = f"/g/{generation.public_id}"
    return {
        "video": (f"{place}/video.mp4", "video/mp4"),
        "poster": (f"{place}/poster", "image/jpeg"),
        "last frame": (f"{place}/last-frame", "image/jpeg"),
        "picture": (f"/pictures/{picture.public_id}", "image/png"),
    }


def link_of(path):
    answer = signed_in(User.objects.get(username="member")).get(path)
    assert answer.status_code == 302
    assert answer.headers["Cache-Control"] == "private, no-store"
    return answer.url


def fetch(link, **headers):
    """As a browser follows it: without the studio's cookies."""
    return httpx.get(link, headers=headers, trust_env=False, timeout=60)


@pytest.mark.parametrize("kind", ["video", "poster", "last frame", "picture"])
def test_a_link_gives_the_file_and_any_part_of_it_for_a_minute(stored, kind):
    path, content_type = stored[kind]
    link = link_of(path)
    signed = parse_qs(urlsplit(link).query)
    assert signed["X-Amz-Expires"] == ["60"]
    # Signed with the rest, so the bucket must answer so; the tests' bucket does not know these two.
    assert signed["response-content-type"] == [content_type]
    assert signed["response-cache-control"][0].startswith("private")
    whole = fetch(link)
    assert (whole.status_code, whole.content) == (200, WHOLE)
    last_byte = len(WHOLE) - 1
    for asked, first, last in (("bytes=0-0", 0, 0), ("bytes=100-299", 100, 299), ("bytes=9000-", 9000, last_byte)):
        part = fetch(link, Range=asked)
        assert (part.status_code, part.content) == (206, WHOLE[first : last + 1])
        assert part.headers["Content-Range"] == f"bytes {first}-{last}/{len(WHOLE)}"


def test_a_link_that_was_changed_opens_nothing(stored):
    link, poster = (link_of(stored[kind][0]) for kind in ("video", "poster"))
    changed = [
        link.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"),
        link.replace(urlsplit(link).path, urlsplit(poster).path),
        re.sub("X-Amz-Signature=.", lambda found: found[0][:-1] + ("0" if found[0][-1] != "0" else "1"), link),
        re.sub("X-Amz-Signature=[0-9a-f]+", "X-Amz-Signature=", link),
        re.sub("X-Amz-Date=[0-9]{8}", "X-Amz-Date=20990101", link),
        link.replace("response-content-type=video", "response-content-type=text"),
        link.replace("X-Amz-Credential=tests", "X-Amz-Credential=guests"),
        link + "&response-content-disposition=inline",
        link.split("?")[0],
    ]
    for other in changed:
        assert other != link
        answer = fetch(other)
        assert answer.status_code in {400, 401, 403}, other
        assert WHOLE[:50] not in answer.content


def test_a_link_of_a_minute_ago_opens_nothing(stored, monkeypatch):
    """The link is made by a studio whose clock is two minutes behind; the bucket's own clock is right."""
    moment = datetime.now(UTC) - timedelta(minutes=2)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: moment)
    link = link_of(stored["video"][0])
    answer = fetch(link)
    assert answer.status_code in {400, 401, 403}
    assert WHOLE[:50] not in answer.content


def test_nothing_in_the_bucket_is_public(stored, bucket):
    names = bucket.names()
    assert len(names) >= 4
    for name in names:
        assert httpx.get(f"{bucket.url}/{NAME}/{name}", trust_env=False, timeout=60).status_code in {401, 403}
    assert httpx.get(f"{bucket.url}/{NAME}?list-type=2", trust_env=False, timeout=60).status_code in {401, 403}


def test_nobody_else_gets_a_link(stored):
    for path, _ in stored.values():
        for person in (make_member(f"other{path[-6:]}"), make_owner(f"owner{path[-6:]}")):
            assert signed_in(person).get(path).status_code == 404
        assert Client().get(path).url.startswith("/login")


def test_a_download_from_the_bucket_has_a_name_and_no_header_of_the_prompts_own(stored):
    link = link_of(stored["video"][0] + "?download=1")
    (disposition,) = parse_qs(urlsplit(link).query)["response-content-disposition"]
    assert disposition.startswith("attachment; filename*=utf-8''a%20lighthouse%20%C3%BCber%20")
    assert fetch(link).content == WHOLE


@pytest.fixture
def film(stored):
    """A real video in the bucket, its client and its bytes."""
    [made] = make(User.objects.get(username="member"), "A fox in the snow", config={"seed": 7})
    with made.saved_video.file.open() as file:
        return made, signed_in(made.owner), file.read()


def test_a_download_from_the_bucket_carries_its_description_and_the_saved_bytes_stay(film, bucket):
    video, client, saved = film
    answer = client.get(f"/g/{video.public_id}/video.mp4?download=1")
    data = b"".join(answer.streaming_content)
    assert (answer.status_code, int(answer["Content-Length"])) == (200, len(data))
    assert "A fox in the snow" in answer["Content-Disposition"]
    with av.open(io.BytesIO(data)) as copy, av.open(io.BytesIO(saved)) as kept:
        assert copy.metadata["title"] == "A fox in the snow"
        packets = [[bytes(packet) for packet in one.demux(video=0)] for one in (copy, kept)]
    assert packets[0] == packets[1]
    assert str(video.public_id).encode() in data and str(video.public_id).encode() not in saved
    assert (bucket.content / video.saved_video.file.name).read_bytes() == saved
    part = client.get(f"/g/{video.public_id}/video.mp4?download=1", headers={"Range": "bytes=100-60000"})
    assert b"".join(part.streaming_content) == data[100:60001]
    assert fetch(client.get(f"/g/{video.public_id}/video.mp4?download=clean").url).content == saved


def test_an_archive_from_the_bucket_has_the_descriptions_and_leaves_out_missing_files(film, bucket):
    video, client, _saved = film
    [gone] = make(video.owner, "A bear")
    (bucket.content / gone.saved_video.file.name).unlink()
    ids = {"operation": "download", "ids": [str(one.public_id) for one in (video, gone)]}
    archive = zipfile.ZipFile(io.BytesIO(b"".join(client.post("/selected", ids).streaming_content)))
    [name] = [name for name in archive.namelist() if name.endswith(".mp4")]
    assert str(video.public_id).encode() in archive.read(name)
    assert client.get(f"/g/{gone.public_id}/video.mp4?download=1").status_code == 404


ENDPOINTS = [
    {"AWS_ENDPOINT_URL": "http://127.0.0.1:9000/"},
    {"AWS_S3_ENDPOINT_URL": "https://files.example.com"},
    {"AWS_ENDPOINT_URL_S3": "https://files.example.com:9000", "AWS_REGION": "eu-west-2"},
    {"AWS_REGION": "us-east-1"},
    {"AWS_REGION": "eu-central-1"},
    {"AWS_DEFAULT_REGION": "ap-south-1"},
    {"STUDIO_BUCKET": "my.dotted.bucket", "AWS_REGION": "eu-west-1"},
    {},
]


@pytest.mark.parametrize("given", ENDPOINTS, ids=str)
def test_the_policy_of_every_page_names_the_place_that_links_lead_to(tmp_path, given):
    env = environment(
        STUDIO_BUCKET="studio-videos",
        STUDIO_DATA=tmp_path,
        DATABASE_URL="",
        AWS_ACCESS_KEY_ID=KEY,
        AWS_SECRET_ACCESS_KEY=SECRET,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE=tmp_path / "none",
    )
    command = [sys.executable, "-c", SHOW]  # the settings alone: the applications take another second
    shown = subprocess.run(command, cwd=ROOT, env=env | given, capture_output=True, text=True, timeout=120, check=True)
    said = dict(line.split(" ", 1) for line in shown.stdout.splitlines())
    for sources in (said["media"], said["images"]):
        assert "'self'" in sources
        places = [source for source in sources.split() if source.startswith("http")]
        assert len(places) == 1 and said["link"].startswith(places[0].rstrip("/") + "/")
        assert len(urlsplit(places[0]).path) <= 1 or "my.dotted.bucket" in places[0]
