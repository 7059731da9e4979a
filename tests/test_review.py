"""Review inside the studio: a state for each video of a collection, and comments with the moment they are about."""

import io
import re
from datetime import timedelta
from zipfile import ZipFile

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.parts.generations import make
from tests.parts.people import make_member, make_owner, signed_in
from videos.models import Clip, Collection, Comment, Preferences, TooManyComments
from videos.models import review as review_module
from videos.models.review import Area

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Target": "review"}


@pytest.fixture
def owner():
    return make_owner()


@pytest.fixture
def client(owner):
    return signed_in(owner)


@pytest.fixture
def collection(owner):
    made = Collection.objects.make(owner, "Autumn launch")
    made.add(make(owner, count=4), owner)
    return made


def clips(collection):
    return list(collection.clips.in_order())


def decide(client, clip, state, query=""):
    path = f"/c/{clip.collection.public_id}/clips/{clip.public_id}/state{query}"
    return client.post(path, {"state": state}, headers=HTMX)


def say(client, clip, text="Wider, please", **fields):
    return client.post(f"/c/{clip.collection.public_id}/clips/{clip.public_id}/comments", {"text": text, **fields})


def current(page):
    return re.search(r'href="\?[^"]*clip=([0-9a-f-]{36})"\s+aria-current="true"', page.content.decode())[1]


# The page
def test_the_page_shows_the_first_clip_to_review_and_each_one_by_its_address(client, collection):
    one, two, *_ = clips(collection)
    one.decide(Clip.State.APPROVED, "owner")
    assert current(client.get(f"/c/{collection.public_id}")) == str(two.public_id)
    assert current(client.get(f"/c/{collection.public_id}?clip={one.public_id}")) == str(one.public_id)
    part = client.get(f"/c/{collection.public_id}?clip={one.public_id}", headers=HTMX).content.decode()
    assert part.lstrip().startswith('<div class="review"')


@pytest.mark.parametrize("query", ["clip=nonsense", "clip=", "state=nonsense", "state=approved", "clip=\0"])
def test_an_invalid_address_shows_what_it_can(client, collection, query):
    assert client.get(f"/c/{collection.public_id}?{query}").status_code == 200


def test_a_collection_without_videos_says_how_to_fill_it(client, owner):
    empty = Collection.objects.make(owner, "Empty")
    assert "Nothing here yet." in client.get(f"/c/{empty.public_id}").content.decode()


def test_a_video_not_saved_yet_keeps_its_place_without_a_player(client, owner, collection):
    collection.add(make(owner, "later", "running"), owner)
    page = client.get(f"/c/{collection.public_id}?clip={clips(collection)[-1].public_id}").content.decode()
    assert "There is no video to review yet." in page
    assert 'id="film"' not in page
    assert 'data-every="5"' in page  # it looks again by itself


def test_a_video_that_left_the_collection_is_not_replaced_by_another_beside_its_comments(client, owner, collection):
    collection.add(make(owner, "later", "running"), owner)
    clip = clips(collection)[-1]
    address = f"/c/{collection.public_id}?clip={clip.public_id}"
    assert f',#stage-{clip.public_id}"' in client.get(address).content.decode()
    clip.delete()
    part = client.get(address, headers={"HX-Request": "true", "HX-Target": "shots"}).content.decode()
    assert 'id="stage-' in part
    assert f'id="stage-{clip.public_id}"' not in part


def test_a_saved_video_plays_on_while_the_strip_waits_for_another(client, owner, collection):
    assert "data-every" not in client.get(f"/c/{collection.public_id}").content.decode()
    collection.add(make(owner, "later", "running"), owner)
    page = client.get(f"/c/{collection.public_id}").content.decode()
    assert 'hx-select-oob="#refresh"' in page  # not the stage
    part = client.get(f"/c/{collection.public_id}", headers={"HX-Request": "true", "HX-Target": "shots"})
    assert part.content.decode().lstrip().startswith('<div class="review"')


def test_a_video_that_will_not_come_is_not_waited_for(client, owner, collection):
    collection.add(make(owner, "never", "failed"), owner)
    page = client.get(f"/c/{collection.public_id}?clip={clips(collection)[-1].public_id}").content.decode()
    assert "There is no video to review." in page
    assert "data-every" not in page


