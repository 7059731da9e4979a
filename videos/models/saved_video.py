"""Saved copies of finished videos, and public links to them."""

import secrets
from dataclasses import asdict
from functools import partial

from django.db import models, transaction
from django.db.models import F
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from videos import codecs
from videos.models.transactions import update_in_order


class SavedVideoQuerySet(models.QuerySet):
    def measured_by_an_earlier_version(self):
        """Version 0.1.0 did not ask how a browser shows a video, and kept no codec string; the newest first."""
        return self.filter(codec_string="").select_related("generation").order_by("-pk")


class SavedVideo(models.Model):
    """A complete copy: decoded, measured, hashed and stored under its final name. There is no row for a partial one."""

    generation = models.OneToOneField("Generation", on_delete=models.CASCADE, related_name="saved_video")
    file = models.FileField(max_length=200)
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    seconds = models.FloatField()
    fps = models.FloatField()
    codec = models.CharField(max_length=32, help_text="Of the video: h264, hevc, av1, …")
    codec_string = models.CharField(max_length=64, blank=True, help_text="As browsers are asked about it (RFC 6381).")
    has_sound = models.BooleanField(default=False)
    poster = models.FileField(max_length=200)
    last_frame = models.FileField(max_length=200)
    # Made when a card first asks for it, in the sizes of storage/small_poster.py:
    small_poster = models.FileField(max_length=200, blank=True, editable=False)
    row_poster = models.FileField(max_length=200, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SavedVideoQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["-seconds", "-generation"], name="saved_video_longest")]

    def __str__(self):
        return f"{self.width} × {self.height}, {self.seconds:.1f} s"

    @property
    def codec_name(self) -> str:
        """For people."""
        return codecs.name_of_codec(self.codec)

    @property
    def codec_family(self) -> str:
        """The name that the script and the stylesheet use to decide whether the browser can play it."""
        return codecs.family(self.codec, self.codec_string)

    @property
    def plays_everywhere(self) -> bool:
        return self.codec_family == codecs.EVERYWHERE

    def measure_again(self, facts) -> bool:
        """`facts` are the results of the probe. False if it is gone."""
        known = asdict(facts) | {"codec_string": facts.codec_string or facts.codec}
        return bool(SavedVideo.objects.filter(pk=self.pk).update(**known))

    def keep_measurements(self):
        """Marks it as measured, although this version could not measure it again."""
        SavedVideo.objects.filter(pk=self.pk).update(codec_string=self.codec)

    def files(self):
        """Its existing files. The smaller posters are only made on first use."""
        files = (self.file, self.poster, self.last_frame, self.small_poster, self.row_poster)
        return [file for file in files if file]


class PublicLinkQuerySet(models.QuerySet):
    def open(self):
        """Links that work now: those of a deactivated member stop until the member is activated again."""
        return self.unrevoked().filter(generation__owner__is_active=True)

    def unrevoked(self):
        """Links that were not revoked, whether or not their owner may sign in."""
        return self.filter(revoked_at=None, generation__trashed_at=None)

    def count_by_owner(self) -> dict[int, int]:
        """Looks up each link's video: with a join, SQLite may go through all videos."""
        videos = self.model._meta.get_field("generation").related_model._default_manager.kept()
        owner = videos.filter(pk=models.OuterRef("generation")).order_by().values("owner")[:1]
        owners = self.filter(revoked_at=None).order_by().annotate(whose=models.Subquery(owner)).values_list("whose")
        return {whose: links for whose, links in owners.annotate(links=models.Count("pk")) if whose}

    def revoke(self) -> int:
        """Ends these links; returns how many were still open."""
        return update_in_order(self.filter(revoked_at=None), revoked_at=timezone.now())


def new_token() -> str:
    return secrets.token_urlsafe(24)


class PublicLink(models.Model):
    """An unguessable, revocable address at which anybody may watch one video."""

    generation = models.ForeignKey("Generation", on_delete=models.CASCADE, related_name="public_links")
    token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    views = models.PositiveIntegerField(default=0)

    objects = PublicLinkQuerySet.as_manager()

    def __str__(self):
        return f"Public link of {self.created_at:%d %b %Y}"

    def count_view(self):
        PublicLink.objects.filter(pk=self.pk).update(views=F("views") + 1)


@receiver(post_delete, sender=SavedVideo)
def remove_files_of_copy(instance: SavedVideo, **kwargs):
    """Deletes the files after the transaction that deleted the row has been committed."""
    for file in instance.files():
        if file:
            transaction.on_commit(partial(file.storage.delete, file.name))
