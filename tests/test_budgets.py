"""Budgets are checked and held in the transaction that makes the generations, and the ledger accounts for them."""

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.db.models import Count, Sum

from tests.parts.crowd import crowd
from tests.parts.generations import make_queued, make_ready, make_running, make_saving
from tests.parts.people import make_member, make_owner
from tests.parts.studio import Studio
from tests.parts.worker_processes import read
from videos.lifecycle import Status
from videos.models import Batch, Budget, Generation, LedgerEntry, Outcome, OverBudget, Provider, Request, TokenTaken

LIMIT, PROCESSES, TRIES = 50, 20, 20
BOOKS = {
    "generations": "SELECT COUNT(*) FROM videos_generation",
    "batches": "SELECT COUNT(*) FROM videos_batch",
    "held": "SELECT SUM(videos) FROM videos_ledgerentry",
    "entries": "SELECT COUNT(*) FROM videos_ledgerentry",
    "with_one_hold": "SELECT COUNT(*) FROM (SELECT generation_id FROM videos_ledgerentry GROUP BY generation_id"
    " HAVING COUNT(*) = 1 AND MIN(kind) = 'hold') AS held_once",
}


def request_of(prompt="a lighthouse in fog", provider="veo_3_1", **asked):
    return Request(prompt=prompt, provider=Provider.objects.get(value=provider), **asked)


def generate_often(number):
    """One of a crowd: generates again and again, each time with a new form. Returns how many batches were made."""
    member = get_user_model().objects.get(username=f"member-{number % 4}")
    taken = 0
    for turn in range(TRIES):
        try:
            Batch.objects.make(member, f"form-{number}-{turn}", [request_of()])
            taken += 1
        except OverBudget:
            continue
    return taken


def send_the_same_form(number):
    """One of a crowd that all send the one form that one person filled in."""
    member = get_user_model().objects.get(username="member-0")
    return str(Batch.objects.make(member, "the-one-form", [request_of(), request_of()]).public_id)


@pytest.fixture
def books(database_url, tmp_path):
    """A studio's database with four members and a shared budget, and the contents of its ledger."""
    studio = Studio(tmp_path / "studio", {"DATABASE_URL": database_url})
    studio.manage(
        "shell",
        "-v",
        "0",
        "-c",
        "from django.contrib.auth.models import User\nfrom videos.models import Budget\n"
        "for number in range(4): User.objects.create_user(f'member-{number}')\n"
        f"Budget.objects.create(scope='studio', videos_per_day={LIMIT})",
    )

    return lambda: {name: read(studio, select)[0][0] for name, select in BOOKS.items()}


def test_many_concurrent_clicks_get_exactly_the_budget(books, database_url, tmp_path):
    taken = crowd("tests.test_budgets:generate_often", database_url, tmp_path, processes=PROCESSES)
    assert sum(taken) == LIMIT
    assert books() == {
        "generations": LIMIT,
        "batches": LIMIT,
        "held": LIMIT,
        "entries": LIMIT,
        "with_one_hold": LIMIT,
    }


def test_one_form_makes_one_batch_however_often_it_is_sent_at_once(books, database_url, tmp_path):
    batches = crowd("tests.test_budgets:send_the_same_form", database_url, tmp_path, processes=5, threads=8)
    assert len(set(batches)) == 1
    assert books() == {"generations": 2, "batches": 1, "held": 2, "entries": 2, "with_one_hold": 2}


@pytest.fixture
def member(db):
    return make_member()


def lines(generation):
    """The ledger of one generation: (kind, videos, amount), oldest first."""
    return [(entry.kind, entry.videos, entry.amount) for entry in generation.ledger.order_by("pk")]


HOLD, SETTLE, RELEASE = ("hold", 1, Decimal(3)), ("settle", 0, Decimal(0)), ("release", -1, Decimal(-3))
SECOND_LESS = ("length", 0, Decimal("-0.5"))


@pytest.fixture
def priced(member):
    Provider.objects.filter(value="veo_3_1").update(price=Decimal("0.5"), price_unit="second", currency="EUR")
    return {"config": {"duration": 6}}


