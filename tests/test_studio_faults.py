"""An exception that a job did not foresee is a fault of the studio, from the first time on until the job works again.

It is told with its place, and never as a passing fault of HeyGen, of the disk or of a video's bytes.
"""

import errno
import os
import re
import threading
from contextlib import contextmanager

import pytest
from botocore.exceptions import EndpointConnectionError
from django.db import OperationalError, ProgrammingError, connections
from django.utils import timezone
from django.utils.html import escape

from tests.parts.accounts import account
from tests.parts.generations import completed, make_queued, make_ready, picture
from tests.parts.processes import wait_until
from tests.parts.saving import make_due, save_until_ready
from videos import stopping, tasks
from videos.engine import poll_outcomes
from videos.engine.poll import PollResults, write
from videos.engine.save import save
from videos.engine.submit import submit
from videos.exception_place import kind_and_place
from videos.models import Generation, Job, ProcessLock, RemoteCopy, StudioFault
from videos.remotes import transport
from videos.remotes.base import Progress, State
from videos.remotes.heygen_workflows import HeyGenWorkflows
from videos.storage import probe

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
SECRET = "https://files.example.com/v.mp4?signature=secret"
PLACE = re.compile(r"videos/[\w/]+\.py:\d+")


def broken(*arguments, **options):
    """What PyAV 19 did to every video."""
    raise TypeError(f"open() got an unexpected keyword argument, and here is {SECRET}")


@contextmanager
def polling():
    """The poller at work in a thread of its own."""

    def run():
        try:
            tasks.poll()
        finally:
            connections.close_all()

    stopping.renew()
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopping.request()
        thread.join(60)
        stopping.renew()


def open_fault() -> StudioFault:
    [fault] = StudioFault.objects.open()
    assert PLACE.fullmatch(fault.place)
    assert fault.error == "TypeError"
    return fault


def told_everywhere(client, owner, fault):
    """Health, the banner and the admin all name the place, and none repeats the error's words."""
    client.force_login(owner)
    token = ProcessLock.objects.acquire("poller", 30)  # a worker was seen
    health = client.get("/healthz")
    ProcessLock.objects.release("poller", token)
    assert health.status_code == 503
    assert (health.json()["ok"], health.json()["jobs"]) == (False, False)
    [listed] = health.json()["faults"]
    assert (listed["job"], listed["place"], listed["error"]) == (fault.job, fault.place, "TypeError")
    pages = [client.get("/"), client.get("/admin/videos/studiofault/")]
    for page in pages:
        assert fault.place in page.text
    for page in [health, *pages]:
        assert "secret" not in page.text
        assert "unexpected keyword" not in page.text


@pytest.fixture
def owner(owner):
    owner.is_staff = owner.is_superuser = True
    owner.save()
    return owner


def test_a_fault_in_saving_is_reported_as_the_studios_own_from_the_first_time_on(remote, owner, client, monkeypatch):
    [generation] = completed(remote, owner)
    monkeypatch.setattr(probe.av, "open", broken)
    save(generation.pk)
    generation.refresh_from_db()
    fault = open_fault()
    assert (fault.job, fault.count, fault.generation_id) == (Job.SAVING, 1, generation.pk)
    assert f"an internal error (TypeError at {fault.place})" in generation.status_message
    assert "secret" not in generation.status_message
    assert escape(generation.status_message) in client_page(client, owner)
    told_everywhere(client, owner, fault)


def client_page(client, owner):
    client.force_login(owner)
    return client.get("/").text


def test_an_unreachable_database_while_saving_is_reported_and_not_a_fault(remote, owner, monkeypatch):
    [generation] = completed(remote, owner)

    def away(*arguments):
        raise OperationalError("database is locked")

    monkeypatch.setattr(Generation, "keep_video", away)
    save(generation.pk)
    generation.refresh_from_db()
    assert "the studio's database did not answer" in generation.status_message
    assert not StudioFault.objects.exists()


def fails_with(number):
    def fail(*arguments, **named):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO, errno.EROFS, errno.EDQUOT, errno.ESTALE])
