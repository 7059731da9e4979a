"""What belongs to generations in the admin: batches, pictures, saved copies and public links."""

from django.contrib import admin
from django.db.models import Count, OuterRef, Subquery
from django.urls import reverse
from django.utils.html import format_html

from videos.admin.lists import LongList, fetch_all_again, report, set_or_not, when, yes_no
from videos.models import Batch, Generation, Picture, PublicLink, SavedVideo
from videos.templatetags.studio import size


@admin.register(Batch)
class BatchAdmin(LongList):
    list_title, one, many = "Batches", "batch", "batches"
    list_display = ["created_at", "owner", "videos"]
    list_filter = ["owner"]
    list_prefetch = ["owner"]
    search_fields = ["public_id", "owner"]
    search_help_text = "A member's name, or a full id."
    fields = ["owner", "created_at", "videos", "id_of_batch"]

    def title_of(self, batch):
        return f"Batch of {batch.count or 0:,} by {batch.owner}"

    @admin.display(description="id")
    def id_of_batch(self, batch):
        return batch.public_id

    def get_queryset(self, request):
        videos = Generation.objects.filter(batch=OuterRef("pk")).order_by().values("batch").annotate(n=Count("pk"))
        return super().get_queryset(request).annotate(count=Subquery(videos.values("n")))

    @admin.display
    def videos(self, batch):
        link = '<a href="{}?batch__id__exact={}">{}</a>'
        return format_html(link, reverse("admin:videos_generation_changelist"), batch.pk, batch.count or 0)


@admin.register(Picture)
class PictureAdmin(LongList):
    list_title = "Pictures"
    list_display = ["sides", "owner", "kind", "bytes", "used_at", "at_a_remote"]
    list_filter = ["owner"]
    list_prefetch = ["owner", "remote_copies"]
    search_fields = ["public_id", "owner"]
    search_help_text = "A member's name, or a full id."
    fields = ["sides", "owner", "kind", "bytes", "created_at", "used_at", "at_a_remote", "id_of_picture", "checksum"]

    @admin.display(description="picture")
    def sides(self, picture):
        return f"{picture.width} × {picture.height}"

    @admin.display(description="kind")
    def kind(self, picture):
        return picture.content_type.removeprefix("image/").upper()

    @admin.display(description="size")
    def bytes(self, picture):
        return size(picture.size)

    @admin.display(description="uploaded to a remote API")
    def at_a_remote(self, picture):
        return "Yes" if any(copy.is_usable() for copy in picture.remote_copies.all()) else "No"

    @admin.display(description="id")
    def id_of_picture(self, picture):
        return picture.public_id

    @admin.display(description="SHA-256")
    def checksum(self, picture):
        return picture.sha256


@admin.register(SavedVideo)
class SavedVideoAdmin(LongList):
    list_title, one, many = "Saved copies", "saved copy", "saved copies"
    list_display = ["sides", "video", "length", "codec_name", "bytes", "sound", "created_at"]
    list_prefetch = ["generation"]
    search_fields = ["generation"]
    search_help_text = "Words of the prompt, a full id, or a member's name."
    actions = ["fetch_again"]
    fields = ["video", "sides", "length", "frames", "codec_name", "sound", "bytes", "created_at", "checksum"]
    sound = yes_no("has_sound", "sound")

    @admin.display(description="copy")
    def sides(self, copy):
        return f"{copy.width} × {copy.height}"

    @admin.display(description="length")
    def length(self, copy):
        return f"{copy.seconds:g} s"

    @admin.display(description="frames per second")
    def frames(self, copy):
        return f"{copy.fps:g}"

    @admin.display(description="codec")
    def codec_name(self, copy):
        return copy.codec_name

    @admin.display(description="size")
    def bytes(self, video):
        return size(video.size)

    @admin.display(description="SHA-256")
    def checksum(self, copy):
        return copy.sha256

    @admin.action(description="Fetch again from the remote")
    def fetch_again(self, request, queryset):
        fetch_all_again(request, [video.generation for video in queryset.select_related("generation")])


@admin.register(PublicLink)
class PublicLinkAdmin(LongList):
    list_title = "Public links"
    list_display = ["made", "video", "owner", "works", "views", "revoked_at"]
    list_filter = [("revoked_at", set_or_not("state", "Not revoked", "Revoked"))]
    list_prefetch = ["generation__owner"]
    search_fields = ["generation"]
    search_help_text = "Words of the prompt, a full id, or a member's name."
    actions = ["revoke"]
    fields = ["video", "owner", "created_at", "revoked_at", "views"]

    @admin.display(description="made")
    def made(self, link):
        return when(link.created_at)

    def title_of(self, link):
        return f"Public link by {link.generation.owner}"

    @admin.display
    def owner(self, link):
        return link.generation.owner

    @admin.display(description="works")
    def works(self, link):
        """A deactivated member's links stop until the member is activated again."""
        generation = link.generation
        does = link.revoked_at is None and generation.trashed_at is None and generation.owner.is_active
        return "Yes" if does else "No"

    @admin.action(description="Revoke")
    def revoke(self, request, queryset):
        report(request, queryset.revoke(), len(queryset), "revoked: nobody can watch there any more", "revoked before.")
