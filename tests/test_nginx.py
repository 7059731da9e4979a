"""Files behind a real nginx: the studio checks, nginx sends, and neither can be bypassed through the other."""

import json
from contextlib import closing
from io import BytesIO

import httpx
import pytest
from PIL import Image

from tests.parts.nginx import Nginx
from tests.parts.processes import LOOPBACK
from tests.parts.standin import Standin
from tests.parts.studio import PASSWORD, Studio, csrf_token, use_copy_of

SIZE = 3_000_000
WHOLE = bytes(range(251)) * (SIZE // 251 + 1)
WHOLE = WHOLE[:SIZE]
ODD_NAMES = [
    "plain.mp4",
    "odd/a b%20c?d#e&f+g;h='i\".mp4",
    "ü/夜の海 👩‍👩‍👧.mp4",
    "odd/back\\slash.mp4",
    "odd/..dots...mp4",
    "%2e%2e%2fup.mp4",
]

FILL = """
import json
from contextlib import closing
from io import BytesIO
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from tests.parts.people import make_member
from tests.parts.generations import make_ready, picture
from tests.test_nginx import ODD_NAMES, WHOLE
member, made = make_member("member"), {}
make_member("other")
for number, name in enumerate(ODD_NAMES):
    generation = make_ready(member, f"node-gw-{number}", token=f"form-token-{number}")
    generation.saved_video.file.name = default_storage.save(name, ContentFile(WHOLE))
    generation.saved_video.save()
    made[name] = f"/g/{generation.public_id}"
made["picture"] = f"/pictures/{picture(by=member).public_id}"
print("made", json.dumps(made))
"""


@pytest.fixture(scope="module")
def proxied(template, tmp_path_factory):
    """A studio behind nginx, its files' addresses, and a member to ask for them."""
    folder = tmp_path_factory.mktemp("proxied")
    studio = make_studio(template, folder)
    nginx = None
    try:
        said = studio.manage("shell", "-v", "0", "-c", FILL)
        paths = json.loads(next(line for line in said.splitlines() if line.startswith("made "))[5:])
        studio.start()
        nginx = Nginx(folder / "nginx", studio.url, studio.data / "media")
        yield nginx, paths, studio
    finally:
        if nginx:
            nginx.stop()
        studio.destroy()
        studio.standin.stop()


def make_studio(template, folder):
    standin = Standin(folder / "standin")
    env = {"DATABASE_URL": "", "HEYGEN_API_URL": standin.url, "HEYGEN_UPLOAD_URL": standin.url}
    studio = Studio(folder, env | {"STUDIO_ACCEL_LOCATION": "/kept/", "STUDIO_PROXIES": "1"})
    studio.standin = standin
    use_copy_of(template, studio)
    return studio


def signed_in(url, username):
    client = httpx.Client(base_url=url, timeout=60, **LOOPBACK)
    fields = {"username": username, "password": PASSWORD, "csrfmiddlewaretoken": csrf_token(client, "/login")}
    assert client.post("/login", data=fields).status_code == 302
    return client


@pytest.fixture(scope="module")
def member(proxied):
    with closing(signed_in(proxied[0].url, "member")) as client:
        yield client


@pytest.fixture(scope="module")
def other(proxied):
    with closing(signed_in(proxied[0].url, "other")) as client:
        yield client


def video(proxied, name="plain.mp4"):
    return proxied[1][name] + "/video.mp4"


def test_a_whole_video_is_sent_by_nginx_with_the_studios_headers(proxied, member):
    answer = member.get(video(proxied))
    assert (answer.status_code, answer.content) == (200, WHOLE)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Length"] == str(SIZE)
    assert answer.headers["Cache-Control"].startswith("private")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "X-Accel-Redirect" not in answer.headers
    assert "Last-Modified" in answer.headers, "nginx read the file itself"


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, SIZE - 1),
        ("bytes=1000-1999", 1000, 1999),
        ("bytes=-10", SIZE - 10, SIZE - 1),
    ],
)
def test_a_part_of_a_video_has_exactly_its_bytes(proxied, member, asked, first, last):
    answer = member.get(video(proxied), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, WHOLE[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"].startswith("private")


def test_a_part_beyond_the_end_is_refused(proxied, member):
    answer = member.get(video(proxied), headers={"Range": f"bytes={SIZE}-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


def test_a_cached_file_is_not_sent_again(proxied, member):
    tag = member.get(video(proxied))
    known = member.get(video(proxied), headers={"If-None-Match": tag.headers["ETag"]})
    assert (known.status_code, known.content) == (304, b"")


def test_a_head_request_gets_the_size_and_no_body(proxied, member):
    answer = member.head(video(proxied))
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", str(SIZE))


def test_posters_frames_and_pictures_come_the_same_way(proxied, member, other):
    place = proxied[1]["plain.mp4"]
    for path, kind in (
        (f"{place}/poster", "image/jpeg"),
        (f"{place}/last-frame", "image/jpeg"),
        (proxied[1]["picture"], "image/png"),
    ):
        answer = member.get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
        assert "Last-Modified" in answer.headers and answer.headers["X-Content-Type-Options"] == "nosniff"
        assert other.get(path).status_code == 404


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_file_of_any_name_is_found(proxied, member, name):
    answer = member.get(video(proxied, name), headers={"Range": "bytes=7-70"})
    assert (answer.status_code, answer.content) == (206, WHOLE[7:71])


def test_a_download_keeps_its_name_through_nginx(proxied, member):
    answer = member.get(video(proxied) + "?download=1")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="a lighthouse in fog 20')
    assert answer.content == WHOLE


def test_nobody_else_gets_a_byte(proxied, other):
    for headers in ({}, {"Range": "bytes=0-9"}):
        assert other.get(video(proxied), headers=headers).status_code == 404
        stranger = httpx.get(proxied[0].url + video(proxied), headers=headers, **LOOPBACK, timeout=60)
        assert stranger.status_code == 302 and "/login" in stranger.headers["Location"]


@pytest.mark.parametrize(
    "path", ["/kept/plain.mp4", "/kept/", "/kept/../kept/plain.mp4", "/%6bept/plain.mp4", "//kept/plain.mp4", "/kept"]
)
def test_requesting_the_file_from_nginx_directly_gives_nothing(proxied, member, path):
    cookies = "; ".join(f"{name}={value}" for name, value in member.cookies.items())
    answer = httpx.get(proxied[0].url + path, headers={"Cookie": cookies}, **LOOPBACK, timeout=60)
    assert answer.status_code in ({404} if path != "/kept" else {301, 404})
    assert WHOLE[:100] not in answer.content


def test_a_header_of_the_visitors_own_opens_no_file(proxied, other):
    answer = other.get("/account", headers={"X-Accel-Redirect": "/kept/plain.mp4"})
    assert WHOLE[:100] not in answer.content


def test_a_request_with_two_pictures_goes_through(proxied, member):
    fields = {"csrfmiddlewaretoken": csrf_token(member, "/"), "token": "t" * 32, "prompt": "a lighthouse"}
    noise = Image.frombytes("RGB", (1200, 900), WHOLE[: 1200 * 900] * 3)
    data = BytesIO()
    noise.save(data, "PNG", compress_level=0)
    files = {"reference_image": ("a.png", data.getvalue()), "tail_image": ("b.png", data.getvalue())}
    answer = member.post("/generate", data=fields, files=files)
    assert answer.status_code == 302 and answer.headers["Location"].startswith("/#g-")


def test_an_upload_that_is_too_large_is_refused_before_it_reaches_the_studio(proxied, member):
    answer = member.post(
        "/generate", content=b"x" * (46 * 1024**2), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code == 413


def test_without_nginx_the_same_studio_would_send_no_bytes(proxied):
    """The studio's own port, asked past nginx: anybody who reaches it gets a header and no file."""
    with closing(signed_in(proxied[2].url, "member")) as client:
        answer = client.get(video(proxied))
        assert answer.content == b""
        assert answer.headers["X-Accel-Redirect"] == "/kept/plain.mp4"
