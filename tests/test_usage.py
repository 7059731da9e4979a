"""Usage: the sums are right, and everyone sees their own."""

import csv
import io
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tests.parts.generations import make, make_queued, make_running
from tests.parts.people import make_member, signed_in
from videos.models import Collection, Provider
from videos.models.provider import ProviderPrice
from videos.models.usage import usage

pytestmark = pytest.mark.django_db
DAY = 86400


@pytest.fixture
def member(db):
    return make_member()


def last_month(user=None):
    today = timezone.localdate()
    return usage(today - timedelta(days=29), today, user)


def table(client, query=""):
    response = client.get(f"/usage.csv{query}")
    assert response["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(response.content.decode())))


def test_counts_success_and_times_are_right(owner):
    for took in (10, 20, 30, 40, 100):
        make(owner, took=took)
    make(owner, status="failed")
    make(owner, status="failed", error_class="refused")  # which is nobody's failure
    make(owner, status="running")
    make(owner, status="cancelled")
    whole = last_month().whole
    assert (whole.saved, whole.failed, whole.other) == (5, 2, 1)
    assert whole.median_seconds == 30
    assert whole.p90_seconds == pytest.approx(76)
    assert round(whole.percent_ok, 1) == 83.3


def test_spend_is_the_ledgers_sum_by_day_and_provider(owner):
    Provider.objects.filter(value="veo_3_1").update(price="0.40")
    make(owner, seconds_ago=2 * DAY)
    make(owner, count=2)
    asked = last_month()
    assert asked.whole.spend == {"USD": Decimal("1.20")}
    day = timezone.localdate(timezone.now() - timedelta(days=2))
    assert asked.by_day[day].spend == {"USD": Decimal("0.40")}


def test_days_outside_of_the_span_do_not_count(owner):
    make(owner, seconds_ago=40 * DAY)
    assert last_month().whole.count == 0
    assert len(last_month().by_day) == 30


def test_members_see_their_own_numbers_whatever_they_ask_for(owner, member):
    make(owner, count=3)
    make(member)
    for query in ("", "?who=everyone", "?who=me"):
        response = signed_in(member).get(f"/usage{query}")
        assert response.context["usage"].whole.saved == 1
        assert response.context["stored"].videos == 1
        assert [row["videos saved"] for row in table(signed_in(member), query) if row["by"] == "provider"] == ["1"]


def test_the_owner_chooses_between_everyone_and_me(owner, member):
    make(owner)
    make(member, count=2)
    assert signed_in(owner).get("/usage").context["usage"].whole.saved == 3
    assert signed_in(owner).get("/usage?who=me").context["usage"].whole.saved == 1


def test_the_space_used_counts_the_trash_and_says_so(owner):
    kept, trashed = make(owner, count=2)
    trashed.move_to_trash()
    stored = signed_in(owner).get("/usage").context["stored"]
    assert stored.videos == 2
    assert stored.size == kept.saved_video.size + trashed.saved_video.size
    assert stored.trashed_size == trashed.saved_video.size


def test_no_cell_of_the_csv_is_a_formula(owner):
    Provider.objects.create(value='=HYPERLINK("http://x")', name="Odd", family="Odd", position=99)
    make(owner, status="failed", providers=['=HYPERLINK("http://x")'])
    cells = [cell for row in table(signed_in(owner)) for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("query", ["?days=7", "?days=365", "?days=x", "?days=-1", "?who=%00", ""])
def test_every_period_is_drawn_even_without_videos(owner, query):
    response = signed_in(owner).get(f"/usage{query}")
    assert response.status_code == 200
    assert response.content.count(b"<rect") >= 7 * 4


def spend_words(owner):
    return signed_in(owner).get("/usage").context["spend_words"]


def test_the_page_says_what_its_total_leaves_out(owner):
    ProviderPrice.objects.all().delete()
    assert spend_words(owner) == "no provider has a price yet"
    Provider.objects.filter(value__in=["veo_3_1", "kling_pro"]).update(price="0.50")
    assert spend_words(owner) == "nothing spent"
    make(owner, providers=["veo_3_1"])
    assert spend_words(owner) == "spent or held"
    make(owner, providers=["kling_v2"])
    assert spend_words(owner) == "spent or held, without Kling V2: no price is set"


def test_a_price_for_some_settings_is_a_price_too(owner):
    make(owner, providers=["heygen_video_1"])
    assert spend_words(owner) == "spent or held"
    make(owner, providers=["kling_v2"])
    assert spend_words(owner) == "spent or held, without Kling V2: no price is set"


def money_of(client, query=""):
    """Name → (held, spent, videos, whether it is at least so much) of this month, as the page has it."""
    rows = client.get(f"/usage{query}").context["money"]
    return {
        name: (sums.held, sums.spent, sums.videos, sums.is_partial)
        for _, name, sums in ((kind, name, periods.month) for kind, name, periods in rows)
    }


def test_money_is_held_until_a_remote_accepts_and_released_if_none_does(owner, member):
    Provider.objects.filter(value="veo_3_1").update(price="0.40", price_unit="video")
    queued, cancelled = make_queued(owner), make_queued(owner, token="second")
    cancelled.cancel()
    running = make_running(owner, token="third")
    make(member, providers=["kling_pro"])  # without a price
    film = Collection.objects.make(owner, "Film")
    film.add([queued, cancelled, running], owner)
    amount = {"USD": Decimal("0.40")}
    theirs, own = ({}, {}, 1, True), (amount, amount, 2, False)
    assert money_of(signed_in(owner)) == {
        "Everyone together": (amount, amount, 3, True),
        owner.get_username(): own,
        member.get_username(): theirs,
        "Film": own,
    }
    assert money_of(signed_in(owner), "?who=me") == {owner.get_username(): own, "Film": own}
    assert money_of(signed_in(member)) == {member.get_username(): theirs}


def test_money_of_another_month_is_in_no_total(owner):
    Provider.objects.filter(value="veo_3_1").update(price="0.40", price_unit="video")
    [old] = make(owner, seconds_ago=40 * DAY)
    Collection.objects.make(owner, "Film").add([old], owner)
    assert money_of(signed_in(owner)) == {}
