"""Prices by resolution, mode and length as data: what the button says, what a budget holds, and what an owner edits."""

from decimal import Decimal

import pytest

from tests.parts.generations import generate, picture
from tests.parts.people import make_member, make_owner, signed_in
from videos.admin.price_hints import HINTS
from videos.models import Provider

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

MODEL = "heygen_video_1"
CASES = {
    "nothing set": ({}, Decimal("0.15")),
    "480p": ({"resolution": "480p"}, Decimal("0.10")),
    "768p for 8 s": ({"resolution": "768p", "duration": 8}, Decimal("0.24")),
    "1080p for 10 s": ({"resolution": "1080p", "duration": 10}, Decimal("0.90")),
    "2k for 30 s": ({"resolution": "2k", "duration": 30}, Decimal("2.70")),
    "a length below the shortest": ({"duration": 1}, Decimal("0.15")),
    "a length that is none": ({"duration": "long"}, Decimal("0.15")),
    "a resolution that nobody knows": ({"resolution": "8k"}, Decimal("0.45")),
    "a resolution that is no text": ({"resolution": ["480p"]}, Decimal("0.45")),
}


@pytest.mark.parametrize("name", CASES)
def test_the_price_depends_on_the_request(name):
    settings, amount = CASES[name]
    provider = Provider.objects.get(value=MODEL)
    assert provider.estimate(settings) == amount
    assert provider.estimate(settings, has_start_frame=True) == amount


def test_the_most_specific_price_wins(db):
    provider = Provider.objects.get(value=MODEL)
    provider.prices.create(resolution="768p", mode="image", price="0.05")
    provider.prices.create(resolution="768p", from_seconds=10, price="0.025")
    provider = Provider.objects.get(value=MODEL)
    assert provider.estimate({"duration": 5}, has_start_frame=True) == Decimal("0.25")
    assert provider.estimate({"duration": 9}) == Decimal("0.27")
    assert provider.estimate({"duration": 10}) == Decimal("0.25")


def test_the_budget_holds_what_the_button_said():
    generation = generate("x", MODEL, config={"resolution": "1080p", "duration": 10})
    assert generation.estimate == Decimal("0.90")
    assert generation.ledger.get().amount == Decimal("0.90")
    assert generate("y", MODEL, start_frame=picture(), config={"resolution": "480p"}).estimate == Decimal("0.10")


def test_the_button_shows_the_price():
    fields = {"provider": MODEL, "prompt": "x", "config": '{"resolution": "1080p", "duration": 10}'}
    reply = signed_in(make_member("someone")).post("/compose/advice", fields)
    assert "$0.90" in reply.content.decode()


def test_an_owner_adopts_the_dated_hint_with_one_click():
    owner, provider = signed_in(make_owner("chief")), Provider.objects.get(value="veo_3_1")
    address = f"/admin/videos/provider/{provider.pk}/change/"
    page = owner.get(address).content.decode()
    assert "0.20 silent, 0.40 with sound USD per second elsewhere" in page
    assert "read on 25 November 2026" in page
    assert provider.estimate({}) is None
    fields = {
        "name": provider.name,
        "family": provider.family,
        "position": provider.position,
        "ratios": "[]",
        "seconds": "[4, 6, 8]",
        "start_frame": "yes",
        "end_frame": "yes",
        "config_keys": "[]",
        "price_unit": "video",
        "currency": "USD",
        "prices-TOTAL_FORMS": 0,
        "prices-INITIAL_FORMS": 0,
        "_adopt_hint": "Use",
    }
    reply = owner.post(address, fields)
    assert (reply.status_code, reply.url) == (302, address)
    assert Provider.objects.get(value="veo_3_1").estimate({"duration": 8}) == Decimal("3.20")
    [price] = provider.prices.all()
    assert ("not HeyGen's charge" in price.source, str(price.as_of)) == (True, "2026-11-25")


def test_every_hint_is_for_an_existing_provider():
    assert set(HINTS) <= set(Provider.objects.values_list("value", flat=True))


# Limits
REFUSED = {
    "an unknown setting": ({"config": '{"fps": 60}'}, "error-config", "has no setting called “fps”"),
    "a resolution that the ratio does not allow": (
        {"config": '{"resolution": "2k"}', "aspect_ratio": "1:1"},
        "error-config",
        "2k is made in 16:9 and 9:16 only",
    ),
    "a resolution that there is not": ({"config": '{"resolution": "8k"}'}, "error-config", "is not offered; choose"),
    "too short": ({"config": '{"duration": 4}'}, "error-config", "at least 5"),
    "too long": ({"config": '{"duration": 31}'}, "error-config", "at most 30"),
    "half a second": ({"config": '{"duration": 5.5}'}, "error-config", "is not a whole number"),
    "a seed below zero": ({"config": '{"seed": -1}'}, "error-config", "at least 0"),
    "a seed too large": ({"config": '{"seed": 4294967296}'}, "error-config", "at most 4,294,967,295"),
    "a ratio that it does not make": ({"aspect_ratio": "2:1"}, "error-aspect_ratio", "choose one of these"),
    "an end frame": ({"tail_image_url": "https://example.com/a.png"}, "slot-error-end", "takes no end frame"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_contract_refuses_is_reported_next_to_its_field_before_anything_is_sent(name):
    fields, field, sentence = REFUSED[name]
    client = signed_in(make_member("someone"))
    form = {"provider": MODEL, "prompt": "x", "token": "a-token-of-a-form-1", **fields}
    reply = client.post("/generate", form, headers={"HX-Request": "true"})
    body = reply.content.decode()
    assert reply.status_code == 422
    assert sentence in body[body.index(f'id="{field}"') :]
    assert not client.get("/").context["form"].errors


def test_with_a_start_frame_any_resolution_is_accepted():
    client = signed_in(make_member("someone"))
    form = {"provider": MODEL, "prompt": "x", "token": "a-token-of-a-form-1", "aspect_ratio": "1:1"}
    form |= {"config": '{"resolution": "2k"}', "reference_image_url": "https://example.com/a.png"}
    assert client.post("/generate", form, headers={"HX-Request": "true"}).status_code == 200


def test_mere_recommendations_of_a_vendor_stay_advice():
    client = signed_in(make_member("someone"))
    form = {
        "provider": "veo2",
        "prompt": "x",
        "token": "a-token-of-a-form-1",
        "config": '{"fps": 60}',
        "aspect_ratio": "1:1",
    }
    assert client.post("/generate", form, headers={"HX-Request": "true"}).status_code == 200
