# ruff: noqa: E402, I001 – settings come first, and the names are those of 0.1.0
"""Makes `0.1.0/`: the data folder of a studio that version 0.1.0 ran, with every state that a generation can have.

Run it in a checkout of 0.1.0 (commit ea13fbb), with that version's own dependencies installed:

    git archive ea13fbb | tar -x -C /tmp/studio-0.1.0
    cd /tmp/studio-0.1.0
    python -m venv .venv && .venv/bin/pip install --require-hashes -r requirements/test.txt
    PYTHONPATH=. .venv/bin/python <this checkout>/tests/upgrade/make_0_1_0.py <this checkout>/tests/upgrade/0.1.0

Everything is made by 0.1.0's own code: its models, engine, views and demo server. The names in this file are those of
0.1.0, so it is not kept in step with the code of today.
"""

import json
import os
import shutil
import sqlite3
import sys
import tempfile
import uuid
from contextlib import closing
from datetime import timedelta
from pathlib import Path

TARGET = Path(sys.argv[1]).resolve()
DATA = Path(tempfile.mkdtemp(prefix="studio-0.1.0-"))
KEY = "test-key"
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "heygen_studio.settings",
    "STUDIO_DATA": str(DATA),
    "DATABASE_URL": "",
    "SECRET_KEY": "",
    "HEYGEN_API_KEY": KEY,
    "STUDIO_MIN_FREE_BYTES": "0",
}

from tests.parts.standin import Standin

REMOTE = Standin(DATA / "standin")
os.environ |= {"HEYGEN_API_URL": REMOTE.url, "HEYGEN_UPLOAD_URL": REMOTE.url}

import django

django.setup()

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.test.utils import setup_test_environment
from django.utils import timezone
from PIL import Image

from tests.parts.saving import finished, save_until_ready
from tests.parts.things import complete
from videos import tasks
from videos.engine import submit as sending
from videos.engine.submit import Attempt, keep_aside
from videos.engine.verdicts import judge
from videos.heygen import Cause, Execution, HeyGenError
from videos.models import Generation, Provider, RemoteAccount, Slot

PASSWORD = "a long enough password"
User = get_user_model()
FRAME = Path(tempfile.mkdtemp()) / "frame.png"
Image.new("RGB", (64, 36), (180, 90, 40)).save(FRAME)


def make():
    setup_test_environment()  # so that answers carry their context
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    call_command("migrate", verbosity=0)
    tasks.make_schedules()
    Slot.objects.take("pump", 10)
    people = make_people()
    edit_providers()
    set_budgets(people)
    told = {"password": PASSWORD, "made_at": timezone.now().isoformat(), **links_and_sessions(people)}
    make_generations(people)
    RemoteAccount.objects.filter(pk=1).update(max_in_flight=30)
    RemoteAccount.objects.note_reached()
    RemoteAccount.objects.pause("owner", "olga paused sending.")
    told["public_link"] = Generation.objects.get(prompt="ready: shared").open_public_link().token
    told["generations"] = describe()
    return told


# People, providers, budgets
def make_people():
    olga = User.objects.create_superuser("olga", password=PASSWORD)
    return {"olga": olga, **{name: User.objects.create_user(name, password=PASSWORD) for name in ("max", "mia")}}


def edit_providers():
    Provider.objects.filter(value="veo_3_1").update(price="0.4000", note="Best for people", position=1)
    Provider.objects.filter(value="kling_pro").pause()
    Provider.objects.filter(value="sora_v2").retire()
    Provider.objects.filter(value="seedance_pro").update(price="0.0500", price_unit="second")
    Provider.objects.create(value="our_model", name="Our model", family="Ours", ratios=["16:9"], price="1.2500")


def set_budgets(people):
    browser = signed_in("olga")
    browser.post("/members/budget/studio", {"videos_per_month": "500", "currency": "USD"})
    browser.post("/members/budget/each", {"videos_per_day": "50", "currency": "USD"})
    browser.post(f"/members/{people['max'].pk}/budget", {"money_per_month": "40", "currency": "USD", "in_flight": "20"})


