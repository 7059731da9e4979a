"""Collections: named, ordered, any number for a video; generated videos are added to the open one; personal titles."""

import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.parts.clicks import HTMX, click_generate, click_selected
from tests.parts.generations import make
from tests.parts.people import make_member, make_owner, signed_in, with_single_cards
from videos.models import Clip, Collection, CollectionFull, Generation, NameTaken, PersonalNote
from videos.models import collection as collection_module
from videos.views.gallery import MAX_SELECTED

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return with_single_cards(make_owner())


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def client(owner):
    return signed_in(owner)


def collected(owner, name="Autumn launch", count=3, **fields):
    """A collection with so many saved videos."""
    made = make(owner, count=count, **fields)
    collection = Collection.objects.make(owner, name)
    collection.add(made, owner)
    return collection, made


def selected(client, operation, videos, **fields):
    return click_selected(client, operation, videos, HTMX, **fields).content.decode()


def shown(page):
    return re.findall(r'<article class="card[^>]*id="g-([0-9a-f-]{36})"', page.content.decode())


def ids(videos):
    return sorted(str(one.public_id) for one in videos)


def generate(client, **fields):
    headers = {**HTMX, "HX-Current-URL": "http://testserver/?state=favourite"}
    return click_generate(client, headers, **{"provider": "veo_3_1", **fields})


# The list
def test_a_collection_is_made_by_its_name_and_opens(client, owner):
    answer = client.post("/collections", {"name": "  Autumn   launch "})
    made = Collection.objects.get()
    assert (made.name, made.owner) == ("Autumn launch", owner)
    assert answer.url == f"/c/{made.public_id}"
    assert "Autumn launch" in client.get(answer.url).content.decode()
    assert "Autumn launch" in client.get("/collections").content.decode()


@pytest.mark.parametrize("name", ["", "   ", "a\0b", "x" * 121, "\ufffd"])
def test_an_invalid_name_is_refused_next_to_its_field_and_kept(client, name):
    answer = client.post("/collections", {"name": name})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert not Collection.objects.exists()


def test_a_name_is_unique_for_each_person(owner, member):
    Collection.objects.make(owner, "Autumn launch")
    with pytest.raises(NameTaken):
        Collection.objects.make(owner, "AUTUMN  LAUNCH")
    Collection.objects.make(member, "Autumn launch")
    assert signed_in(owner).post("/collections", {"name": "autumn launch"}).status_code == 422


def test_it_is_renamed_gets_a_note_and_is_removed_and_its_videos_stay(client, owner):
    collection, made = collected(owner)
    client.post(f"/c/{collection.public_id}/edit", {"name": "Winter", "note": "Hi Maya,\r\nstart here."})
    collection.refresh_from_db()
    assert (collection.name, collection.note) == ("Winter", "Hi Maya,\nstart here.")
    assert client.post(f"/c/{collection.public_id}/delete").url == "/collections"
    assert not Collection.objects.exists()
    assert Generation.objects.kept().count() == len(made)


def test_a_name_that_is_taken_is_refused_and_what_was_typed_is_kept(client, owner):
    Collection.objects.make(owner, "Winter")
    collection, _ = collected(owner, count=1)
    page = client.post(f"/c/{collection.public_id}/edit", {"name": "winter", "note": "what was typed"})
    assert page.status_code == 422
    assert "You already have a collection with this name." in page.content.decode()
    assert "what was typed" in page.content.decode()


def test_any_name_of_the_greatest_length_can_be_stored(client):
    assert client.post("/collections", {"name": "ﷺ" * 120}).status_code == 302


# Into a collection, and out of it
def test_the_selection_bar_adds_to_a_collection_makes_one_and_takes_out(client, owner):
    collection, made = collected(owner, count=1)
    more = make(owner, "a harbour", count=2)
    assert "2 videos are in “Autumn launch” now." in selected(client, "collect", more, collection=collection.public_id)
    assert "All are in “Autumn launch” already." in selected(client, "collect", more, collection=collection.public_id)
    assert "is in “Winter” now" in selected(client, "collect", more[:1], name="Winter")
    assert Clip.objects.filter(collection__name="Winter").count() == 1
    assert "2 videos are out of" in selected(client, "uncollect", more, collection=collection.public_id)
    assert list(collection.generations(owner)) == made
    assert Generation.objects.kept().count() == 3


def test_the_card_menu_and_the_selection_bar_offer_the_collections(client, owner):
    collection, made = collected(owner, count=1)
    assert "/collections/choose" in client.get(f"/g/{made[0].public_id}/menu").content.decode()
    assert 'id="collect"' in client.get("/").content.decode()
    sheet = client.post("/collections/choose", {"ids": [made[0].public_id]}, headers=HTMX).content.decode()
    assert re.search(rf'value="{collection.public_id}"\s+disabled', sheet)  # it is in it
    page = client.post("/collections/choose", {"ids": [made[0].public_id]}).content.decode()
    assert "<html" in page


