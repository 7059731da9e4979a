"""The page behind a review link: a client without an account sees, does and reaches only what the link allows."""

import io
import json
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image

from tests.parts.generations import make
from tests.parts.people import make_member, make_owner, signed_in
from videos.models import (
    Agency,
    Clip,
    Collection,
    Comment,
    PersonalNote,
    Preferences,
    ReviewAnswer,
    ReviewLink,
    WebhookEvent,
)
from videos.models import review as review_module

pytestmark = pytest.mark.django_db
PROMPT = "a lighthouse in heavy rain"
HTMX = {"HX-Request": "true", "HX-Target": "review"}


@pytest.fixture
def owner():
    return make_owner("olivia")


@pytest.fixture
def collection(owner):
    made = Collection.objects.make(owner, "Autumn launch", note="Please start with the forest.")
    made.add(make(owner, PROMPT, count=3), owner)
    return made


def clips(collection):
    return list(collection.clips.in_order())


def link(collection, **fields):
    """The token of a new link."""
    return ReviewLink.issue(collection, collection.owner, **{"label": "Tern"} | fields)


def answer(visitor, token, clip, state="approved", **fields):
    return visitor.post(f"/r/{token}/{clip.public_id}/answer", {"state": state, "name": "Maya"} | fields)


def say(visitor, token, clip, text="Wider, please", **fields):
    data = {"text": text, "name": "Maya"} | fields
    return visitor.post(f"/r/{token}/{clip.public_id}/comments", data)


# What is made in the studio
def test_a_link_is_made_and_its_address_is_shown_once(owner, collection):
    client = signed_in(owner)
    page = client.post(f"/c/{collection.public_id}/links", {"label": "Tern", "may_comment": "on"}).content.decode()
    token = re.search(r"/r/([\w-]{32})", page)[1]
    made = ReviewLink.objects.get()
    assert (made.label, made.may_comment, made.may_approve, made.may_download) == ("Tern", True, False, False)
    assert token not in str(ReviewLink.objects.values().get())
    assert token not in client.get(f"/c/{collection.public_id}/links").content.decode()
    assert Client().get(f"/r/{token}").status_code == 200


@pytest.mark.parametrize(
    "wrong", [{"label": ""}, {"ends": "yesterday"}, {"ends": "2020-01-01"}, {"password": "abc"}, {"covers": "chosen"}]
)
def test_an_invalid_link_is_refused_next_to_its_field(owner, collection, wrong):
    data = {"label": "Tern", "may_comment": "on"} | wrong
    answer = signed_in(owner).post(f"/c/{collection.public_id}/links", data)
    assert answer.status_code == 422
    assert "field-error" in answer.content.decode()
    assert not ReviewLink.objects.exists()


def test_the_page_warns_about_a_link_that_only_works_on_this_machine(owner, collection):
    client = signed_in(owner)
    data = {"label": "Tern"}
    here = client.post(f"/c/{collection.public_id}/links", data, headers={"Host": "127.0.0.1"}).content.decode()
    assert "This link opens on this computer only." in here


def test_only_the_owner_of_a_collection_makes_and_revokes_links(collection):
    collection.share_with_team(True)
    member = signed_in(make_member())
    assert member.get(f"/c/{collection.public_id}/links").status_code == 404
    assert member.post(f"/c/{collection.public_id}/links", {"label": "Tern"}).status_code == 404


# What the client sees
def test_the_page_shows_titles_and_no_prompt_model_price_or_member(owner, collection):
    jonas = make_member("jonas")
    clip, *_ = clips(collection)
    PersonalNote.objects.write(owner, clip.generation, title="Forest path")
    Comment.objects.write(clip, author=jonas, name="jonas", text="internal")
    token = link(collection)
    for path in (f"/r/{token}", f"/r/{token}?clip={clip.public_id}"):
        page = Client().get(path).content.decode()
        assert "Autumn launch" in page
        assert "Please start with the forest." in page
        assert "Forest path" in page
        assert "olivia" in page
        for hidden in (PROMPT, "VEO", "veo_3_1", "jonas", "internal", str(clip.generation.public_id), "/login"):
            assert hidden not in page, hidden