def claimed(generation):
    found = Generation.objects.claim_to_send(generation.pk)
    assert found.mark_sending(found.lease_token)
    return found


def failed(member, **asked):
    generation = make_running(member, **asked)
    Generation.objects.filter(pk=generation.pk).update(due_at=generation.created_at)
    poll = Generation.objects.claim_due_polls(generation.created_at, 1)[0]
    assert Generation.objects.record_outcomes([Outcome(poll.pk, poll.token, Status.FAILED, {"error_class": "refused"})])
    generation.refresh_from_db()
    return generation


def test_a_batch_holds_its_price(member, priced):
    generation = make_queued(member, **priced)
    assert lines(generation) == [HOLD]
    assert generation.ledger.get().currency == "EUR"


def test_cancelling_before_sending_releases_the_budget_once(member, priced):
    generation = make_queued(member, **priced)
    assert generation.cancel()
    assert not generation.cancel()
    assert lines(generation) == [HOLD, RELEASE]


def test_an_accepted_generation_is_settled(member, priced):
    assert lines(make_running(member, **priced)) == [HOLD, SETTLE]


def test_a_saved_video_costs_its_real_length_if_the_price_is_per_second(member, priced):
    assert lines(make_ready(member, **priced)) == [HOLD, SETTLE, SECOND_LESS]  # 6 s asked for, 5 s came


def test_a_price_per_video_or_none_keeps_the_held_amount(member, priced):
    Provider.objects.filter(value="veo_3_1").update(price_unit="video")
    held = ("hold", 1, Decimal("0.5"))
    assert lines(make_ready(member, **priced)) == [held, SETTLE]
    Provider.objects.filter(value="veo_3_1").update(price=None)
    unknown = lines(make_ready(member, "node-gw-2", token="two", **priced))
    assert unknown == [("hold", 1, Decimal(0)), SETTLE]


def test_the_real_length_counts_at_the_price_that_was_held(member, priced):
    generation = make_saving(member, **priced)
    Provider.objects.filter(value="veo_3_1").update(price=Decimal(9))
    generation.refresh_from_db()
    generation.count_real_length(4.02)
    assert lines(generation)[2:] == [("length", 0, Decimal(-1))]
    generation.count_real_length(4.02)
    assert len(lines(generation)) == 3


EDITS = {
    "other lengths": {"seconds": [9]},
    "another price per second": {"price": Decimal(9)},
    "a price per video": {"price": Decimal(9), "price_unit": "video"},
    "no price": {"price": None},
    "another currency": {"currency": "GBP"},
}


@pytest.mark.parametrize("name", EDITS)
def test_what_an_owner_edits_between_hold_and_ready_changes_no_settled_amount(name, member, priced):
    generation = make_saving(member, **priced)
    Provider.objects.filter(value="veo_3_1").update(**EDITS[name])
    generation.refresh_from_db()
    generation.count_real_length(5.1)
    assert lines(generation)[2:] == [SECOND_LESS]
    assert {entry.currency for entry in generation.ledger.all()} == {"EUR"}


def test_a_price_per_video_that_was_held_is_not_counted_by_length_later(member, priced):
    Provider.objects.filter(value="veo_3_1").update(price_unit="video")
    generation = make_saving(member, **priced)
    Provider.objects.filter(value="veo_3_1").update(price_unit="second")
    generation.refresh_from_db()
    generation.count_real_length(5.1)
    assert lines(generation) == [("hold", 1, Decimal("0.5")), SETTLE]


def test_one_made_before_the_seconds_were_kept_is_counted_by_the_present_lengths(member, priced):
    generation = make_saving(member, **priced)
    Generation.objects.filter(pk=generation.pk).update(held_seconds=None)
    generation.refresh_from_db()
    generation.count_real_length(5.1)
    assert lines(generation)[2:] == [SECOND_LESS]


def test_fetching_a_copy_again_costs_nothing(member, priced):
    generation = make_ready(member, **priced)
    assert generation.fetch_again()
    assert lines(generation) == [HOLD, SETTLE, SECOND_LESS]


