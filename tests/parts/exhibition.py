"""Generations in every state, with really drawn videos, for whoever has to look at them: tests of screens, pictures for
the README. What is not finished is due far ahead, so that a worker that runs beside leaves it as it is.
"""

import hashlib
import shutil
import tempfile
import uuid
from datetime import timedelta
from functools import cache
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.files import File
from django.utils import timezone

from videos import wording
from videos.models import Batch, Generation, Provider, Request, SavedVideo
from videos.models.recount import recount
from videos.standin.draw import draw
from videos.storage import probe

FAR_AHEAD, LEASE = timedelta(hours=1), timedelta(minutes=9)  # anything further ahead counts as a clock that jumped
OPEN = {"queued", "sending", "running", "saving"}
DRAWN = Path(tempfile.gettempdir()) / f"studio-drawn-{uuid.uuid4().hex}"

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


def make(owner, prompt="A lighthouse at dusk", status="ready", *, count=1, providers=("veo_3_1",), **fields):
    """The generations of one batch, one for each provider (times `count`), as if they had got as far as `status`.

    `fields` are columns of the row; also `ratio`, `config`, `seconds_ago`, `took`, and `draft`: a tiny quick video, or
    one as the stand-in draws it.
    """
    ratio, config, draft = fields.pop("ratio", "16:9"), fields.pop("config", {}), fields.pop("draft", True)
    seconds_ago, took = fields.pop("seconds_ago", 300), fields.pop("took", 90)
    is_favourite = fields.pop("favourite", False)
    requests = [Request(prompt, Provider.objects.get(value=value), ratio, config=config) for value in providers]
    batch = Batch.objects.make(owner, uuid.uuid4().hex, requests * count)
    made = list(batch.generations.order_by("pk"))
    for generation in made:
        if status == "ready":  # never without its copy, never anything that a worker would take up
            settle(generation, "saving", seconds_ago, took, fields)
            hang(generation, draft)
        settle(generation, status, seconds_ago, took, fields)
        if is_favourite:
            generation.mark_favourite(True)
    recount()  # the rows were written past what keeps count of them
    return made


def settle(generation, status, seconds_ago, took, fields):
    created = timezone.now() - timedelta(seconds=seconds_ago)
    columns = {"status": status, "created_at": created, "lease_until": None, "day": timezone.localdate(created)}
    if status in OPEN:
        columns |= {"due_at": timezone.now() + FAR_AHEAD, "lease_until": timezone.now() + LEASE}
    if status != "queued" and status != "cancelled":
        columns |= {"sent_at": created + timedelta(seconds=1)}
    if status in {"running", "saving", "ready", "failed", "stopped"}:
        columns |= {"remote_id": f"node-gw-{generation.public_id.hex[:10]}", "followed_at": created}
    if status in {"ready", "failed"}:
        columns |= {"ended_at": created + timedelta(seconds=1 + took)}
    if status in {"saving", "ready"}:
        columns |= {"completed_at": created + timedelta(seconds=1 + took)}
    if status == "ready":
        columns |= {
            "video_id": f"video-{generation.public_id.hex[:8]}",
            "asset_id": f"asset-{generation.public_id.hex[8:16]}",
        }
    Generation.objects.filter(pk=generation.pk).update(**columns, **fields)
    generation.ledger.update(day=timezone.localdate(created))
    generation.refresh_from_db()


def hang(generation, draft=True):
    """Gives it a saved copy: probed, with poster and last frame, like any other."""
    words = (generation.prompt, generation.provider.value, generation.aspect_ratio)
    path, probe, sha256 = drawn(*words, generation.config.get("duration", 5), draft)
    poster, last_frame = path.with_suffix(".poster.jpg"), path.with_suffix(".last.jpg")
    name = str(generation.public_id)
    copy = SavedVideo(
        generation=generation,
        size=path.stat().st_size,
        sha256=sha256,
        width=probe.width,
        height=probe.height,
        seconds=probe.seconds,
        fps=probe.fps,
        codec=probe.codec,
        codec_string=probe.codec_string,
        has_sound=probe.has_sound,
    )
    for field, source, target in (
        (copy.file, path, f"videos/{name}.mp4"),
        (copy.poster, poster, f"posters/{name}.jpg"),
        (copy.last_frame, last_frame, f"frames/{name}.jpg"),
    ):
        with source.open("rb") as file:
            field.save(target, File(file), save=False)
    copy.save()


@cache
def drawn(prompt, provider, ratio, seconds, draft):
    """A drawn video's path (its pictures lie beside it), what it is, and its SHA-256; drawn once in a process."""
    DRAWN.mkdir(exist_ok=True)
    path = DRAWN / f"{uuid.uuid4().hex}.mp4"
    job = {"path": str(path), "id": path.stem, "prompt": prompt, "provider": provider, "aspect_ratio": ratio}
    draw({**job, "config": {"duration": seconds, "seed": 7}, "frames": {}, "draft": draft, "weight": None})
    probe.poster(path, path.with_suffix(".poster.jpg"))
    probe.last_frame(path, path.with_suffix(".last.jpg"))
    return path, probe.check_video(path), hashlib.sha256(path.read_bytes()).hexdigest()


def forget_drawings():
    drawn.cache_clear()
    shutil.rmtree(DRAWN, ignore_errors=True)


def one_of_each(owner, draft=True):
    """Every face that a card can have, newest first as the gallery shows them."""
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


def hang_everything(username):
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


def a_month(owner):
    """Old work in the trash: it counts in usage and in the measured times, and is not in the way."""
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
