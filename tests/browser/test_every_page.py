"""Every page that the URL configuration has: axe finds nothing, and nothing breaches the content security policy.

Pages are found by the routes' own table, so a new one cannot be forgotten. Every second one is looked at wide in the
dark and the others on a phone in the light: they share their styles. With `make test-all`, each is looked at in both.
The lists and forms of the admin take turns in the same two looks.
"""

import pytest

from tests.parts.audit import violations
from tests.parts.extent import EVERYTHING
from tests.parts.people import signed_in
from tests.test_routes import TABLE, World, admin_requests

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

LOOKS = {
    "wide and dark": {"color_scheme": "dark"},
    "a phone in the light": {
        "color_scheme": "light",
        "width": 390,
        "height": 844,
        "has_touch": True,
        "is_mobile": True,
    },
}


# The admin's pages take turns: each is shown in one of these.
TURNS = [("dark", {"width": 1440, "height": 900}), ("light", {"width": 390, "height": 844})]


@pytest.fixture
def world():
    return World()


def enter(page, client, server):
    session = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
    return page


def is_page(client, path):
    answer = client.get(path)
    found = answer.status_code == 200 and answer["Content-Type"].startswith("text/html")
    return found and b"<!doctype html>" in b"".join(answer)[:200].lower()


def breaches(page, server, paths):
    """What axe finds on each of these pages; the page's own fixture fails on what breaches the policy."""
    found = {}
    for path in paths:
        page.goto(f"{server.url}{path}")
        if rules := violations(page):
            found[path] = rules
    return found


@pytest.mark.timeout(400)
@pytest.mark.parametrize("look", LOOKS)
def test_every_page_of_the_studio_is_accessible_and_within_the_policy(look, world, live_server, new_page):
    person = {name: "owner" if "owner" in row.may else "member" for name, row in TABLE.items() if row.get == 200}
    clients = {name: signed_in(world.people[name]) for name in ("owner", "member")}
    paths = {name: world.path(name) for name in person}
    for who, client in clients.items():
        page = enter(new_page(reduced_motion="reduce", **LOOKS[look]), client, live_server)
        pages = [paths[name] for name in person if person[name] == who and is_page(client, paths[name])]
        assert pages
        if not EVERYTHING:
            pages = pages[list(LOOKS).index(look) :: len(LOOKS)]
        assert breaches(page, live_server, pages) == {}


@pytest.mark.timeout(400)
def test_every_list_and_form_of_the_admin_is_accessible_and_within_the_policy(world, live_server, new_page):
    client, seen, found = signed_in(world.people["owner"]), [], {}
    page = enter(new_page(reduced_motion="reduce"), client, live_server)
    for route, path, granted in admin_requests(world):
        if granted != 200 or is_seen(route, seen) or not is_page(client, path):
            continue
        scheme, size = TURNS[len(seen) % len(TURNS)]
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size(size)
        found |= breaches(page, live_server, [path])
        seen.append(route)
    assert found == {}
    assert len(seen) > 45


def is_seen(route, seen):
    """The pages that ask before something is deleted, and those of a row's history, differ in nothing but words."""
    kind = route.rpartition("_")[2]
    return kind in {"history", "delete"} and any(other.endswith(f"_{kind}") for other in seen)