def test_prompt_and_model_are_shown_if_the_sender_allows_it(collection):
    page = Client().get(f"/r/{link(collection, shows_prompts=True)}").content.decode()
    assert PROMPT in page
    assert "VEO 3.1" in page


def test_the_page_shows_the_agencys_name_and_logo(owner, collection):
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(picture, "PNG")
    picture.name = "mark.png"
    picture.seek(0)
    assert signed_in(owner).post("/agency", {"name": "Northlight", "mark": picture}).status_code == 302
    token = link(collection)
    page = Client().get(f"/r/{token}").content.decode()
    assert "Northlight" in page
    assert Client().get(f"/r/{token}/mark").status_code == 200
    assert signed_in(make_member()).get("/agency").status_code == 404
    assert str(Agency.objects.get()) == "Northlight"


def test_messengers_find_a_preview(collection):
    token = link(collection)
    page = Client().get(f"/r/{token}", headers={"Host": "127.0.0.1"}).content.decode()
    assert f'property="og:image" content="http://127.0.0.1/r/{token}/preview.jpg"' in page
    assert 'property="og:title" content="Autumn launch"' in page
    image = Client().get(f"/r/{token}/preview.jpg")
    assert image["Content-Type"] == "image/jpeg"
    assert "noindex" in image["X-Robots-Tag"]


def test_a_selection_shows_its_clips_and_no_other(collection):
    one, two, three = clips(collection)
    token = link(collection, clips=[one, three])
    page = Client().get(f"/r/{token}").content.decode()
    assert "2 clips" in page
    assert str(two.public_id) not in page
    assert Client().get(f"/r/{token}/{two.public_id}/video.mp4").status_code == 404
    assert say(Client(), token, two).status_code == 404
    one.delete()
    three.delete()
    assert "There is nothing to see here" in Client().get(f"/r/{token}").content.decode()


# What the client does
def test_approving_moves_on_to_the_next_open_clip_and_sets_the_state_in_the_studio(collection):
    one, two, _ = clips(collection)
    token, visitor = link(collection), Client()
    assert answer(visitor, token, one).url == f"/r/{token}?clip={two.public_id}"
    one.refresh_from_db()
    assert (one.state, one.decided_by) == ("approved", "Maya")
    assert answer(visitor, token, two, "change", name="").url == f"/r/{token}?clip={two.public_id}"  # the name is known
    assert ReviewAnswer.objects.get(clip=two).name == "Maya"
    page = visitor.get(f"/r/{token}").content.decode()
    assert "2 of 3" in re.sub(r"<[^>]+>", "", page)
    answer(visitor, token, one, "change")
    assert ReviewAnswer.objects.count() == 2


def test_a_comment_is_sent_with_the_answer(collection):
    clip, token = clips(collection)[0], link(collection)
    assert answer(Client(), token, clip, "change", text="Wider, please", at="3").status_code == 302
    assert (Comment.objects.get().text, Comment.objects.get().at) == ("Wider, please", 3)
    assert ReviewAnswer.objects.get().state == "change"
    silent = link(collection, may_comment=False)
    assert answer(Client(), silent, clip, "change", text="Wider, please").status_code == 404


def test_an_answer_without_a_name_asks_for_one(collection):
    clip, token = clips(collection)[0], link(collection)
    page = answer(Client(), token, clip, name=" ")
    assert page.status_code == 422
    assert "Enter your name" in page.content.decode()
    assert page.headers["HX-Replace-Url"] == f"/r/{token}?clip={clip.public_id}"  # a reload opens the page again
    assert not ReviewAnswer.objects.exists()


