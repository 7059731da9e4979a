"""Sharing: private by default, with the team by choice, with anybody by a link that can be taken back."""

import secrets

import pytest
from django.test import Client

from tests.parts.clicks import click
from tests.parts.generations import make
from tests.parts.people import make_member, signed_in
from videos.models import Generation, PublicLink

pytestmark = pytest.mark.django_db


@pytest.fixture
def generation(owner):
    return make(owner, "a lighthouse")[0]


def public_link(owner, generation):
    click(signed_in(owner), generation, "link")
    return generation.public_links.get(revoked_at=None)


def test_a_new_video_is_private(owner, generation):
    member = make_member()
    assert not Generation.objects.visible_to(member).exists()
    assert not generation.public_links.exists()


def test_sharing_with_the_team_shows_it_to_every_member_until_it_is_private_again(owner, generation):
    member = make_member()
    click(signed_in(owner), generation, "share", shared="1")
    assert Generation.objects.visible_to(member).get() == generation
    assert signed_in(member).get(f"/g/{generation.public_id}/video.mp4").status_code == 200
    assert Client().get(f"/g/{generation.public_id}/video.mp4").status_code == 302  # to the login
    click(signed_in(owner), generation, "share")
    assert not Generation.objects.visible_to(member).exists()


def test_anybody_with_the_link_may_watch_without_signing_in(owner, generation):
    link = public_link(owner, generation)
    page = Client().get(f"/s/{link.token}")
    assert page.status_code == 200
    assert "a lighthouse" in page.content.decode()
    assert Client().get(f"/s/{link.token}/video.mp4").status_code == 200
    assert Client().get(f"/s/{link.token}/poster").status_code == 200
    part = Client().get(f"/s/{link.token}/video.mp4", headers={"Range": "bytes=0-9"})
    assert (part.status_code, len(part.getvalue())) == (206, 10)


def test_a_shared_page_is_kept_from_search_engines_and_its_address_from_other_sites(owner, generation):
    link = public_link(owner, generation)
    for name in ("", "/video.mp4", "/poster"):
        response = Client().get(f"/s/{link.token}{name}")
        assert "noindex" in response["X-Robots-Tag"]
        assert response["Referrer-Policy"] == "no-referrer"
    page = Client().get(f"/s/{link.token}").content.decode()
    assert 'name="robots" content="noindex' in page
    assert "owner" not in page
    assert generation.remote_id not in page
    assert str(generation.public_id) not in page


def test_views_are_counted_and_link_preview_robots_are_not(owner, generation):
    link = public_link(owner, generation)
    Client().get(f"/s/{link.token}")
    link.refresh_from_db()
    assert link.views == 0
    assert Client().post(f"/s/{link.token}/watched").status_code == 204
    link.refresh_from_db()
    assert link.views == 1


def test_a_second_request_gives_the_same_link_and_a_revoked_one_is_never_reused(owner, generation):
    link = public_link(owner, generation)
    assert public_link(owner, generation) == link
    click(signed_in(owner), generation, "link/revoke")
    assert public_link(owner, generation).token != link.token


@pytest.mark.parametrize("name", ["", "/video.mp4", "/poster", "/watched"])
def test_a_revoked_link_or_a_trashed_video_shows_nothing(owner, generation, name):
    link = public_link(owner, generation)
    ask = Client().post if name == "/watched" else Client().get
    generation.move_to_trash()
    assert ask(f"/s/{link.token}{name}").status_code == 404
    generation.restore()
    assert ask(f"/s/{link.token}{name}").status_code in {200, 204}
    click(signed_in(owner), generation, "link/revoke")
    assert ask(f"/s/{link.token}{name}").status_code == 404


@pytest.mark.parametrize("name", ["", "/video.mp4", "/poster"])
@pytest.mark.parametrize("token", [None, "never-made"])
def test_a_visitor_whose_link_is_revoked_sees_nothing_of_the_studio(owner, generation, settings, name, token):
    settings.DEMO = True
    link = public_link(owner, generation)
    click(signed_in(owner), generation, "link/revoke")
    answer = Client().get(f"/s/{token or link.token}{name}")
    page = answer.content.decode()
    assert answer.status_code == 404 and "noindex" in answer["X-Robots-Tag"]
    assert "This link is no longer valid" in page and "Ask them for a new link" in page
    assert "Demo" not in page and 'href="/"' not in page and "To the studio" not in page


