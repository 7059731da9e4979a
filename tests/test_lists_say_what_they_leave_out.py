"""A list that shows only some rows says so, and how to reach the others."""

import pytest

from tests.parts.generations import make
from tests.parts.people import make_member, signed_in
from videos.models import Collection, Preset, ReviewLink

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner):
    return signed_in(owner)


def words_of(response) -> str:
    return " ".join(response.content.decode().split())


def make_collections(owner, count):
    return [Collection.objects.make(owner, f"Launch {number:02}") for number in range(count)]


def test_of_many_presets_ones_own_are_listed_and_those_of_others_are_found_by_name(client, owner):
    member = make_member("mia")
    shared = [Preset(owner=member, name=f"A {number:03}", shared=True, aspect_ratio="16:9") for number in range(200)]
    Preset.objects.bulk_create(shared)
    assert "Find others by name" not in words_of(client.get("/presets"))
    Preset.objects.create(owner=owner, name="Z of my own", aspect_ratio="16:9")
    page = words_of(client.get("/presets"))
    assert "These are 200 of them, your own first. Find others by name" in page
    assert "Z of my own" in page and "A 199" not in page
    assert 'hx-params="preset_find"' in page  # otherwise it sends no parameter, as all around it
    page = words_of(client.get("/presets?preset_find=a+199"))
    assert "A 199" in page and "A 198" not in page
    assert "No preset has this name." in words_of(client.get("/presets?preset_find=%00nonsense"))


def test_a_prompt_that_is_too_long_for_a_preset_is_refused_and_not_cut(client, owner):
    long = {"preset_name": "Long", "prompt": "x" * 10_001, "aspect_ratio": "16:9", "with_prompt": "1"}
    response = client.post("/presets", long)
    assert response.status_code == 422
    assert "The prompt has 10,001 characters; keep it within 10,000." in words_of(response)
    del long["with_prompt"]
    assert client.post("/presets", long).status_code == 200
    assert owner.presets.get().prompt == ""


def test_compare_says_that_it_lists_only_the_first_of_many(client, owner):
    made = make(owner, count=41)
    page = words_of(client.get("/compare", {"batch": made[0].batch.public_id}))
    assert "4 of 40 are shown" in page
    assert "These are the first 40; there are more." in page
    assert f"/?state=ready&amp;batch={made[0].batch.public_id}" in page
    page = words_of(client.get("/compare", {"g": [video.public_id for video in made]}))
    assert "These are the first 40; there are more." in page
    page = words_of(client.get("/compare", {"g": [video.public_id for video in made[:40]]}))
    assert "4 of 40 are shown" in page and "there are more" not in page


def test_the_collections_to_choose_from_say_that_there_are_older_ones_which_a_name_reaches(client, owner):
    [video] = make(owner)
    oldest, *_ = make_collections(owner, 30)
    assert "These are the newest" not in words_of(client.post("/collections/choose", {"ids": [video.public_id]}))
    make_collections(make_member("mia"), 1)[0].share_with_team(True)
    page = words_of(client.post("/collections/choose", {"ids": [video.public_id]}))
    assert "These are the newest 30." in page and "or the name of an older one" in page
    assert str(oldest.public_id) not in page
    client.post("/selected", {"ids": [video.public_id], "operation": "collect", "name": oldest.name.lower()})
    assert oldest.clips.get().generation == video


def test_the_filter_and_the_search_lead_to_collections_that_they_do_not_list(client, owner):
    make(owner)
    make_collections(owner, 6)
    assert "on the page Collections" not in words_of(client.get("/"))
    assert "/collections?q=launch" not in words_of(client.get("/?q=launch"))
    Collection.objects.make(owner, "Launch again")
    assert '<a href="/collections?q=launch">More</a>' in words_of(client.get("/?q=launch"))
    make_collections(make_member("mia"), 1)
    for number in range(43):
        Collection.objects.make(owner, f"Other {number}")
    assert "<option disabled>All: on the page Collections</option>" in words_of(client.get("/"))


def test_older_review_links_are_on_a_page_of_their_own(client, owner):
    collection = Collection.objects.make(owner, "Autumn launch")
    for number in range(51):
        ReviewLink.issue(collection, owner, label=f"Client {number}.")
    address = f"/c/{collection.public_id}/links"
    page = words_of(client.get(address))
    assert "Client 50." in page and "Client 0." not in page and "Older links" in page
    older = words_of(client.get(f"{address}?before={ReviewLink.objects.order_by('pk')[1].pk}"))
    assert "Client 0." in older and "Client 1." not in older and "Older links" not in older
    assert client.get(f"{address}?before=nonsense").status_code == 200
    assert "and with others" in words_of(client.get(f"/c/{collection.public_id}"))


def test_usage_says_of_how_many_collections_it_has_the_sums(client, owner, monkeypatch):
    make_collections(owner, 2)
    assert "only the newest" not in words_of(client.get("/usage.csv"))
    assert client.get("/usage").context["max_collections"] is None
    monkeypatch.setattr("videos.views.usage.COLLECTIONS_SHOWN", 1)
    assert '"Of collections, only the newest 1 are looked at."' in words_of(client.get("/usage.csv"))
    assert client.get("/usage").context["max_collections"] == 1
