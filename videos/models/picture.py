"""Uploaded start and end frames, redrawn, and the remote copy of each."""

import uuid
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from videos.models.lease import passed
from videos.models.transactions import retried

REMOTE_COPY_LASTS = timedelta(days=5)  # undocumented; a week is the shortest life of HeyGen's other links


def picture_path(picture: "Picture", name: str) -> str:
    return f"pictures/{picture.public_id.hex[:2]}/{picture.public_id}{name[name.rfind('.') :]}"


class PictureQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(owner=user)

    def claim_upload(self, pk: int) -> bool:
        """Only one sender at a time hands a picture to the remote side; True for the one that may."""
        now = timezone.now()
        lease = timedelta(seconds=settings.LEASE_SECONDS)
        free = passed("upload_until", now, 2 * lease)
        return bool(self.filter(free, pk=pk).update(upload_until=now + lease))

    def recent(self):
        return self.order_by("-used_at", "-pk")

    def keep(self, owner, redrawn) -> "Picture":
        """The owner's Picture of these redrawn bytes (`pictures.Redrawn`): stored once, however often it comes."""
        known = self.filter(owner=owner, sha256=redrawn.sha256).first()
        if known:
            self.filter(pk=known.pk).update(used_at=timezone.now())
            return known
        picture = Picture(
            owner=owner,
            sha256=redrawn.sha256,
            width=redrawn.width,
            height=redrawn.height,
            size=len(redrawn.data),
            content_type=redrawn.content_type,
        )
        picture.file.save(f"picture{redrawn.extension}", ContentFile(redrawn.data), save=False)
        return self._insert_once(picture)

    @retried
    def _insert_once(self, picture: "Picture") -> "Picture":
        kept, made = self.get_or_create(
            owner=picture.owner,
            sha256=picture.sha256,
            defaults={
                name: getattr(picture, name)
                for name in ("public_id", "file", "width", "height", "size", "content_type")
            },
        )
        if not made:  # another request kept the same bytes a moment ago
            picture.file.delete(save=False)
        return kept


class Picture(models.Model):
    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="pictures")
    file = models.FileField(upload_to=picture_path, max_length=200)
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size = models.PositiveIntegerField(help_text="Bytes.")
    content_type = models.CharField(max_length=20)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(default=timezone.now)

    remote_asset_id = models.CharField(max_length=200, blank=True)
    remote_url = models.TextField(blank=True, editable=False)
    remote_made_at = models.DateTimeField(null=True, blank=True)
    remote_is_demo = models.BooleanField(default=False, editable=False)
    upload_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects = PictureQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "sha256"], name="a_picture_is_kept_once")]
        ordering = ["-pk"]

    def __str__(self):
        return f"{self.width} × {self.height}, {self.created_at:%d %b %Y}"

    def has_remote_copy(self) -> bool:
        """Whether the remote side of today has it: the stand-in's copies are nothing to HeyGen."""
        is_there = bool(self.remote_url) and self.remote_is_demo == settings.DEMO
        return is_there and timezone.now() - self.remote_made_at < REMOTE_COPY_LASTS

    def remember_remote_copy(self, asset_id: str, url: str):
        self.remote_asset_id, self.remote_url, self.remote_made_at = asset_id, url, timezone.now()
        self.remote_is_demo, self.upload_until = settings.DEMO, None
        names = ["remote_asset_id", "remote_url", "remote_made_at", "remote_is_demo", "upload_until"]
        self.save(update_fields=names)

    def give_up_upload(self):
        self.upload_until = None
        self.save(update_fields=["upload_until"])

    def forget_remote_copy(self):
        """After the remote side said that it cannot fetch its own copy: upload anew next time."""
        self.remember_remote_copy("", "")


@receiver(post_delete, sender=Picture)
def remove_file_of_picture(instance: Picture, **kwargs):
    transaction.on_commit(partial(instance.file.storage.delete, instance.file.name))
