"""The owner's room for people."""

import pytest
from django.contrib.auth import get_user_model

from tests.parts.people import attempt, make_member, signed_in
from videos.models import Budget

pytestmark = pytest.mark.django_db
User = get_user_model()


@pytest.fixture
def member():
    return make_member()


def test_the_owner_sees_who_is_here(owner, member):
    page = signed_in(owner).get("/members").content.decode()
    assert "owner" in page and "member" in page and "never signed in" in page


def test_for_a_member_the_room_does_not_exist(owner, member):
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
def test_a_budget_below_nothing_is_refused_with_a_sentence(owner, name):
    answer = signed_in(owner).post("/members/budget/studio", {name: "-1", "currency": "USD"})
    assert answer.content.decode().count("Give 0 or more; an empty field is no limit.") == 1
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
def test_a_budget_that_cannot_be_is_not_found(owner, path):
    assert signed_in(owner).get(f"/members/{path}").status_code == 404
