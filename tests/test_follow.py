"""What the pump does with the rows: whose turn it is, when the next poll comes, and who may hold the slot."""

import threading
import uuid
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from tests.parts.accounts import account
from tests.parts.processes import wait_until
from videos import stopping
from videos.engine import poll, poll_outcomes, recovery
from videos.engine.submit import submit
from videos.models import Batch, DuePoll, Generation, ProcessLock, Provider, Request
from videos.remotes.base import Progress, State
from videos.remotes.errors import Cause, RemoteError

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
NOW = timezone.now()
STILL_RUNNING = {"call": "poll", "do": {"status_word": "running"}}


@pytest.fixture(autouse=True)
def quick_polls(settings):
    settings.POLL_SECONDS = 0.3


@pytest.fixture
def running(remote, django_user_model):
    """`running("a prompt")`: generations that were really sent, and run until the stand-in's fault is taken back."""
    remote.faults([STILL_RUNNING])
    owner = django_user_model.objects.create_user("owner", password="x")

    def make(*prompts):
        requests = [Request(prompt=prompt, provider=Provider.objects.get(value="sora_v2_pro")) for prompt in prompts]
        batch = Batch.objects.press(owner, uuid.uuid4().hex, requests)
        for generation in batch.generations.all():
            submit(generation.pk)
        return list(batch.generations.order_by("pk"))

    return make


@contextmanager
def pumping(pumps=1):
    """The pump at work in a thread of its own, asked to stop at the end; so are threads added to what it yields."""
    stopping.renew()
    threads = [threading.Thread(target=in_thread, args=(poll.pump,)) for _ in range(pumps)]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        stopping.request()
        for thread in threads:
            thread.join(20)
        stopping.renew()


def in_thread(call):
    try:
        call()
    finally:
        connections.close_all()


def status_of(generation):
    generation.refresh_from_db()
    return generation.status


def a_poll(**fields):
    defaults = {"pk": 1, "token": uuid.uuid4(), "backend": "heygen_workflows", "remote_id": "x"}
    defaults |= {"due_at": NOW, "sent_at": NOW, "followed_at": NOW}
    return DuePoll(
        **{**defaults, "missing_polls": 0, "failed_polls": 0, "remote_status": "running", "trouble": "", **fields}
    )


def minutes(number):
    return timedelta(minutes=number)


# The pump
def test_a_finished_execution_goes_on_to_be_saved_with_its_link(running, remote):
    [generation] = running("a lighthouse")
    remote.faults([])
    with pumping():
        wait_until(lambda: status_of(generation) == "saving", 20)
    [paid] = remote.ledger()
    assert generation.video_id == paid["video_id"]
    assert generation.video_url.startswith(remote.url)
    assert generation.completed_at
    assert generation.lease_token is None


def test_each_running_generation_is_asked_about_again_and_again(running, remote):
    running("a lighthouse", "a harbour")
    with pumping():
        wait_until(lambda: len(remote.requests("poll")) >= 6, 20)
    paths = {request["path"] for request in remote.requests("poll")}
    assert len(paths) == 2


def test_two_pumps_at_once_are_one(running, remote, settings):
    settings.POLL_SECONDS = 2
    running("a lighthouse")
    with pumping(pumps=3):
        wait_until(lambda: remote.requests("poll"), 20)
        assert threading.active_count() >= 2
    assert len(remote.requests("poll")) == 1
    assert ProcessLock.objects.get(name="pump").token is None


def test_a_stopped_pump_leaves_its_slot_and_gives_back_what_it_had_claimed(running, remote):
    [generation] = running("a lighthouse")
    remote.faults([{"call": "poll", "do": {"hang": 20}}])
    with pumping():
        wait_until(lambda: Generation.objects.filter(lease_token__isnull=False).exists(), 20)
    generation.refresh_from_db()
    assert generation.status == "running"
    assert generation.lease_token is None
    assert ProcessLock.objects.get(name="pump").token is None


def test_what_a_dead_pump_had_claimed_is_polled_by_the_next_one_at_once(running, remote):
    [generation] = running("a lighthouse")
    in_future = timezone.now() + timedelta(seconds=1000)
    Generation.objects.filter(pk=generation.pk).update(lease_token=uuid.uuid4(), lease_until=in_future)
    with pumping():
        wait_until(lambda: remote.requests("poll"), 20)