def test_a_clients_comment_is_seen_in_the_studio_and_a_reply_meant_for_them_by_the_client(owner, collection):
    clip = clips(collection)[0]
    token, visitor, studio = link(collection), Client(), signed_in(owner)
    assert say(visitor, token, clip, at="3.2").status_code == 302
    comment = Comment.objects.get()
    assert (comment.name, comment.at, comment.author) == ("Maya", 3.2, None)
    inside = studio.get(f"/c/{collection.public_id}?clip={clip.public_id}").content.decode()
    assert "Wider, please" in inside
    assert ">Client<" in inside
    path = f"/c/{collection.public_id}/clips/{clip.public_id}/comments"
    studio.post(path, {"text": "Half a metre back", "parent": comment.pk, "for_client": "1"})
    studio.post(path, {"text": "She is never happy", "parent": comment.pk})
    outside = visitor.get(f"/r/{token}?clip={clip.public_id}").content.decode()
    assert "Half a metre back" in outside
    assert "She is never happy" not in outside


def test_clients_of_one_link_do_not_see_comments_of_another(collection):
    clip = clips(collection)[0]
    first, second = link(collection), link(collection)
    say(Client(), first, clip, "from the first")
    assert "from the first" not in Client().get(f"/r/{second}?clip={clip.public_id}").content.decode()


@pytest.mark.parametrize("fields", [{"may_comment": False}, {"may_approve": False}, {"may_download": False}])
def test_a_page_does_not_offer_what_its_link_forbids(collection, fields):
    clip, visitor = clips(collection)[0], Client()
    token = link(collection, **fields)
    asked = {
        "may_comment": lambda: say(visitor, token, clip),
        "may_approve": lambda: answer(visitor, token, clip),
        "may_download": lambda: visitor.get(f"/r/{token}/{clip.public_id}/video.mp4?download=1"),
    }
    [name] = fields
    assert asked[name]().status_code == 404
    assert not Comment.objects.exists()
    assert not ReviewAnswer.objects.exists()


def test_a_client_may_not_reject_or_take_back_to_review(collection):
    for state in ("rejected", "to_review", "perhaps", ""):
        assert answer(Client(), link(collection), clips(collection)[0], state).status_code == 404


def test_a_download_is_named_by_collection_place_and_title_and_never_by_the_prompt(owner, collection):
    one, two, _ = clips(collection)
    PersonalNote.objects.write(owner, two.generation, title="Plinth, half orbit")
    token, visitor = link(collection, may_download=True), Client()
    file = visitor.get(f"/r/{token}/{two.public_id}/video.mp4?download=1")
    assert file["Content-Disposition"] == 'attachment; filename="Autumn launch 02 Plinth half orbit.mp4"'
    answer(visitor, token, one)
    archive = visitor.get(f"/r/{token}/approved.zip")
    names = b"".join(archive.streaming_content)
    assert b"Autumn launch 01 Clip 1.mp4" in names
    assert b"lighthouse" not in names


def test_files_for_clients_follow_the_senders_pattern_without_prompt_and_model(owner, collection):
    Preferences.objects.keep(owner, name_pattern="{n:03}_{collection}_{prompt:9}_{provider}_{ratio}")
    one, two, _ = clips(collection)
    PersonalNote.objects.write(owner, two.generation, title="Plinth, half orbit")
    visitor, token = Client(), link(collection, may_download=True)
    file = visitor.get(f"/r/{token}/{two.public_id}/video.mp4?download=1")
    assert file["Content-Disposition"] == 'attachment; filename="002_Autumn launch_Plinth ha_16x9.mp4"'
    answer(visitor, token, one)
    names = b"".join(visitor.get(f"/r/{token}/approved.zip").streaming_content)
    assert b"001_Autumn launch_Clip 1_16x9.mp4" in names
    open_token = link(collection, may_download=True, shows_prompts=True)
    named = visitor.get(f"/r/{open_token}/{one.public_id}/video.mp4?download=1")["Content-Disposition"]
    assert "001_Autumn launch_a lightho_VEO 3.1_16x9.mp4" in named