# What is decided
def test_deciding_moves_on_to_the_next_clip_and_wraps_around_at_the_end(client, collection):
    one, two, three, four = clips(collection)
    two.decide(Clip.State.REJECTED, "owner")
    answer = decide(client, one, "approved")
    assert answer.url.endswith(f"clip={three.public_id}")
    assert decide(client, four, "change").url.endswith(f"clip={three.public_id}")
    assert decide(client, three, "approved").url.endswith(f"clip={four.public_id}")  # nothing is left to review
    one.refresh_from_db()
    assert (one.state, one.decided_by) == ("approved", "owner")
    assert one.decided_at - timezone.now() < timedelta(seconds=5)


def test_deciding_stays_within_the_shown_clips(client, collection):
    one, *_ = clips(collection)
    assert "state=to_review" in decide(client, one, "rejected", "?state=to_review").url
    page = client.get(f"/c/{collection.public_id}?state=rejected")
    assert current(page) == str(one.public_id)
    assert page.content.decode().count('<li class="shot') == 1


def test_keys_and_labels_set_the_four_states(client, collection):
    clips(collection)[0].decide(Clip.State.CHANGE, "owner")
    page = client.get(f"/c/{collection.public_id}?clip={clips(collection)[0].public_id}").content.decode()
    keys = re.findall(r'value="(\w+)"\s+data-hotkey="(\d)"', page)
    assert keys == [("to_review", "1"), ("approved", "2"), ("change", "3"), ("rejected", "4")]
    assert "Change requested" in page


def test_an_unknown_state_is_not_found(client, collection):
    assert decide(client, clips(collection)[0], "perhaps").status_code == 404


def test_the_approved_ones_are_downloaded_together(client, collection):
    assert client.get(f"/c/{collection.public_id}/approved.zip").status_code == 302
    for clip in clips(collection)[:2]:
        clip.decide(Clip.State.APPROVED, "owner")
    answer = client.get(f"/c/{collection.public_id}/approved.zip")
    assert answer["Content-Type"] == "application/zip"
    names = ZipFile(io.BytesIO(b"".join(answer.streaming_content))).namelist()
    assert len([name for name in names if name.endswith(".mp4")]) == 2


def test_the_names_of_approved_files_contain_the_open_collection(client, owner, collection):
    other = Collection.objects.make(owner, "Winter launch")
    other.add([clip.generation for clip in clips(collection)[:1]], owner)
    clips(other)[0].decide(Clip.State.APPROVED, "owner")
    Preferences.objects.keep(owner, name_pattern="{collection}_{n}")
    answer = client.get(f"/c/{other.public_id}/approved.zip")
    names = ZipFile(io.BytesIO(b"".join(answer.streaming_content))).namelist()
    assert "Winter launch_1.mp4" in names


# What is said
def test_a_comment_keeps_its_moment_its_area_its_author_and_its_time(client, owner, collection):
    clip = clips(collection)[0]
    say(client, clip, "Wider,\r\nplease", at="2.04", area="0.5,0.25,0.2,0.3")
    comment = Comment.objects.get()
    assert (comment.text, comment.at, comment.author, comment.name) == ("Wider,\nplease", 2.04, owner, "owner")
    page = client.get(f"/c/{collection.public_id}?clip={clip.public_id}").content.decode()
    assert 'data-at="2.04" data-area="0.5000,0.2500,0.2000,0.3000"' in page
    assert re.search(r'data-jump="2.04">0:02<', page)


@pytest.mark.parametrize("at", ["", "-1", "nan", "inf", "two", "1e9"])
def test_an_invalid_moment_is_dropped_and_the_comment_kept(client, collection, at):
    say(client, clips(collection)[0], at=at)
    assert Comment.objects.get().at is None


@pytest.mark.parametrize("area", ["", "1,2", "0,0,0,0", "0.9,0,0.5,0.5", "-1,0,1,1", "nan,0,1,1", "a,b,c,d"])
def test_an_area_outside_the_picture_is_dropped(area):
    assert Area.read(area) is None


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 2001, "a\0b"])
def test_a_comment_without_words_or_with_too_many_is_refused_and_kept_in_its_field(client, collection, text):
    answer = say(client, clips(collection)[0], text)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert not Comment.objects.exists()