def test_a_pump_that_died_on_this_host_is_replaced_without_waiting_for_its_lease(running, remote):
    token = ProcessLock.objects.acquire("pump", 60)
    poll.lock_file(token).parent.mkdir(exist_ok=True)
    poll.lock_file(token).touch()  # nobody holds its lock any more
    running("a lighthouse")
    with pumping():
        wait_until(lambda: remote.requests("poll"), 20)


def test_a_pump_that_lives_on_another_host_is_left_alone(running, remote):
    token = ProcessLock.objects.acquire("pump", 60)
    running("a lighthouse")
    poll.pump()
    assert ProcessLock.objects.get(name="pump").token == token
    assert remote.requests("poll") == []


def test_a_successor_relieves_the_pump_while_it_runs(running, remote):
    running("a lighthouse")
    with pumping() as threads:
        first = wait_until(lambda: ProcessLock.objects.filter(name="pump", token__isnull=False).first(), 20)
        successor = threading.Thread(target=in_thread, args=(lambda: poll.pump(relieving=str(first.token)),))
        successor.start()
        threads.append(successor)
        wait_until(lambda: ProcessLock.objects.get(name="pump").token != first.token, 20)
        seen = len(remote.requests("poll"))
        wait_until(lambda: len(remote.requests("poll")) > seen + 1, 20)
        wait_until(lambda: not threads[0].is_alive(), 20)


def test_what_waits_to_be_sent_or_saved_is_nudged_once(running, remote, django_user_model, monkeypatch):
    monkeypatch.setattr(poll, "NUDGE_AGAIN", 3600)
    owner = django_user_model.objects.create_user("other", password="x")
    request = Request(prompt="a harbour", provider=Provider.objects.get(value="veo_3_1"))
    Batch.objects.press(owner, "token", [request])
    with pumping():
        wait_until(lambda: poll.waiting() == 1, 20)
        [generation] = running("a lighthouse")
        remote.faults([])
        wait_until(lambda: status_of(generation) == "saving", 20)
        wait_until(lambda: poll.waiting() >= 2, 20)
    assert poll.waiting() == 2


def test_nothing_is_nudged_to_be_sent_while_the_account_is_paused(django_user_model):
    owner = django_user_model.objects.create_user("owner", password="x")
    request = Request(prompt="a harbour", provider=Provider.objects.get(value="veo_3_1"))
    Batch.objects.press(owner, "token", [request])
    account().pause("key", "The key is wrong.")
    assert list(Generation.objects.sendable(timezone.now())) == []
    account().resume()
    assert len(Generation.objects.sendable(timezone.now())) == 1


def test_no_more_is_nudged_than_there_are_free_places(django_user_model, settings):
    settings.MAX_IN_FLIGHT = 2
    owner = django_user_model.objects.create_user("owner", password="x")
    request = Request(prompt="a harbour", provider=Provider.objects.get(value="veo_3_1"))
    Batch.objects.press(owner, "token", [request] * 5)
    assert len(Generation.objects.sendable(timezone.now())) == 2


def test_an_unreachable_remote_side_is_said_in_the_banner_until_it_answers_again(running, remote):
    [generation] = running("a lighthouse")
    remote.faults([{"call": "poll", "do": {"reset": True}}])
    with pumping():
        wait_until(lambda: account().trouble, 20)
        wait_until(lambda: Generation.objects.get().trouble, 20)
        remote.faults([STILL_RUNNING])
        wait_until(lambda: not account().trouble, 20)
        wait_until(lambda: not Generation.objects.get().trouble, 20)
    assert status_of(generation) == "running"


def test_a_poll_that_found_nothing_new_changes_no_version(running, remote):
    running("a lighthouse")
    with pumping():
        wait_until(lambda: Generation.objects.get().remote_status, 20)
        version = Generation.objects.get().version
        seen = len(remote.requests("poll"))
        wait_until(lambda: len(remote.requests("poll")) > seen + 2, 20)
    assert Generation.objects.get().version == version