@pytest.mark.parametrize("held", [6, None])
def test_a_copy_that_is_fetched_again_costs_nothing_whatever_its_length(held, member, priced):
    """Also one whose seconds were not kept when it was made, after an owner has edited its provider."""
    generation = make_ready(member, **priced)
    Generation.objects.filter(pk=generation.pk).update(held_seconds=held)
    Provider.objects.filter(value="veo_3_1").update(seconds=[3])
    assert generation.fetch_again()
    generation.count_real_length(9.0)
    assert lines(generation) == [HOLD, SETTLE, SECOND_LESS]


def test_a_definite_refusal_releases_the_budget(member, priced):
    generation = claimed(make_queued(member, **priced))
    assert generation.refuse(generation.lease_token, "prompt", "Refused.")
    assert lines(generation) == [HOLD, RELEASE]


def test_a_failure_after_acceptance_may_have_been_charged_and_stays_settled(member, priced):
    assert lines(failed(member, **priced)) == [HOLD, SETTLE]


def test_an_unknown_outcome_stays_held_until_a_person_resolves_it(member, priced):
    generation = claimed(make_queued(member, **priced))
    generation.lose_reply("The connection broke.")
    assert lines(generation) == [HOLD]
    assert generation.resolve_as_not_made()
    assert lines(generation) == [HOLD, RELEASE]


def test_an_unknown_outcome_that_is_found_is_settled(member, priced):
    generation = claimed(make_queued(member, **priced))
    generation.lose_reply("The connection broke.")
    assert generation.resolve_as_found("node-gw-9")
    assert lines(generation) == [HOLD, SETTLE]


def test_a_late_reply_is_held_again_and_settled(member, priced):
    generation = claimed(make_queued(member, **priced))
    token = generation.lease_token
    generation.lose_reply("The connection broke.")
    generation.resolve_as_not_made()
    assert generation.accept("node-gw-9", token)
    assert lines(generation) == [HOLD, RELEASE, HOLD, SETTLE]


def test_stopping_and_checking_again_change_no_sum(member, priced):
    generation = make_running(member, **priced)
    assert generation.stop_waiting()
    assert generation.check_again()
    assert lines(generation) == [HOLD, SETTLE]


def test_a_generation_that_is_put_back_is_held_once(member, priced):
    generation = claimed(make_queued(member, **priced))
    assert generation.put_back(generation.lease_token, generation.created_at - generation.created_at, "delay.busy")
    assert lines(generation) == [HOLD]


def test_a_retry_holds_for_itself(member, priced):
    first = failed(member, **priced)
    second = Batch.objects.retry(first, member, "another-form").generations.get()
    assert lines(second) == [HOLD]
    assert second.retry_of == first


def test_sums_agree_with_the_rows(member, priced):
    make_ready(member, "node-gw-1", token="one", **priced)
    make_saving(member, "node-gw-2", token="two", **priced)
    make_queued(member, token="three", **priced).cancel()
    make_queued(member, token="four", **priced)
    assert LedgerEntry.objects.videos_held() == 3
    assert LedgerEntry.objects.money_held("EUR") == Decimal("8.5")
    per_generation = LedgerEntry.objects.values("generation").annotate(left=Sum("videos"), lines=Count("pk"))
    assert sorted(row["left"] for row in per_generation) == [0, 1, 1, 1]


# What a budget allows


def generate(member, token, count=1, **asked):
    return Batch.objects.make(member, token, [request_of(**asked) for _ in range(count)])


@pytest.mark.parametrize("limit", ["videos_per_day", "videos_per_month", "in_flight"])
@pytest.mark.parametrize("scope", ["studio", "each", "one"])
def test_a_limit_is_kept_to_the_last_video(member, limit, scope):
    Budget.objects.create(scope=scope, user=member if scope == "one" else None, **{limit: 3})
    generate(member, "a", 2)
    with pytest.raises(OverBudget, match=r"[Nn]othing was sent"):
        generate(member, "b", 2)
    generate(member, "c", 1)
    with pytest.raises(OverBudget):
        generate(member, "d", 1)
    assert Generation.objects.count() == 3
    assert Batch.objects.count() == 2, "a refused batch leaves nothing behind"


