"""Generations that the remote side has completed, and the saver driven as the worker drives it."""

import hashlib
import time
import uuid

from django.core.files.storage import default_storage
from django.utils import timezone

from tests.parts.processes import wait_until
from videos import heygen
from videos.engine.save import save
from videos.models import Batch, DuePoll, Generation, Provider, Request


def completed(standin, owner, count=1, prompt="a lighthouse at dusk"):
    """`count` generations whose videos are finished at the stand-in and not yet saved."""
    requests = [Request(f"{prompt} {number}", Provider.objects.get(value="veo_3_1")) for number in range(count)]
    batch = Batch.objects.press(owner, uuid.uuid4().hex, requests)
    with heygen.make_client() as client:
        for generation in batch.generations.order_by("pk"):
            token = Generation.objects.claim_to_send(generation.pk).lease_token
            submission = heygen.Submission(generation.prompt, "veo_3_1", "16:9")
            generation.accept(heygen.submit(client, submission, lambda g=generation, t=token: g.mark_sending(t)), token)
            standin.finish()
            complete(client, generation)
    return list(batch.generations.order_by("pk"))


def complete(client, generation):
    execution = wait_until(lambda: finished(client, generation), 30, "a finished execution")
    Generation.objects.filter(pk=generation.pk).update(due_at=timezone.now())
    polls: list[DuePoll] = Generation.objects.claim_due_polls(timezone.now(), 100)
    [poll] = [poll for poll in polls if poll.pk == generation.pk]
    assert generation.complete(poll.token, execution.video_url, execution.video_id, execution.asset_id)


def finished(client, generation):
    execution = heygen.poll(client, generation.execution_id)
    return execution if execution.is_completed else None


def save_until_ready(generation, seconds=60, impatient=False):
    """Calls the saver as the worker would until the copy stands. `impatient` does not wait for its delays."""
    deadline = time.monotonic() + seconds
    while True:
        save(generation.pk)
        generation.refresh_from_db()
        if generation.status == "ready":
            return generation
        assert time.monotonic() < deadline, f"Not saved: {generation.trouble}"
        if impatient:
            make_due(generation)
        else:
            time.sleep(0.05)


def make_due(generation):
    Generation.objects.filter(pk=generation.pk, status="saving").update(due_at=timezone.now())


def stored_sha256(generation):
    with default_storage.open(generation.saved_video.file.name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def true_sha256(standin, generation):
    return standin.videos()[generation.execution_id]["sha256"]