def signed_in(name):
    browser = Client(headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"})
    answer = browser.post("/login", {"username": name, "password": PASSWORD})
    assert answer.status_code == 302, answer
    return browser


def links_and_sessions(people):
    olga, stranger = signed_in("olga"), Client()
    stranger.post("/login", {"username": "olga", "password": "wrong"})
    link = olga.post("/members/invite").context["new_link"]
    reset = olga.post(f"/members/{people['max'].pk}/reset").context["new_link"]
    olga.post("/members/invite")
    olga.post(f"/members/{people['mia'].pk}/deactivate")
    sessions = {name: signed_in(name).cookies["sessionid"].value for name in ("olga", "max")}
    return {"invitation": link.rsplit("/", 1)[1], "reset": reset.rsplit("/", 1)[1], "sessions": sessions}


# Generations
browsers = {}


def generate(owner, prompt, provider="veo_3_1", count=1, **fields):
    """What the button does, with the form's own words."""
    browser = browsers.get(owner) or browsers.setdefault(owner, signed_in(owner))
    fields = {"prompt": prompt, "provider": provider, "aspect_ratio": "16:9", "count": count, **fields}
    answer = browser.post("/generate", {"token": uuid.uuid4().hex, **fields})
    assert answer.status_code in {200, 302}, answer.content.decode()
    made = list(Generation.objects.filter(prompt=prompt).order_by("pk"))
    assert len(made) == count, f"{prompt}: {answer.content.decode()}"
    return made if count > 1 else made[0]


def claim(generation):
    return Generation.objects.claim_to_send(generation.pk)


def on_its_way(generation):
    """An attempt that has made its mark and has no reply yet."""
    attempt = Attempt(claim(generation))
    attempt.mark()
    return attempt


def accepted(generation):
    sending.submit(generation.pk)
    generation.refresh_from_db()
    assert generation.status == "running", generation.status
    return generation


def polled(generation, found):
    """One poll that said `found`, recorded as the pump records it."""
    Generation.objects.filter(pk=generation.pk).update(due_at=timezone.now())
    [poll] = [poll for poll in Generation.objects.claim_due_polls(timezone.now(), 100) if poll.pk == generation.pk]
    Generation.objects.release_polls()
    Generation.objects.filter(pk=generation.pk).update(lease_token=poll.token)
    Generation.objects.record_outcomes([judge(poll, found, timezone.now())])
    generation.refresh_from_db()


def ready(generation):
    accepted(generation)
    REMOTE.finish()
    complete(generation, finished(generation))
    return save_until_ready(generation)


def make_generations(people):
    with FRAME.open("rb") as file:
        frame = SimpleUploadedFile("frame.png", file.read(), "image/png")
    first = ready(generate("olga", "ready: with a start frame", reference_image=frame))
    again = signed_in("olga")
    again.post(f"/g/{first.public_id}/another", {"token": uuid.uuid4().hex})
    ready(Generation.objects.get(retry_of=first))
    for generation in generate("olga", "ready: two at once", count=2, aspect_ratio="9:16", config='{"seed": 41}'):
        ready(generation)
    shared = ready(generate("olga", "ready: shared"))
    again.post(f"/g/{shared.public_id}/favourite", {"favourite": "1"})
    again.post(f"/g/{shared.public_id}/share", {"shared": "on"})
    again.post(f"/g/{shared.public_id}/link")
    Client().post(f"/s/{shared.open_public_link().token}/watched")
    ready(generate("max", "ready: of max", "seedance_pro", config='{"duration": 8}'))
    trashed = ready(generate("olga", "ready: in the trash"))
    again.post(f"/g/{trashed.public_id}/trash")
    made_in_demo_mode()
    make_unfinished()
    make_failed()
    make_undecided(again)


def made_in_demo_mode():
    ready(generate("olga", "demo: ready"))
    generate("olga", "demo: queued")
    Generation.objects.filter(prompt__startswith="demo:").update(demo=True)


def make_unfinished():
    generate("olga", "queued: waiting")
    again = claim(generate("max", "queued: not reached"))
    again.put_back(again.lease_token, timedelta(seconds=8), "HeyGen could not be reached. Nothing was sent.")
    on_its_way(generate("olga", "sending: no reply yet"))
    beside = on_its_way(generate("olga", "sending: its id is beside the database"))
    assert keep_aside(beside.generation.public_id, send_without_keeping(beside))
    polled(accepted(generate("olga", "running: usual")), Execution("processing"))
    overdue = accepted(generate("max", "running: overdue"))
    hour = timedelta(hours=1)
    Generation.objects.filter(pk=overdue.pk).update(sent_at=overdue.sent_at - hour, followed_at=overdue.sent_at - hour)
    polled(accepted(generate("olga", "running: not reached")), HeyGenError(Cause.NETWORK))
    saving = accepted(generate("olga", "saving: its link is dead"))
    REMOTE.finish()
    complete(saving, finished(saving))
    saving = Generation.objects.claim_to_save(saving.pk)
    words = "The video is finished, but the disk is full. Trying again in 1 minute."
    saving.delay_saving(saving.lease_token, timedelta(minutes=1), words)


def send_without_keeping(attempt):
    """Sends what `attempt` would and returns the execution's id, which no row holds yet."""
    attempt.mark = lambda: None
    return attempt.send()


REFUSALS = {
    "failed: invalid": HeyGenError(Cause.INVALID, "provider: unknown value", http_status=400, is_definite=True),
    "failed: refused": HeyGenError(Cause.REFUSED, "content_policy_violation", http_status=400, is_definite=True),
    "failed: picture": HeyGenError(Cause.PICTURE, "download_failed", http_status=400, is_definite=True),
    "failed: key": HeyGenError(Cause.KEY, "unauthorized", http_status=401, is_definite=True),
    "failed: credits": HeyGenError(Cause.CREDITS, "insufficient_credit", http_status=402, is_definite=True),
    "failed: plan": HeyGenError(Cause.PLAN, "", http_status=403, code="ai_vendor_access_restricted", is_definite=True),
    "failed: too large": HeyGenError(Cause.TOO_LARGE, "payload_too_large", http_status=413, is_definite=True),
}
FAILURES = {
    "failed: by the provider": HeyGenError(Cause.FAULT, "The model ran out of memory."),
    "failed: refused while rendering": HeyGenError(Cause.REFUSED, "Blocked by moderation."),
}


def make_failed():
    for prompt, error in REFUSALS.items():
        on_its_way(generate("olga", prompt, "our_model")).take_error(error)
        RemoteAccount.objects.resume()
    for prompt, error in FAILURES.items():
        polled(accepted(generate("olga", prompt)), Execution("failed", error=error))
    gone = accepted(generate("olga", "failed: not found"))
    for _ in range(3):
        polled(gone, Execution("not_found"))
    assert gone.status == "failed"
    in_trash = on_its_way(generate("max", "failed: in the trash"))
    in_trash.take_error(REFUSALS["failed: refused"])
    signed_in("max").post(f"/g/{in_trash.generation.public_id}/trash")


def make_undecided(browser):
    on_its_way(generate("olga", "unknown: connection lost")).take_error(HeyGenError(Cause.NETWORK))
    on_its_way(generate("max", "unknown: interrupted")).generation.lose_reply(
        "The studio was interrupted while it was sending."
    )
    stopped = accepted(generate("olga", "stopped: by its owner"))
    browser.post(f"/g/{stopped.public_id}/stop")
    cancelled = generate("olga", "cancelled: never sent")
    browser.post(f"/g/{cancelled.public_id}/cancel")
    not_made = on_its_way(generate("olga", "cancelled: not made"))
    not_made.take_error(HeyGenError(Cause.UNREADABLE))
    browser.post(f"/g/{not_made.generation.public_id}/not-made")
    RemoteAccount.objects.resume()


# What is written down
def describe():
    """What every later version must still say of each of them, by words that no version renames."""
    rows = Generation.objects.with_everything().order_by("pk")
    return [describe_one(generation) for generation in rows]


def describe_one(generation):
    saved = getattr(generation, "saved_video", None)
    return {
        "public_id": str(generation.public_id),
        "owner": generation.owner.username,
        "prompt": generation.prompt,
        "provider": generation.provider.value,
        "aspect_ratio": generation.aspect_ratio,
        "config": generation.config,
        "status": generation.status,
        "demo": generation.demo,
        "id": generation.execution_id,
        "cause": generation.error_class,
        "detail": generation.error_detail,
        "favourite": generation.favourite,
        "shared": generation.shared,
        "is_trashed": generation.trashed_at is not None,
        "start_frame": str(generation.start_frame.public_id) if generation.start_frame else None,
        "retry_of": str(generation.retry_of.public_id) if generation.retry_of else None,
        "batch": str(generation.batch.public_id),
        "videos_held": sum(generation.ledger.values_list("videos", flat=True)),
        "money_held": str(sum(generation.ledger.values_list("amount", flat=True))),
        "sha256": saved and saved.sha256,
    }


def write(told):
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    connections.close_all()
    (TARGET / "studio.sql").write_text(dump(DATA / "studio.sqlite3"))
    (TARGET / "demo-server.sql").write_text(dump(DATA / "standin" / "ledger.sqlite3"))
    (TARGET / "expected.json").write_text(json.dumps(told, indent=1) + "\n")
    shutil.copytree(DATA / "media", TARGET / "media")
    shutil.copytree(DATA / "accepted", TARGET / "accepted")
    shutil.copy(DATA / "secret-key", TARGET / "secret-key")


def dump(path):
    with closing(sqlite3.connect(path)) as database:
        return "\n".join(database.iterdump()) + "\n"


try:
    write(make())
finally:
    REMOTE.stop()
    shutil.rmtree(DATA, ignore_errors=True)