def test_a_live_link_shows_no_navigation_and_no_demo_banner_either(owner, generation, settings):
    settings.DEMO = True
    page = Client().get(f"/s/{public_link(owner, generation).token}").content.decode()
    assert "Demo" not in page and 'href="/"' not in page


ONLY_HERE = "This link opens on this computer only"


@pytest.mark.parametrize(
    ("host", "studio_url", "warns"),
    [
        ("127.0.0.1:8000", "", True),
        ("localhost", "", True),
        ("studio.lan", "", False),
        ("localhost", "https://studio.example", False),
        ("localhost", "http://127.0.0.1:8000", True),
    ],
)
def test_a_link_made_on_this_machine_alone_says_that_others_cannot_open_it(
    owner, generation, settings, host, studio_url, warns
):
    settings.ALLOWED_HOSTS, settings.STUDIO_URL = ["*"], studio_url
    browser = signed_in(owner, host=host)
    assert ONLY_HERE not in browser.get(f"/g/{generation.public_id}").content.decode(), "nothing is shared yet"
    browser.post(f"/g/{generation.public_id}/link")
    page = browser.get(f"/g/{generation.public_id}").content.decode()
    assert (ONLY_HERE in page) == warns
    invitation = browser.post("/members/invite").content.decode()
    assert (ONLY_HERE in invitation) == warns
    assert (studio_url or f"http://{host}") + "/invite/" in invitation


def test_ten_thousand_guessed_links_give_nothing(owner, generation):
    link = public_link(owner, generation)
    near = [link.token[:-1], link.token + "A", link.token.swapcase(), link.token[:-2] + "%00", " " + link.token]
    client = Client()
    for token in near:
        assert client.get(f"/s/{token}").status_code == 404, token
    for _ in range(20):
        tokens = [secrets.token_urlsafe(24) for _ in range(500)]
        assert not PublicLink.objects.open().filter(token__in=tokens).exists()
        assert all(client.get(f"/s/{token}").status_code == 404 for token in tokens[:10])
    assert len(link.token) >= 32  # 192 bits


def test_the_link_uses_the_public_address(owner, generation, settings):
    settings.STUDIO_URL = "https://studio.example"
    link = public_link(owner, generation)
    page = signed_in(owner).get(f"/g/{generation.public_id}").content.decode()
    assert f"https://studio.example/s/{link.token}" in page


def test_a_deactivated_members_links_stop_at_once_and_work_again_with_the_member(owner):
    member = make_member("max")
    video = make(member, "a lighthouse")[0]
    link, owners = public_link(member, video), signed_in(owner)
    page = owners.get("/members").content.decode()
    assert "1 public link" in page and "/admin/videos/publiclink/?q=max" in page
    answer = owners.post(f"/members/{member.pk}/deactivate", follow=True).content.decode()
    assert "max can no longer sign in, and their public links no longer work." in answer
    assert "1 public link, stopped" in answer
    assert {Client().get(f"/s/{link.token}{name}").status_code for name in ("", "/video.mp4", "/poster")} == {404}
    assert "No" in owners.get("/admin/videos/publiclink/?q=max").content.decode()
    owners.post(f"/members/{member.pk}/activate")
    assert Client().get(f"/s/{link.token}").status_code == 200


def test_the_owner_may_revoke_a_deactivated_members_links_for_good(owner):
    member = make_member("max")
    link, owners = public_link(member, make(member, "a lighthouse")[0]), signed_in(owner)
    owners.post(f"/members/{member.pk}/deactivate")
    owners.post("/admin/videos/publiclink/", {"action": "revoke", "_selected_action": [link.pk]})
    page = owners.post(f"/members/{member.pk}/activate", follow=True).content.decode()
    assert "public link," not in page and "1 public link" not in page
    assert Client().get(f"/s/{link.token}").status_code == 404
