"""The admin: what owners see of everybody's generations, and the few actions on them.

Nothing here writes where a row stands: an action asks the model for a move, and says how many made it. Signed
links, tokens and leases are on no page.
"""

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Count, F, OuterRef, Subquery
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django_q.models import OrmQ, Schedule, Success

from videos import admin_generations, admin_money, admin_providers, admin_reviews, overview
from videos.accounts import owners, roles, sessions
from videos.admin_lists import CompletedRows, LongList, LookOnly, StudioAdmin, fetch_all_again, megabytes, tell
from videos.admin_money import left_words, lines
from videos.engine.account_check import resume_sending
from videos.models import (
    Batch,
    Budget,
    Generation,
    OneTimeLink,
    Picture,
    ProcessLock,
    PublicLink,
    RemoteAccount,
    SavedVideo,
    StudioFault,
)
from videos.templatetags.studio import money

__all__ = ["admin_generations", "admin_money", "admin_providers", "admin_reviews"]  # each registers its own
NEWEST_CHANGES = 20_000
User = get_user_model()
ALLAUTHS = [model for model in list(admin.site._registry) if model.__module__.startswith("allauth.")]

# A schedule or a queued task edited by hand can stop all of them, and those that succeeded are of no interest.
# Those of allauth hold secrets, and have pages of their own.
for model in (Group, OrmQ, Schedule, Success, User, *ALLAUTHS):
    admin.site.unregister(model)


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


@admin.register(RemoteAccount)
class RemoteAccountAdmin(StudioAdmin):
    """Our account at each remote API."""

    list_title = "Accounts"
    list_display = ["__str__", "pause_reason", "paused_at", "not_before", "max_in_flight", "status_message"]
    fields = [
        "max_in_flight",
        "paused",
        "pause_reason",
        "paused_at",
        "not_before",
        "unknowns_in_a_row",
        "status_message",
        "status_note_since",
    ]
    readonly_fields = fields[1:]
    actions = ["pause", "resume"]

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    @admin.action(description="Pause sending")
    def pause(self, request, queryset):
        queryset.pause("owner", person=str(request.user))
        messages.success(request, "Nothing is sent until somebody resumes. What was sent is still polled and saved.")

    @admin.action(description="Resume sending")
    def resume(self, request, queryset):
        for account in queryset:
            resume_sending(account.backend)
        messages.success(request, "Sending goes on.")


@admin.register(ProcessLock)
class ProcessLockAdmin(LookOnly):
    list_title = "Processes"
    list_display = ["process", "seen_at", "until"]
    search_fields = ["name"]
    fields = ["name", "seen_at", "until"]

    @admin.display(description="what")
    def process(self, lock):
        return {"poller": "Poller: asks how far every running video is"}.get(lock.name, lock.name.capitalize())


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


@admin.register(OneTimeLink)
class OneTimeLinkAdmin(LookOnly):
    list_title = "Invitations and links for a new password"
    list_display = ["__str__", "made_by", "for_user", "expires_at", "used_at"]
    list_filter = ["purpose", ("used_at", admin.EmptyFieldListFilter)]
    list_select_related = ["made_by", "for_user"]
    search_fields = ["made_by__username", "for_user__username"]
    fields = ["purpose", "made_by", "for_user", "created_at", "expires_at", "used_at"]


class PersonForm(UserChangeForm):
    def clean(self):
        """Checked in the transaction that saves, so that two owners cannot demote each other at the same moment."""
        given = super().clean()
        stays_owner = given.get("is_active", True) and given.get("is_superuser", True)
        if not stays_owner and owners.must_stay(self.instance):
            raise ValidationError(str(owners.LastOwner(self.instance)))
        return given


@admin.register(User)
class PersonAdmin(CompletedRows, StudioAdmin, UserAdmin):
    """Owners, managers and members. There are no other roles, so groups and single permissions are left out."""

    list_title = "Members"
    form = PersonForm
    list_display = ["username", "role", "is_active", "this_month", "left", "last_login"]
    list_filter = ["is_superuser", "is_staff", "is_active"]
    search_fields = ["username"]
    filter_horizontal = []
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (
            "Role",
            {
                "fields": ["is_active", "is_superuser", "is_staff"],
                "description": "A superuser is an owner. Staff who are not superusers are managers.",
            },
        ),
        ("Times", {"fields": ["last_login", "date_joined"]}),
    ]

    @admin.display(ordering="-is_superuser")
    def role(self, person):
        return roles.role_of(person).label

    def completed(self, rows):
        known = Budget.objects.of_members(rows)
        for person in rows:
            person.uses, person.lefts = known[person.pk]
        return rows

    @admin.display(description="held and spent this month")
    def this_month(self, person):
        amounts = " + ".join(money(use.amount, use.currency) for use in person.uses if use.amount)
        videos = sum(use.videos for use in person.uses)
        return f"{amounts or 'No price set'}, {videos:,} video{'' if videos == 1 else 's'}" if videos else "Nothing"

    @admin.display(description="left of the budget")
    def left(self, person):
        return lines([f"{left_words(one)} {one.period}" for one in person.lefts]) or "No limit"

    def get_readonly_fields(self, request, obj=None):
        """Nobody can deactivate or demote themselves, so there is always an owner."""
        return (
            [*self.readonly_fields, "is_active", "is_superuser", "is_staff"]
            if obj == request.user
            else self.readonly_fields
        )

    def has_delete_permission(self, request, obj=None):
        return False  # deactivate instead: their videos and costs keep their owner

    def save_model(self, request, obj, form, change):
        obj.is_staff = obj.is_staff or obj.is_superuser
        super().save_model(request, obj, form, change)
        if not obj.is_active:
            sessions.shut_out(obj)


@admin.register(LogEntry)
class AuditAdmin(LongList):
    """Who changed or deleted what, in the admin and on the pages that only owners and managers see."""

    list_title = "Audit log"
    list_display = ["action_time", "user", "what_was_done"]
    list_filter = ["user"]
    list_prefetch = ["user"]
    search_fields = ["user", "object_repr"]
    search_help_text = f"A member's name, or what was changed in the newest {NEWEST_CHANGES:,} entries."
    fields = ["action_time", "user", "what_was_done", "content_type", "object_id"]

    def candidates(self, rows, words):
        yield rows.filter(user__in=list(User.objects.filter(username=words)))
        last = LogEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        yield rows.filter(pk__gt=last - NEWEST_CHANGES, object_repr__icontains=words)

    @admin.display(description="what")
    def what_was_done(self, entry):
        return overview.change_words(entry)


@admin.register(StudioFault)
class StudioFaultAdmin(LookOnly):
    """Faults of the studio, open ones first. Only the job that met one clears it, when it works again."""

    list_title = "Faults of the studio"
    list_display = ["job", "error", "place", "generation", "count", "first_seen_at", "last_seen_at", "standing"]
    list_filter = ["job", ("cleared_at", admin.EmptyFieldListFilter)]
    list_select_related = ["generation"]
    ordering = [F("cleared_at").desc(nulls_first=True), "-last_seen_at"]

    @admin.display(description="Now")
    def standing(self, fault):
        return "Works again" if fault.cleared_at else "Open"
