"""The videos shown side by side, and the differences that are listed."""

import uuid

import pytest

from tests.parts.generations import make
from tests.parts.people import make_member, signed_in
from videos.views.compare import Row

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner):
    return signed_in(owner)


def compared(client, generations):
    return client.get("/compare", {"g": [str(generation.public_id) for generation in generations]})


def test_a_batch_opens_by_its_id_without_unfinished_videos(client, owner):
    made = make(owner, providers=["veo_3_1", "kling_pro", "ltx_distilled"])
    made[1].move_to_trash()
    response = client.get("/compare", {"batch": made[0].batch.public_id})
    assert response.context["videos"] == [made[0], made[2]]


def test_chosen_videos_keep_the_requested_order_and_are_at_most_four(client, owner):
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


def test_the_one_that_differs_is_marked():
    assert [odd for _, odd in Row("Ratio", ["16:9", "16:9", "1:1"]).cells] == [False, False, True]
    assert [odd for _, odd in Row("Ratio", ["16:9", "9:16", "1:1"]).cells] == [False, False, False]
    assert [odd for _, odd in Row("Ratio", ["16:9", "16:9"]).cells] == [False, False]


def test_a_single_video_asks_what_to_compare_it_with_the_same_prompt_first(client, owner):
    [same] = make(owner, "a wave")
    make(owner, "another")
    [first] = make(owner, "a wave")
    response = compared(client, [first])
    assert response.context["others"][0] == same
    assert f"g={first.public_id}&amp;g={same.public_id}" in response.content.decode()


def test_videos_of_others_are_not_shown(client, owner):
    mine, theirs = make(owner), make(make_member(), count=2)
    assert "videos" not in compared(client, mine + theirs).context
    assert client.get("/compare", {"batch": theirs[0].batch.public_id}).context.get("batches") == []


@pytest.mark.parametrize(
    "query", [{}, {"g": "nonsense"}, {"batch": "x"}, {"g": [str(uuid.uuid4())] * 9}, {"batch": "\0"}]
)
def test_an_invalid_address_shows_what_can_be_compared(client, owner, query):
    made = make(owner, count=2)
    assert client.get("/compare", query).context["batches"][0][0] == made[0].batch


# Which of many
def shown(response):
    return response.context["videos"]


def test_a_batch_shows_one_video_of_each_provider_and_a_strip_of_the_others(client, owner):
    made = make(owner, count=2, providers=["veo_3_1", "kling_pro", "ltx_distilled", "seedance_pro"])
    response = client.get("/compare", {"batch": made[0].batch.public_id})
    assert len({video.provider_id for video in shown(response)}) == len(shown(response)) == 4
    assert [choice.is_shown for choice in response.context["strip"]].count(True) == 4
    assert len(response.context["strip"]) == 8
    assert "4 of 8 are shown" in response.content.decode()


def test_a_batch_of_one_provider_shows_its_first_four(client, owner):
    made = make(owner, count=6)
    assert shown(client.get("/compare", {"batch": made[0].batch.public_id})) == made[:4]


def test_of_five_chosen_videos_four_are_shown_with_a_note(client, owner):
    made = make(owner, count=5)
    response = compared(client, made)
    assert shown(response) == made[:4]
    assert "4 of 5 are shown" in response.content.decode()


def test_a_click_in_the_strip_swaps_the_video_of_the_same_provider(client, owner):
    made = make(owner, providers=["veo_3_1", "kling_pro", "ltx_distilled", "seedance_pro"])
    [other] = make(owner, providers=["kling_pro"])
    response = compared(client, [*made, other])
    choice = next(choice for choice in response.context["strip"] if choice.video == other)
    after = client.get(f"/compare{choice.address}")
    assert set(shown(after)) == {made[0], other, made[2], made[3]}
    assert len(after.context["strip"]) == 5


def test_a_click_on_a_shown_video_removes_it_until_two_are_left(client, owner):
    made = make(owner, count=5)
    response, left = compared(client, made), 4
    while left > 2:
        choice = next(choice for choice in response.context["strip"] if choice.is_shown)
        response, left = client.get(f"/compare{choice.address}"), left - 1
        assert len(shown(response)) == left
    choice = next(choice for choice in response.context["strip"] if choice.is_shown)
    assert len(shown(client.get(f"/compare{choice.address}"))) == 2


