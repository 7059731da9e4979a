"""Everything that costs money shows its price first, confirms at once that it happened, and never happens twice."""

import re
import uuid

import pytest

from tests.parts.clicks import click, click_generate, click_selected
from tests.parts.generations import make
from tests.parts.people import make_member, signed_in
from videos.models import Batch, Budget, Generation, Provider

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
pytestmark = pytest.mark.django_db


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def client(member):
    return signed_in(member)


@pytest.fixture
def priced():
    Provider.objects.filter(value="veo_3_1").update(price="2.00", price_unit="video")


def token():
    return uuid.uuid4().hex


def retry(client, generation, htmx=True, do="retry", **fields):
    return click(client, generation, do, HTMX if htmx else None, **{"token": token(), **fields})


def generate(client, headers=None, **fields):
    return click_generate(client, headers or HTMX, **fields)


def card_of(client, generation, address="/"):
    page = client.get(address).content.decode()
    return re.search(rf'<article[^>]*id="g-{generation.public_id}".*?</article>', page, re.S)[0]


# Retry
def test_the_retry_button_shows_its_price(client, member, priced):
    [failed] = make(member, status="failed")
    assert re.search(r"Retry · \$2\.00", card_of(client, failed))
    assert re.search(r"Retry unchanged · \$2\.00", client.get(f"/g/{failed.public_id}").content.decode())
    [unknown] = make(member, status="unknown")
    assert re.search(r"Make another \(may cost twice\) · \$2\.00", card_of(client, unknown))


def test_after_a_retry_the_card_says_so_links_to_the_new_one_and_needs_no_attention(client, member):
    [failed] = make(member, status="failed")
    answer = retry(client, failed).content.decode()
    new = Generation.objects.get(retry_of=failed)
    assert f'id="g-{new.public_id}"' in answer
    for card in (answer, card_of(client, failed)):
        assert "Retried" in card
        assert f'href="/g/{new.public_id}"' in card
    attention = client.get("/?state=attention").content.decode()
    assert f'id="g-{failed.public_id}"' not in attention
    assert re.search(r'id="n-attention"[^>]*>0<', attention)


@pytest.mark.parametrize("do", ["retry", "another"])
def test_a_second_retry_of_the_same_video_asks_first(client, member, priced, do):
    [old] = make(member, status="failed" if do == "retry" else "unknown")
    retry(client, old, do=do)
    answer = retry(client, old, do=do).content.decode()
    assert Generation.objects.filter(retry_of=old).count() == 1
    assert "Nothing was sent" in answer
    assert "$2.00" in answer
    question = re.search(rf'<form[^>]*hx-post="/g/{old.public_id}/{do}".*?</form>', answer, re.S)[0]
    assert 'name="again"' in question
    retry(client, old, do=do, again="yes")
    assert Generation.objects.filter(retry_of=old).count() == 2


def test_without_scripts_a_second_retry_asks_on_the_videos_own_page(client, member):
    [failed] = make(member, status="failed")
    assert retry(client, failed, htmx=False).status_code == 302
    second = retry(client, failed, htmx=False)
    assert second.url == f"/g/{failed.public_id}"
    assert Generation.objects.filter(retry_of=failed).count() == 1
    page = client.get(second.url).content.decode()
    assert "already" in page
    assert 'name="again"' in page


def test_a_double_click_on_retry_is_one_retry_and_no_question(client, member):
    [failed] = make(member, status="failed")
    same = token()
    answers = [client.post(f"/g/{failed.public_id}/retry", {"token": same}, headers=HTMX) for _ in range(2)]
    assert Generation.objects.filter(retry_of=failed).count() == 1
    assert [answer.content.decode().count("Nothing was sent") for answer in answers] == [0, 0]


def test_a_retry_that_the_budget_refuses_leaves_the_card_as_it_was(client, member):
    [failed] = make(member, status="failed")
    Budget.objects.create(scope="each", videos_per_day=0)
    retry(client, failed)
    failed.refresh_from_db()
    assert failed.retried_at is None


# One form, other words
def test_a_form_resent_with_a_different_prompt_is_reported_and_nothing_is_lost(client):
    same = token()
    generate(client, token=same, prompt="a lighthouse")
    answer = generate(client, token=same, prompt="a harbour")
    assert answer.status_code == 422
    assert "sent this form already, with other words" in answer.content.decode()
    assert Generation.objects.count() == 1
    fresh = re.search(r'id="token"\s+value="([^"]+)"', answer.content.decode())[1]
    assert fresh != same
    assert generate(client, token=fresh, prompt="a harbour").status_code == 200
    assert set(Generation.objects.values_list("prompt", flat=True)) == {"a lighthouse", "a harbour"}