# A clock that jumps a day
@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)], ids=["forwards", "back"])
def test_a_clock_that_jumps_a_day_loses_nothing(running, remote, jump):
    [generation] = running("a lighthouse")
    moved = {name: getattr(generation, name) - jump for name in ("due_at", "sent_at", "followed_at", "created_at")}
    Generation.objects.filter(pk=generation.pk).update(
        **moved, lease_token=uuid.uuid4(), lease_until=timezone.now() + timedelta(seconds=60) - jump
    )
    ProcessLock.objects.create(
        name="pump", token=uuid.uuid4(), until=timezone.now() + minutes(2) - jump, seen_at=timezone.now()
    )
    with pumping():
        wait_until(lambda: len(remote.requests("poll")) >= 2, 20)
        assert status_of(generation) == "running"
        remote.faults([])
        wait_until(lambda: status_of(generation) == "saving", 20)


# When the next poll comes
def test_a_row_keeps_its_phase_and_skips_the_beats_it_missed(settings):
    settings.POLL_SECONDS = 10
    poll = a_poll(due_at=NOW - timedelta(seconds=34))
    outcome = poll_outcomes.judge(poll, Progress(State.RUNNING, "running"), NOW)
    assert poll.due_at + outcome.later == NOW + timedelta(seconds=6)


def test_an_overdue_execution_is_polled_less_often_but_followed(settings):
    settings.POLL_SECONDS = 10
    twenty_minutes = poll_outcomes.judge(a_poll(followed_at=NOW - minutes(20)), Progress(State.RUNNING, "running"), NOW)
    assert twenty_minutes.later == minutes(2)
    six_hours = poll_outcomes.judge(a_poll(followed_at=NOW - minutes(360)), Progress(State.RUNNING, "running"), NOW)
    assert six_hours.later == minutes(5)


def test_a_late_result_is_adopted_however_long_it_took(settings):
    poll = a_poll(sent_at=NOW - minutes(3000), followed_at=NOW - minutes(3000))
    assert (
        poll_outcomes.judge(poll, Progress(State.COMPLETED, "completed", "https://example.com/v.mp4"), NOW).status
        == "saving"
    )


def test_after_a_day_of_silence_the_studio_stops_waiting(settings):
    poll = a_poll(followed_at=NOW - minutes(24 * 60 + 1))
    assert poll_outcomes.judge(poll, Progress(State.RUNNING, "running"), NOW).status == "stopped"
    assert poll_outcomes.judge(poll, RemoteError(Cause.NETWORK), NOW).status == "stopped"


def test_a_day_in_which_nobody_listened_is_not_a_day_of_silence(settings):
    settings.POLL_SECONDS = 10
    poll = a_poll(due_at=NOW - minutes(24 * 60), followed_at=NOW - minutes(24 * 60 + 5))
    outcome = poll_outcomes.judge(poll, Progress(State.RUNNING, "running"), NOW)
    assert outcome.status == "running"
    assert outcome.fields["followed_at"] == NOW - minutes(5)
    assert outcome.fields["due_at"] == NOW + timedelta(seconds=10)


def test_failures_in_a_row_are_waited_for_longer_and_longer_up_to_a_minute(settings):
    settings.POLL_SECONDS = 10
    waits = [
        poll_outcomes.judge(a_poll(failed_polls=failed), RemoteError(Cause.FAULT), NOW).fields["due_at"] - NOW
        for failed in (0, 1, 2, 3, 49)
    ]
    assert [wait.total_seconds() for wait in waits] == [10, 20, 40, 60, 60]


@pytest.mark.parametrize(("asked", "waits"), [(0, 10), (-1, 10), (3, 10), (45, 45), (86400, 900), (None, 10)], ids=str)
def test_busy_is_waited_for_as_long_as_asked_within_reason(settings, asked, waits):
    settings.POLL_SECONDS = 10
    error = RemoteError(Cause.BUSY, retry_after=None if asked is None else timedelta(seconds=asked))
    wait = poll_outcomes.judge(a_poll(), error, NOW).fields["due_at"] - NOW
    assert waits <= wait.total_seconds() <= waits + 10


