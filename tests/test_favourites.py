"""Everyone has their own stars."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.parts.clicks import HTMX, click
from tests.parts.generations import make, make_ready
from tests.parts.people import make_member, make_owner, signed_in
from videos.models import Collection, Favourite, Generation, Preferences
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
    monkeypatch.setattr("videos.models.generation_queryset.MAX_STARS", 2)
    member = make_member()
    old, middle, new = (make_ready(member, f"node-{number}", token=str(number)) for number in range(3))
    for generation in (old, middle, new):
        generation.mark_favourite(True)
    assert Generation.objects.tab_counts(member)["favourite"] == Count(2)
    old.move_to_trash()
    assert Generation.objects.tab_counts(member)["favourite"] == Count(2)
    assert list(Generation.objects.on_tab("favourite", member).newest_first()) == [new, middle]


@pytest.fixture
def starred(owner, member, monkeypatch):
    """A member's favourites in pairs of providers and words, one of them of the owner's; and others, of which none may
    be on the page of favourites. Two videos are on a page."""
    monkeypatch.setattr("videos.views.gallery_page.PAGE", 2)
    words = ("A dune", "A lighthouse") * 3
    found = [make(member, word, "failed", providers=(value,))[0] for word, value in zip(words, PROVIDERS, strict=True)]
    found += make(owner, "A shared dune", "failed", shared=True)
    for generation in found:
        generation.mark_favourite(True, member)
        generation.mark_favourite(True, owner)
    make(member, "A dune, no favourite", "failed")
    make(member, "A dune in the trash", "failed", favourite=True)[0].move_to_trash()
    [private] = make(owner, "A private dune", "failed", shared=True)
    private.mark_favourite(True, member)
    private.share_with_team(False)
    return found


PROVIDERS = ("veo_3_1", "veo_3_1", "kling_pro", "kling_pro", "veo_3_1", "kling_pro")
SHOWN = {
    "": lambda one: True,
    "provider=veo_3_1": lambda one: one.provider.value == "veo_3_1",
    "q=dune": lambda one: "dune" in one.prompt,
    "q=du": lambda one: "dune" in one.prompt,
    "whose=mine": lambda one: one.owner.username == "member",
    "whose=team": lambda one: one.owner.username != "member",
    "ratio=16:9&when=week": lambda one: True,
}


@pytest.mark.parametrize("stacks", [True, False])
@pytest.mark.parametrize("sort", ["", "oldest", "longest", "provider"])
def test_the_pages_of_favourites_follow_each_other_in_every_order_and_with_every_filter(starred, member, sort, stacks):
    Preferences.objects.keep(member, stacks=stacks)
    client = signed_in(member)
    for query, fits in SHOWN.items():
        pages = list(pages_of(client, f"/?state=favourite&sort={sort}&{query}"))
        wanted = [one.pk for one in starred if fits(one)]
        assert sorted(pk for page in pages for pk in page) == wanted
        assert [len(page) for page in pages[:-1]] == [2] * (len(pages) - 1)
        if sort in {"", "oldest"}:
            assert [pk for page in pages for pk in page] == sorted(wanted, reverse=not sort)


def pages_of(client, address):
    """The videos of this page and of those that follow."""
    while address:
        page = client.get(address, headers=HTMX | {"HX-Target": "more"} if "before=" in address else {})
        yield [card.generation.pk for card in page.context["cards"]]
        address = page.context["more"]


def test_in_another_order_or_with_filters_the_newest_stars_are_looked_at_and_the_page_says_so(owner, monkeypatch):
    for module in ("models.generation_queryset", "views.filtered_gallery"):
        monkeypatch.setattr(f"videos.{module}.MAX_STARS", 2)
    for words, days in (("An old dune", 40), ("A lighthouse", 1), ("A dune", 0)):
        [newest] = make(owner, words, "failed", favourite=True, seconds_ago=days * 86400)
    collection = Collection.objects.make(owner, "All of it")
    collection.add(owner.generations.all(), owner)
    older = timezone.localdate() - timedelta(days=30)
    client = signed_in(owner)
    for query, prompts, said in (
        ("", ["A dune", "A lighthouse", "An old dune"], ""),
        ("sort=longest", ["A dune", "A lighthouse"], "Only the newest 2 favourites are in this order."),
        ("sort=provider", ["A dune", "A lighthouse"], "Only the newest 2 favourites are in this order."),
        ("q=dune", ["A dune"], "Only the newest 2 favourites were searched."),
        ("provider=kling_pro", [], "None of the newest 2 favourites fits"),
        (f"q=dune&to={older}", ["An old dune"], ""),
        (f"sort=longest&to={older}", ["An old dune"], ""),
        (f"collection={collection.public_id}&q=dune", ["A dune", "An old dune"], ""),
        (f"batch={newest.batch.public_id}&sort=longest", ["A dune"], ""),
    ):
        page = client.get(f"/?state=favourite&{query}")
        text = " ".join(page.content.decode().split())
        assert [card.generation.prompt for card in page.context["cards"]] == prompts, query
        assert (said in text) if said else ("newest 2" not in text), query
