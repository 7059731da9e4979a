"""Invitations, and links for a new password: once, for seven days, and no mail server."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from tests.parts.crowd import crowd
from tests.parts.people import attempt, make_member, make_owner, signed_in
from tests.parts.studio import PASSWORD, Studio
from videos.models import OneTimeLink

User = get_user_model()
NEW = {"username": "nina", "password": PASSWORD}
TOKEN = "a-token-that-a-crowd-shares"


def path_in(answer):
    return re.search(r'value="http://testserver(/(?:invite|reset)/[^"]+)"', answer.content.decode())[1]


def take_invitation(number):
    """One of a crowd that was sent the same link."""
    client = Client()
    answer = client.post(f"/invite/{TOKEN}", {"username": f"member-{number}", "password": PASSWORD})
    return answer.status_code


@pytest.fixture
def owners_browser(db):
    return signed_in(make_owner())


@pytest.mark.django_db
def test_an_invitation_makes_a_member_and_signs_them_in(owners_browser, client):
    path = path_in(owners_browser.post("/members/invite"))
    assert client.get(path).status_code == 200
    assert client.post(path, NEW).url == "/"
    nina = User.objects.get(username="nina")
    assert not nina.is_superuser and not nina.is_staff
    assert client.get("/account").status_code == 200
    assert client.get("/admin/").status_code == 404


@pytest.mark.django_db
def test_an_invitation_works_once(owners_browser, client):
    path = path_in(owners_browser.post("/members/invite"))
    client.post(path, NEW)
    for answer in (Client().get(path), Client().post(path, {**NEW, "username": "second"})):
        assert answer.status_code == 404
        assert "This invitation is no longer valid" in answer.content.decode()
    assert not User.objects.filter(username="second").exists()


@pytest.mark.django_db
def test_a_refused_form_does_not_use_the_invitation_up(owners_browser, client):
    path = path_in(owners_browser.post("/members/invite"))
    make_member("nina")
    taken = client.post(path, {**NEW, "username": "NINA"})
    assert taken.status_code == 422
    assert "already has this name" in taken.content.decode()
    assert client.post(path, {**NEW, "username": "nina2"}).status_code == 302


@pytest.mark.django_db
def test_an_invitation_lasts_seven_days(owners_browser, client):
    path = path_in(owners_browser.post("/members/invite"))
    link = OneTimeLink.objects.get()
    assert timedelta(days=6, hours=23) < link.expires_at - timezone.now() <= timedelta(days=7)
    OneTimeLink.objects.update(expires_at=timezone.now())
    assert client.post(path, NEW).status_code == 404


@pytest.mark.django_db
def test_the_link_itself_is_stored_nowhere(owners_browser):
    token = path_in(owners_browser.post("/members/invite")).rsplit("/", 1)[1]
    row = OneTimeLink.objects.values().get()
    assert token not in str(row)
    assert token not in owners_browser.get("/members").content.decode()
    assert token not in owners_browser.get("/admin/videos/onetimelink/").content.decode()


@pytest.mark.django_db
def test_a_withdrawn_invitation_no_longer_works(owners_browser, client):
    path = path_in(owners_browser.post("/members/invite"))
    owners_browser.post(f"/members/invite/{OneTimeLink.objects.get().pk}/withdraw")
    assert client.get(path).status_code == 404


@pytest.mark.django_db
def test_a_guessed_link_gives_nothing(client):
    make_owner()
    assert client.get("/invite/guessed").status_code == 404
    assert client.get("/reset/guessed").status_code == 404


@pytest.mark.django_db
def test_an_invitation_does_not_work_as_a_password_link_or_the_other_way_round(owners_browser, client):
    member = make_member()
    invitation = path_in(owners_browser.post("/members/invite"))
    reset = path_in(owners_browser.post(f"/members/{member.pk}/reset"))
    assert client.get(invitation.replace("invite", "reset")).status_code == 404
    assert client.get(reset.replace("reset", "invite")).status_code == 404


@pytest.mark.django_db
def test_a_link_for_a_new_password_works_once_and_signs_out_everywhere_else(owners_browser, client):
    member = make_member()
    old = signed_in(member)
    path = path_in(owners_browser.post(f"/members/{member.pk}/reset"))
    assert client.post(path, {"password": "short"}).status_code == 422
    assert client.post(path, {"password": "another long password"}).url == "/"
    assert client.get("/account").status_code == 200
    assert old.get("/account").status_code == 302
    assert Client().post(path, {"password": "a third long password"}).status_code == 404
    assert attempt(Client(), password="another long password").status_code == 302


def change_on_the_account_page(owners_browser, member):
    fields = {"old_password": PASSWORD, "password": "another long password"}
    assert signed_in(member).post("/account", fields).url == "/account"


def change_in_the_admin(owners_browser, member):
    fields = {"password1": "another long password", "password2": "another long password", "usable_password": "true"}
    assert owners_browser.post(f"/admin/auth/user/{member.pk}/password/", fields).status_code == 302


def change_in_a_shell(owners_browser, member):
    member.set_password("another long password")
    member.save()


def use_a_newer_link(owners_browser, member):
    newer = path_in(owners_browser.post(f"/members/{member.pk}/reset"))
    assert Client().post(newer, {"password": "another long password"}).url == "/"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change", [change_on_the_account_page, change_in_the_admin, change_in_a_shell, use_a_newer_link]
)
def test_a_changed_password_voids_every_open_link_and_session(owners_browser, client, change):
    member = make_member()
    elsewhere = signed_in(member)
    path = path_in(owners_browser.post(f"/members/{member.pk}/reset"))
    change(owners_browser, member)
    assert client.get(path).status_code == 404
    answer = client.post(path, {"password": "a thief's long password"})
    assert answer.status_code == 404
    assert "the password has changed since" in answer.content.decode()
    assert elsewhere.get("/account").status_code == 302
    assert attempt(Client(), password="another long password").status_code == 302


def use_one_of_two_links(number):
    client = Client()
    return client.post(f"/reset/{TOKEN}-{number % 2}", {"password": f"the long password {number}"}).status_code


def test_of_two_links_used_at_once_one_works(database_url, tmp_path):
    studio = Studio(tmp_path / "studio", {"DATABASE_URL": database_url})
    studio.make_owner()
    make_links = (
        "from django.contrib.auth.models import User\n"
        "from videos.models import OneTimeLink\n"
        "from videos.models.one_time_link import digest\n"
        "owner = User.objects.get()\n"
        "for number in range(2):\n"
        "    token = OneTimeLink.objects.issue('password', owner, owner)\n"
        "    link = OneTimeLink.objects.filter(token_digest=digest(token))\n"
        f"    link.update(token_digest=digest(f'{TOKEN}-{{number}}'))\n"
    )
    studio.manage("shell", "-v", "0", "-c", make_links)
    answers = crowd("tests.test_invite:use_one_of_two_links", database_url, tmp_path, processes=4)
    assert sorted(answers) == [302, 404, 404, 404]


@pytest.mark.django_db
def test_a_link_lets_no_deactivated_member_back_in(owners_browser, client):
    member = make_member()
    path = path_in(owners_browser.post(f"/members/{member.pk}/reset"))
    owners_browser.post(f"/members/{member.pk}/deactivate")
    assert client.post(path, {"password": "another long password"}).status_code == 404
    owners_browser.post(f"/members/{member.pk}/activate")
    assert client.post(path, {"password": "another long password"}).status_code == 404, "it was withdrawn for good"


def test_one_invitation_makes_one_member_however_many_use_it_at_once(database_url, tmp_path):
    studio = Studio(tmp_path / "studio", {"DATABASE_URL": database_url})
    studio.make_owner()
    make_link = (
        "from django.contrib.auth.models import User\n"
        "from videos.models import OneTimeLink\n"
        "from videos.models.one_time_link import digest\n"
        "OneTimeLink.objects.issue('invite', User.objects.get())\n"
        f"OneTimeLink.objects.update(token_digest=digest('{TOKEN}'))\n"
    )
    studio.manage("shell", "-v", "0", "-c", make_link)
    answers = crowd("tests.test_invite:take_invitation", database_url, tmp_path, processes=4, threads=5)
    assert sorted(set(answers)) in ([302, 404], [302, 422], [302, 404, 422])
    assert answers.count(302) == 1
