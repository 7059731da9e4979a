"""Stored totals are changed in the transaction of what they count, and always agree with the rows."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from tests.parts.exhibition import one_of_each
from tests.parts.generations import make_queued, make_ready, make_running, make_saving
from tests.parts.people import make_member
from videos.lifecycle import Status
from videos.models import (
    Batch,
    Budget,
    BudgetUse,
    Generation,
    Outcome,
    OwnerStorage,
    Provider,
    ProviderRecord,
    Request,
    SavedVideo,
    SpendDay,
    UsageDay,
)
from videos.models.recount import TABLES, differences, recount
from videos.models.stored_totals import bucket_of
from videos.models.usage import quantile, usage
from videos.storage import consistency

pytestmark = pytest.mark.django_db


@pytest.fixture
def member():
    Provider.objects.filter(value="veo_3_1").update(price=Decimal("0.4567"), price_unit="video")
    return make_member()


def failed(member, error_class="refused"):
    generation = make_running(member, "failing")
    Generation.objects.filter(pk=generation.pk).update(due_at=generation.created_at)
    [poll] = Generation.objects.claim_due_polls(timezone.now(), 1)
    Generation.objects.record_outcomes([Outcome(poll.pk, poll.token, Status.FAILED, {"error_class": error_class})])
    return Generation.objects.get(pk=generation.pk)


def sent(member):
    generation = Generation.objects.claim_to_send(make_queued(member).pk)
    assert generation.mark_sending(generation.lease_token)
    return generation


def refused(member):
    generation = sent(member)
    assert generation.refuse(generation.lease_token, "invalid", "refusal.invalid")


def found_not_made_and_accepted_after_all(member):
    generation = sent(member)
    token = generation.lease_token
    generation.lose_reply("lost.network")
    generation.resolve_as_not_made()
    assert not differences()
    assert generation.accept("late", token)


def made_again(member):
    generation = make_ready(member)
    assert generation.fetch_again()
    assert not differences()
    saving = Generation.objects.claim_to_save(generation.pk)
    facts = {"size": 30, "sha256": "6" * 64, "width": 1, "height": 1, "seconds": 5, "fps": 24, "codec": "h264"}
    assert saving.keep_video(saving.lease_token, SavedVideo(**facts))


def not_known_and_checked_again(member):
    generation = failed(member, "not_found")
    assert generation.check_again()


def stopped_and_checked_again(member):
    generation = make_running(member)
    assert generation.stop_waiting()
    assert generation.check_again()


def trashed_twice_and_restored(member):
    generation = make_ready(member)
    assert generation.move_to_trash()
    assert generation.move_to_trash()
    assert not differences()
    assert OwnerStorage.objects.get(owner=member).trashed == 1
    generation.restore()
    generation.restore()


def removed(make):
    def remove(member):
        generation = make(member)
        assert generation.move_to_trash()
        assert generation.remove_for_good()
        assert not UsageDay.objects.filter(made__gt=0).exists()

    return remove


def cancelled(member):
    generation = make_queued(member)
    assert generation.cancel()
    return generation


def many(member):
    providers = [Provider.objects.get(value=value) for value in ("veo_3_1", "kling_pro", "veo_3_1")]
    Batch.objects.make(member, "many", [Request("A lighthouse", provider) for provider in providers * 3])


STORIES = {
    "made": make_queued,
    "many made at once": many,
    "running": make_running,
    "saving": make_saving,
    "saved": make_ready,
    "failed by the remote": failed,
    "failed by the provider": lambda member: failed(member, "other"),
    "refused": refused,
    "cancelled": cancelled,
    "not made, and accepted after all": found_not_made_and_accepted_after_all,
    "saved anew": made_again,
    "not known, and checked again": not_known_and_checked_again,
    "stopped, and checked again": stopped_and_checked_again,
    "trashed twice and restored twice": trashed_twice_and_restored,
    "a saved one removed": removed(make_ready),
    "a failed one removed": removed(failed),
    "a cancelled one removed": removed(cancelled),
}


@pytest.mark.parametrize("story", STORIES)
def test_every_kept_number_agrees_with_the_rows(member, story):
    STORIES[story](member)
    assert differences() == []


def test_a_move_that_is_undone_leaves_the_numbers_as_they_were(member):
    make_ready(member)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        make_ready(member, "second", token="second")
        raise ZeroDivisionError
    assert differences() == []


def test_a_budget_reads_one_row_for_each_limit(member, django_assert_num_queries):
    Budget.objects.create(scope="studio", videos_per_day=5, money_per_month=10)
    make_queued(member)
    make_queued(member, token="second").cancel()
    with django_assert_num_queries(3):
        left = [(one.unit, one.left) for one in Budget.objects.left_for(member)]
    assert left == [("videos", 4), ("USD", Decimal("9.5433"))]


def test_every_difference_is_found_and_recounted(member, capsys):
    one_of_each(member)
    UsageDay.objects.all()[:1].get().delete()
    SpendDay.objects.update(amount=7)
    BudgetUse.objects.create(period="day", start=timezone.localdate() + timedelta(days=9), currency="EUR", videos=3)
    OwnerStorage.objects.update(size=1)
    ProviderRecord.objects.update(newest=[])
    assert len(differences()) >= 5
    with pytest.raises(SystemExit):
        call_command("recount", "--check")
    call_command("recount")
    assert "usage day of" in capsys.readouterr().out
    assert differences() == []
    before = [table.found() for table in TABLES]
    recount()
    assert [table.found() for table in TABLES] == before


def test_the_nightly_check_corrects_differences(member, caplog):
    make_ready(member)
    OwnerStorage.objects.update(size=1)
    consistency.nightly()
    assert "A stored total was wrong" in caplog.text
    assert differences() == []


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(0.4, "0"), (29.6, "30"), (99.4, "99"), (125, "125"), (127, "125"), (3000, "3000")]
)
def test_waits_are_kept_nearly_to_the_second(seconds, bucket):
    assert bucket_of(seconds) == bucket


def test_quantiles_of_kept_waits_are_those_of_the_waits():
    waits = usage(timezone.localdate(), timezone.localdate()).whole.waits
    assert quantile(waits, 0.5) is None
    waits.update({10: 1, 20: 1, 30: 2})
    assert [quantile(waits, share) for share in (0, 0.5, 0.9, 1)] == [10, 25, 30, 30]
