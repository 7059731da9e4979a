"""The life of a generation under any order of events, by Hypothesis: never sent twice, never lost, books in order.

Sending is real, over HTTP against the demo server; the poller's and saver's findings, the clock and the people are the
machine's own. After every step the invariants are compared with the demo server's ledger.
"""

import uuid
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.parts.accounts import account
from tests.parts.extent import EVERYTHING
from tests.parts.generations import generate, owner
from videos.engine.recovery import replay_accepted, write_side_file
from videos.engine.submit import submit
from videos.lifecycle import FINAL, MOVES, Status
from videos.models import Batch, Generation, LedgerEntry, Outcome, RemoteAccount, SavedVideo
from videos.models.recount import differences, recount

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

ANSWERS = {
    "accepted": None,
    "busy": {"status": 429},
    "refused": {"status": 400},
    "no credits": {"status": 402},
    "fault": {"status": 500},
    "fault after acceptance": {"accept": True, "status": 500},
    "reset after acceptance": {"accept": True, "reset": True},
    "reset": {"reset": True},
    "no id": {"omit_id": True},
    "id of another": {"repeat_id": True},
}


class Life(RuleBasedStateMachine):
    remote = None  # the demo server, given by the test
    generations = Bundle("generations")

    def __init__(self):
        super().__init__()
        self.remote.clear()
        for model in (LedgerEntry, SavedVideo, Generation):
            model.objects.all().delete()
        recount()
        account()
        account().resume()
        RemoteAccount.objects.update(max_in_flight=1000)

    @rule(target=generations)
    def generate(self):
        return generate(f"It fails {uuid.uuid4()}").pk

    @rule(pk=generations, answer=st.sampled_from(sorted(ANSWERS)))
    def send(self, pk, answer):
        do = ANSWERS[answer]
        self.remote.faults([{"call": "submit", "do": do}] if do else [])
        submit(pk)

    @rule(pk=generations)
    def die_before_the_mark(self, pk):
        Generation.objects.claim_to_send(pk)

    @rule(pk=generations)
    def die_after_the_mark(self, pk):
        generation = Generation.objects.claim_to_send(pk)
        if generation:
            generation.mark_sending(generation.lease_token)

    @rule(pk=generations)
    def keep_an_id_aside(self, pk):
        """A reply came while the database was away."""
        generation = Generation.objects.get(pk=pk)
        if generation.status == Status.UNKNOWN and generation.sent_at:
            for row in self.paid().get(generation.prompt, []):
                write_side_file(generation.public_id, row)

    @rule()
    def recover(self):
        replay_accepted()
        Generation.objects.give_up_lost_replies()

    @rule(minutes=st.sampled_from([0, 3, 30, 24 * 60, -24 * 60]))
    def clock_jumps(self, minutes):
        """What the rows hold moves the other way; every lease and wait is seen from the new now."""
        for generation in Generation.objects.all():
            moved = {
                name: getattr(generation, name) - timedelta(minutes=minutes)
                for name in ("due_at", "lease_until", "sent_at", "polled_since")
                if getattr(generation, name)
            }
            Generation.objects.filter(pk=generation.pk).update(**moved)

    @rule()
    def owner_resumes(self):
        account().resume()

    @rule(pk=generations, found=st.sampled_from(["completed", "failed", "running", "silence"]))
    def poll(self, pk, found):
        Generation.objects.filter(pk=pk, status=Status.RUNNING).update(due_at=timezone.now(), lease_until=None)
        polls = [poll for poll in Generation.objects.claim_due_polls(timezone.now(), 1000) if poll.pk == pk]
        outcomes = {
            "completed": (Status.SAVING, {"video_url": "https://files.example/a.mp4"}),
            "failed": (Status.FAILED, {"error_class": "fault"}),
            "running": (Status.RUNNING, {"due_at": timezone.now(), "remote_status": "processing"}),
            "silence": (Status.STOPPED, {}),
        }
        Generation.objects.record_outcomes([Outcome(poll.pk, poll.token, *outcomes[found]) for poll in polls])

    @rule(pk=generations)
    def save(self, pk):
        generation = Generation.objects.claim_to_save(pk)
        if generation:
            copy = SavedVideo(size=1, sha256="0" * 64, width=16, height=9, seconds=1.0, fps=24.0, codec="h264")
            assert generation.keep_video(generation.lease_token, copy)

    @rule(pk=generations)
    def save_badly(self, pk):
        generation = Generation.objects.claim_to_save(pk)
        if generation:
            generation.delay_saving(generation.lease_token, timedelta(0), "saving.disk_full")

    @rule(pk=generations, what=st.sampled_from(["cancel", "stop_waiting", "check_again", "resolve_as_not_made"]))
    def owner_decides(self, pk, what):
        before, generation = Generation.objects.get(pk=pk), Generation.objects.get(pk=pk)
        assert getattr(generation, what)() == (generation.version > before.version)

    @rule(pk=generations)
    def owner_finds_it(self, pk):
        generation = Generation.objects.get(pk=pk)
        for execution_id in self.paid().get(generation.prompt, []):
            generation.resolve_as_found(execution_id)

    @rule(pk=generations, other=generations)
    def owner_pastes_the_wrong_id(self, pk, other):
        taken = Generation.objects.get(pk=other).remote_id
        if taken and pk != other:
            with suppress(IntegrityError):
                assert not Generation.objects.get(pk=pk).resolve_as_found(taken)

    @rule(pk=generations, target=generations)
    def owner_retries(self, pk):
        generation = Generation.objects.get(pk=pk)
        return Batch.objects.retry(generation, owner(), uuid.uuid4().hex, again=True).generations.get().pk

    def paid(self):
        ids = {}
        for row in self.remote.ledger():
            ids.setdefault(row["input"]["prompt"], []).append(row["execution_id"])
        return ids

    @invariant()
    def never_paid_twice(self):
        tries = Counter(Generation.objects.values_list("prompt", flat=True))
        for prompt, ids in self.paid().items():
            assert len(ids) <= tries[prompt], f"{prompt} was paid for {len(ids)} times"

    @invariant()
    def never_lost(self):
        """Whatever was paid for stands under its id, or is where a person must decide or has decided."""
        rows = {}
        for generation in Generation.objects.all():
            rows.setdefault(generation.prompt, []).append(generation)
        for prompt, ids in self.paid().items():
            sent = [row for row in rows[prompt] if row.remote_id is None and row.sent_at]
            # A retry that was definitely refused is no open end, though its prompt was paid for before.
            open_ends = [row for row in sent if row.status in {Status.SENDING, Status.UNKNOWN, Status.CANCELLED}]
            known = {row.remote_id for row in rows[prompt]}
            assert len(set(ids) - known) <= len(open_ends)

    @invariant()
    def the_ledger_agrees(self):
        """Held or settled where it may have been charged; given back where it surely was not."""
        for generation in Generation.objects.prefetch_related("ledger"):
            held = sum(entry.videos for entry in generation.ledger.all())
            settled = sum(entry.kind == "settle" for entry in generation.ledger.all())
            given_back = generation.remote_id is None and generation.status in {Status.CANCELLED, Status.FAILED}
            assert held == (0 if given_back else 1), f"{generation.status}: {held} held"
            assert settled == (generation.remote_id is not None)

    @invariant()
    def every_kept_number_is_what_the_rows_say(self):
        assert differences() == []

    @invariant()
    def the_last_event_tells_where_it_stands(self):
        for generation in Generation.objects.prefetch_related("events"):
            last = max(generation.events.all(), key=lambda event: event.pk)
            assert last.status == generation.status, f"{last.step} left it {last.status}, it is {generation.status}"

    @invariant()
    def what_is_ready_has_its_copy(self):
        for generation in Generation.objects.all():
            assert SavedVideo.objects.filter(generation=generation).exists() == (generation.status == Status.READY)
            assert generation.video_url == "" or generation.status != Status.READY


@pytest.mark.timeout(600)
def test_no_order_of_events_pays_twice_loses_a_video_or_unbalances_the_ledger(remote):
    Life.remote = remote
    calm = settings(
        max_examples=100 if EVERYTHING else 10,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # a failure is shown as it was found: making it smaller takes minutes here
    )
    run_state_machine_as_test(Life, settings=calm)


def test_the_table_of_moves_knows_every_state_and_leaves_none_unreachable():
    assert set(MOVES) == set(Status)
    assert all(MOVES[status] for status in Status)
    assert MOVES[Status.SENDING] == {Status.QUEUED, Status.SENDING}
    assert not MOVES[Status.QUEUED] & FINAL
