"""An owner, pictures and queued generations, for tests that need no page."""

import hashlib
import uuid
from io import BytesIO

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from PIL import Image

from videos.models import Batch, Generation, Picture, Provider, Request


def owner(name: str = "owner") -> User:
    return User.objects.filter(username=name).first() or User.objects.create_user(name)


def generate(prompt: str = "a lighthouse", provider: str = "veo_3_1", by: User | None = None, **fields) -> Generation:
    """One queued generation; `fields` are those of Request."""
    request = Request(prompt=prompt, provider=Provider.objects.get(value=provider), **fields)
    return Batch.objects.make(by or owner(), uuid.uuid4().hex, [request]).generations.get()


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
