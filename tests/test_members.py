"""The members page."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.parts.crowd import crowd
from tests.parts.people import attempt, make_member, make_owner, signed_in
from tests.parts.studio import PASSWORD, Studio
from tests.parts.worker_processes import read
from videos.accounts import owners
from videos.models import Budget

pytestmark = pytest.mark.django_db
User = get_user_model()
OWNERS = 6


@pytest.fixture
def member():
    return make_member()


def test_the_owner_sees_every_member(owner, member):
    page = signed_in(owner).get("/members").content.decode()
    assert "owner" in page and "member" in page and "never signed in" in page


def test_the_page_costs_no_more_with_more_invitations(owner):
    client, counts = signed_in(owner), []
    for _ in range(2):
        for _ in range(3):
            client.post("/members/invite")
        with CaptureQueriesContext(connection) as made:
            assert client.get("/members").content.count(b"Withdraw") == 3 * (len(counts) + 1)
        counts.append(len(made))
    assert counts[0] == counts[1]


def test_for_a_member_the_page_does_not_exist(owner, member):
    client = signed_in(member)
    posts = ["invite", "invite/1/withdraw", f"{owner.pk}/reset", f"{owner.pk}/deactivate", f"{owner.pk}/activate"]
    forms = ["budget/studio", "budget/each", f"{member.pk}/budget"]
    assert client.get("/members").status_code == 404
    assert {client.post(f"/members/{path}").status_code for path in posts + forms} == {404}
    assert {client.get(f"/members/{path}").status_code for path in forms} == {404}
    assert User.objects.get(pk=owner.pk).is_active


def test_a_deactivated_member_is_out_at_once_and_can_be_let_in_again(client, owner, member):
    owners, members = signed_in(owner), signed_in(member)
    assert members.get("/account").status_code == 200
    owners.post(f"/members/{member.pk}/deactivate")
    assert members.get("/account").status_code == 302
    assert attempt(client).status_code == 422
    owners.post(f"/members/{member.pk}/activate")
    assert members.get("/account").status_code == 302, "the old session is gone for good"
    assert attempt(client).status_code == 302


def test_an_owner_cannot_shut_themselves_out(owner):
    assert signed_in(owner).post(f"/members/{owner.pk}/deactivate").status_code == 404
    assert User.objects.get().is_active


def test_the_owner_sets_and_removes_a_budget_for_all(owner):
    client = signed_in(owner)
    fields = {"videos_per_day": "20", "money_per_month": "150.50", "currency": "usd", "in_flight": ""}
    assert client.post("/members/budget/studio", fields).url == "/members"
    budget = Budget.objects.get()
    assert (budget.scope, budget.videos_per_day, str(budget.money_per_month)) == ("studio", 20, "150.50")
    assert (budget.currency, budget.in_flight, budget.videos_per_month) == ("USD", None, None)
    assert "20 videos a day" in client.get("/members").content.decode()

    client.post("/members/budget/studio", {**fields, "videos_per_day": "30"})
    assert Budget.objects.get().videos_per_day == 30
    client.post("/members/budget/studio", {"remove": "yes"})
    assert not Budget.objects.exists()


@pytest.mark.parametrize("name", ["videos_per_day", "money_per_day", "money_per_month", "in_flight"])
def test_a_negative_budget_is_refused_with_a_sentence(owner, name):
    answer = signed_in(owner).post("/members/budget/studio", {name: "-1", "currency": "USD"})
    assert answer.content.decode().count("Enter 0 or more; an empty field means no limit.") == 1
    assert "greater than" not in answer.content.decode()
    assert not Budget.objects.exists()


def test_a_member_may_have_a_budget_of_their_own(owner, member):
    client = signed_in(owner)
    client.post("/members/budget/each", {"videos_per_day": "5", "currency": "USD"})
    client.post(f"/members/{member.pk}/budget", {"videos_per_day": "50", "currency": "USD"})
    assert [budget.videos_per_day for budget in Budget.objects.binding(member)] == [50]
    assert [budget.videos_per_day for budget in Budget.objects.binding(owner)] == [5]


@pytest.mark.parametrize(
    "fields",
    [{"videos_per_day": "-1"}, {"videos_per_day": "many"}, {"money_per_day": "1.234"}, {"currency": "DOLLARS"}],
)
def test_a_bad_budget_says_why_and_changes_nothing(owner, fields):
    answer = signed_in(owner).post("/members/budget/studio", {"currency": "USD", **fields})
    assert answer.status_code == 422
    assert b'class="field-error"' in answer.content
    assert not Budget.objects.exists()


@pytest.mark.parametrize("path", ["budget/one", "budget/nonsense", "999/budget"])
def test_a_budget_that_does_not_exist_is_not_found(owner, path):
    assert signed_in(owner).get(f"/members/{path}").status_code == 404


# There is always an owner who can sign in


def deactivate_the_next(number):
    """One of a ring of owners, each of whom deactivates the next at the same moment."""
    client = Client()
    client.force_login(User.objects.get(username=f"owner-{number}"))
    target = User.objects.get(username=f"owner-{(number + 1) % OWNERS}")
    return client.post(f"/members/{target.pk}/deactivate").status_code


def deactivate_the_next_in_the_admin(number):
    client = Client()
    client.force_login(User.objects.get(username=f"owner-{number}"))
    target = User.objects.get(username=f"owner-{(number + 1) % OWNERS}")
    return client.post(f"/admin/auth/user/{target.pk}/change/", {"username": target.username}).status_code


@pytest.mark.parametrize("way", ["deactivate_the_next", "deactivate_the_next_in_the_admin"])
def test_of_owners_who_deactivate_each_other_at_once_one_stays(database_url, tmp_path, way):
    studio = Studio(tmp_path / "studio", {"DATABASE_URL": database_url})
    studio.add_people([f"owner-{number}" for number in range(OWNERS)], PASSWORD, is_owner=True)
    answers = crowd(f"tests.test_members:{way}", database_url, tmp_path, processes=OWNERS)
    assert set(answers) <= {200, 302, 400, 404}, answers  # 400: one's own session was ended meanwhile
    [[left]] = read(studio, "SELECT COUNT(*) FROM auth_user WHERE is_superuser AND is_active")
    assert left >= 1


def save_with(owner, **fields):
    for name, value in fields.items():
        setattr(owner, name, value)
    owner.save()


@pytest.mark.parametrize(
    "attempt_at_it",
    [
        lambda owner: save_with(owner, is_active=False),
        lambda owner: save_with(owner, is_superuser=False),
        lambda owner: owner.delete(),
        lambda owner: User.objects.all().delete(),
    ],
    ids=["deactivated", "demoted", "deleted", "all deleted"],
)
def test_the_last_owner_cannot_be_removed_in_a_shell(owner, attempt_at_it):
    make_member()
    with pytest.raises(owners.LastOwner), transaction.atomic():
        attempt_at_it(owner)
    assert owners.active().count() == 1


def test_all_but_the_last_owner_can_be_removed(owner):
    second, third = make_owner("second"), make_owner("third")
    second.delete()
    third.is_superuser = False
    third.save()
    assert list(owners.active()) == [owner]


def test_an_owner_who_cannot_sign_in_does_not_count(owner):
    second = make_owner("second")
    User.objects.filter(pk=second.pk).update(is_active=False)
    with pytest.raises(owners.LastOwner):
        owners.deactivate(owner)
    assert User.objects.get(pk=owner.pk).is_active


def test_the_members_page_says_why_the_last_owner_stays(owner, monkeypatch):
    """As in a race: the other owner has just deactivated this one."""
    second = make_owner("second")
    client = signed_in(second)
    monkeypatch.setattr(owners, "active", lambda: User.objects.filter(pk=owner.pk))
    page = client.post(f"/members/{owner.pk}/deactivate", follow=True).content.decode()
    assert "owner is the last owner who can sign in, so nothing was changed." in page
    assert User.objects.get(pk=owner.pk).is_active


def test_the_admin_refuses_to_demote_the_last_owner_in_a_sentence(owner, monkeypatch):
    second = make_owner("second")
    monkeypatch.setattr(owners, "active", lambda: User.objects.filter(pk=owner.pk))
    answer = signed_in(second).post(f"/admin/auth/user/{owner.pk}/change/", {"username": "owner"})
    assert answer.status_code == 200
    assert "owner is the last owner who can sign in, so nothing was changed." in answer.content.decode()
    assert User.objects.get(pk=owner.pk).is_superuser


def test_signing_in_asks_nothing_about_owners(owner, django_assert_num_queries):
    with django_assert_num_queries(1):
        owner.save(update_fields=["last_login"])
