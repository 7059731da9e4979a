"""The poller: which rows are due, when the next poll comes, and which process may poll."""

import asyncio
import math
import threading
import uuid
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import OperationalError, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ, Schedule

from tests.parts.accounts import account, record_checks
from tests.parts.generations import make_queued
from tests.parts.processes import wait_until
from videos import lease_files, stopping
from videos.engine import enqueue, poll, poll_outcomes, recovery
from videos.engine.dispatcher import LOST_AT_ONCE, Dispatcher
from videos.engine.submit import submit
from videos.limits import POLLS_PER_TICK, SENDERS
from videos.models import Batch, DuePoll, Generation, ProcessLock, Provider, Request
from videos.models.polls import POLL_LEASE
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
    """`running("a prompt")`: generations that were really sent, and run until the demo server's fault is removed."""
    remote.faults([STILL_RUNNING])
    owner = django_user_model.objects.create_user("owner", password="x")

    def make(*prompts):
        requests = [Request(prompt=prompt, provider=Provider.objects.get(value="sora_v2_pro")) for prompt in prompts]
        batch = Batch.objects.make(owner, uuid.uuid4().hex, requests)
        for generation in batch.generations.all():
            submit(generation.pk)
        return list(batch.generations.order_by("pk"))

    return make


@contextmanager
def polling(pollers=1):
    """The poller at work in a thread of its own, asked to stop at the end; so are threads added to what it yields."""
    stopping.renew()
    threads = [threading.Thread(target=in_thread, args=(poll.poll,)) for _ in range(pollers)]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        stopping.request()
        for thread in threads:
            thread.join(60)
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
    defaults |= {"due_at": NOW, "polled_since": NOW, "missing_polls": 0, "failed_polls": 0}
    defaults |= {"remote_status": "running", "status_note": "", "status_facts": {}}
    return DuePoll(**defaults | fields)


def minutes(number):
    return timedelta(minutes=number)


# The poller
def test_a_finished_generation_moves_to_saving_with_its_link(running, remote):
    [generation] = running("a lighthouse")
    remote.faults([])
    with polling():
        wait_until(lambda: status_of(generation) == "saving", 20)
    [paid] = remote.ledger()
    assert generation.video_id == paid["video_id"]
    assert generation.video_url.startswith(remote.url)
    assert generation.completed_at
    assert generation.lease_token is None


def test_each_running_generation_is_polled_again_and_again(running, remote):
    running("a lighthouse", "a harbour")
    with polling():
        wait_until(lambda: len(remote.requests("poll")) >= 6, 20)
    paths = {request["path"] for request in remote.requests("poll")}
    assert len(paths) == 2


def test_two_pollers_at_once_are_one(running, remote, settings):
    settings.POLL_SECONDS = 600
    running("a lighthouse")
    Generation.objects.update(due_at=timezone.now())
    with polling(pollers=3):
        wait_until(lambda: remote.requests("poll"), 20)
        assert threading.active_count() >= 2
    assert len(remote.requests("poll")) == 1
    assert ProcessLock.objects.get(name="poller").token is None


def test_a_stopped_poller_releases_its_lock_and_gives_back_what_it_had_claimed(running, remote):
    [generation] = running("a lighthouse")
    remote.faults([{"call": "poll", "do": {"hang": 20}}])
    with polling():
        wait_until(lambda: Generation.objects.filter(lease_token__isnull=False).exists(), 20)
    generation.refresh_from_db()
    assert generation.status == "running"
    assert generation.lease_token is None
    assert ProcessLock.objects.get(name="poller").token is None


def test_a_poll_that_waits_for_its_turn_is_given_back_too(running, remote):
    [generation] = running("a lighthouse")
    poller = poll.Poller(uuid.uuid4())
    Generation.objects.filter(pk=generation.pk).update(due_at=timezone.now() + timedelta(seconds=1))
    poller.wait_for_turn(poller.claim())
    assert len(poller.waiting) == 1
    asyncio.run(poller.end())
    assert not Generation.objects.filter(lease_token__isnull=False).exists()
    assert remote.requests("poll") == []


def test_polls_begin_in_their_order_and_one_stored_before_the_clock_was_set_back_at_once():
    poller, now = poll.Poller(uuid.uuid4()), timezone.now()
    later, soon, odd = (a_poll(pk=pk, due_at=now + minutes(late)) for pk, late in ((1, 0.02), (2, 0.01), (3, 60)))
    poller.wait_for_turn([later, soon, odd])
    assert [due.pk for _, due in reversed(poller.waiting)] == [3, 2, 1]