def test_comments_are_text_only(client, collection):
    clip = clips(collection)[0]
    say(client, clip, "<script>alert(1)</script> https://example.com")
    page = client.get(f"/c/{collection.public_id}?clip={clip.public_id}").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert 'href="https://example.com' not in page


def test_a_reply_is_shown_below_its_comment_and_so_is_a_reply_to_a_reply(client, collection):
    clip, other, *_ = clips(collection)
    say(client, clip)
    first = Comment.objects.get()
    say(client, clip, "Yes", parent=first.pk)
    second = Comment.objects.get(parent=first)
    say(client, clip, "Thanks", parent=second.pk)
    assert Comment.objects.filter(parent=first).count() == 2
    assert say(client, other, "Elsewhere", parent=first.pk).status_code == 422


def test_a_comment_is_resolved_opened_again_and_removed(client, owner, collection):
    clip = clips(collection)[0]
    say(client, clip)
    comment = Comment.objects.get()
    path = f"/c/{collection.public_id}/comments/{comment.pk}"
    client.post(f"{path}/resolve", {"resolved": "1"})
    comment.refresh_from_db()
    assert comment.resolved_by == owner
    assert "1 resolved" in client.get(f"/c/{collection.public_id}?clip={clip.public_id}").content.decode()
    client.post(f"{path}/resolve")
    comment.refresh_from_db()
    assert comment.resolved_at is None
    client.post(f"{path}/remove")
    assert not Comment.objects.exists()


def test_the_comments_on_a_clip_are_limited(client, owner, collection, monkeypatch):
    monkeypatch.setattr(review_module, "MAX_COMMENTS", 2)
    clip = clips(collection)[0]
    for _ in range(2):
        say(client, clip)
    assert say(client, clip).status_code == 422
    with pytest.raises(TooManyComments):
        Comment.objects.write(clip, author=owner, name="owner", text="more")


# Other people
def test_the_team_reviews_a_shared_collection_and_nobody_reviews_a_private_one(collection, owner):
    member = make_member()
    client, clip = signed_in(member), clips(collection)[0]
    assert decide(client, clip, "approved").status_code == 404
    assert say(client, clip).status_code == 404
    collection.share_with_team(True)
    assert decide(client, clip, "approved").status_code == 302
    say(client, clip)
    comment = Comment.objects.get()
    assert comment.author == member
    clip.generation.share_with_team(False)  # its owner takes the video back
    assert say(client, clip).status_code == 404
    assert client.post(f"/c/{collection.public_id}/comments/{comment.pk}/resolve").status_code == 404


def test_only_its_author_and_the_owner_of_the_collection_remove_a_comment(collection, owner):
    collection.share_with_team(True)
    clip = clips(collection)[0]
    comment = Comment.objects.write(clip, author=owner, name="owner", text="mine")
    path = f"/c/{collection.public_id}/comments/{comment.pk}/remove"
    assert signed_in(make_member()).post(path).status_code == 404
    assert signed_in(owner).post(path).status_code == 302


def test_a_comment_of_one_collection_is_not_reached_through_another(client, owner, collection):
    other = Collection.objects.make(owner, "Winter")
    comment = Comment.objects.write(clips(collection)[0], author=owner, name="owner", text="mine")
    assert client.post(f"/c/{other.public_id}/comments/{comment.pk}/resolve").status_code == 404


# What it costs
def test_the_page_needs_as_many_queries_for_many_clips_and_comments_as_for_few(client, owner, collection):
    clip = clips(collection)[0]
    path = f"/c/{collection.public_id}?clip={clip.public_id}"

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    Comment.objects.write(clip, author=owner, name="owner", text="one")
    queries()
    before = queries()
    collection.add(make(owner, "a harbour", count=70), owner)
    for number in range(20):
        parent = Comment.objects.write(clip, author=owner, name="owner", text=str(number))
        Comment.objects.write(clip, author=owner, name="owner", text="reply", parent=parent)
    assert queries() == before
    assert client.get(path).content.decode().count('<li class="shot') == 60
