"""What belongs to generations in the admin: batches, pictures, saved copies and public links."""

from django.contrib import admin
from django.db.models import Count, OuterRef, Subquery
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime

from videos.admin.lists import LongList, fetch_all_again, megabytes, tell
from videos.models import Batch, Generation, Picture, PublicLink, SavedVideo


@admin.register(Batch)
class BatchAdmin(LongList):
    list_title = "Batches"
    list_display = ["created_at", "owner", "videos"]
    list_filter = ["owner"]
    list_prefetch = ["owner"]
    search_fields = ["public_id", "owner"]
    search_help_text = "A member's name, or a whole id."
    fields = ["public_id", "owner", "created_at", "videos"]

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
    list_display = ["__str__", "owner", "content_type", "bytes", "used_at", "is_uploaded"]
    list_filter = ["owner"]
    list_prefetch = ["owner", "remote_copies"]
    search_fields = ["public_id", "owner"]
    search_help_text = "A member's name, or a whole id."
    fields = ["public_id", "owner", "width", "height", "content_type", "bytes", "sha256", "created_at", "used_at"]

    @admin.display(description="size")
    def bytes(self, picture):
        return megabytes(picture.size)

    @admin.display(description="at a remote", boolean=True)
    def is_uploaded(self, picture):
        return any(copy.is_usable() for copy in picture.remote_copies.all())


@admin.register(SavedVideo)
class SavedVideoAdmin(LongList):
    list_title = "Saved copies"
    list_display = ["__str__", "video", "codec_name", "bytes", "has_sound", "created_at"]
    list_prefetch = ["generation"]
    search_fields = ["generation"]
    search_help_text = "Words of the prompt, a whole id, or a member's name."
    actions = ["fetch_again"]
    fields = [
        "video",
        "width",
        "height",
        "seconds",
        "fps",
        "codec",
        "has_sound",
        "bytes",
        "sha256",
        "created_at",
    ]

    @admin.display(description="codec")
    def codec_name(self, copy):
        return copy.codec_name

    @admin.display(description="size")
    def bytes(self, video):
        return megabytes(video.size)

    @admin.action(description="Fetch again from the remote")
    def fetch_again(self, request, queryset):
        fetch_all_again(request, [video.generation for video in queryset.select_related("generation")])


@admin.register(PublicLink)
class PublicLinkAdmin(LongList):
    list_title = "Public links"
    list_display = ["made", "video", "owner", "works", "views", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    list_prefetch = ["generation__owner"]
    search_fields = ["generation"]
    search_help_text = "Words of the prompt, a whole id, or a member's name."
    actions = ["revoke"]
    fields = ["video", "owner", "created_at", "revoked_at", "views"]

    @admin.display(description="link")
    def made(self, link):
        return date_format(localtime(link.created_at), "DATETIME_FORMAT")

    @admin.display
    def owner(self, link):
        return link.generation.owner

    @admin.display(description="works", boolean=True)
    def works(self, link):
        """A deactivated member's links stop until the member is activated again."""
        generation = link.generation
        return link.revoked_at is None and generation.trashed_at is None and generation.owner.is_active

    @admin.action(description="Revoke")
    def revoke(self, request, queryset):
        tell(request, queryset.revoke(), len(queryset), "revoked: nobody can watch there any more", "revoked before.")
