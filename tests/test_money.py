"""Money in view: what is held, spent and left, by member and collection, today and this month."""

import csv
import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from heygen_studio.time_zone import studio_day
from tests.parts.generations import generate, make_queued, make_ready
from tests.parts.people import make_manager, make_member, signed_in
from videos.admin_site import overview
from videos.models import Budget, Collection, Generation, LedgerEntry, Provider, money
from videos.models.money import by_collection, by_member, of_everyone
from videos.models.recount import recount

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 15)
EUROS, NOTHING = Decimal("0.40"), {}


@pytest.fixture(autouse=True)
def prices():
    Provider.objects.filter(value="veo_3_1").update(price=EUROS, price_unit="video", currency="EUR")
    Provider.objects.exclude(value="veo_3_1").update(price=None)


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def middle_of_a_month(monkeypatch):
    monkeypatch.setattr(money, "studio_day", lambda: TODAY)


def on(day, generation):
    generation.ledger.update(day=day)
    recount()
    return generation


def sums_of(person):
    return by_member([person])[person.pk]


def test_money_is_held_in_progress_and_spent_once_accepted(member):
    make_queued(member, token="1")
    make_ready(member, token="2")
    today = sums_of(member).today
    assert (today.held, today.spent, today.videos) == ({"EUR": EUROS}, {"EUR": EUROS}, 2)
    assert today.total("EUR") == 2 * EUROS and not today.is_partial


def test_returned_money_is_neither_held_nor_spent(member):
    assert make_queued(member).cancel()
    sums = sums_of(member)
    assert not sums.today and not sums.month
    assert sums_of(make_member("who never made one")) == money.Periods()


def test_a_video_that_was_deleted_stays_spent(member):
    made = make_ready(member)
    Generation.objects.filter(pk=made.pk).delete()
    assert sums_of(member).today.spent == {"EUR": EUROS}


def test_a_month_counts_its_own_days_alone(member, middle_of_a_month):
    days = [TODAY, TODAY - timedelta(days=1), TODAY.replace(day=1), TODAY.replace(day=1) - timedelta(days=1)]
    for number, day in enumerate(days):
        on(day, make_ready(member, f"node-{number}", token=str(number)))
    sums = sums_of(member)
    assert (sums.today.spent, sums.today.videos) == ({"EUR": EUROS}, 1)
    assert (sums.month.spent, sums.month.videos) == ({"EUR": 3 * EUROS}, 3)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])  # one of them has another day, always
def test_its_days_are_the_studios_in_every_time_zone(member, zone):
    make_ready(member)
    with timezone.override(zone):
        assert sums_of(member).today.spent == {"EUR": EUROS}
        assert overview.spend().today == "€0.40"


def test_two_currencies_are_never_added(member):
    make_ready(member, token="1")
    Provider.objects.filter(value="veo_3_1").update(price=2, currency="USD")
    make_ready(member, "node-gw-2", token="2")
    assert sums_of(member).today.spent == {"EUR": EUROS, "USD": Decimal(2)}


# What is left
def test_what_is_left_counts_the_personal_budget_or_else_the_default_one(member):
    other = make_member("other")
    Budget.objects.create(scope="each", videos_per_day=5)
    Budget.objects.create(scope="one", user=other, money_per_month=10, currency="EUR")
    for person in (member, other):
        make_ready(person, f"node-{person.pk}", token=str(person.pk))
    sums = by_member([member, other])
    assert [(one.left, one.limit) for one in sums[member.pk].today.left] == [(4, 5)]
    assert sums[member.pk].month.left == [] == sums[other.pk].today.left
    assert [(one.left, one.unit) for one in sums[other.pk].month.left] == [(10 - EUROS, "EUR")]


def test_what_is_left_agrees_with_the_budget(member):
    limits = {"videos_per_day": 3, "videos_per_month": 9, "money_per_day": 1, "money_per_month": 2, "currency": "EUR"}
    budget = Budget.objects.create(scope="each", **limits)
    for number in range(2):
        make_ready(member, f"node-{number}", token=str(number))
    sums = sums_of(member)
    shown = [(one.period, one.unit, one.left) for one in [*sums.today.left, *sums.month.left]]
    assert shown == [(one.period, one.unit, one.left) for one in budget.left(member)]


def test_a_lowered_budget_leaves_zero_and_not_less(member):
    make_ready(member)
    Budget.objects.create(scope="each", videos_per_day=0, money_per_day="0.10", currency="EUR")
    assert [one.left for one in sums_of(member).today.left] == [0, 0]


def test_everyone_together_has_the_studios_budget(member, owner):
    Budget.objects.create(scope="studio", videos_per_day=5)
    make_ready(member, token="1")
    make_queued(owner, token="2")
    today = of_everyone().today
    assert (today.held, today.spent) == ({"EUR": EUROS}, {"EUR": EUROS})
    assert [one.left for one in today.left] == [3]


