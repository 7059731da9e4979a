"""The limits of request sizes: by the needs of each form, checked before the body is read, small for strangers."""

import secrets

import pytest
from django.urls import URLPattern, get_resolver

from tests.parts.people import make_member, make_owner, signed_in
from tests.parts.studio import csrf_token
from videos.body_limits import FOR_STRANGERS

pytestmark = pytest.mark.django_db
MB = 1024**2
SAMPLES = {"uuid": "11111111-1111-4111-8111-111111111111", "str": "x", "int": "1"}


def send(client, path, size, method="POST"):
    """A request that announces a body of this size, and whose body fails when anybody reads it."""
    return client.generic(method, path, **{"CONTENT_LENGTH": str(size), "wsgi.input": Unread()})


class Unread:
    def read(self, *arguments):
        raise AssertionError("the body was read")

    readline = read


def every_address():
    """One address of each route of the studio's own, with made-up ids."""
    patterns = [one for one in get_resolver().url_patterns[-1].url_patterns if isinstance(one, URLPattern)]
    for one in patterns:
        converters = one.pattern.converters
        names = {
            name: SAMPLES[type(found).__name__.removesuffix("Converter").lower().replace("string", "str")]
            for name, found in converters.items()
        }
        route = str(one.pattern).lstrip("^").rstrip("$")
        for name, value in names.items():
            kind = next(part for part in route.split("<")[1:] if part.split(">")[0].endswith(name)).split(">")[0]
            route = route.replace(f"<{kind}>", value)
        if "(?P" not in route:
            yield f"/{route}"


def test_every_route_refuses_a_strangers_large_upload_unread(client):
    make_owner()
    addresses = [*every_address(), "/admin/", "/nothing/here", "/frame/start", "/admin/videos/provider/add/"]
    assert len(addresses) > 30
    for address in addresses:
        for method in ("POST", "PUT", "GET"):
            assert send(client, address, 600 * MB, method).status_code == 413, (method, address)


@pytest.mark.parametrize(
    ("path", "size", "is_taken"),
    [
        ("/generate", 44 * MB, True),
        ("/generate", 46 * MB, False),
        ("/frame/end", 44 * MB, True),
        ("/frame/end", 46 * MB, False),
        ("/account", 1 * MB, True),
        ("/account", 3 * MB, False),
        ("/login", 3 * MB, False),
        ("/admin/", 3 * MB, False),
        ("/nothing", 1 * MB, False),
    ],
)
def test_a_member_may_upload_as_much_as_the_form_can_need(path, size, is_taken):
    assert (send(signed_in(make_member()), path, size).status_code != 413) == is_taken


def test_a_small_form_is_read_before_sign_in(client):
    make_owner()
    words = {"username": "owner", "password": "x" * (FOR_STRANGERS - 1000)}
    assert client.post("/login", words).status_code == 422


def test_the_refusal_says_what_happened_and_what_to_do(client):
    page = send(signed_in(make_member()), "/generate", 46 * MB).content.decode()
    assert "This is too large" in page and "Nothing was changed" in page and "20 MB" in page
    assert "sign in first" in send(client, "/generate", 46 * MB).content.decode()


@pytest.mark.parametrize("announced", [True, False], ids=["with a length", "in chunks"])
def test_a_strangers_upload_reaches_no_disk_and_the_stranger_reads_why(shared_studio, announced):
    """Over real HTTP, as a browser or curl sends it: all of it, before it looks at the answer."""
    chunks = [secrets.token_bytes(MB)] * 60
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    if announced:
        headers["Content-Length"] = str(60 * MB)
    before = written(shared_studio)
    with shared_studio.stranger() as client:
        answer = client.post("/generate", content=iter(chunks), headers=headers)
    assert written(shared_studio) - before < 10 * MB
    assert answer.status_code == 413
    assert "This is too large" in answer.text


def written(studio):
    """Bytes that the web processes have written so far, to any file or socket."""
    return sum(process.io_counters().write_chars for process in studio.find_all("web"))


def test_a_member_gets_the_same_answer_and_stays_signed_in(shared_studio, member):
    client = shared_studio.client(member)
    token = csrf_token(client, "/")
    files = {"reference_image": ("a.png", secrets.token_bytes(50 * MB), "image/png")}
    answer = client.post("/generate", data={"csrfmiddlewaretoken": token}, files=files)
    assert answer.status_code == 413 and "20 MB" in answer.text
    assert client.get("/account").url.path == "/account"
