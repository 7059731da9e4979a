"""Owners may want a question before one click makes many videos or spends much: it comes before anything costs."""

import re
import uuid
from decimal import Decimal

import pytest

from tests.parts.generations import make
from tests.parts.people import make_member, signed_in
from videos.models import Budget, Generation, LedgerEntry, Provider, StudioSettings

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
TABLE = "prompt,provider,count\na lighthouse,veo_3_1,2\na harbour,veo_3_1,2\n"


@pytest.fixture(autouse=True)
def priced(settings):
    settings.SET_BY_ENVIRONMENT = frozenset()
    Provider.objects.filter(value="veo_3_1").update(price="2.00", price_unit="video")


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def client(member):
    return signed_in(member)


def ask_above(videos=None, price=None):
    StudioSettings(ask_above_videos=videos, ask_above_price=price).save()


def generate(client, headers=HTMX, **fields):
    asked = {"prompt": "a lighthouse", "provider": "veo_3_1", "count": "4", "token": uuid.uuid4().hex}
    return client.post("/generate", asked | fields, headers=headers)


def key_in(answer):
    return re.search(r'name="confirmed"\s+value="(\w+)"', answer.content.decode())[1]


def words_of(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_no_question_is_asked_unless_an_owner_wants_one(client):
    assert generate(client, count="8").status_code == 200
    assert client.post("/batch", {"table": TABLE, "action": "generate", "token": uuid.uuid4().hex}).status_code == 302
    assert Generation.objects.count() == 12


@pytest.mark.parametrize("limits", [{"videos": 3}, {"price": Decimal("7.99")}])
def test_generate_asks_before_it_spends_and_yes_makes_exactly_that(client, limits):
    ask_above(**limits)
    same = uuid.uuid4().hex
    answer = generate(client, token=same)
    assert answer.status_code == 422
    assert "This makes 4 videos for $8.00 . Nothing was sent yet." in words_of(answer)
    assert (Generation.objects.count(), LedgerEntry.objects.count()) == (0, 0)
    for _ in range(2):  # a double click
        assert generate(client, token=same, confirmed=key_in(answer)).status_code == 200
    assert Generation.objects.count() == 4


def test_at_the_limit_nothing_is_asked(client):
    ask_above(videos=4, price=Decimal(8))
    assert generate(client).status_code == 200


@pytest.mark.parametrize("change", [{"prompt": "a harbour"}, {"count": "5"}, {"config": '{"seed": 7}'}])
def test_a_yes_to_a_different_question_does_not_count(client, change):
    ask_above(videos=3)
    key = key_in(generate(client))
    answer = generate(client, confirmed=key, **change)
    assert answer.status_code == 422
    assert key_in(answer) != key
    assert not Generation.objects.exists()


def test_a_price_that_has_risen_is_asked_about_again(client):
    ask_above(price=Decimal(5))
    key = key_in(generate(client))
    Provider.objects.filter(value="veo_3_1").update(price="3.00")
    assert "$12.00" in words_of(generate(client, confirmed=key))
    assert not Generation.objects.exists()


def test_several_providers_count_together(client):
    ask_above(videos=3)
    answer = generate(client, provider=["veo_3_1", "kling_pro"], count="2")
    assert "This makes 4 videos" in words_of(answer)
    assert not Generation.objects.exists()


def test_without_scripts_the_page_comes_back_as_it_was_typed_with_a_button_that_says_yes(client):
    ask_above(videos=3)
    page = generate(client, headers={}, aspect_ratio="9:16")
    text = page.content.decode()
    assert page.status_code == 422
    assert ">a lighthouse</textarea>" in text.replace("\n", "")
    assert re.search(r'name="aspect_ratio"[^>]*value="9:16"', text)
    token = re.search(r'id="token"\s+value="([^"]+)"', text)[1]
    answer = generate(client, headers={}, aspect_ratio="9:16", token=token, confirmed=key_in(page))
    assert (answer.status_code, Generation.objects.count()) == (302, 4)


def test_a_table_is_asked_about_and_keeps_its_rows_and_ticks(client):
    ask_above(videos=3)
    page = client.post("/batch", {"table": TABLE, "action": "generate", "token": uuid.uuid4().hex})
    assert page.status_code == 422
    assert "This makes 4 videos for $8.00" in words_of(page)
    assert not Generation.objects.exists()
    ticks = page.context["ticks_of"]
    form = {"table": page.context["text"], "ticks_of": ticks, "token": page.context["token"]}
    fewer = client.post("/batch", form | {"confirmed": key_in(page), "row": ["1", "2"], "table": TABLE + "a,veo_3_1,8"})
    assert not Generation.objects.exists()
    assert fewer.status_code == 422
    done = client.post("/batch", form | {"confirmed": key_in(page), "row": ["1", "2"]})
    assert (done.status_code, Generation.objects.count()) == (302, 4)


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_an_expensive_retry_asks_first_and_the_failed_one_stays_unchanged(client, member, headers):
    [failed] = make(member, "a lighthouse", "failed")
    ask_above(price=Decimal(1))
    address, same = f"/g/{failed.public_id}/retry", uuid.uuid4().hex
    answer = client.post(address, {"token": same}, headers=headers)
    failed.refresh_from_db()
    assert failed.retried_at is None
    assert "$2.00" in words_of(answer)
    assert Generation.objects.count() == 1
    client.post(address, {"token": same, "confirmed": key_in(answer)}, headers=headers)
    assert Generation.objects.filter(retry_of=failed).count() == 1


def test_an_insufficient_budget_is_reported_instead_of_asking(client):
    ask_above(videos=1)
    Budget.objects.create(scope="each", videos_per_day=2)
    assert "would go over the budget" in generate(client).content.decode()


def test_a_form_that_already_made_its_videos_does_not_ask_again(client):
    same = uuid.uuid4().hex
    generate(client, token=same)
    ask_above(videos=1)
    assert generate(client, token=same).status_code == 200
    assert Generation.objects.count() == 4


def test_after_generate_from_a_filtered_page_the_composer_has_a_new_token(client):
    same = uuid.uuid4().hex
    answer = generate(client, headers=HTMX | {"HX-Current-URL": "http://testserver/?q=harbour"}, token=same)
    fresh = re.search(r'id="token"\s+value="([^"]+)"', answer.content.decode())[1]
    assert fresh != same
