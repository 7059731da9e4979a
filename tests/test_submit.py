"""Sending a queued generation: once, in its turn, with its frames; its id is stored in every case."""

import ast
import sys
import uuid
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.parts.accounts import account
from tests.parts.generations import generate, picture
from tests.parts.held import held_at
from tests.parts.postgres import MIGRATED, migrated_server
from tests.parts.processes import ROOT, environment, manage, start, wait_until
from videos.engine.account_check import check_accounts
from videos.engine.recovery import replay_accepted, write_side_file
from videos.engine.submit import Attempt, submit
from videos.models import Generation, RemoteAccount, RemoteCopy
from videos.models.transactions import unsynced

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def fresh(generation):
    return Generation.objects.get(pk=generation.pk)


def test_a_queued_generation_is_sent_and_runs_under_its_execution_id(remote):
    generation = generate()
    submit(generation.pk)
    generation.refresh_from_db()
    [paid] = remote.ledger()
    assert (generation.status, generation.remote_id) == ("running", paid["execution_id"])
    assert generation.lease_token is None
    assert [entry.kind for entry in generation.ledger.order_by("pk")] == ["hold", "settle"]


def test_rows_that_are_removed_leased_or_not_yet_due_are_left_alone(remote):
    gone = generate()
    pk = gone.pk
    gone.ledger.all().delete()
    gone.delete()
    held = generate()
    assert Generation.objects.claim_to_send(held.pk)
    later = generate()
    Generation.objects.filter(pk=later.pk).update(due_at=timezone.now() + timedelta(minutes=1))
    for number in (pk, held.pk, later.pk):
        submit(number)
    assert remote.requests() == []


def test_a_task_run_five_times_sends_once(remote):
    generation = generate()
    for _ in range(5):
        submit(generation.pk)
    assert len(remote.requests("submit")) == 1


def test_a_generation_cancelled_at_the_last_moment_is_not_sent(remote):
    """The owner takes it back while its picture is on its way: the mark fails, and nothing leaves."""
    generation = generate(start_frame=picture())
    with held_at(remote, "upload", submit, generation.pk):
        wait_until(lambda: RemoteCopy.objects.filter(upload_until__isnull=False).exists(), what="the upload to begin")
        assert fresh(generation).cancel()
    assert fresh(generation).status == "cancelled"
    assert remote.requests("submit") == []


def test_no_more_than_the_limit_are_in_flight(remote, settings):
    settings.MAX_IN_FLIGHT = 2
    generations = [generate(f"number {number}") for number in range(3)]
    for generation in generations:
        submit(generation.pk)
    assert [fresh(generation).status for generation in generations] == ["running", "running", "queued"]


def test_nothing_is_sent_while_paused_or_without_a_key(remote, settings):
    generation = generate()
    account().pause("credits")
    submit(generation.pk)
    account().resume()
    settings.HEYGEN_API_KEY = ""
    submit(generation.pk)
    assert fresh(generation).status == "queued"
    assert remote.requests() == []


@pytest.mark.parametrize("field", ["due_at", "lease_until"])
def test_a_clock_that_jumped_back_a_day_holds_nothing_up(field, remote):
    generation = generate()
    Generation.objects.filter(pk=generation.pk).update(**{field: timezone.now() + timedelta(days=1)})
    account()
    RemoteAccount.objects.update(not_before=timezone.now() + timedelta(days=1))
    submit(generation.pk)
    assert fresh(generation).status == "running"


def test_a_mark_whose_lease_lies_a_day_ahead_is_given_up_as_unknown(remote):
    generation = Generation.objects.claim_to_send(generate().pk)
    generation.mark_sending(generation.lease_token)
    Generation.objects.update(lease_until=timezone.now() + timedelta(days=1))
    assert Generation.objects.give_up_lost_replies() == 1
    submit(generation.pk)
    assert fresh(generation).status == "unknown"
    assert remote.requests("submit") == []


# Frames
def test_an_uploaded_frame_is_sent_once_and_named_by_its_public_address(remote):
    frame = picture()
    for number in range(2):
        submit(generate(f"number {number}", start_frame=frame, end_frame=frame).pk)
    [asset] = remote.assets()
    assert asset["mime"] == "image/png"
    assert asset["size"] == frame.size
    for paid in remote.ledger():
        sent = paid["body"]["input"]
        assert sent["reference_image_url"] == sent["tail_image_url"]
        assert sent["reference_image_url"].startswith(f"{remote.url}/assets/")


