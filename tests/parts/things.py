"""One of everything that a studio stores, for tests that go through all pages."""

from django.core.files.base import ContentFile
from django.utils import timezone

from videos.engine.poll_outcomes import judge
from videos.models import Batch, Generation, Picture, Provider, Request, SavedVideo
from videos.remotes.base import Progress, State


def make_picture(owner, name="frame"):
    picture = Picture(owner=owner, sha256=name.ljust(64, "0"), width=4, height=3, size=4, content_type="image/png")
    picture.file.save("frame.png", ContentFile(b"\x89PNG"))
    return picture


def make_queued(owner, prompt="a lighthouse in fog", token="form-token", **asked):
    """A generation as a click of Generate leaves it."""
    request = Request(prompt=prompt, provider=Provider.objects.get(value="veo_3_1"), **asked)
    return Batch.objects.make(owner, token, [request]).generations.get()


def make_running(owner, remote_id="node-gw-1", **asked):
    generation = Generation.objects.claim_to_send(make_queued(owner, **asked).pk)
    assert generation.mark_sending(generation.lease_token)
    assert generation.accept(remote_id, generation.lease_token)
    return generation


def make_saving(owner, remote_id="node-gw-1", **asked):
    generation = make_running(owner, remote_id, **asked)
    link = f"https://files.example.com/{remote_id}.mp4?signature=secret"
    complete(generation, Progress(State.COMPLETED, "completed", link, "v1", "a1"))
    return generation


def complete(generation, execution):
    """What the poller does when a poll finds that the video is made."""
    Generation.objects.filter(pk=generation.pk).update(due_at=timezone.now())
    [poll] = [poll for poll in Generation.objects.claim_due_polls(timezone.now(), 100) if poll.pk == generation.pk]
    assert Generation.objects.record_outcomes([judge(poll, execution, timezone.now())]) == [generation.pk]
    generation.refresh_from_db()


def make_ready(owner, remote_id="node-gw-1", **asked):
    """A ready generation whose saved copy is a few bytes: enough for tests of access."""
    generation = Generation.objects.claim_to_save(make_saving(owner, remote_id, **asked).pk)
    copy = SavedVideo(size=20, sha256="5" * 64, width=1280, height=720, seconds=5, fps=24, codec="h264")
    copy.file.save(f"{remote_id}.mp4", ContentFile(b"0123456789" * 2), save=False)
    copy.poster.save(f"{remote_id}.jpg", ContentFile(b"0123456789" * 2), save=False)
    copy.last_frame.save(f"{remote_id}-last.jpg", ContentFile(b"0123456789" * 2), save=False)
    assert generation.keep_video(generation.lease_token, copy)
    return generation