def test_one_that_heygen_did_not_know_is_found_again_when_its_owner_looks_once_more(running, remote):
    [lighthouse] = running("a lighthouse")
    remote.faults([{"call": "poll", "do": {"status_word": "not_found"}}])
    with pumping():
        wait_until(lambda: Generation.objects.get().status == "failed", 30)
    lighthouse.refresh_from_db()
    assert lighthouse.may_be_checked_again
    remote.faults([])
    assert lighthouse.check_again()
    with pumping():
        wait_until(lambda: Generation.objects.get().status == "saving", 30)
    assert len(remote.ledger()) == 1


def test_one_that_failed_for_good_is_not_looked_for_again(running):
    [lighthouse] = running("a lighthouse")
    Generation.objects.update(status="failed", error_class="refused")
    lighthouse.refresh_from_db()
    assert not lighthouse.may_be_checked_again
    assert not lighthouse.check_again()


def test_failures_in_a_row_are_counted_on_from_one_pump_to_the_next(running, remote):
    [lighthouse] = running("a lighthouse")
    remote.faults([{"call": "poll", "do": {"status": 500}}])
    for times in (2, 4):
        with pumping():
            wait_until(lambda times=times: Generation.objects.get().failed_polls >= times, 30)
    remote.faults([STILL_RUNNING])
    Generation.objects.update(due_at=timezone.now())
    with pumping():
        wait_until(lambda: Generation.objects.get().failed_polls == 0, 30)
    assert status_of(lighthouse) == "running"


def test_one_rows_refusal_pauses_nothing_while_another_is_answered_well(running, remote, settings):
    settings.POLL_SECONDS = 2
    odd, fine = running("a lighthouse", "a harbour")
    remote.faults([{"call": "poll", "execution_id": odd.remote_id, "do": {"status": 402}}, STILL_RUNNING])
    Generation.objects.filter(pk=fine.pk).update(due_at=timezone.now())
    Generation.objects.filter(pk=odd.pk).update(due_at=timezone.now() + timedelta(seconds=1))
    with pumping():
        wait_until(lambda: Generation.objects.get(pk=odd.pk).trouble, 30)
    assert not account().paused
    remote.faults([{"call": "poll", "do": {"status": 402}}])
    with pumping():
        wait_until(lambda: account().pause_cause == "credits", 30)


def test_work_that_was_put_a_day_ahead_by_a_clock_is_found_at_once():
    tomorrow = timezone.now() + timedelta(days=1)
    soon = timezone.now() + minutes(5)
    OrmQ.objects.create(key="x", payload="x", lock=tomorrow)
    OrmQ.objects.create(key="x", payload="x", lock=soon)
    Schedule.objects.create(func="videos.tasks.sweep", schedule_type=Schedule.MINUTES, minutes=5, next_run=tomorrow)
    Schedule.objects.create(func="videos.tasks.nightly", schedule_type=Schedule.DAILY, next_run=tomorrow)
    recovery.recover()
    assert [row.lock <= timezone.now() for row in OrmQ.objects.order_by("pk")] == [True, False]
    assert [row.next_run <= timezone.now() for row in Schedule.objects.order_by("pk")] == [True, False]


def test_checking_again_after_a_day_listens_for_another_day(running, remote):
    [lighthouse] = running("a lighthouse")
    Generation.objects.update(followed_at=NOW - minutes(3000))
    lighthouse.refresh_from_db()
    assert lighthouse.stop_waiting()
    assert lighthouse.check_again()
    with pumping():
        seen = len(remote.requests("poll"))
        wait_until(lambda: len(remote.requests("poll")) > seen + 1, 20)
    assert status_of(lighthouse) == "running"


def test_a_long_overdue_execution_keeps_no_other_from_being_sent(running, settings):
    settings.MAX_IN_FLIGHT = 1
    [lighthouse] = running("a lighthouse")
    request = Request(prompt="a harbour", provider=Provider.objects.get(value="veo_3_1"))
    Batch.objects.press(lighthouse.owner, "token", [request])
    assert list(Generation.objects.sendable(timezone.now())) == []
    Generation.objects.filter(pk=lighthouse.pk).update(sent_at=timezone.now() - minutes(60))
    assert len(Generation.objects.sendable(timezone.now())) == 1