def test_without_scripts_the_prompt_stays_in_its_field(client):
    same = token()
    client.post("/generate", {"prompt": "a lighthouse", "token": same})
    answer = client.post("/generate", {"prompt": "a harbour", "token": same})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert ">\na harbour</textarea>" in page
    assert f'value="{same}"' not in page


@pytest.mark.parametrize(
    "other",
    [
        {"provider": "kling_pro"},
        {"aspect_ratio": "9:16"},
        {"config": '{"duration": 10}'},
        {"count": "2"},
        {"also": "kling_pro"},
        {"reference_image_url": "https://example.com/a.jpg"},
        {"tail_image_url": "https://example.com/a.jpg"},
    ],
)
def test_whatever_differs_is_shown(client, other):
    same = token()
    generate(client, token=same)
    assert generate(client, token=same, **other).status_code == 422
    assert Batch.objects.count() == 1


def test_the_same_form_sent_twice_is_still_one_batch(client):
    same = token()
    fields = {"token": same, "config": '{"seed": 1, "duration": 5}', "reference_image_url": "https://example.com/a.jpg"}
    answers = [generate(client, **fields) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert Generation.objects.count() == 1


def test_a_page_with_a_form_is_not_kept_by_the_browsers_cache(client, member):
    [video] = make(member)
    for address in ("/", "/?state=trash", "/compose", f"/g/{video.public_id}", "/account", "/usage", "/compare"):
        assert "no-store" in client.get(address).headers["Cache-Control"], address
    client.logout()
    assert "no-store" in client.get("/login").headers["Cache-Control"]


# Stopping a batch
def select(client, operation, generations, htmx=True):
    return click_selected(client, operation, generations, HTMX if htmx else None, follow=not htmx)


@pytest.mark.parametrize("htmx", [True, False])
def test_the_bar_cancels_queued_videos_and_says_which_it_could_not(client, member, htmx):
    waiting = make(member, status="queued", count=3)
    others = make(member, status="running") + make(member) + make(make_member("mia"), status="queued", shared=True)
    page = select(client, "cancel", waiting + others, htmx).content.decode()
    assert "3 videos are cancelled" in page
    assert "1 is already being made" in page
    assert Generation.objects.filter(status="cancelled").count() == 3
    assert sum(generation.ledger.count() for generation in waiting) == 6


def test_cancelling_only_sent_videos_says_why_nothing_was_cancelled(client, member):
    running = make(member, status="running", count=2)
    page = select(client, "cancel", running).content.decode()
    assert "Nothing was cancelled: 2 are already being made" in page


def test_trash_says_why_videos_in_progress_stay(client, member):
    page = select(client, "trash", make(member, status="queued", count=2)).content.decode()
    assert "in progress, or may have been charged" in page
    assert "Cancel" in page


def test_after_generate_a_toast_cancels_what_is_not_yet_sent(client, member):
    answer = generate(client, count="8").content.decode()
    batch = Batch.objects.get()
    assert "8 videos" in answer
    assert f"/undo/{batch.public_id}" in answer
    sent = list(batch.generations.order_by("pk")[:3])
    Generation.objects.filter(pk__in=[one.pk for one in sent]).update(status="sending")
    counted = client.get(f"/undo/{batch.public_id}", headers=HTMX).content.decode()
    assert "Undo 5" in counted
    done = client.post(f"/undo/{batch.public_id}", headers=HTMX).content.decode()
    assert "5 videos are cancelled" in done
    assert "3 are already being made" in done
    assert batch.generations.filter(status="cancelled").count() == 5
    assert "Undo" not in client.get(f"/undo/{batch.public_id}", headers=HTMX).content.decode()


def test_only_the_owner_of_a_batch_can_undo_it(client, member):
    generate(client)
    batch = Batch.objects.get()
    other = signed_in(make_member("mia"))
    assert other.get(f"/undo/{batch.public_id}").status_code == 404
    assert other.post(f"/undo/{batch.public_id}").status_code == 404
    assert batch.generations.get().status == "queued"
