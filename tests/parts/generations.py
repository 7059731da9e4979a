"""Where tests get generations from. Nothing else in the tests makes one past a page.

    generate         one queued generation of the usual `owner()`
    make_queued      one queued generation of this person
    make_running, make_saving, make_ready
                     the same, moved on by the methods with which the studio moves it; its saved copy is a few bytes
    completed        really finished at the demo server, and not saved yet: for the saver
    make             a batch in any state at any time, its rows written directly, with a really drawn video: for screens
    picture          a kept picture, for a start or end frame

A worker may run beside: nobody sees a generation before it has got as far as it was asked to, and what is not finished
in `make` is due far ahead, so that it is left as it is. A gallery that shows every state is in exhibition.py, and
thousands of rows at once are in history.py; both are made from these.
"""

import hashlib
import shutil
import tempfile
import uuid
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from functools import cache
from io import BytesIO
from pathlib import Path

from django.contrib.auth.models import User
from django.core.files import File
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone
from PIL import Image

from tests.parts.processes import wait_until
from videos.engine.poll_outcomes import judge
from videos.engine.submit import submit
from videos.models import Batch, Generation, Picture, Provider, Request, SavedVideo
from videos.models.recount import recount
from videos.remotes.base import Progress, State
from videos.standin.draw import draw
from videos.storage import probe

FAR_AHEAD, LEASE = timedelta(hours=1), timedelta(minutes=9)  # anything further ahead counts as a clock that jumped
OPEN = {"queued", "sending", "running", "saving"}
COUNTED_LATER = ContextVar("counted_later", default=False)
DRAWN = Path(tempfile.gettempdir()) / f"studio-drawn-{uuid.uuid4().hex}"


def owner(name: str = "owner") -> User:
    return User.objects.filter(username=name).first() or User.objects.create_user(name)


def picture(colour: str = "teal", by: User | None = None) -> Picture:
    """A kept PNG of 32 × 18 pixels; another colour is another picture."""
    data = BytesIO()
    Image.new("RGB", (32, 18), colour).save(data, "PNG")
    kept = Picture(
        owner=by or owner(),
        sha256=hashlib.sha256(data.getvalue()).hexdigest(),
        width=32,
        height=18,
        size=len(data.getvalue()),
        content_type="image/png",
    )
    kept.file.save("frame.png", ContentFile(data.getvalue()), save=False)
    kept.save()
    return kept


def batch_of(owner, *requests, token=None):
    """The generations of one click, oldest first. The same token twice is the same click."""
    batch = Batch.objects.make(owner, token or uuid.uuid4().hex, list(requests))
    return list(batch.generations.order_by("pk"))


# As the studio itself moves them
def generate(prompt: str = "a lighthouse", provider: str = "veo_3_1", by: User | None = None, **fields) -> Generation:
    """One queued generation; `fields` are those of Request."""
    return make_queued(by or owner(), prompt, provider=provider, **fields)


def make_queued(owner, prompt="a lighthouse in fog", token=None, provider="veo_3_1", **fields):
    """A generation as a click of Generate leaves it."""
    [generation] = batch_of(owner, Request(prompt, Provider.objects.get(value=provider), **fields), token=token)
    return generation


@transaction.atomic
def make_running(owner, remote_id="node-gw-1", **asked):
    generation = Generation.objects.claim_to_send(make_queued(owner, **asked).pk)
    assert generation.mark_sending(generation.lease_token)
    assert generation.accept(remote_id, generation.lease_token)
    return generation


@transaction.atomic
def make_saving(owner, remote_id="node-gw-1", **asked):
    generation = make_running(owner, remote_id, **asked)
    link = f"https://files.example.com/{remote_id}.mp4?signature=secret"
    complete(generation, Progress(State.COMPLETED, "completed", link, "v1", "a1"))
    return generation


@transaction.atomic
def complete(generation, execution):
    """What the poller does when a poll finds that the video is made."""
    Generation.objects.filter(pk=generation.pk).update(due_at=timezone.now())
    [poll] = [poll for poll in Generation.objects.claim_due_polls(timezone.now(), 100) if poll.pk == generation.pk]
    assert Generation.objects.record_outcomes([judge(poll, execution, timezone.now())]) == [generation.pk]
    generation.refresh_from_db()


@transaction.atomic
def make_ready(owner, remote_id="node-gw-1", **asked):
    """A ready generation whose saved copy is a few bytes: enough for tests of access."""
    generation = Generation.objects.claim_to_save(make_saving(owner, remote_id, **asked).pk)
    copy = SavedVideo(size=20, sha256="5" * 64, width=1280, height=720, seconds=5, fps=24, codec="h264")
    copy.file.save(f"{remote_id}.mp4", ContentFile(b"0123456789" * 2), save=False)
    copy.poster.save(f"{remote_id}.jpg", ContentFile(b"0123456789" * 2), save=False)
    copy.last_frame.save(f"{remote_id}-last.jpg", ContentFile(b"0123456789" * 2), save=False)
    assert generation.keep_video(generation.lease_token, copy)
    return generation


