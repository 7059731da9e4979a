"""What is laid side by side, and which differences are named."""

import uuid

import pytest

from tests.parts.exhibition import make
from tests.parts.people import make_member, signed_in
from videos.views.compare import Row

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner):
    return signed_in(owner)


def compared(client, generations):
    return client.get("/compare", {"g": [str(generation.public_id) for generation in generations]})


def test_a_batch_opens_by_its_own_name_without_what_is_not_ready(client, owner):
    made = make(owner, providers=["veo_3_1", "kling_pro", "ltx_distilled"])
    made[1].move_to_trash()
    response = client.get("/compare", {"batch": made[0].batch.public_id})
    assert response.context["videos"] == [made[0], made[2]]


def test_chosen_ones_stand_in_the_order_asked_for_and_four_at_most(client, owner):
    made = make(owner, count=5)
    response = compared(client, [made[3], made[0], made[0], made[1], made[2], made[4]])
    assert response.context["videos"] == [made[3], made[0], made[1], made[2]]


def test_the_differences_are_listed_and_the_rest_is_folded_away(client, owner):
    made = make(owner, providers=["veo_3_1"], config={"seed": 1}) + make(
        owner, providers=["veo_3_1"], config={"seed": 2}
    )
    rows = {row.name: row for row in compared(client, made).context["rows"]}
    assert rows["Settings"].differs
    assert rows["Settings"].values == ["seed 1", "seed 2"]
    assert not rows["Provider"].differs


def test_the_one_that_stands_alone_is_marked():
    assert [odd for _, odd in Row("Ratio", ["16:9", "16:9", "1:1"]).cells] == [False, False, True]
    assert [odd for _, odd in Row("Ratio", ["16:9", "9:16", "1:1"]).cells] == [False, False, False]
    assert [odd for _, odd in Row("Ratio", ["16:9", "16:9"]).cells] == [False, False]


def test_a_single_video_asks_what_to_lay_beside_it_with_the_same_words_first(client, owner):
    [same] = make(owner, "a wave")
    make(owner, "another")
    [first] = make(owner, "a wave")
    response = compared(client, [first])
    assert response.context["others"][0] == same
    assert f"g={first.public_id}&amp;g={same.public_id}" in response.content.decode()


def test_videos_of_others_are_not_there(client, owner):
    mine, theirs = make(owner), make(make_member(), count=2)
    assert "videos" not in compared(client, mine + theirs).context
    assert client.get("/compare", {"batch": theirs[0].batch.public_id}).context.get("batches") == []


@pytest.mark.parametrize(
    "query", [{}, {"g": "nonsense"}, {"batch": "x"}, {"g": [str(uuid.uuid4())] * 9}, {"batch": "\0"}]
)
def test_nonsense_shows_what_could_be_compared(client, owner, query):
    made = make(owner, count=2)
    assert client.get("/compare", query).context["batches"] == [made[0].batch]