def test_an_outages_polls_begin_some_at_a_time_and_never_more_than_there_are_connections(monkeypatch):
    monkeypatch.setattr(poll, "ASKED_TOGETHER", 5)
    monkeypatch.setattr(poll, "POLL_CONNECTIONS", 12)
    monkeypatch.setattr(poll, "ASK_EVERY", 0.001)
    poller, begun = poll.Poller(uuid.uuid4()), []

    def begin(due):
        begun.append(due.pk)
        poller.asked[due.pk] = due

    monkeypatch.setattr(poller, "begin", begin)
    poller.wait_for_turn([a_poll(pk=pk, due_at=NOW + minutes(pk - 100)) for pk in range(20)])

    async def main():
        asking = asyncio.create_task(poller.keep_asking())
        await asyncio.sleep(0)
        assert begun == [0, 1, 2, 3, 4]
        while len(begun) < 12:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        assert begun == list(range(12))
        asking.cancel()

    asyncio.run(main())


def test_claims_suffice_for_25000_in_flight_and_outlast_the_longest_wait_for_a_connection():
    each_second, lookahead = 25_000 / 10, poll.AHEAD.total_seconds() / poll.TICK
    assert each_second * lookahead < POLLS_PER_TICK  # those that still wait count too
    turns = math.ceil(POLLS_PER_TICK / poll.POLL_CONNECTIONS) + 1  # all of them answered at the last moment
    assert timedelta(seconds=turns * poll.POLL_SECONDS_AT_MOST) < POLL_LEASE


def test_the_claims_of_a_dead_poller_are_polled_by_the_next_one_at_once(running, remote):
    claimed_by_a_dead_poller(*running("a lighthouse"))
    with polling():
        wait_until(lambda: remote.requests("poll"), what="a poll before the lease is over")


def test_what_a_dead_poller_had_claimed_is_released_also_if_the_database_fails_at_first(running, monkeypatch):
    [generation] = running("a lighthouse")
    claimed_by_a_dead_poller(generation)
    poller = poll.Poller(uuid.uuid4())
    with monkeypatch.context() as broken, pytest.raises(OperationalError):
        broken.setattr(Generation.objects, "release_polls", fail)
        poller.claim()
    assert [due.pk for due in poller.claim()] == [generation.pk]
    asyncio.run(poller.end())


def fail():
    raise OperationalError("database is locked")


def claimed_by_a_dead_poller(generation):
    now = timezone.now()
    lease = {"lease_token": uuid.uuid4(), "lease_until": now + POLL_LEASE}
    Generation.objects.filter(pk=generation.pk).update(due_at=now, **lease)
    assert not Generation.objects.unleased(timezone.now()).exists()


def test_a_poller_that_died_on_this_host_is_replaced_without_waiting_for_its_lease(running, remote):
    token = ProcessLock.objects.acquire("poller", 60)
    left_by_a_dead_process(token)
    running("a lighthouse")
    assert recovery.free_claims_of_dead_processes() == 1
    with polling():
        wait_until(lambda: remote.requests("poll"), 20)


def test_a_running_poller_on_another_host_is_left_alone(running, remote):
    token = ProcessLock.objects.acquire("poller", 60)
    running("a lighthouse")
    poll.poll()
    assert ProcessLock.objects.get(name="poller").token == token
    assert remote.requests("poll") == []


def left_by_a_dead_process(token):
    """The lease file of a claim, which no process keeps locked any more."""
    path = lease_files.path_of(token)
    path.parent.mkdir(exist_ok=True)
    path.touch()


@pytest.mark.parametrize("status", ["queued", "sending", "running", "saving"])
def test_leases_of_a_process_that_died_on_this_host_are_free_at_once(running, status):
    [generation], token = running("a lighthouse"), uuid.uuid4()
    until = timezone.now() + minutes(2)
    rows = Generation.objects.filter(pk=generation.pk)
    rows.update(status=status, lease_token=token, lease_until=until, due_at=NOW)
    assert not Generation.objects.unleased(timezone.now()).exists()
    left_by_a_dead_process(token)
    assert recovery.free_claims_of_dead_processes() == 1
    assert list(Generation.objects.unleased(timezone.now())) == [generation]
    assert recovery.free_claims_of_dead_processes() == 0


