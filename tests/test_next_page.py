"""Where a form asks to go next: only a path of this studio is followed, never the name of a route."""

import pytest
from django.test import Client, RequestFactory
from django.urls import get_resolver
from django.utils.encoding import iri_to_uri
from hypothesis import example, given
from hypothesis import strategies as some

from tests.parts.generations import make_queued
from tests.parts.people import attempt, make_member, signed_in
from videos.views.next_page import LONGEST_ADDRESS, asked_next, redirect_to

pytestmark = pytest.mark.django_db
ROUTES = sorted(name for name in get_resolver().reverse_dict if isinstance(name, str))
ELSEWHERE = ["gallery", "viewer", "admin:index", "account", "videos.views.gallery", "json", "a b", "gallery.", "../x"]
ELSEWHERE += ["//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example/", "http://testserver/account"]
ELSEWHERE += [
    "javascript:alert(1)",
    "/\n/elsewhere.example",
    "/\t/x",
    "/\r\nSet-Cookie: a=b",
    "///x",
    "http:///x",
    "//[",
    "?a=b",
]
ELSEWHERE += ["/" + "a" * LONGEST_ADDRESS, "{0.__class__}", "%(x)s", "", " /account", "/\u202eaccount", "\ufffd"]
OURS = ["/account", "/?state=ready&q=a%20b", "/g/none#x", "/ünïcode?q=москва", "/gallery:8000", "/%00", "/a b"]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_anything_but_a_path_of_ours_leads_to_the_usual_page(owner, address):
    client, generation = signed_in(owner), make_queued(owner)
    favourite = client.post(f"/g/{generation.public_id}/favourite", {"next": address})
    assert (favourite.status_code, favourite.url) == (302, f"/#g-{generation.public_id}")
    selected = client.post("/selected", {"ids": [generation.public_id], "operation": "share", "next": address})
    assert (selected.status_code, selected.url) == (302, "/")


@pytest.mark.parametrize("name", ROUTES)
def test_the_name_of_a_route_is_not_a_path(name):
    """Django's own redirect() would lead there."""
    assert asked_next(RequestFactory().post("/login", {"next": name})) == ""


@pytest.mark.parametrize("address", ELSEWHERE)
def test_a_right_password_leads_to_the_gallery_whatever_next_says(address):
    make_member()
    for answer in (attempt(Client(), query_params={"next": address}), Client().get("/login", {"next": address})):
        assert answer.status_code in {200, 302}
        assert answer.status_code == 200 or answer.url == "/"


@pytest.mark.parametrize("address", OURS)
def test_a_path_of_ours_is_followed_as_it_is(owner, address):
    client, generation = signed_in(owner), make_queued(owner)
    answer = client.post(f"/g/{generation.public_id}/favourite", {"next": address})
    assert answer.status_code == 302
    assert answer.url == iri_to_uri(address)


@given(some.text() | some.text("/\\:[]@.?#%a \n\r\t").map("/".__add__))
@example("/\\[")
@example("/[")
def test_no_text_begins_a_redirect_to_elsewhere_or_fails(text):
    address = asked_next(RequestFactory().post("/login", {"next": text.encode(errors="replace").decode()}))
    assert address == "" or (address[0] == "/" and address[1:2] not in {"/", "\\"})
    assert redirect_to(address or "/").status_code == 302