def test_two_generations_at_once_upload_their_common_picture_once(remote):
    frame = picture()
    generations = [generate(f"number {number}", start_frame=frame) for number in range(2)]
    with held_at(remote, "upload", submit, generations[0].pk):
        wait_until(lambda: RemoteCopy.objects.filter(upload_until__isnull=False).exists(), what="the upload to begin")
        submit(generations[1].pk)
        waiting = fresh(generations[1])
        assert (waiting.status, waiting.status_message) == ("queued", "")
    Generation.objects.filter(pk=waiting.pk).update(due_at=timezone.now())
    submit(waiting.pk)
    assert {fresh(generation).status for generation in generations} == {"running"}
    assert len(remote.assets()) == 1


def test_an_old_remote_copy_is_created_again(remote):
    frame = picture()
    submit(generate("one", start_frame=frame).pk)
    RemoteCopy.objects.update(made_at=timezone.now() - timedelta(days=6))
    submit(generate("two", start_frame=frame).pk)
    assert len(remote.assets()) == 2


def test_the_older_upload_call_is_used_if_the_newer_does_not_exist(remote):
    remote.faults([{"call": "upload", "path": "/v3/", "do": {"status": 404}}])
    generation = generate(start_frame=picture())
    submit(generation.pk)
    assert fresh(generation).status == "running"
    assert [request["path"] for request in remote.requests("upload")] == ["/v3/assets", "/v1/asset"]


@pytest.mark.parametrize(("choice", "path"), [("assets", "/v3/assets"), ("asset", "/v1/asset")])
def test_a_setting_fixes_the_upload_call(choice, path, remote, settings):
    settings.HEYGEN_UPLOAD_CALL = choice
    submit(generate(end_frame=picture()).pk)
    assert [request["path"] for request in remote.requests("upload")] == [path]


def test_a_pasted_address_is_passed_on_as_it_is(remote):
    address = "https://example.com/a%20b.png?width=3#part"
    generation = generate(start_frame_url=address)
    submit(generation.pk)
    assert fresh(generation).status == "running"
    assert remote.ledger()[0]["body"]["input"]["reference_image_url"] == address
    assert remote.requests("upload") == []


def test_a_studio_with_a_public_address_may_offer_its_pictures_itself(remote, settings, live_server, client):
    settings.HEYGEN_UPLOAD_CALL = "own"
    settings.STUDIO_URL = live_server.url
    frame = picture()
    generation = generate(start_frame=frame)
    submit(generation.pk)
    assert fresh(generation).status == "running", fresh(generation).error_message
    address = remote.ledger()[0]["body"]["input"]["reference_image_url"]
    assert address.startswith(f"{live_server.url}/pictures/signed/")
    assert remote.requests("upload") == []
    path = address.removeprefix(live_server.url)
    answer = client.get(path)
    assert b"".join(answer.streaming_content) == frame.file.open().read()
    assert answer["Content-Type"] == "image/png"
    assert client.get(path[:-3] + "abc").status_code == 404


# Keeping the id
@pytest.mark.skipif(connection.vendor != "sqlite", reason="locks the whole database, as only SQLite does")
def test_an_id_that_the_database_cannot_take_waits_in_a_file_and_is_replayed(remote, settings, tmp_path):
    """The database is locked from the moment the request has left: the id outlives it, and recovery brings it back."""
    generation = generate()
    connection.ensure_connection()
    other = connection.copy("other")
    with held_at(remote, "submit", send_impatiently, generation.pk) as sender, other.cursor() as cursor:
        wait_until(lambda: fresh(generation).status == "sending", what="the mark")
        cursor.execute("BEGIN IMMEDIATE")
        remote.faults([])
        sender.join()
        cursor.execute("ROLLBACK")
    other.close()
    [paid] = remote.ledger()
    kept = settings.ACCEPTED_FOLDER / str(generation.public_id)
    assert kept.read_text() == paid["execution_id"]
    assert fresh(generation).status == "sending"
    replay_accepted()
    assert (fresh(generation).status, fresh(generation).remote_id) == ("running", paid["execution_id"])
    assert not kept.exists()


def send_impatiently(pk):
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 100")
    submit(pk)


def test_a_kept_id_is_replayed_even_after_the_outcome_was_given_up(remote):
    generation = generate()
    lose(generation, remote)
    fresh(generation).resolve_as_not_made()
    write_side_file(generation.public_id, "node-gw-late")
    replay_accepted()
    found = fresh(generation)
    assert (found.status, found.remote_id) == ("running", "node-gw-late")
    assert sum(entry.videos for entry in found.ledger.all()) == 1


def lose(generation, remote):
    remote.faults([{"call": "submit", "do": {"reset": True}}])
    submit(generation.pk)
    remote.faults([])


