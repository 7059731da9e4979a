"""The event of every step of a generation: in the commit of the step, with its author, and not one for each poll."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.parts.generations import generate, make_queued, make_ready, make_running, make_saving, owner
from tests.parts.people import make_member, signed_in
from videos.admin.timeline import timeline
from videos.lifecycle import Status
from videos.models import Batch, Clip, Collection, Generation, GenerationEvent, Outcome, Provider, Request

pytestmark = pytest.mark.django_db


def steps(generation):
    return list(generation.events.order_by("pk").values_list("step", flat=True))


def last(generation):
    return generation.events.order_by("pk").last()


def found(*generations, **fields):
    """One poll of each, which found `fields`; nothing new where there are none."""
    Generation.objects.filter(pk__in=[one.pk for one in generations]).update(due_at=timezone.now(), lease_token=None)
    polls = Generation.objects.claim_due_polls(timezone.now(), 100)
    later = timedelta(0) if fields else timedelta(seconds=1)
    outcomes = [Outcome(poll.pk, poll.token, Status.RUNNING, fields, later, words="words of theirs") for poll in polls]
    Generation.objects.record_outcomes(outcomes)


def test_a_video_that_went_well_has_an_event_for_each_step():
    generation = make_ready(make_member())
    assert steps(generation) == ["created", "sending", "accepted", "completed", "saved"]
    states = list(generation.events.order_by("pk").values_list("status", flat=True))
    assert states == ["queued", "sending", "running", "saving", "ready"]
    assert generation.events.get(step="accepted").words == "node-gw-1"


def test_a_batch_writes_the_events_of_all_its_videos_in_one_statement():
    requests = [Request(f"video {number}", Provider.objects.get(value="veo_3_1")) for number in range(8)]
    with CaptureQueriesContext(
        connection,
    ) as captured:
        Batch.objects.make(owner(), uuid.uuid4().hex, requests)
    assert sum('INSERT INTO "videos_generationevent"' in query["sql"] for query in captured) == 1
    assert GenerationEvent.objects.filter(step="created", by=owner()).count() == 8


def test_a_step_that_cannot_be_recorded_is_not_made(monkeypatch):
    generation = generate()

    def broken(self, events):
        raise OSError

    monkeypatch.setattr(type(GenerationEvent.objects), "record", broken)
    with pytest.raises(OSError):
        generation.cancel()
    generation.refresh_from_db()
    assert generation.status == "queued"


def test_a_poll_that_found_nothing_new_is_counted_and_writes_no_event():
    first, second = make_running(owner(), "one", token="1"), make_running(owner(), "two", token="2")
    before = GenerationEvent.objects.count()
    for _ in range(3):
        with CaptureQueriesContext(connection) as captured:
            found(first, second)
        assert not any("generationevent" in query["sql"] for query in captured)
    assert GenerationEvent.objects.count() == before
    first.refresh_from_db()
    assert first.polls == 3


def test_news_of_polls_is_written_for_all_at_once_with_the_number_of_polls():
    rows = [make_running(owner(), f"job-{number}", token=str(number)) for number in range(5)]
    found(*rows)
    with CaptureQueriesContext(connection) as captured:
        found(*rows, remote_status="rendering", status_note="")
    assert sum('INSERT INTO "videos_generationevent"' in query["sql"] for query in captured) == 1
    for row in rows:
        event = last(row)
        assert (event.step, event.polls, event.words) == ("polled", 2, "words of theirs")


def test_the_same_problem_again_is_counted_with_the_tries_between():
    generation = generate()
    for number in range(5):
        Generation.objects.filter(pk=generation.pk).update(due_at=timezone.now())
        generation = Generation.objects.claim_to_send(generation.pk)
        assert generation.mark_sending(generation.lease_token)
        assert generation.put_back(generation.lease_token, timedelta(0), "delay.busy", f"request {number}")
    assert steps(generation) == ["created", "sending", "put_back"]
    event = last(generation)
    assert (event.times, event.words) == (5, "request 4")
    assert event.last_at > event.at


def test_another_problem_has_an_event_of_its_own():
    generation = make_saving(owner())
    for code, seconds in (("disk_full", 8), ("disk_full", 16), ("unreachable", 32), ("disk_full", 64)):
        Generation.objects.filter(pk=generation.pk).update(due_at=timezone.now())
        generation = Generation.objects.claim_to_save(generation.pk)
        assert generation.delay_saving(generation.lease_token, timedelta(seconds=seconds), f"saving.{code}")
    events = generation.events.filter(step="not_saved").order_by("pk")
    assert [(event.code, event.times) for event in events] == [("saving.disk_full", 3), ("saving.unreachable", 1)]
    assert "Trying again in 64 s" in events[0].message and "Trying again in 32 s" in events[1].message


@pytest.mark.parametrize("action", ["cancel", "trash", "stop", "check"])
def test_each_event_keeps_its_author(action):
    member = make_member()
    row = make_queued(member) if action == "cancel" else make_running(member)
    if action == "check":
        row.stop_waiting()
    if action == "trash":
        row.stop_waiting()
    signed_in(member).post(f"/g/{row.public_id}/{action}")
    assert last(row).by == member
    step = {"cancel": "cancelled", "trash": "trashed", "stop": "stopped", "check": "check_again"}[action]
    assert last(row).step == step
    assert row.events.exclude(step__in=["created", step]).filter(by=member).count() == 0  # the worker's


def test_no_text_prevents_a_move():
    generation = Generation.objects.claim_to_send(generate().pk)
    assert generation.mark_sending(generation.lease_token)
    assert generation.refuse(generation.lease_token, "invalid", "refusal.invalid", "odd\0 " + "x" * 5000)
    event = last(generation)
    assert event.step == "refused" and len(event.words) == 500 and "\0" not in event.words


def test_events_go_with_their_generation():
    generation = make_ready(make_member())
    generation.move_to_trash()
    Generation.objects.filter(pk=generation.pk).update(trashed_at=timezone.now())
    assert generation.remove_for_good()
    assert not GenerationEvent.objects.exists()


def test_the_first_news_of_many_videos_is_written_in_a_few_statements():
    member = make_member()
    many = [make_running(member, f"node-gw-{number}", token=f"form-{number}") for number in range(9)]
    with CaptureQueriesContext(connection) as captured:
        found(*many, remote_status="rendering")
    assert sum(query["sql"].startswith("UPDATE") for query in captured) <= 5
    for generation in many:
        generation.refresh_from_db()
        assert (generation.remote_status, generation.polls, generation.lease_token) == ("rendering", 1, None)
        assert last(generation).step == "polled"
        assert generation.version > 1


# Collections


def told(generation):
    """The last lines of its history, as the admin's timeline says them."""
    return [line.title for line in timeline(Generation.objects.get(pk=generation.pk))]