# What the sender is told
def banner(person, path="/"):
    page = signed_in(person).get(path).content.decode()
    found = re.search(r'<div class="banner "[^>]*>(.*?)</div>', page, re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split()) if found else ""


def test_the_sender_sees_a_notice_on_every_page_until_they_look(owner, collection):
    member, token, visitor = make_member(), link(collection), Client()
    collection.share_with_team(True)
    assert banner(owner) == ""
    answer(visitor, token, clips(collection)[0])
    assert banner(owner) == "Tern: 1 new answer or comment in “Autumn launch”. View"
    say(visitor, token, clips(collection)[1])
    for path in ("/", "/usage", "/collections"):
        assert banner(owner, path) == "Tern: 2 new answers or comments in “Autumn launch”. View"
    assert banner(member) == ""
    assert signed_in(member).get(f"/c/{collection.public_id}").status_code == 200
    assert banner(owner) != ""
    assert banner(owner, f"/c/{collection.public_id}") == banner(owner) == ""


def test_an_open_page_shows_the_notice_with_its_next_update(owner, collection):
    page, token = signed_in(owner), link(collection)
    since = re.search(r'id="since"\s+value="([^"]+)"', page.get("/").content.decode())[1]
    answer(Client(), token, clips(collection)[0])
    assert "1 new answer or comment" in page.get("/updates", {"since": since}).content.decode()


def test_a_webhook_says_who_answered_and_what_was_said(owner, collection, settings):
    settings.WEBHOOK_URL = "https://hooks.example.com/studio"
    token, clip = link(collection), clips(collection)[0]
    answer(Client(), token, clip, "change", text="Wider, please", at="2.5")
    said, asked = (json.loads(event.body) for event in WebhookEvent.objects.order_by("pk"))
    assert (said["event"], asked["event"]) == ("review.comment", "review.change")
    assert said["generation"]["id"] == str(clip.generation.public_id)
    assert said["review"] == {
        "collection": str(collection.public_id),
        "name": "Autumn launch",
        "label": "Tern",
        "by": "Maya",
        "text": "Wider, please",
        "at": 2.5,
    }


def test_comments_are_text_only_and_throttled(collection, monkeypatch):
    monkeypatch.setattr(review_module, "MAX_FROM_A_LINK", 2)
    clip, token, visitor = clips(collection)[0], link(collection), Client()
    say(visitor, token, clip, "<b>bold</b>")
    assert "&lt;b&gt;bold&lt;/b&gt;" in visitor.get(f"/r/{token}?clip={clip.public_id}").content.decode()
    say(visitor, token, clip)
    refused = say(visitor, token, clip, "the third")
    assert refused.status_code == 422
    assert "the third" in refused.content.decode()  # what was typed stays
    Comment.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    assert say(visitor, token, clip).status_code == 302


def test_a_comment_never_reaches_another_collection(owner, collection):
    other = Collection.objects.make(owner, "Winter")
    other.add(make(owner, "a harbour"), owner)
    foreign, token = clips(other)[0], link(collection)
    assert say(Client(), token, foreign).status_code == 404
    assert answer(Client(), token, foreign).status_code == 404
    assert Client().get(f"/r/{token}/{foreign.public_id}/poster").status_code == 404
    assert not Comment.objects.exists()


def test_views_are_counted_and_link_previews_are_not(collection):
    token = link(collection)
    Client().get(f"/r/{token}")
    assert ReviewLink.objects.get().views == 0
    Client().post(f"/r/{token}/watched")
    assert ReviewLink.objects.get().views == 1