def test_a_generation_that_kills_its_process_is_tried_less_and_less_often(running):
    [generation] = running("a lighthouse")
    rows, delays = Generation.objects.filter(pk=generation.pk), []
    for _ in range(6):
        token = uuid.uuid4()
        rows.update(status="saving", lease_token=token, lease_until=timezone.now() + minutes(2))
        left_by_a_dead_process(token)
        began = timezone.now()
        recovery.free_claims_of_dead_processes()
        due = rows.get().due_at
        delays.append((due - timezone.now(), due - began))
    for (shortest, longest), seconds in zip(delays, [0, 0, 1, 3, 7, 15], strict=True):
        assert shortest - A_LITTLE <= timedelta(seconds=seconds) <= longest + A_LITTLE


A_LITTLE = timedelta(seconds=0.5)


def test_leases_of_a_running_process_stay(running):
    [generation] = running("a lighthouse")
    with lease_files.new_lease() as token:
        Generation.objects.filter(pk=generation.pk).update(lease_token=token, lease_until=timezone.now() + minutes(2))
        assert recovery.free_claims_of_dead_processes() == 0
    assert not Generation.objects.unleased(timezone.now()).exists()
    assert not lease_files.path_of(token).exists()


def test_another_host_waits_at_most_20_seconds_for_the_leases_of_a_dead_one(running):
    [generation] = running("a lighthouse")
    Generation.objects.filter(pk=generation.pk).update(status="saving", due_at=NOW)
    claimed = Generation.objects.claim_to_save(generation.pk)
    assert claimed.lease_until < timezone.now() + timedelta(seconds=20)


def test_tasks_that_dead_workers_had_taken_do_not_count_as_waiting():
    broker = get_broker()
    for pk in range(25):
        enqueue.enqueue_save(pk)
    assert enqueue.waiting() == 25
    taken = [broker.dequeue() for _ in range(25)]
    assert len({number for [(number, _)] in taken}) == 25
    assert enqueue.waiting() == 0


def test_generations_that_wait_are_enqueued_once(running, remote, django_user_model, monkeypatch):
    monkeypatch.setattr("videos.engine.dispatcher.ENQUEUE_AGAIN", 3600)
    monkeypatch.setattr("videos.engine.dispatcher.LOST_AFTER", 3600)
    owner = django_user_model.objects.create_user("other", password="x")
    request = Request(prompt="a harbour", provider=Provider.objects.get(value="veo_3_1"))
    Batch.objects.make(owner, "token", [request])
    [generation] = running("a lighthouse")  # before the poller looks: it would enqueue this one to be sent, too
    record_checks()
    with polling():
        wait_until(lambda: enqueue.waiting() == 1, 20)
        remote.faults([])
        wait_until(lambda: status_of(generation) == "saving", 20)
        wait_until(lambda: enqueue.waiting() >= 2, 20)
    assert enqueue.waiting() == 2


def test_an_account_check_that_waits_for_a_worker_is_enqueued_once(db):
    dispatcher = Dispatcher()
    for _ in range(3):
        dispatcher.dispatch()
    assert enqueue.waiting() == 1


def test_nothing_is_enqueued_to_be_sent_while_the_account_is_paused(django_user_model):
    owner = django_user_model.objects.create_user("owner", password="x")
    request = Request(prompt="a harbour", provider=Provider.objects.get(value="veo_3_1"))
    Batch.objects.make(owner, "token", [request])
    account().pause("key")
    assert list(Generation.objects.sendable(timezone.now())) == []
    account().resume()
    assert len(Generation.objects.sendable(timezone.now())) == 1


def test_no_more_is_enqueued_than_the_limit_allows(django_user_model, settings):
    settings.MAX_IN_FLIGHT = 2
    owner = django_user_model.objects.create_user("owner", password="x")
    request = Request(prompt="a harbour", provider=Provider.objects.get(value="veo_3_1"))
    Batch.objects.make(owner, "token", [request] * 5)
    assert len(Generation.objects.sendable(timezone.now())) == 2


def test_a_banner_reports_an_unreachable_remote_api_until_it_answers_again(running, remote):
    [generation] = running("a lighthouse")
    remote.faults([{"call": "poll", "do": {"reset": True}}])
    with polling():
        wait_until(lambda: account().status_message, 20)
        wait_until(lambda: Generation.objects.get().status_message, 20)
        remote.faults([STILL_RUNNING])
        wait_until(lambda: not account().status_message, 20)
        wait_until(lambda: not Generation.objects.get().status_message, 20)
    assert status_of(generation) == "running"