def test_storage_errors_while_saving_are_not_faults_of_the_studio(remote, owner, monkeypatch, number):
    [generation] = completed(remote, owner)
    monkeypatch.setattr("videos.engine.save.publish", fails_with(number))
    save(generation.pk)
    generation.refresh_from_db()
    assert "the studio's" in generation.status_message and "internal error" not in generation.status_message
    assert not StudioFault.objects.exists()


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EBADF, errno.EINVAL, errno.EISDIR])
def test_other_system_errors_while_saving_are_faults_of_the_studio(remote, owner, monkeypatch, number):
    [generation] = completed(remote, owner)
    monkeypatch.setattr("videos.engine.save.publish", fails_with(number))
    save(generation.pk)
    generation.refresh_from_db()
    assert "the studio had an internal error" in generation.status_message
    assert [fault.job for fault in StudioFault.objects.open()] == [Job.SAVING]


def test_a_picture_that_the_bucket_does_not_return_waits_and_is_not_a_fault_of_the_studio(remote, owner, monkeypatch):
    generation = make_queued(owner, start_frame=picture(by=owner))

    def away(*arguments, **named):
        raise EndpointConnectionError(endpoint_url="http://bucket")

    monkeypatch.setattr("videos.engine.frames.read", away)
    submit(generation.pk)
    generation.refresh_from_db()
    assert (generation.status, remote.ledger()) == ("queued", [])
    assert "could not prepare this request" in generation.status_message
    assert not StudioFault.objects.exists()
    assert not RemoteCopy.objects.exclude(upload_until=None).exists(), "the next try need not wait"


def test_it_is_counted_and_ends_when_the_job_works_again(remote, owner, client, monkeypatch):
    [generation] = completed(remote, owner)
    monkeypatch.setattr(probe.av, "open", broken)
    for _ in range(2):
        save(generation.pk)
        make_due(generation)
    assert open_fault().count == 2
    monkeypatch.undo()
    save_until_ready(generation, impatient=True)
    assert not StudioFault.objects.open().exists()
    ProcessLock.objects.acquire("poller", 30)
    assert client.get("/healthz").json()["jobs"] is True
    assert "internal error" not in client_page(client, owner)


def test_another_videos_success_does_not_end_a_fault_that_one_still_meets(remote, owner, monkeypatch):
    one, other = completed(remote, owner, count=2)
    monkeypatch.setattr(probe.av, "open", broken)
    save(one.pk)
    monkeypatch.undo()
    save_until_ready(other)
    assert open_fault().generation_id == one.pk


def test_a_fault_of_a_video_that_is_no_longer_tried_ends_with_the_next_success(remote, owner, monkeypatch):
    one, other = completed(remote, owner, count=2)
    monkeypatch.setattr(probe.av, "open", broken)
    save(one.pk)
    monkeypatch.undo()
    Generation.objects.filter(pk=one.pk).update(status="cancelled")
    save_until_ready(other)
    assert not StudioFault.objects.open().exists()


def test_a_fault_in_polling_is_not_reported_as_a_problem_of_heygen(remote, owner, client, monkeypatch, settings):
    settings.POLL_SECONDS = 0.3
    remote.faults([{"call": "poll", "do": {"status_word": "running"}}])
    generation = make_queued(owner)
    submit(generation.pk)
    with monkeypatch.context() as patch, polling():
        patch.setattr(HeyGenWorkflows, "poll_async", broken)
        wait_until(lambda: StudioFault.objects.open().exists(), 20, "a fault of the studio")
    generation.refresh_from_db()
    fault = open_fault()
    assert (fault.job, generation.status) == (Job.POLLING, "running")
    assert f"an internal error (TypeError at {fault.place})" in generation.status_message
    assert account().status_message == ""
    told_everywhere(client, owner, fault)
    Generation.objects.update(due_at=generation.created_at)
    with polling():
        wait_until(lambda: not StudioFault.objects.open().exists(), 20, "the fault's end")