def test_a_foreign_file_among_the_stored_ids_does_not_block_the_others(remote, settings):
    generation = generate()
    lose(generation, remote)
    write_side_file(generation.public_id, "node-gw-late")
    for name, rubbish in {str(uuid.UUID(int=0)): b"\xff\xfe", "0-empty": b"", "0-long": b"x" * 999}.items():
        (settings.ACCEPTED_FOLDER / name).write_bytes(rubbish)
    replay_accepted()
    assert fresh(generation).remote_id == "node-gw-late"


def test_an_execution_that_ended_before_its_settlement_is_settled_by_the_sweep(remote):
    generation = generate()
    lose(generation, remote)
    fresh(generation).resolve_as_not_made()
    type(generation).objects.filter(pk=generation.pk).update(status="failed", remote_id="node-gw-late")
    type(generation).objects.add_missing_settlements()
    assert sum(entry.videos for entry in generation.ledger.all()) == 1


def test_a_kept_id_that_fits_nothing_stays_and_is_reported_once(remote, settings, caplog):
    running, other = generate("one"), generate("two")
    submit(running.pk)
    lose(other, remote)
    execution_id = fresh(running).remote_id
    write_side_file(other.public_id, execution_id)
    write_side_file("not-one-of-ours", "node-gw-stray")
    for _ in range(2):
        replay_accepted()
    assert fresh(other).status == "unknown"
    unclaimed = settings.ACCEPTED_FOLDER / "unclaimed"
    assert {path.name: path.read_text() for path in unclaimed.iterdir()} == {
        str(other.public_id): execution_id,
        "not-one-of-ours": "node-gw-stray",
    }
    assert len([record for record in caplog.records if "No generation accepts" in record.message]) == 2


def test_a_reply_that_arrives_after_its_sender_was_given_up_is_still_accepted(remote):
    generation = generate()
    with given_up_while_sending(generation, remote, {}):
        fresh(generation).resolve_as_not_made()
    found = fresh(generation)
    assert found.status == "running"
    assert sum(entry.videos for entry in found.ledger.all()) == 1


@contextmanager
def given_up_while_sending(generation, remote, do):
    """Recovery finds its lease run out; then the answer comes after all."""
    with held_at(remote, "submit", submit, generation.pk, **do):
        wait_until(lambda: fresh(generation).status == "sending", what="the mark")
        Generation.objects.update(lease_until=timezone.now())
        assert Generation.objects.give_up_lost_replies() == 1
        assert fresh(generation).status == "unknown"
        yield


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(429, "HeyGen was too busy to accept this. Nothing was made"), (400, "HeyGen did not accept this request")],
)
def test_a_refusal_that_comes_after_its_sender_was_given_up_says_that_nothing_was_made(status, sentence, remote):
    generation = generate()
    with given_up_while_sending(generation, remote, {"status": status}):
        pass
    found = fresh(generation)
    assert found.status == "failed"
    assert found.error_message.startswith(sentence)
    assert sum(entry.videos for entry in found.ledger.all()) == 0
    submit(generation.pk)
    assert len(remote.requests("submit")) == 1


def test_a_reply_that_is_lost_after_the_sweep_gave_it_up_counts_once(remote):
    generation = generate()
    with given_up_while_sending(generation, remote, {"reset": True}):
        assert account().unknowns_in_a_row == 1
    assert fresh(generation).status == "unknown"
    assert account().unknowns_in_a_row == 1


def test_a_sender_that_was_asleep_past_its_lease_sends_nothing(remote):
    generation = Generation.objects.claim_to_send(generate().pk)
    Generation.objects.update(lease_until=timezone.now())
    Attempt(generation).run()
    assert fresh(generation).status == "queued"
    assert remote.requests() == []


def test_a_late_video_leaves_the_trash_and_is_shown(remote):
    generation = generate()
    lose(generation, remote)
    generation = fresh(generation)
    assert generation.resolve_as_not_made()
    assert generation.move_to_trash()
    write_side_file(generation.public_id, "node-gw-late")
    replay_accepted()
    assert list(Generation.objects.kept()) == [generation]


class Elsewhere:
    """Python run by `manage.py shell` on a database of its own, as another host would."""

    def __init__(self, folder, remote, database_url):
        self.log = folder / "log"
        addresses = {"HEYGEN_API_URL": remote.url, "HEYGEN_UPLOAD_URL": remote.url}
        self.env = environment(STUDIO_DATA=folder, DATABASE_URL=database_url, HEYGEN_API_KEY="test-key", **addresses)

    def run(self, code):
        return manage("shell", "-v", "0", "-c", code, env=self.env).strip()

    def start(self, code):
        return start([sys.executable, "manage.py", "shell", "-v", "0", "-c", code], self.env, self.log)


