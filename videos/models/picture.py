"""Uploaded start and end frames, redrawn, and the copies that backends have of them."""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from videos.models.lease import passed
from videos.models.prepared import prepared
from videos.models.transactions import retried, update_in_order
from videos.remotes import registry
from videos.remotes.base import Image

REMOTE_COPY_LASTS = timedelta(days=5)  # undocumented; a week is the shortest life of HeyGen's other links


def picture_path(picture: "Picture", name: str) -> str:
    return f"pictures/{picture.public_id.hex[:2]}/{picture.public_id}{name[name.rfind('.') :]}"


class PictureQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(owner=user)

    def any_for(self, user) -> bool:
        return bool(self.first_of(user))

    @prepared
    def first_of(self, owner):
        return self.filter(owner=owner).values_list("pk")[:1]

    def recent(self):
        return self.order_by("-used_at", "-pk")

    def keep(self, owner, redrawn) -> "Picture":
        """The owner's Picture of these redrawn bytes (`pictures.Redrawn`), stored once, however often they come."""
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
        if not made:  # another request stored the same bytes a moment ago
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

    objects = PictureQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "sha256"], name="a_picture_is_kept_once")]
        ordering = ["-pk"]

    def __str__(self):
        return f"{self.width} × {self.height}, {self.created_at:%d %b %Y}"

    def files(self):
        return (self.file,)

    def remote_copy(self, backend: str) -> "RemoteCopy":
        """The copy that this backend has; a new, empty row if the picture was never uploaded there."""
        return RemoteCopy.objects.get_or_create(picture=self, backend=backend)[0]


class RemoteCopyQuerySet(models.QuerySet):
    def usable(self):
        """Copies at the backends of the present mode: a real API does not have the demo server's copies."""
        fresh = timezone.now() - REMOTE_COPY_LASTS
        there = self.exclude(address="", asset_id="").filter(made_at__gt=fresh)
        return there.filter(backend__in=registry.active_keys())

    def claim_upload(self, pk: int) -> bool:
        """True for the one sender that may upload the picture to the backend now."""
        now = timezone.now()
        lease = timedelta(seconds=settings.LEASE_SECONDS)
        free = passed("upload_until", now, 2 * lease)
        return bool(self.filter(free, pk=pk).update(upload_until=now + lease))

    def forget_frames_of(self, generations: Iterable):
        """The remote could not fetch its own copies of their frames: these are uploaded again next time."""
        for generation in generations:
            frames = [frame for frame in (generation.start_frame_id, generation.end_frame_id) if frame]
            copies = self.filter(picture__in=frames, backend=generation.backend)
            update_in_order(copies, asset_id="", address="", made_at=None)


class RemoteCopy(models.Model):
    """One picture at one backend: its address there, its id, or both."""

    picture = models.ForeignKey(Picture, on_delete=models.CASCADE, related_name="remote_copies")
    backend = models.CharField(max_length=64)
    asset_id = models.CharField(max_length=200, blank=True)
    address = models.TextField(blank=True, editable=False)
    made_at = models.DateTimeField(null=True, blank=True)
    upload_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects = RemoteCopyQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["picture", "backend"], name="a_backend_has_a_picture_once")]
        verbose_name_plural = "remote copies"

    def __str__(self):
        return f"{self.picture} at {self.backend}"

    def is_usable(self) -> bool:
        return RemoteCopy.objects.usable().filter(pk=self.pk).exists()

    def remember(self, image: Image):
        self.asset_id, self.address, self.made_at, self.upload_until = (
            image.asset_id,
            image.address,
            timezone.now(),
            None,
        )
        self.save(update_fields=["asset_id", "address", "made_at", "upload_until"])

    def give_up_upload(self):
        self.upload_until = None
        self.save(update_fields=["upload_until"])


@receiver(post_delete, sender=Picture)
def remove_file_of_picture(instance: Picture, **kwargs):
    transaction.on_commit(partial(instance.file.storage.delete, instance.file.name))
