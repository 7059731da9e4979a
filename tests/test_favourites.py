"""Everyone has their own stars."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.parts.clicks import HTMX, click
from tests.parts.generations import make, make_ready
from tests.parts.people import make_member, make_owner, signed_in
from videos.models import Favourite, Generation
from videos.models.bounded import Count

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return make_owner()


@pytest.fixture
def member():
    return make_member()


def star(client, generation, value="1", **fields):
    return click(client, generation, "favourite", HTMX, favourite=value, **fields)


def pressed(page):
    return re.findall(r'class="starred[^>]*aria-pressed="(\w+)"', page)


def test_a_member_does_not_see_the_owners_star_as_their_own(owner, member):
    [shared] = make(owner, shared=True)
    shared.mark_favourite(True, owner)
    page = signed_in(member).get("/").content.decode()
    assert pressed(page) == ["false"]
    assert re.search(r'id="n-favourite"[^>]*>0<', page)
    assert pressed(signed_in(owner).get("/").content.decode()) == ["true"]


def test_a_member_stars_shared_videos_without_the_owner_seeing_it(owner, member):
    [shared] = make(owner, shared=True)
    visitor = signed_in(member)
    assert star(visitor, shared).status_code == 200
    page = visitor.get("/?state=favourite").content.decode()
    assert pressed(page) == ["true"]
    assert re.search(r'id="n-favourite"[^>]*>1<', page)
    assert pressed(signed_in(owner).get("/?state=favourite").content.decode()) == []
    assert 'aria-pressed="true"' in visitor.get(f"/g/{shared.public_id}").content.decode()
    star(visitor, shared, "0")
    assert not Favourite.objects.exists()


def test_private_videos_of_others_cannot_be_starred(owner, member):
    [own] = make(owner)
    assert star(signed_in(member), own).status_code == 404
    assert not Favourite.objects.exists()


def test_a_video_no_longer_shared_leaves_the_favourites_and_returns_with_its_star(owner, member):
    [shared] = make(owner, shared=True)
    shared.mark_favourite(True, member)
    shared.share_with_team(False)
    assert pressed(signed_in(member).get("/?state=favourite").content.decode()) == []
    shared.share_with_team(True)
    assert pressed(signed_in(member).get("/?state=favourite").content.decode()) == ["true"]


def test_the_selection_bar_stars_shared_videos_too(owner, member):
    made = make(owner, shared=True) + make(member)
    client = signed_in(member)
    data = {"operation": "favourite", "ids": [str(one.public_id) for one in made]}
    assert "2 videos are favourites now." in client.post("/selected", data, headers=HTMX).content.decode()
    assert Favourite.objects.filter(user=member).count() == 2
    client.post("/selected", data, headers=HTMX)
    assert not Favourite.objects.exists()


def test_starring_twice_is_one_star(owner):
    [own] = make(owner)
    for _ in range(2):
        own.mark_favourite(True)
    assert Favourite.objects.get().user == owner


def test_the_viewers_star_follows_the_person(owner, member):
    [shared] = make(owner, shared=True)
    answer = star(signed_in(member), shared, **{"in": "viewer"}).content.decode()
    assert 'aria-pressed="true"' in answer
    assert 'value="0"' in answer


def test_favourites_are_found_by_an_index(owner):
    make(owner, status="failed", count=3)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        list(Generation.objects.visible_to(owner).on_tab("favourite", owner))
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN QUERY PLAN " + captured[0]["sql"])
            plan = " ".join(str(row) for row in cursor.fetchall())
        assert "one_star" in plan or "videos_favourite" in plan
        assert "SCAN videos_generation" not in plan


def test_of_very_many_stars_the_newest_are_counted(monkeypatch):
    monkeypatch.setattr("videos.models.generation_queryset.MOST_STARS", 2)
    member = make_member()
    old, middle, new = (make_ready(member, f"node-{number}", token=str(number)) for number in range(3))
    for generation in (old, middle, new):
        generation.mark_favourite(True)
    assert Generation.objects.tab_counts(member)["favourite"] == Count(2)
    old.move_to_trash()
    assert Generation.objects.tab_counts(member)["favourite"] == Count(2)
    assert list(Generation.objects.on_tab("favourite", member).newest_first()) == [new, middle]
