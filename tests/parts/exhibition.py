"""A gallery that shows every state, with really drawn videos, for tests of screens and for the README's pictures."""

from django.contrib.auth import get_user_model
from django.utils import timezone

from tests.parts.generations import counted_once, forget_drawings, make
from videos import wording
from videos.models import Provider

PROMPTS = {
    "coast": "A drone shot flying over a coastal city at golden hour, cinematic lighting",
    "coffee": "A trendy coffee shop interior, morning light, camera drifting past the counter",
    "park": "A person walking through a sunlit park, shallow depth of field, 35mm, warm evening light",
    "wave": "Wave rolling over black sand, top-down",
    "espresso": "Espresso pour, macro, steam in warm side light",
    "knights": "A sword fight between two knights in heavy rain",
    "shapes": "Abstract colourful shapes morphing and flowing",
    "lake": "Fog over a still lake at dawn, slow dolly in, a single rowing boat",
    "birds": "Paper birds folding themselves and taking off from a desk, stop motion",
    "marble": "Product on a marble table, soft particle effects, slow zoom",
    "neon": "Rain on a neon street at night, reflections, slow pan",
    "desert": "Sand dunes at sunset, wind drawing lines, wide shot",
    "forest": "Sunbeams through a redwood forest, slow crane up",
}


@counted_once()
def one_of_each(owner, draft=True):
    """One card in every state, newest first as in the gallery."""
    refused = wording.sentence("remote", "refused", "HeyGen")
    make(owner, PROMPTS["forest"], "cancelled", seconds_ago=9000, ratio="1:1")
    make(owner, PROMPTS["desert"], "stopped", seconds_ago=93000, providers=["kling_pro"])
    make(owner, PROMPTS["neon"], "running", seconds_ago=900, providers=["sora_v2"])
    make(owner, PROMPTS["shapes"], "unknown", seconds_ago=80000, providers=["ltx_distilled"], estimate="0.4")
    make(
        owner,
        PROMPTS["knights"],
        "failed",
        seconds_ago=10800,
        providers=["sora_v2_pro"],
        error_class="refused",
        error_code=refused,
    )
    make(owner, PROMPTS["birds"], "saving", seconds_ago=140, took=100, providers=["veo_3_1_fast"])
    make(owner, PROMPTS["espresso"], seconds_ago=7200, ratio="9:16", providers=["kling_pro"], seen=True, draft=draft)
    make(owner, PROMPTS["wave"], seconds_ago=3900, providers=["seedance_pro"], favourite=True, seen=True, draft=draft)
    make(owner, PROMPTS["park"], seconds_ago=400, seen=False, draft=draft)
    make(owner, PROMPTS["marble"], "running", seconds_ago=400, ratio="1:1", providers=["sora_v2"])
    make(owner, PROMPTS["coffee"], "queued", seconds_ago=12, ratio="9:16", providers=["kling_pro"])
    make(owner, PROMPTS["lake"], "sending", seconds_ago=2, providers=["seedance_lite"])
    make(owner, PROMPTS["coast"], "running", seconds_ago=78)


def fill_gallery(username):
    """For a studio whose pictures are to be taken: a lived-in gallery, a month of usage, and something to compare."""
    owner = get_user_model().objects.get(username=username)
    price_some()
    a_month(owner)
    for place, (key, ratio, provider) in enumerate(
        [
            ("forest", "16:9", "veo_3_1"),
            ("desert", "21:9", "kling_pro"),
            ("neon", "9:16", "sora_v2"),
            ("birds", "1:1", "seedance_pro"),
            ("shapes", "16:9", "ltx_distilled"),
            ("lake", "16:9", "veo_3_1_fast"),
        ]
    ):
        ago = 86400 * 2 - place * 9000
        make(owner, PROMPTS[key], providers=[provider], ratio=ratio, seconds_ago=ago, seen=True, draft=False)
    make(
        owner,
        PROMPTS["wave"],
        providers=["veo_3_1", "seedance_pro", "ltx_distilled"],
        seconds_ago=20000,
        seen=True,
        draft=False,
        config={"duration": 5, "seed": 41},
    )
    one_of_each(owner, draft=False)
    forget_drawings()


def price_some():
    for value, amount in (("veo_3_1", "0.40"), ("kling_pro", "0.28"), ("sora_v2", "0.10")):
        Provider.objects.filter(value=value).update(price=amount, price_unit="video")


@counted_once()
def a_month(owner):
    """Old videos in the trash: they count in usage and in the measured times, and are out of the way."""
    usual = {
        "veo_3_1": 125,
        "veo_3_1_fast": 58,
        "kling_pro": 280,
        "seedance_pro": 100,
        "runway_gen4": 62,
        "ltx_distilled": 11,
    }
    known = [value for value in usual if Provider.objects.filter(value=value).exists()]
    for day in range(3, 30):
        for number in range((day * 7 + day // 3 * 5) % 6 + (0 if day % 7 in {2, 3} else 2)):
            provider = known[(day + number * number) % len(known)]
            took = usual[provider] * (0.8 + 0.07 * ((day * 5 + number * 3) % 11))
            status = "failed" if (day * 11 + number * 7) % 29 == 0 else "ready"
            made = {"seconds_ago": day * 86400 - number * 1500, "took": took, "trashed_at": timezone.now()}
            make(owner, PROMPTS["coast"], status, providers=[provider], seen=True, **made)