def test_a_video_is_in_any_number_of_collections_and_once_in_each(owner):
    [video] = make(owner)
    for name in ("One", "Two"):
        for _ in range(2):
            Collection.objects.find_or_make(name, owner).add([video, video], owner)
    assert video.clips.count() == 2


def test_the_order_is_the_order_of_adding_until_it_is_changed(client, owner):
    collection, made = collected(owner)
    assert list(collection.generations(owner)) == made
    wanted = [made[2], made[0], made[1]]
    client.post(f"/c/{collection.public_id}/order", {"g": [one.public_id for one in wanted]})
    assert list(collection.generations(owner)) == wanted


def test_a_collection_that_is_full_takes_nothing_and_nothing_is_made(client, owner, monkeypatch):
    monkeypatch.setattr(collection_module, "MAX_CLIPS", 3)
    collection, _ = collected(owner)
    with pytest.raises(CollectionFull):
        collection.add(make(owner), owner)
    before = Generation.objects.count()
    answer = generate(client, collection=collection.public_id)
    assert answer.status_code == 422
    assert "The collection is full" in answer.content.decode()
    assert Generation.objects.count() == before


def test_the_cover_is_one_of_its_videos(client, owner):
    collection, made = collected(owner)
    client.post(f"/c/{collection.public_id}/cover", {"g": made[1].public_id})
    page = client.get("/collections").content.decode()
    assert re.findall(r"/g/([0-9a-f-]{36})/poster", page) == [str(made[1].public_id)]
    [foreign] = make(owner, "not in it")
    client.post(f"/c/{collection.public_id}/cover", {"g": foreign.public_id})
    assert len(re.findall(r"/g/([0-9a-f-]{36})/poster", client.get("/collections").content.decode())) == 3


# The gallery
def test_the_gallery_shows_one_collection_alone_and_keeps_it_on_every_tab(client, owner):
    collection, made = collected(owner)
    make(owner, "another")
    page = client.get(f"/?collection={collection.public_id}")
    assert sorted(shown(page)) == ids(made)
    assert f"/?state=favourite&amp;collection={collection.public_id}" in page.content.decode()
    assert f'value="{collection.public_id}" form="composer"' in page.content.decode()
    assert len(shown(client.get("/?collection=not-a-uuid"))) == 4


def test_the_search_box_of_a_collection_finds_its_videos_alone(client, owner):
    collection, made = collected(owner, prompt="a lantern in fog")
    make(owner, "a lantern elsewhere")
    box = f'name="collection" value="{collection.public_id}"'
    assert box in client.get(f"/c/{collection.public_id}").content.decode()
    assert sorted(shown(client.get(f"/?collection={collection.public_id}&q=lantern"))) == ids(made)
    assert shown(client.get(f"/?collection={collection.public_id}&q=elsewhere")) == []


def test_the_search_box_of_the_collections_finds_them_by_name(client, owner):
    for name in ("Autumn launch", "Winter launch", "Trailers"):
        Collection.objects.make(owner, name)
    page = client.get("/collections?q=LAUNCH").content.decode()
    assert "Autumn launch" in page and "Winter launch" in page and "Trailers" not in page
    assert 'value="LAUNCH"' in page


def test_new_videos_are_added_to_the_open_collection(client, owner):
    collection, _ = collected(owner, count=1)
    answer = generate(client, collection=collection.public_id, count=2)
    assert answer.status_code == 200
    assert answer["HX-Push-Url"] == f"/?collection={collection.public_id}"
    assert [one.prompt for one in collection.generations(owner)][1:] == ["a lighthouse"] * 2
    generate(client)
    assert collection.clips.count() == 3


def test_a_form_for_a_collection_that_is_gone_makes_nothing(client):
    answer = generate(client, collection=uuid.uuid4())
    assert answer.status_code == 422
    assert "The collection that is open was removed." in answer.content.decode()
    assert not Generation.objects.exists()


def test_a_retry_joins_the_collections_of_the_failed_video(client, owner):
    collection, [failed] = collected(owner, count=1, status="failed")
    client.post(f"/g/{failed.public_id}/retry", {"token": uuid.uuid4().hex}, headers=HTMX)
    assert [one.retry_of for one in collection.generations(owner)] == [None, failed]


def test_a_form_that_is_sent_twice_is_one_batch_whether_its_collection_existed_or_not(client):
    table = "prompt,collection\na lighthouse,Autumn\na harbour,autumn\na quay,\n"
    token = uuid.uuid4().hex
    for _ in range(2):
        assert client.post("/batch", {"table": table, "action": "generate", "token": token}).status_code == 302
    assert Generation.objects.count() == 3
    assert Collection.objects.get().clips.count() == 2


def test_checking_a_table_makes_no_collection(client):
    table = "prompt,collection\na lighthouse,Autumn\na harbour,autumn\n"
    page = client.post("/batch", {"table": table, "action": "check"}).content.decode()
    assert re.sub(r"<[^>]+>", "", page).count("is new. It is made with these videos.") == 1
    assert not Collection.objects.exists()