@pytest.mark.process
def test_a_postgresql_that_goes_away_while_a_request_is_out_costs_no_id(remote, tmp_path):
    server = migrated_server()
    try:
        elsewhere = Elsewhere(tmp_path, remote, server.new_database(MIGRATED))
        pk = elsewhere.run("from tests.parts.generations import generate; print(generate().pk)")
        remote.faults([{"call": "submit", "do": {"accept": True, "hang": 30}}])
        sender = elsewhere.start(f"from videos.engine.submit import submit; submit({pk})")
        wait_until(remote.ledger, what="the request to be accepted")
        server.stop()
        sender.wait(120)
        [paid] = remote.ledger()
        [kept] = (tmp_path / "accepted").iterdir()
        assert kept.read_text() == paid["execution_id"]
        server.start()
        elsewhere.run("from videos.engine.recovery import replay_accepted; replay_accepted()")
        found = elsewhere.run("from videos.models import *; g = Generation.objects.get(); print(g.status, g.remote_id)")
        assert found == f"running {paid['execution_id']}"
    finally:
        server.remove()


# One place
def calls_in(path, name):
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == name]


def test_the_paid_request_is_sent_in_one_place_only():
    """Only one line of the engine submits, and only one line of a backend makes the paid call."""
    sources = [path for path in (ROOT / "videos").rglob("*.py") if "standin" not in path.parts]
    callers = [path.name for path in sources for _ in calls_in(path, "self.remote.submit")]
    assert callers == ["submit.py"]
    posting = {path.name for path in sources for _ in calls_in(path, "transport.post_once")}
    assert posting == {"heygen.py"}  # what both of HeyGen's APIs have in common


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's own setting decides there")
def test_the_mark_and_the_id_wait_for_the_disk_and_a_claim_and_a_settlement_do_not(remote):
    generation, found = generate(), []

    def synchronous():
        return connection.connection.execute("PRAGMA synchronous").fetchone()[0]

    def watch(execute, sql, parameters, many, context):
        if sql.startswith(('UPDATE "videos_generation"', 'INSERT INTO "videos_ledgerentry"')):
            found.append(synchronous())
        return execute(sql, parameters, many, context)

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous = FULL")
    try:
        with connection.execute_wrapper(watch):
            submit(generation.pk)
        claim, mark, remote_id, *settlement = found
        assert (claim, mark, remote_id, settlement) == (1, 2, 2, [1, 1])
        with pytest.raises(KeyError), unsynced():
            raise KeyError
        assert synchronous() == 2
    finally:
        connection.close()  # the next test's is as its settings say
    assert fresh(generation).settled


def test_nothing_is_sent_inside_somebody_elses_transaction(remote):
    generation = generate()
    with transaction.atomic():
        submit(generation.pk)
    assert remote.requests("submit") == []


# The account
def test_a_wrong_key_is_known_before_anything_is_generated(remote):
    remote.faults([{"call": "account", "do": {"status": 401}}])
    check_accounts()
    found = account()
    assert (found.paused, found.pause_cause) == (True, "key")
    remote.faults([])
    check_accounts()
    assert not account().paused


def test_a_key_refused_by_the_paid_call_alone_resumes_by_no_free_one(remote):
    """Else each look at the account would send one more generation into the same refusal."""
    remote.faults([{"call": "submit", "do": {"status": 401}}])
    submit(generate().pk)
    check_accounts()
    assert account().paused


def test_a_key_refused_by_every_call_resumes_once_it_is_good(remote):
    remote.faults([{"call": "submit", "do": {"status": 401}}, {"call": "account", "do": {"status": 401}}])
    submit(generate().pk)
    check_accounts()
    assert account().paused
    remote.faults([])
    check_accounts()
    assert not account().paused


def test_a_good_key_resumes_nothing_that_a_person_must(remote):
    account().pause("credits")
    check_accounts()
    assert account().paused


@pytest.mark.parametrize("do", [{"status": 500}, {"reset": True}, {"html": "<h1>Hello"}])
def test_an_account_call_that_fails_otherwise_is_only_reported(do, remote):
    remote.faults([{"call": "account", "do": do}])
    check_accounts()
    found = account()
    assert not found.paused
    assert found.status_message
    remote.faults([])
    check_accounts()
    assert not account().status_message


@pytest.mark.parametrize("status", [403, 404, 429])
def test_an_account_call_closed_to_this_key_says_nothing_about_sending(status, remote):
    remote.faults([{"call": "account", "do": {"status": status}}])
    check_accounts()
    found = account()
    assert (found.paused, found.status_message) == (False, "")


def test_a_pause_by_a_restore_or_a_person_replaces_one_that_may_end_automatically(remote):
    account()
    for cause in ("key", "owner", "restored", "owner"):
        account().pause(cause)
    check_accounts()
    found = account()
    assert (found.paused, found.pause_cause) == (True, "restored")