# Collections
def test_a_collection_sums_its_videos_and_one_in_two_counts_in_both(member, owner):
    first, second = (Collection.objects.find_or_make(name, member) for name in ("First", "Second"))
    both, mine = make_ready(member, token="1"), make_queued(member, token="2")
    others = make_ready(owner, "node-gw-2", token="3")
    first.add([both, mine, others], member)
    second.add([both], member)
    sums = by_collection([first, second])
    assert (sums[first.pk].today.spent, sums[first.pk].today.held) == ({"EUR": 2 * EUROS}, {"EUR": EUROS})
    assert sums[second.pk].month.spent == {"EUR": EUROS}
    assert by_collection([first, second], owner)[first.pk].today.spent == {"EUR": EUROS}
    assert by_collection([first, second], owner).keys() == {first.pk}


# On the pages
def text(reply):
    return " ".join(reply.content.decode().split())


def row_of(page, name):
    """The cells of the table *Money*: who, held, spent and left today, and of the month."""
    start = page.index(f"<bdi>{name}</bdi>", page.index('id="money"'))
    return [cell.split("</td>")[0] for cell in page[start : page.index("</tr>", start)].split("<td>")[1:]]


def lines(client, query=""):
    """(by, name) → held, spent, left of the CSV."""
    rows = csv.DictReader(io.StringIO(client.get(f"/usage.csv{query}").content.decode()))
    return {(row["by"], row["name"]): (row["held"], row["spent"], row["left of the budget"]) for row in rows}


def test_usage_shows_an_owner_everyone_and_a_member_only_themselves(member, owner):
    Budget.objects.create(scope="each", videos_per_day=5)
    make_ready(member, token="1")
    make_queued(owner, token="2")
    page = text(signed_in(owner).get("/usage"))
    assert row_of(page, "member") == ["–", "€0.40", "4 of 5 videos", "–", "€0.40", "no limit"]
    assert row_of(page, "Everyone together")[:2] == ["€0.40", "€0.40"]
    own = text(signed_in(member).get("/usage?who=everyone"))
    assert row_of(own, "member")[1] == "€0.40"
    assert "<bdi>owner</bdi>" not in own.split('id="money"')[1]
    assert {name for kind, name in lines(signed_in(member), "?who=everyone") if "," in kind} == {"member"}


def test_a_sum_that_lacks_a_price_says_at_least_on_every_page(member, owner):
    make_ready(member, token="1")
    generate(provider="kling_v2", by=member)
    page = text(signed_in(owner).get("/usage"))
    assert row_of(page, "member")[:2] == ["–", "at least €0.40"]
    assert "spent this month: at least €0.40," in text(signed_in(owner).get("/members"))
    assert lines(signed_in(owner))["member, today", "member"] == ("", "at least 0.4000 EUR", "")
    assert "at least" in text(signed_in(owner).get("/admin/"))


def test_a_sum_without_any_price_is_not_zero(member, owner):
    generate(provider="kling_v2", by=member)
    assert row_of(text(signed_in(owner).get("/usage")), "member")[1] == "no price set"
    assert lines(signed_in(owner))["member, this month", "member"][1] == "at least 0"


def test_the_csv_has_members_and_collections_and_what_is_left(member, owner):
    Budget.objects.create(scope="each", money_per_day=2, currency="EUR")
    Collection.objects.find_or_make("=Spring", member).add([made := make_ready(member)], member)
    found = lines(signed_in(member))
    assert found["member, today", "member"] == ("", "0.4000 EUR", "1.6000 EUR")
    assert found["collection, this month", "'=Spring"] == ("", "0.4000 EUR", "")
    assert found["day", studio_day().isoformat()] == ("", "", "")
    assert LedgerEntry.objects.filter(generation=made).count() == 2


def test_a_manager_sees_what_members_spent(member):
    make_ready(member)
    assert "spent this month: €0.40, held: –; left today: no limit" in text(signed_in(make_manager()).get("/members"))


# The admin's front page
def test_the_overview_shows_fourteen_days_against_todays_budget(member, owner):
    Budget.objects.create(scope="studio", money_per_day=4, currency="EUR")
    today = studio_day()
    make_ready(member, "node-gw-1", token="1")
    on(today - timedelta(days=3), make_ready(member, "node-gw-2", token="2"))
    on(today - timedelta(days=20), make_ready(member, "node-gw-3", token="3"))
    spend = overview.spend()
    assert (spend.today, spend.limit, spend.budget_y) == ("€0.40", "€4.00", 0)
    assert [bar.day for bar in spend.bars if bar.amount] == [today - timedelta(days=3), today]
    assert [bar.height for bar in spend.bars if bar.amount] == [10, 10]
    assert [(person.name, person.amount, person.limit) for person in spend.people] == [("member", "€0.40", "no limit")]
    assert "today's budget dashed" in text(signed_in(owner).get("/admin/"))


def test_a_cancelled_video_without_a_price_leaves_no_at_least_behind(member):
    made = generate(provider="kling_v2", by=member)
    assert overview.spend().unpriced == 1
    assert made.cancel()
    assert overview.spend().unpriced == 0