def test_a_poll_that_found_nothing_new_changes_no_version(running, remote):
    running("a lighthouse")
    with polling():
        wait_until(lambda: Generation.objects.get().remote_status, 20)
        version = Generation.objects.get().version
        seen = len(remote.requests("poll"))
        wait_until(lambda: len(remote.requests("poll")) > seen + 2, 20)
    assert Generation.objects.get().version == version


# A clock that jumps a day
@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)], ids=["forwards", "back"])
def test_a_clock_that_jumps_a_day_loses_nothing(running, remote, jump):
    [generation] = running("a lighthouse")
    moved = {name: getattr(generation, name) - jump for name in ("due_at", "sent_at", "polled_since", "created_at")}
    Generation.objects.filter(pk=generation.pk).update(
        **moved, lease_token=uuid.uuid4(), lease_until=timezone.now() + timedelta(seconds=60) - jump
    )
    ProcessLock.objects.create(
        name="poller", token=uuid.uuid4(), until=timezone.now() + minutes(2) - jump, seen_at=timezone.now()
    )
    with polling():
        wait_until(lambda: len(remote.requests("poll")) >= 2, 20)
        assert status_of(generation) == "running"
        remote.faults([])
        wait_until(lambda: status_of(generation) == "saving", 20)


@pytest.mark.skipif(connections["default"].vendor != "sqlite", reason="only SQLite maps its file")
def test_the_pollers_connections_map_no_file_which_would_count_as_its_memory():
    def mapped():
        with connections["default"].cursor() as cursor:
            return cursor.execute("PRAGMA mmap_size").fetchone()[0]

    async def main():
        thread = poll.DatabaseThread("a test")
        found = [await thread.run(mapped)]
        await thread.run(connections.close_all)
        found.append(await thread.run(mapped))
        await thread.close()
        return found

    assert asyncio.run(main()) == [0, 0]


# When the next poll comes
def test_a_row_keeps_its_phase_and_skips_missed_polls(settings):
    settings.POLL_SECONDS = 10
    poll = a_poll(due_at=NOW - timedelta(seconds=34))
    outcome = poll_outcomes.judge(poll, Progress(State.RUNNING, "running"), NOW)
    assert poll.due_at + outcome.later == NOW + timedelta(seconds=6)


def test_an_overdue_generation_is_polled_less_often(settings):
    settings.POLL_SECONDS = 10
    twenty_minutes = poll_outcomes.judge(
        a_poll(polled_since=NOW - minutes(20)), Progress(State.RUNNING, "running"), NOW
    )
    assert twenty_minutes.later == minutes(2)
    six_hours = poll_outcomes.judge(a_poll(polled_since=NOW - minutes(360)), Progress(State.RUNNING, "running"), NOW)
    assert six_hours.later == minutes(5)


@pytest.mark.parametrize(
    ("late", "waited", "error"),
    [
        (minutes(0), minutes(5), None),
        (minutes(0), minutes(25), None),
        (minutes(180), minutes(185), None),
        (minutes(-180), minutes(-175), None),
        (minutes(0), minutes(5), RemoteError(Cause.BUSY, retry_after=timedelta(seconds=29.123456))),
    ],
    ids=["as usual", "overdue", "after an outage", "the clock was set back", "asked to wait"],
)
def test_rows_that_are_late_by_different_moments_are_written_by_one_statement(running, settings, late, waited, error):
    settings.POLL_SECONDS = 10
    rows, now = running(*(f"a lighthouse, {number}" for number in range(8))), timezone.now()
    for number, row in enumerate(rows):
        moment = now - timedelta(seconds=0.512345 + 0.0212345 * number)
        polled = {"due_at": moment - late, "polled_since": moment - waited, "remote_status": "running"}
        Generation.objects.filter(pk=row.pk).update(**polled)
    polls = Generation.objects.claim_due_polls(now, 100)
    found = error or Progress(State.RUNNING, "running")
    outcomes = [poll_outcomes.judge(each, found, now + timedelta(milliseconds=each.pk)) for each in polls]
    with CaptureQueriesContext(connections["default"]) as queries:
        Generation.objects.record_outcomes(outcomes)
    updates = [query["sql"] for query in queries if query["sql"].startswith('UPDATE "videos_generation"')]
    assert len(outcomes) == 8
    assert len(updates) == (2 if error else 1)  # those to which it is news, and the others
    for row in Generation.objects.filter(pk__in=[row.pk for row in rows]):
        assert now < row.due_at <= now + minutes(3)
        assert abs((now - row.polled_since) - (waited - late)) < minutes(1) + timedelta(seconds=1)


