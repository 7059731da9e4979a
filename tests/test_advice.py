"""The composer's advice on a batch before it is sent: its price, and how long it takes."""

from decimal import Decimal

import pytest

from tests.parts.generations import make
from videos.forms.advice import Plan, fitting_ratio
from videos.models import Provider
from videos.models.generation_queryset import TrackRecord
from videos.templatetags.studio import price_words

pytestmark = pytest.mark.django_db
WORKFLOWS = "heygen_workflows"
TEN = {WORKFLOWS: 10, "heygen_video_1": 10}


def plan(*values, count=1, **config):
    by_value = {provider.value: provider for provider in Provider.objects.filter(value__in=values)}
    return Plan([by_value[value] for value in values], "16:9", config=config, count=count)


def set_price(value, price, unit=Provider.PriceUnit.VIDEO, currency="USD"):
    Provider.objects.filter(value=value).update(price=price, price_unit=unit, currency=currency)


def words(*values, **options):
    return price_words(plan(*values, **options).price())


def test_one_provider_without_a_price_leaves_at_least_the_sum_of_the_others():
    set_price("veo_3_1", "2")
    assert words("veo_3_1", "kling_pro", count=8) == "at least $16.00"
    assert words("kling_pro") == "no price set"
    assert words("veo_3_1") == "$2.00"


def test_prices_of_two_currencies_are_kept_apart():
    set_price("veo_3_1", "2")
    set_price("kling_pro", "3", currency="EUR")
    assert words("veo_3_1", "kling_pro") == "$2.00 + €3.00"


def test_a_price_per_second_counts_the_longest_video_until_a_length_is_chosen():
    set_price("veo_3_1", "0.50", Provider.PriceUnit.SECOND)
    assert words("veo_3_1") == "up to $4.00"
    assert plan("veo_3_1").price_explanations() == [
        "No length is chosen in Settings, so the price counts the longest: 8 s for VEO 3.1."
    ]
    assert words("veo_3_1", duration=6) == "about $3.00"
    assert plan("veo_3_1", duration=6).price_explanations() == []


@pytest.mark.parametrize(
    ("value", "duration", "seconds"), [("kling_pro", 8, 10), ("veo_3_1", 5, 6), ("veo_3_1", 30, 30)]
)
def test_a_price_per_second_counts_the_length_that_will_come(value, duration, seconds):
    set_price(value, "0.50", Provider.PriceUnit.SECOND)
    assert plan(value, duration=duration).price().amounts == {"USD": Decimal("0.50") * seconds}


def test_a_length_beyond_the_longest_is_counted_and_mentioned():
    set_price("ltx_distilled", "0.04", Provider.PriceUnit.SECOND)
    [sentence] = plan("ltx_distilled", duration=8).price_explanations()
    assert sentence == "LTX Distilled is known to make 5 s at most; the price counts the 8 s that you asked for."


@pytest.mark.parametrize("seconds", [[], ["long"], [None, 0]])
def test_a_provider_without_known_lengths_counts_ten_seconds(seconds):
    Provider.objects.filter(value="veo_3_1").update(seconds=seconds)
    set_price("veo_3_1", "0.50", Provider.PriceUnit.SECOND)
    assert words("veo_3_1") == "up to $5.00"


def measured(**medians):
    pks = dict(Provider.objects.values_list("value", "pk"))
    return {pks[value]: TrackRecord(seconds, 9, 9) for value, seconds in medians.items()}


@pytest.mark.parametrize(("count", "seconds"), [(1, 60), (10, 60), (11, 120), (32, 240)])
def test_the_time_of_many_videos_counts_that_ten_are_made_at_once(count, seconds):
    wait = plan("veo_3_1", count=count).wait(measured(veo_3_1=60), TEN)
    assert (wait.seconds, wait.is_measured) == (seconds, True)


def test_the_next_video_starts_when_one_ends():
    wait = plan("veo_3_1", "kling_pro", count=2).wait(measured(veo_3_1=10, kling_pro=100), {WORKFLOWS: 2})
    assert wait.seconds == 110


def test_an_unmeasured_provider_counts_five_minutes():
    wait = plan("veo_3_1", "kling_pro").wait(measured(veo_3_1=60), TEN)
    assert (wait.seconds, wait.is_measured) == (300, False)


def test_without_capacity_or_models_the_estimate_does_not_fail():
    assert plan("veo_3_1").wait({}, {WORKFLOWS: 0}).seconds == 300
    assert plan().wait({}, TEN).seconds == 0
    assert price_words(plan().price()) == "no price set"


@pytest.mark.parametrize(
    ("frame", "ratio", "offered", "fits"),
    [
        (720 / 1280, "16:9", ["16:9", "9:16", "1:1"], "9:16"),
        (720 / 1280, "9:16", ["16:9", "9:16", "1:1"], ""),
        (720 / 1280, "16:9", ["16:9"], ""),
        (1000 / 1010, "16:9", ["16:9", "9:16", "1:1"], "1:1"),
        (1300 / 720, "16:9", ["16:9", "9:16"], ""),
        (720 / 1280, "16:9", [], ""),
        (720 / 1280, "wide", ["9:16"], ""),
        (720 / 1280, "0:0", ["auto", "9:16"], ""),
    ],
)
def test_a_ratio_that_fits_the_start_frame_better_is_named_where_it_is_offered(frame, ratio, offered, fits):
    assert fitting_ratio(frame, ratio, offered) == fits


def test_an_upright_start_frame_offers_its_ratio_beside_the_chosen_one(client, owner):
    client.force_login(owner)
    [upright] = make(owner, ratio="9:16")
    form = {"prompt": "x", "provider": "veo_3_1", "start_from": str(upright.public_id), "aspect_ratio": "16:9"}
    assert 'data-ratio="9:16"' in client.post("/compose/advice", form).content.decode()
    assert "data-ratio" not in client.post("/compose/advice", form | {"aspect_ratio": "9:16"}).content.decode()
    assert "data-ratio" not in client.post("/compose/advice", form | {"start_from": ""}).content.decode()
    Provider.objects.filter(value="veo_3_1").update(ratios=["16:9"])
    assert "data-ratio" not in client.post("/compose/advice", form).content.decode()