def test_a_fault_in_judging_an_answer_does_not_stop_the_polling(remote, owner, monkeypatch, settings):
    settings.POLL_SECONDS = 600  # a second poll would end what is looked at here
    remote.faults([{"call": "poll", "do": {"status_word": "running"}}])
    generation = make_queued(owner)
    submit(generation.pk)
    Generation.objects.update(due_at=timezone.now())
    monkeypatch.setattr(poll_outcomes, "usual_interval", fails_once(poll_outcomes.usual_interval))
    with polling():
        wait_until(lambda: StudioFault.objects.exists(), 20, "a fault of the studio")
    generation.refresh_from_db()
    assert (generation.status, generation.lease_token) == ("running", None)
    assert "an internal error (TypeError at" in generation.status_message


def fails_once(function):
    calls = []

    def once(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            broken()
        return function(*arguments)

    return once


def test_a_fault_in_storing_results_is_not_lost_with_its_task(remote, owner, monkeypatch, settings):
    settings.POLL_SECONDS = 0.3
    generation = make_queued(owner)
    submit(generation.pk)
    monkeypatch.setattr(Generation.objects.__class__, "record_outcomes", broken)
    with polling():
        wait_until(lambda: StudioFault.objects.open().exists(), 20, "a fault of the studio")
    assert open_fault().job == Job.POLLING


HALF_A_PAIR = "\ud83d"  # which no database stores


def test_a_result_that_cannot_be_written_delays_its_row_alone_and_for_seconds(remote, owner, client, settings):
    settings.POLL_SECONDS = 10
    one, other = [make_queued(owner, token=token) for token in ("one", "other")]
    for generation in (one, other):
        submit(generation.pk)
    waits = []
    for _ in range(4):
        Generation.objects.update(due_at=timezone.now())
        polls = Generation.objects.claim_due_polls(timezone.now(), 2)
        found = Progress(State.COMPLETED, "completed", video_url="https://example.com/v.mp4")
        judged = [(poll, poll_outcomes.judge(poll, found, timezone.now())) for poll in polls]
        results = PollResults()
        for number, (poll, outcome) in enumerate(judged):
            results.add(poll, found)
            if poll.pk == one.pk:
                judged[number] = poll, outcome._replace(fields=outcome.fields | {"video_id": HALF_A_PAIR})
        assert write(judged, results)
        results.record()
        one.refresh_from_db()
        assert (one.status, one.lease_token) == ("running", None), "it need not wait until its claim ends"
        waits.append(round((one.due_at - polls[0].due_at).total_seconds()))
        assert open_fault_of(one)
    other.refresh_from_db()
    assert other.status == "saving"
    assert waits == [10, 20, 40, 60]
    assert "an internal error (UnicodeEncodeError" in one.status_message
    assert escape(one.status_message) in client_page(client, owner)


def open_fault_of(generation):
    return StudioFault.objects.open().filter(job=Job.POLLING, generation=generation).exists()


def test_a_result_that_breaks_a_rule_of_the_database_does_not_hold_up_the_others(remote, owner):
    one, other = [make_queued(owner, token=token) for token in ("one", "other")]
    for generation in (one, other):
        submit(generation.pk)
    Generation.objects.update(due_at=timezone.now())
    polls = Generation.objects.claim_due_polls(timezone.now(), 2)
    found = Progress(State.COMPLETED, "completed", video_url="https://example.com/v.mp4")
    judged = [(poll, poll_outcomes.judge(poll, found, timezone.now())) for poll in polls]
    taken = {"remote_id": Generation.objects.get(pk=other.pk).remote_id}
    judged = [(p, o._replace(fields=o.fields | taken) if p.pk == one.pk else o) for p, o in judged]
    assert write(judged, PollResults())
    statuses = dict(Generation.objects.values_list("pk", "status"))
    assert statuses == {one.pk: "running", other.pk: "saving"}


def test_a_fault_in_recovery_is_shown_and_ends_no_poll(remote, owner, monkeypatch, settings):
    settings.POLL_SECONDS = 0.3
    generation = make_queued(owner)
    submit(generation.pk)
    monkeypatch.setattr(Generation.objects.__class__, "give_up_lost_replies", broken)
    with polling():
        wait_until(lambda: Generation.objects.filter(status="saving").exists(), 30, "a finished execution")
        wait_until(lambda: StudioFault.objects.open().exists(), 20, "a fault of the studio")
    assert open_fault().job == Job.RECOVERY


def test_a_fault_before_anything_left_is_shown_and_sent_later_automatically(remote, owner, client, monkeypatch):
    generation = make_queued(owner)
    with monkeypatch.context() as patch:
        patch.setattr(transport, "as_json", broken)
        submit(generation.pk)
    generation.refresh_from_db()
    fault = open_fault()
    assert (fault.job, generation.status, remote.ledger()) == (Job.SENDING, "queued", [])
    assert f"an internal error (TypeError at {fault.place}). Nothing was sent" in generation.status_message
    told_everywhere(client, owner, fault)
    Generation.objects.update(due_at=generation.created_at)
    submit(generation.pk)
    assert len(remote.ledger()) == 1
    assert not StudioFault.objects.open().exists()


def test_a_fault_after_the_request_left_is_an_unknown_outcome_and_the_studios_own(remote, owner, monkeypatch):
    generation = make_queued(owner)
    monkeypatch.setattr(HeyGenWorkflows, "read_accepted", broken)
    submit(generation.pk)
    generation.refresh_from_db()
    assert generation.status == "unknown"
    assert "The studio had an internal error" in generation.error_message
    assert (open_fault().job, len(remote.ledger())) == (Job.SENDING, 1)


def test_an_accepted_execution_that_a_fault_keeps_from_its_row_is_shown(remote, owner, monkeypatch, settings):
    generation = make_queued(owner)
    monkeypatch.setattr(Generation, "accept", broken)
    submit(generation.pk)
    assert (settings.ACCEPTED_FOLDER / str(generation.public_id)).exists()
    assert StudioFault.objects.filter(job=Job.SENDING).exists()


@pytest.mark.parametrize(
    ("task", "breaks", "job"),
    [
        ("nightly", "videos.storage.consistency.empty_trash", Job.NIGHTLY),
        ("check_account", "videos.engine.account_check.check_account", Job.ACCOUNT),
        ("recover", "videos.engine.recovery.recover", Job.RECOVERY),
    ],
)
def test_each_repeated_job_shows_its_fault_and_ends_it(owner, monkeypatch, task, breaks, job, remote):
    with monkeypatch.context() as patch:
        patch.setattr(breaks, broken)
        getattr(tasks, task)()
    fault = StudioFault.objects.open().get()
    assert (fault.job, fault.error) == (job, "TypeError")
    getattr(tasks, task)()
    assert not StudioFault.objects.open().exists()


def test_a_fault_that_comes_back_starts_again(db):
    def fail(times):
        for _ in range(times):
            try:
                broken()
            except TypeError as error:
                StudioFault.objects.record(Job.NIGHTLY, error)

    fail(3)
    first = StudioFault.objects.get()
    StudioFault.objects.clear(Job.NIGHTLY)
    fail(1)
    again = StudioFault.objects.get()
    assert (first.count, again.count, again.cleared_at) == (3, 1, None)
    assert again.first_seen_at > first.first_seen_at


def test_an_unreachable_database_is_not_a_fault_of_the_studio_and_a_wrong_query_is_one(db):
    StudioFault.objects.record(Job.POLLING, OperationalError("locked"))
    assert not StudioFault.objects.exists()
    StudioFault.objects.record(Job.POLLING, ProgrammingError("no such column"))
    assert StudioFault.objects.get().error == "ProgrammingError"


def test_the_place_is_the_last_line_of_our_own_code(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        probe.check_video(tmp_path / "nothing.mp4")
    assert re.fullmatch(r"FileNotFoundError at videos/[\w/]+\.py:\d+", kind_and_place(caught.value))


def test_a_member_sees_the_fault_and_no_admin(db, client, django_user_model, owner):
    try:
        broken()
    except TypeError as error:
        StudioFault.objects.record(Job.SAVING, error, make_ready(owner).pk)
    client.force_login(django_user_model.objects.create_user("member"))
    assert "The studio has an internal error." in client.get("/").text
    assert client.get("/admin/videos/studiofault/").status_code == 404