@pytest.mark.parametrize("limit", ["money_per_day", "money_per_month"])
def test_money_counts_only_for_providers_with_a_price(member, priced, limit):
    Budget.objects.create(scope="studio", currency="EUR", **{limit: Decimal("6.00")})
    generate(member, "a", 2, **priced)
    with pytest.raises(OverBudget, match="EUR"):
        generate(member, "b", 1, **priced)
    generate(member, "c", 1, provider="kling_pro")


def test_all_members_share_the_budget_of_the_studio(member):
    Budget.objects.create(scope="studio", videos_per_day=1)
    generate(make_member("other"), "a")
    with pytest.raises(OverBudget, match="everyone together"):
        generate(member, "b")


def test_each_member_has_the_default_budget(member):
    Budget.objects.create(scope="each", videos_per_day=1)
    generate(make_member("other"), "a")
    generate(member, "b")
    with pytest.raises(OverBudget, match="for you"):
        generate(member, "c")


def test_a_released_hold_can_be_spent_again(member):
    Budget.objects.create(scope="studio", videos_per_day=1)
    generate(member, "a").generations.get().cancel()
    generate(member, "b")


def test_a_budget_of_zero_allows_nothing(member):
    Budget.objects.create(scope="studio", videos_per_day=0)
    with pytest.raises(OverBudget):
        generate(member, "a")


def test_a_form_sent_twice_makes_one_batch_even_when_the_budget_is_used_up_by_it(member):
    Budget.objects.create(scope="studio", videos_per_day=1)
    assert generate(member, "a") == generate(member, "a")
    assert Generation.objects.count() == 1


def test_the_form_of_somebody_else_makes_nothing(member):
    generate(make_owner(), "a")
    with pytest.raises(TokenTaken):
        generate(member, "a")
    assert Generation.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "duration", [-1000, 0, 1e300, 1e12, float("nan"), "-8", "long", "1e999", None, True, [8], {"seconds": 8}]
)
def test_no_setting_lowers_a_price(duration):
    provider = Provider.objects.get(value="veo_3_1")
    provider.price, provider.price_unit = Decimal("0.5"), Provider.PriceUnit.SECOND
    assert Request("a lighthouse", provider, config={"duration": duration}).amount() == 4  # eight seconds, its longest


@pytest.mark.django_db
@pytest.mark.parametrize(("duration", "amount"), [(8, 4), ("8", 4), (6.5, 4), (0.00001, 2), (12, 6)])
def test_a_length_is_held_at_the_price_of_the_next_longer_that_the_provider_makes(duration, amount):
    provider = Provider.objects.get(value="veo_3_1")
    provider.price, provider.price_unit = Decimal("0.5"), Provider.PriceUnit.SECOND
    assert Request("a lighthouse", provider, config={"duration": duration}).amount() == amount


@pytest.mark.django_db
def test_money_in_another_currency_does_not_count_against_a_budget(member):
    Budget.objects.create(scope=Budget.Scope.STUDIO, money_per_day=Decimal(1), currency="USD")
    Provider.objects.filter(value="veo_3_1").update(price=5, currency="EUR")
    make_queued(member)
    [left] = Budget.objects.left_for(member)
    assert (left.left, left.unit) == (1, "USD")


def test_a_release_is_in_the_currency_of_its_hold(member, priced):
    generation = make_queued(member)
    Provider.objects.update(currency="USD")
    Generation.objects.get(pk=generation.pk).cancel()
    sums = LedgerEntry.objects.values("currency").annotate(sum=Sum("amount"))
    assert {row["currency"]: row["sum"] for row in sums} == {"EUR": 0}


def test_demo_videos_do_not_count_against_a_budget(member, settings):
    Budget.objects.create(scope="studio", videos_per_day=1, in_flight=1)
    settings.DEMO = True
    make_queued(member, token="in-demo-mode")
    settings.DEMO = False
    make_queued(member)
    with pytest.raises(OverBudget):
        make_queued(member, token="one-too-many")
