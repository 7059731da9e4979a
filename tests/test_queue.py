"""The queue: waiting generations are held, released, moved to the front, edited or taken out, and each card shows its
place. None of it costs anything, and nothing that a person has held is sent."""

import pytest
from django.utils.html import escape
from django_q.models import OrmQ

from tests.parts.clicks import HTMX, click
from tests.parts.generations import make, make_queued
from tests.parts.people import make_member, signed_in
from videos import tasks
from videos.engine.submit import submit
from videos.limits import SENDERS
from videos.models import Generation, GenerationEvent, Provider, Request
from videos.views.compose import make_batch
from videos.views.gallery import Cursor

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def client(member):
    return signed_in(member)


def waiting(owner, *prompts):
    return [make_queued(owner, prompt, token=f"token-{prompt}") for prompt in prompts]


def line(owner=None):
    rows = Generation.objects.in_queue()
    return list((rows.filter(owner=owner) if owner else rows).values_list("prompt", flat=True))


def test_a_held_generation_is_not_sent_until_it_is_released(client, member, remote):
    [generation] = waiting(member, "a harbour")
    assert "Held" in click(client, generation, "hold", HTMX).text
    submit(generation.pk)
    assert remote.ledger() == []
    assert not Generation.objects.filter(pk__in=Generation.objects.sendable(generation.created_at)).exists()
    assert "Queued" in click(client, generation, "let-go", HTMX).text
    submit(generation.pk)
    assert len(remote.ledger()) == 1
    assert list(GenerationEvent.objects.filter(generation=generation).values_list("step", flat=True))[:3] == [
        "created",
        "held",
        "let_go",
    ]


def test_a_click_for_many_videos_enqueues_only_as_many_tasks_as_there_are_senders(member):
    provider = Provider.objects.get(value="veo_3_1")
    requests = [Request(prompt=f"harbour {number}", provider=provider) for number in range(SENDERS + 3)]
    batch = make_batch(member, "token", requests)
    enqueued = [row.task for row in OrmQ.objects.order_by("pk")]
    assert [task["func"] for task in enqueued] == ["videos.tasks.submit"] * SENDERS
    assert [task["args"] for task in enqueued] == [(pk,) for pk in batch.first_pks(SENDERS)]


def test_a_sender_goes_on_with_the_videos_that_have_no_task(member, remote):
    provider = Provider.objects.get(value="veo_3_1")
    requests = [Request(prompt=f"harbour {number}", provider=provider) for number in range(4)]
    batch = make_batch(member, "token", requests)
    tasks.submit(batch.first_pks(1)[0])
    assert [paid["input"]["prompt"] for paid in remote.ledger()] == [f"harbour {number}" for number in range(4)]


def test_a_sender_that_has_claimed_it_sends_nothing_once_it_is_held(member):
    [generation] = waiting(member, "a harbour")
    claimed = Generation.objects.claim_to_send(generation.pk)
    assert generation.hold()
    assert not claimed.mark_sending(claimed.lease_token)


def test_a_sent_generation_can_no_longer_be_held_moved_or_edited(client, member, remote):
    [generation] = waiting(member, "a harbour")
    submit(generation.pk)
    for action in ("hold", "front", "edit"):
        assert "This has changed in the meantime" in click(client, generation, action, HTMX).text
    generation.refresh_from_db()
    assert (generation.status, generation.held_at) == ("running", None)


def test_moving_to_the_front_only_changes_the_order_of_ones_own(client, member):
    other = make_member("other")
    waiting(member, "one")
    waiting(other, "hers")
    waiting(member, "two")
    waiting(other, "hers too")
    [three] = waiting(member, "three")
    assert "now the next of yours" in click(client, three, "front", HTMX).text
    assert line() == ["three", "hers", "one", "hers too", "two"]
    assert click(client, three, "front").status_code == 302
    assert line() == ["three", "hers", "one", "hers too", "two"]


def test_a_delayed_generation_delays_no_other(client, member):
    first, last = waiting(member, "first", "last")
    claimed = Generation.objects.claim_to_send(last.pk)
    claimed.put_back(claimed.lease_token, delay=60 * first.created_at.resolution * 10**6, note="delay.network")
    assert escape("so it can't be moved now") in click(client, last, "front", HTMX).text
    assert line() == ["first", "last"]


def test_each_card_shows_its_place_and_the_page_updates_it(client, member):
    one, two = waiting(member, "one", "two")
    page = client.get("/").text
    assert "next in the queue" in page
    assert "2nd in the queue" in page
    since = {"since": str(Cursor.now(""))}
    one.cancel()
    reply = client.get("/updates", since)
    assert f'data-place="place-{two.public_id}">next in the queue' in reply.text


def test_the_queue_shows_nothing_about_other_people(client, member):
    waiting(make_member("other"), "hers")
    waiting(member, "mine")
    page = client.get("/").text
    assert "2nd in the queue" in page
    assert "hers" not in page


def test_edit_takes_it_out_of_the_queue_and_into_the_composer(client, member):
    one, two = waiting(member, "one", "two")
    reply = click(client, one, "edit", HTMX).text
    assert "Taken out of the queue, and never sent." in reply
    assert f'hx-get="/compose?reuse={one.public_id}"' in reply
    reply = click(client, two, "edit")
    assert (reply.status_code, reply["Location"]) == (302, f"/?reuse={two.public_id}")
    assert set(Generation.objects.values_list("status", flat=True)) == {"cancelled"}
    assert one.ledger.count() == 2, "what was held of the budget is given back"


def test_only_the_owner_changes_the_queue(member):
    stranger = signed_in(make_member("stranger"))
    [generation] = waiting(member, "a harbour")
    for action in ("hold", "let-go", "front", "edit"):
        assert click(stranger, generation, action).status_code == 404


def test_a_stack_cancels_its_waiting_videos_with_one_click(client, member):
    make(member, status="queued", count=3)
    [batch] = member.batches.all()
    page = client.get("/").text
    assert "Cancel the 3 waiting" in page
    assert f'formaction="/undo/{batch.public_id}"' in page
    reply = client.post(f"/undo/{batch.public_id}", headers=HTMX)
    assert "3 videos are cancelled, and not charged." in reply.text
    assert set(batch.generations.values_list("status", flat=True)) == {"cancelled"}