# Who comes in
@pytest.mark.parametrize("how", ["revoked", "ended", "deactivated", "unknown", "removed"])
def test_a_link_that_has_ended_says_so_in_a_plain_sentence(owner, collection, how):
    token = link(collection, expires_at=timezone.now() + timedelta(days=2))
    made, clip = ReviewLink.objects.get(), clips(collection)[0]
    if how == "revoked":
        signed_in(owner).post(f"/c/{collection.public_id}/links/{made.pk}/revoke")
    elif how == "ended":
        ReviewLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif how == "deactivated":
        type(owner).objects.update(is_active=False)
    elif how == "removed":
        collection.remove_for_good()
    else:
        token = "x" * 32
    for path in (f"/r/{token}", f"/r/{token}/{clip.public_id}/video.mp4", f"/r/{token}/preview.jpg"):
        page = Client().get(path)
        assert page.status_code == 404
        assert "This link has ended" in page.content.decode()
        assert "Autumn launch" not in page.content.decode()
    assert say(Client(), token, clip).status_code == 404


def test_videos_that_the_sender_can_no_longer_see_are_not_shown(owner, collection):
    one, *_ = clips(collection)
    token = link(collection)
    one.generation.move_to_trash()
    assert Client().get(f"/r/{token}/{one.public_id}/video.mp4").status_code == 404
    assert "2 clips" in Client().get(f"/r/{token}").content.decode()


def test_a_password_keeps_everything_closed_and_opens_it_for_this_browser(collection):
    clip, token = clips(collection)[0], link(collection, password="harbour light")
    visitor = Client()
    closed = visitor.get(f"/r/{token}")
    assert "This link has a password" in closed.content.decode()
    assert "Autumn launch" not in closed.content.decode()
    for path in (f"{clip.public_id}/video.mp4", f"{clip.public_id}/poster", "preview.jpg", "approved.zip"):
        assert visitor.get(f"/r/{token}/{path}").status_code == 404
    assert say(visitor, token, clip).status_code == 404
    assert visitor.post(f"/r/{token}/enter", {"password": "wrong"}).status_code == 422
    assert visitor.post(f"/r/{token}/enter", {"password": "harbour light"}).status_code == 302
    assert "Autumn launch" in visitor.get(f"/r/{token}").content.decode()
    assert visitor.get(f"/r/{token}/{clip.public_id}/video.mp4").status_code == 200
    other = link(collection, password="something else")
    assert "This link has a password" in visitor.get(f"/r/{other}").content.decode()


def test_passwords_are_tried_a_few_times_at_most(collection):
    token, visitor = link(collection, password="harbour light"), Client()
    for _ in range(review_module.MAX_TRIES):
        assert "not the password" in visitor.post(f"/r/{token}/enter", {"password": "wrong"}).content.decode()
    assert "Too many" in visitor.post(f"/r/{token}/enter", {"password": "harbour light"}).content.decode()
    ReviewLink.objects.update(tried_at=timezone.now() - timedelta(minutes=16))
    assert visitor.post(f"/r/{token}/enter", {"password": "harbour light"}).status_code == 302


@pytest.mark.parametrize("cookie", ["", "x", "e30:1:abc", "\u00e9"])
def test_a_cookie_that_was_tampered_with_opens_nothing(collection, cookie):
    token, visitor = link(collection, password="harbour light"), Client()
    visitor.cookies[f"review-{ReviewLink.objects.get().pk}"] = cookie
    assert "This link has a password" in visitor.get(f"/r/{token}").content.decode()


def test_the_address_stays_out_of_search_engines_and_other_sites(collection):
    page = Client().get(f"/r/{link(collection)}")
    assert "noindex" in page["X-Robots-Tag"]
    assert page["Referrer-Policy"] == "no-referrer"


# What it costs
def test_the_page_needs_as_many_queries_for_many_clips_and_comments_as_for_few(owner, collection):
    clip, token = clips(collection)[0], link(collection)
    say(Client(), token, clip)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert Client().get(f"/r/{token}?clip={clip.public_id}").status_code == 200
        return len(captured)

    queries()
    before = queries()
    collection.add(make(owner, "a harbour", count=20), owner)
    for number in range(10):
        Comment.objects.write(clip, author=owner, name="olivia", text=str(number), for_client=True)
    assert queries() == before
    assert Clip.objects.filter(collection=collection).count() == 23