def test_a_late_result_is_adopted_however_long_it_took(settings):
    poll = a_poll(polled_since=NOW - minutes(3000))
    assert (
        poll_outcomes.judge(poll, Progress(State.COMPLETED, "completed", "https://example.com/v.mp4"), NOW).status
        == "saving"
    )


def test_after_a_day_of_silence_the_studio_stops_waiting(settings):
    poll = a_poll(polled_since=NOW - minutes(24 * 60 + 1))
    assert poll_outcomes.judge(poll, Progress(State.RUNNING, "running"), NOW).status == "stopped"
    assert poll_outcomes.judge(poll, RemoteError(Cause.NETWORK), NOW).status == "stopped"


def test_a_day_without_a_poller_does_not_count_as_silence(settings):
    settings.POLL_SECONDS = 10
    poll = a_poll(due_at=NOW - minutes(24 * 60), polled_since=NOW - minutes(24 * 60 + 5))
    outcome = poll_outcomes.judge(poll, Progress(State.RUNNING, "running"), NOW)
    assert outcome.status == "running"
    assert outcome.pause == minutes(24 * 60)
    assert poll.due_at + outcome.later == NOW + timedelta(seconds=10)


def test_the_wait_doubles_with_each_failure_up_to_a_minute(settings):
    settings.POLL_SECONDS = 10
    waits = [
        a_poll().due_at + poll_outcomes.judge(a_poll(failed_polls=failed), RemoteError(Cause.FAULT), NOW).later - NOW
        for failed in (0, 1, 2, 3, 49)
    ]
    assert [wait.total_seconds() for wait in waits] == [10, 20, 40, 60, 60]


@pytest.mark.parametrize(("asked", "waits"), [(0, 10), (-1, 10), (3, 10), (45, 45), (86400, 900), (None, 10)], ids=str)
def test_a_busy_remote_gets_the_wait_that_it_asks_for_within_limits(settings, asked, waits):
    settings.POLL_SECONDS = 10
    error = RemoteError(Cause.BUSY, retry_after=None if asked is None else timedelta(seconds=asked))
    wait = a_poll().due_at + poll_outcomes.judge(a_poll(), error, NOW).later - NOW
    assert waits <= wait.total_seconds() <= waits + 10


def test_a_generation_that_heygen_did_not_know_is_found_by_check_again(running, remote):
    [lighthouse] = running("a lighthouse")
    remote.faults([{"call": "poll", "do": {"status_word": "not_found"}}])
    with polling():
        wait_until(lambda: Generation.objects.get().status == "failed", 30)
    lighthouse.refresh_from_db()
    assert lighthouse.may_be_checked_again
    remote.faults([])
    assert lighthouse.check_again()
    with polling():
        wait_until(lambda: Generation.objects.get().status == "saving", 30)
    assert len(remote.ledger()) == 1


def test_a_definite_failure_cannot_be_checked_again(running):
    [lighthouse] = running("a lighthouse")
    Generation.objects.update(status="failed", error_class="refused")
    lighthouse.refresh_from_db()
    assert not lighthouse.may_be_checked_again
    assert not lighthouse.check_again()


def test_failures_in_a_row_are_counted_on_from_one_poller_to_the_next(running, remote):
    [lighthouse] = running("a lighthouse")
    remote.faults([{"call": "poll", "do": {"status": 500}}])
    for times in (2, 4):
        with polling():
            wait_until(lambda times=times: Generation.objects.get().failed_polls >= times, 30)
    remote.faults([STILL_RUNNING])
    Generation.objects.update(due_at=timezone.now())
    with polling():
        wait_until(lambda: Generation.objects.get().failed_polls == 0, 30)
    assert status_of(lighthouse) == "running"