def test_collection_and_review_steps_are_in_the_history_of_a_video():
    member = make_member()
    generation, other = make_ready(member), make_ready(member, "node-gw-2", token="two")
    collection = Collection.objects.make(member, "Autumn launch")
    collection.add([generation, other], member)
    collection.add([generation], member)  # is in it already
    clip = collection.clips.get(generation=generation)
    clip.decide(Clip.State.CHANGE, "member")
    clip.decide(Clip.State.APPROVED, "Maya Lindqvist")
    clip.decide(Clip.State.APPROVED, "Maya Lindqvist")  # clicked twice
    collection.remove([generation], by=member)
    assert told(generation)[-4:] == [
        "Added to “Autumn launch” by member",
        "A change was requested in “Autumn launch” by member",
        "Approved in “Autumn launch” by Maya Lindqvist",
        "Removed from “Autumn launch” by member",
    ]
    collection.remove_for_good(by=member)
    assert told(other)[-1] == "Removed from “Autumn launch” by member"
    assert "Removed from" not in told(generation)[-2]


def test_reviewing_a_removed_video_changes_nothing():
    generation = make_ready(make_member())
    collection = Collection.objects.make(generation.owner, "Autumn launch")
    collection.add([generation], generation.owner)
    clip = collection.clips.get()
    collection.remove([generation])
    clip.decide(Clip.State.APPROVED, "member")
    assert not Clip.objects.exists() and steps(generation)[-1] == "uncollected"


def test_nightly_checks_that_find_a_complete_copy_are_counted_in_one_line():
    generation = make_ready(make_member())
    for _ in range(3):
        Generation.objects.record_whole([generation.pk])
    assert (last(generation).step, last(generation).times) == ("checked", 3)
    generation.record_not_whole("check.missing")
    Generation.objects.record_whole([generation.pk])
    assert steps(generation)[-3:] == ["checked", "not_whole", "checked"]
