"""Owners, managers and members: who may do what to whom."""

import pytest
from django.contrib.auth import get_user_model

from tests.parts.people import make_manager, make_member, make_owner, signed_in
from videos.accounts import owners, roles
from videos.accounts.roles import Role
from videos.models import Budget, OneTimeLink, RemoteAccount

pytestmark = pytest.mark.django_db
User = get_user_model()


@pytest.fixture
def manager(owner):
    return make_manager()


def role_of(person):
    return roles.role_of(User.objects.get(pk=person.pk))


def test_an_owner_makes_a_member_a_manager_and_takes_it_back(owner):
    member = make_member()
    client = signed_in(owner)
    for role in ("manager", "owner", "member"):
        assert client.post(f"/members/{member.pk}/role", {"role": role}).url == "/members"
        assert role_of(member) == role
    assert "a member now." in client.get("/members").content.decode()


@pytest.mark.parametrize("role", ["", "king", "\0"])
def test_an_unknown_role_is_refused_and_changes_nothing(owner, role):
    member = make_member()
    assert signed_in(owner).post(f"/members/{member.pk}/role", {"role": role}).status_code == 422
    assert role_of(member) == Role.MEMBER


def test_nobody_changes_their_own_role(owner):
    assert signed_in(owner).post(f"/members/{owner.pk}/role", {"role": "member"}).status_code == 404


def test_the_last_owner_keeps_the_role(owner, monkeypatch):
    """As in a race: the other owner has just demoted this one."""
    second = make_owner("second")
    client = signed_in(second)
    monkeypatch.setattr(owners, "active", lambda: User.objects.filter(pk=owner.pk))
    page = client.post(f"/members/{owner.pk}/role", {"role": "member"}, follow=True).content.decode()
    assert "is the last owner who can sign in" in page
    assert role_of(owner) == Role.OWNER


def test_a_manager_invites_and_sets_budgets_and_pauses(manager):
    member = make_member()
    client = signed_in(manager)
    assert "/invite/" in client.post("/members/invite").content.decode()
    fields = {"videos_per_day": "5", "currency": "USD"}
    for path in ("/members/budget/studio", "/members/budget/each", f"/members/{member.pk}/budget"):
        assert client.post(path, fields).url == "/members"
    assert Budget.objects.count() == 3
    client.post("/remotes/heygen_models/pause")
    assert RemoteAccount.objects.get(backend="heygen_models").paused
    client.post("/resume")
    assert not RemoteAccount.objects.filter(paused=True).exists()
    assert "Everyone" in client.get("/usage").content.decode()


def test_a_manager_sees_no_admin_and_cannot_change_owners(owner, manager):
    client = signed_in(manager)
    assert client.get("/admin/").status_code == 404
    for path in (f"{owner.pk}/budget", f"{owner.pk}/deactivate", f"{owner.pk}/activate", f"{owner.pk}/reset"):
        assert client.post(f"/members/{path}", {"videos_per_day": "0", "currency": "USD"}).status_code == 404
    page = client.get("/members").content.decode()
    assert "/admin/" not in page and "Password reset link" not in page and "/role" not in page
    assert "/admin/" not in client.get("/remotes").content.decode()


def test_a_manager_deactivates_members_but_not_another_manager(manager):
    member, other = make_member(), make_manager("other")
    client = signed_in(manager)
    assert client.post(f"/members/{member.pk}/deactivate").url == "/members"
    assert client.post(f"/members/{other.pk}/deactivate").status_code == 404
    assert not User.objects.get(pk=member.pk).is_active and User.objects.get(pk=other.pk).is_active
    assert client.post(f"/members/{member.pk}/activate").url == "/members"
    assert User.objects.get(pk=member.pk).is_active


def test_people_who_lose_rights_lose_the_open_links_that_they_made(manager):
    OneTimeLink.objects.issue("invite", manager)
    roles.set_role(manager, Role.OWNER)
    assert OneTimeLink.objects.open().count() == 1
    roles.set_role(manager, Role.MEMBER)
    assert OneTimeLink.objects.open().count() == 0