# At the demo server
def completed(standin, owner, count=1, prompt="a lighthouse at dusk", provider="veo_3_1"):
    """`count` generations whose videos are finished at the demo server, and not saved yet."""
    provider = Provider.objects.get(value=provider)
    made = batch_of(owner, *(Request(f"{prompt} {number}", provider) for number in range(count)))
    for generation in made:
        submit(generation.pk)
        standin.finish()
        generation.refresh_from_db()
        complete(generation, finished(generation))
    return made


def finished(generation):
    """What a poll says of its execution, as soon as that is completed."""
    return wait_until(lambda: completed_execution(generation), 30, "a finished execution")


def completed_execution(generation):
    execution = generation.remote.poll(generation.remote_id)
    return execution if execution.is_completed else None


# In any state, for screens
def make(owner, prompt="A lighthouse at dusk", status="ready", *, count=1, providers=("veo_3_1",), **fields):
    """The generations of one batch, one for each provider (times `count`), as if they had got as far as `status`;
    of a list of prompts, one for each of them, the last one newest.

    `fields` are columns of the row; also `ratio`, `config`, `seconds_ago`, `took`, and `draft`: a tiny quick video, or
    one as the demo server draws it, or with `size` (width, height) a smaller one.
    """
    ratio, config, draft = fields.pop("ratio", "16:9"), fields.pop("config", {}), fields.pop("draft", True)
    size = fields.pop("size", None)
    seconds_ago, took = fields.pop("seconds_ago", 300), fields.pop("took", 90)
    is_favourite = fields.pop("favourite", False)
    prompts = [prompt] if isinstance(prompt, str) else prompt
    offered = [Provider.objects.get(value=value) for value in providers]
    requests = [Request(words, provider, ratio, config=config) for words in prompts for provider in offered]
    with transaction.atomic():
        made = batch_of(owner, *requests * count)
        for generation in made:  # ready only with its copy
            settle(generation, "saving" if status == "ready" else status, seconds_ago, took, fields)
    for generation in made:
        if status == "ready":
            add_copy(generation, draft, size)
            settle(generation, status, seconds_ago, took, fields)
        if is_favourite:
            generation.mark_favourite(True)
    if not COUNTED_LATER.get():
        recount()  # the rows were written past what keeps count of them
    return made


@contextmanager
def counted_once():
    """What `make` makes within is counted at the end, and not again after each batch."""
    before = COUNTED_LATER.set(True)
    try:
        yield
    finally:
        COUNTED_LATER.reset(before)
    recount()


def settle(generation, status, seconds_ago, took, fields):
    created = timezone.now() - timedelta(seconds=seconds_ago)
    columns = {"status": status, "created_at": created, "lease_until": None, "day": timezone.localdate(created)}
    if status in OPEN:
        columns |= {"due_at": timezone.now() + FAR_AHEAD, "lease_until": timezone.now() + LEASE}
    if status != "queued" and status != "cancelled":
        columns |= {"sent_at": created + timedelta(seconds=1)}
    if status in {"running", "saving", "ready", "failed", "stopped"}:
        columns |= {"remote_id": f"node-gw-{generation.public_id.hex[:10]}", "polled_since": created}
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


def add_copy(generation, draft=True, size=None):
    """Gives it a saved copy: probed, with poster and last frame, like any other."""
    words = ("", "") if draft else (generation.prompt, generation.provider.value)  # a draft shows nothing of them
    seconds = None if draft else generation.config.get("duration", 5)
    path, probe, sha256 = drawn(*words, generation.aspect_ratio, seconds, draft, size)
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
def drawn(prompt, provider, ratio, seconds, draft, size):
    """A drawn video's path (its pictures lie beside it), what it is, and its SHA-256; drawn once in a process."""
    DRAWN.mkdir(exist_ok=True)
    path = DRAWN / f"{uuid.uuid4().hex}.mp4"
    job = {"path": str(path), "id": path.stem, "prompt": prompt, "provider": provider, "aspect_ratio": ratio}
    job |= {"config": {"duration": seconds, "seed": 7}, "frames": {}, "draft": draft, "size": size, "weight": None}
    draw(job)
    probe.poster(path, path.with_suffix(".poster.jpg"))
    probe.last_frame(path, path.with_suffix(".last.jpg"))
    return path, probe.check_video(path), hashlib.sha256(path.read_bytes()).hexdigest()


def forget_drawings():
    drawn.cache_clear()
    shutil.rmtree(DRAWN, ignore_errors=True)