def test_many_new_collections_are_counted_in_the_bar_and_not_listed(client):
    table = "prompt,collection\n" + "".join(f"a lighthouse,Autumn {number}\n" for number in range(40))
    page = client.post("/batch", {"table": table, "action": "check"}).content.decode()
    assert page.count("is new. It is made with these videos.") == 3
    assert "37 more new collections" in page


def test_the_search_names_collections_and_finds_ones_own_titles(client, owner, member):
    collection, made = collected(owner, shared=True)
    signed_in(owner).post(f"/g/{made[0].public_id}/note", {"title": "Plinth, half orbit"})
    page = client.get("/?q=autumn").content.decode()
    assert f"/c/{collection.public_id}" in page
    assert shown(client.get("/?q=plinth")) == [str(made[0].public_id)]
    assert shown(signed_in(member).get("/?q=plinth")) == []


# Other people
def test_private_collections_of_others_are_not_found(owner, member):
    collection, made = collected(owner)
    stranger = signed_in(member)
    assert stranger.get(f"/c/{collection.public_id}").status_code == 404
    for what in ("edit", "share", "cover", "order", "delete"):
        assert stranger.post(f"/c/{collection.public_id}/{what}").status_code == 404
    assert shown(stranger.get(f"/?collection={collection.public_id}")) == []
    [own] = make(member)
    selected(stranger, "collect", [own], collection=collection.public_id)
    assert collection.clips.count() == len(made)
    for path in ("/collections", "/?q=autumn"):
        assert str(collection.public_id) not in stranger.get(path).content.decode()


def test_a_shared_collection_shows_the_team_its_videos_and_takes_theirs(owner, member):
    collection, made = collected(owner)
    signed_in(owner).post(f"/c/{collection.public_id}/share", {"shared": "1"})
    client = signed_in(member)
    assert sorted(shown(client.get(f"/?collection={collection.public_id}"))) == ids(made)
    [theirs] = make(member, "a harbour")
    selected(client, "collect", [theirs], collection=collection.public_id)
    assert theirs in collection.generations(owner)
    for what in ("edit", "share", "delete", "cover"):
        assert client.post(f"/c/{collection.public_id}/{what}").status_code == 404


def test_videos_made_private_or_trashed_by_their_owner_are_hidden(owner, member):
    collection, made = collected(owner)
    collection.refresh_from_db()
    collection.share_with_team(True)
    made[0].share_with_team(False)
    made[1].move_to_trash()
    assert list(collection.generations(member)) == made[2:]
    assert list(collection.generations(owner)) == [made[0], made[2]]
    face = signed_in(member).get("/collections").content.decode()
    assert "1 video" in face


# One's own
def test_a_title_and_a_rating_are_each_persons_own(owner, member):
    [video] = make(owner, "a lighthouse", shared=True)
    signed_in(owner).post(f"/g/{video.public_id}/note", {"title": "Plinth", "rating": "4"})
    signed_in(member).post(f"/g/{video.public_id}/note", {"title": "Sockel"}, headers=HTMX)
    assert ">Plinth<" in signed_in(owner).get("/").content.decode()
    page = signed_in(member).get(f"/g/{video.public_id}").content.decode()
    assert "Sockel" in page
    assert "Plinth" not in page
    assert PersonalNote.objects.get(user=member).rating is None
    signed_in(owner).post(f"/g/{video.public_id}/note", {"title": ""})
    assert PersonalNote.objects.get(user=owner).rating == 4
    signed_in(owner).post(f"/g/{video.public_id}/note", {"rating": "0"})
    assert not PersonalNote.objects.filter(user=owner).exists()


@pytest.mark.parametrize("data", [{"title": "x" * 121}, {"rating": "6"}, {"rating": "good"}, {"title": "a\0b"}])
def test_a_bad_title_or_rating_is_refused_and_nothing_is_kept(owner, data):
    [video] = make(owner)
    answer = signed_in(owner).post(f"/g/{video.public_id}/note", data, headers=HTMX)
    assert answer.status_code == 422
    assert not PersonalNote.objects.exists()


def test_videos_that_a_person_may_not_see_cannot_get_a_title(owner, member):
    [video] = make(owner)
    assert signed_in(member).post(f"/g/{video.public_id}/note", {"title": "mine"}).status_code == 404


# What it costs
def queries(client, path):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_the_pages_need_as_many_queries_for_many_videos_as_for_few(client, owner):
    few, _ = collected(owner, "few", count=1)
    paths = ["/collections", f"/c/{few.public_id}", f"/?collection={few.public_id}"]
    for path in paths:
        client.get(path)
    before = [queries(client, path) for path in paths]
    made = make(owner, "a harbour", count=12)
    few.add(made, owner)
    for number in range(8):
        Collection.objects.make(owner, f"number {number}").add(made, owner)
    assert [queries(client, path) for path in paths] == before


def test_adding_many_costs_as_many_queries_as_adding_few(owner):
    collection, _ = collected(owner, count=1)
    counts = []
    for count in (2, 20):
        fresh = make(owner, "a harbour", count=count)
        with CaptureQueriesContext(connection) as captured:
            collection.add(fresh, owner)
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert collection_module.MAX_CLIPS >= MAX_SELECTED