def test_the_choice_shows_of_each_batch_the_videos_with_which_its_comparison_begins(client, owner):
    made = make(owner, providers=["veo_3_1", "veo_3_1", "veo_3_1", "kling_pro", "ltx_distilled"])
    page = client.get("/compare").content.decode()
    shown = [video for video in made if f"/g/{video.public_id}/poster" in page]
    assert shown == [made[0], made[3], made[4]]
    assert shown == client.get("/compare", {"batch": made[0].batch.public_id}).context["videos"]


def test_two_chosen_videos_have_no_strip(client, owner):
    assert compared(client, make(owner, count=2)).context["strip"] == []


def test_a_show_parameter_without_a_match_is_ignored(client, owner):
    made = make(owner, count=3)
    ids = {"g": [str(one.public_id) for one in made], "show": ["x", "\0", str(uuid.uuid4())]}
    assert shown(client.get("/compare", ids)) == made


def decide(client, generation, word, **more):
    return client.post(f"/g/{generation.public_id}/verdict", {"word": word, **more})


def verdicts(owner):
    return {one.generation: one.word for one in owner.verdicts.select_related("generation")}


def test_of_one_batch_one_video_is_kept_and_any_number_rejected(client, owner):
    first, second, third = make(owner, count=3)
    [other] = make(owner)
    for generation in (other, first, second):
        decide(client, generation, "kept")
    decide(client, third, "rejected")
    assert verdicts(owner) == {other: "kept", second: "kept", third: "rejected"}
    decide(client, third, "")
    assert third not in verdicts(owner)


def test_a_verdict_is_each_persons_own_and_leads_back_to_the_comparison(client, owner):
    made = make(owner, shared=True, count=2)
    member = make_member()
    decide(signed_in(member), made[0], "kept")
    decide(client, made[1], "kept")
    assert (verdicts(member), verdicts(owner)) == ({made[0]: "kept"}, {made[1]: "kept"})
    address = f"/compare?batch={made[0].batch.public_id}"
    assert decide(client, made[0], "rejected", next=address)["Location"] == address
    assert "Rejected" in client.get(address).content.decode()


def test_a_comparison_says_that_a_video_went_to_the_trash_meanwhile(client, owner):
    made = make(owner, count=2)
    address = f"/compare?batch={made[0].batch.public_id}"
    assert "This video is no longer here." in client.get(address).content.decode()  # for the script
    made[0].move_to_trash()
    video = f"/g/{made[0].public_id}"
    headers = {"HX-Request": "true"}
    assert client.post(f"{video}/verdict", {"word": "kept", "next": address}, headers=headers).status_code == 404
    star = {"favourite": "1", "in": "compare", "next": address}
    assert client.post(f"{video}/favourite", star, headers=headers).status_code == 404
    assert not verdicts(owner) and not made[0].favourites.exists()
    kept = client.post(f"/g/{made[1].public_id}/verdict", {"word": "kept", "next": address}, headers=headers)
    assert client.get(kept["Location"], headers=headers)["HX-Refresh"] == "true"
    assert "Choose a video to compare with" in client.get(address).content.decode()


def test_the_kept_video_represents_its_batch_in_the_gallery(client, owner):
    made = make(owner, "a wave", providers=["veo_3_1", "kling_pro"])
    decide(client, made[1], "kept")
    assert client.get("/").context["cards"][0].generation == made[1]


def test_of_more_videos_than_fit_one_is_shown_for_each_provider(client, owner):
    made = make(owner, count=4) + make(owner, providers=["kling_pro"])
    assert compared(client, made).context["videos"] == [made[0], made[4]]


def test_if_nothing_differs_the_page_says_so(client, owner):
    made = make(owner, "a wave", count=2)
    assert "The requests are the same" in compared(client, made).content.decode()
    made += make(owner, "a storm")
    assert "The requests are the same" not in compared(client, made).content.decode()