def test_one_rows_refusal_pauses_nothing_while_another_is_answered_well(running, remote, settings):
    settings.POLL_SECONDS = 2
    odd, fine = running("a lighthouse", "a harbour")
    remote.faults([{"call": "poll", "execution_id": odd.remote_id, "do": {"status": 402}}, STILL_RUNNING])
    Generation.objects.filter(pk=odd.pk).update(due_at=timezone.now() + minutes(5))
    with polling():
        wait_until(lambda: Generation.objects.get(pk=fine.pk).remote_status, 30)
        Generation.objects.filter(pk=odd.pk).update(due_at=timezone.now())
        wait_until(lambda: Generation.objects.get(pk=odd.pk).status_message, 30)
    assert not account().paused
    remote.faults([{"call": "poll", "do": {"status": 402}}])
    with polling():
        wait_until(lambda: account().pause_cause == "credits", 30)


def test_work_dated_a_day_ahead_by_a_wrong_clock_is_found_at_once():
    tomorrow = timezone.now() + timedelta(days=1)
    OrmQ.objects.create(key="studio", payload="x", lock=tomorrow)
    Schedule.objects.create(func="videos.tasks.recover", schedule_type=Schedule.MINUTES, minutes=5, next_run=tomorrow)
    Schedule.objects.create(func="videos.tasks.nightly", schedule_type=Schedule.DAILY, next_run=tomorrow)
    recovery.recover()
    assert [contents for _, contents in get_broker().dequeue()] == ["x"]
    assert [row.next_run <= timezone.now() for row in Schedule.objects.order_by("pk")] == [True, False]


def test_checking_again_after_a_day_polls_for_another_day(running, remote):
    [lighthouse] = running("a lighthouse")
    Generation.objects.update(polled_since=NOW - minutes(3000))
    lighthouse.refresh_from_db()
    assert lighthouse.stop_waiting()
    assert lighthouse.check_again()
    with polling():
        seen = len(remote.requests("poll"))
        wait_until(lambda: len(remote.requests("poll")) > seen + 1, 20)
    assert status_of(lighthouse) == "running"


def test_a_long_overdue_generation_does_not_block_sending(running, settings):
    settings.MAX_IN_FLIGHT = 1
    [lighthouse] = running("a lighthouse")
    request = Request(prompt="a harbour", provider=Provider.objects.get(value="veo_3_1"))
    Batch.objects.make(lighthouse.owner, "token", [request])
    assert list(Generation.objects.sendable(timezone.now())) == []
    Generation.objects.filter(pk=lighthouse.pk).update(sent_at=timezone.now() - minutes(60))
    assert len(Generation.objects.sendable(timezone.now())) == 1


def test_a_row_whose_task_died_with_its_worker_is_enqueued_again_long_before_the_usual_time(owner, monkeypatch):
    monkeypatch.setattr("videos.engine.dispatcher.ENQUEUE_AGAIN", 3600)
    make_queued(owner)
    record_checks()
    dispatcher = Dispatcher()
    dispatcher.dispatch()
    assert OrmQ.objects.count() == 1
    monkeypatch.setattr("videos.engine.dispatcher.LOST_AFTER", 0.0)
    dispatcher.dispatch()
    assert OrmQ.objects.count() == 1, "its task still waits"
    OrmQ.objects.all().delete()  # taken by a worker that died at once
    dispatcher.dispatch()
    assert OrmQ.objects.count() == 1


def test_a_row_whose_task_was_just_taken_is_left_to_that_worker(owner, monkeypatch):
    monkeypatch.setattr("videos.engine.dispatcher.ENQUEUE_AGAIN", 3600)
    monkeypatch.setattr("videos.engine.dispatcher.LOST_AFTER", 3600)
    make_queued(owner)
    record_checks()
    dispatcher = Dispatcher()
    dispatcher.dispatch()
    OrmQ.objects.all().delete()
    dispatcher.dispatch()
    assert not OrmQ.objects.exists()


def test_of_many_rows_without_a_task_a_few_are_tried_again_at_once(owner, monkeypatch, settings):
    settings.MAX_IN_FLIGHT = 30
    monkeypatch.setattr("videos.engine.dispatcher.ENQUEUE_AGAIN", 3600)
    for number in range(12):
        make_queued(owner, token=f"form-token-{number}")
    record_checks()
    dispatcher = Dispatcher()
    dispatcher.dispatch()
    assert OrmQ.objects.count() == 2 * SENDERS, "senders go on with the others by themselves"
    OrmQ.objects.all().delete()
    monkeypatch.setattr("videos.engine.dispatcher.LOST_AFTER", 0.0)
    dispatcher.dispatch()
    assert OrmQ.objects.count() == LOST_AT_ONCE
