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
from django.utils.text import Truncator
from django_q.models import OrmQ, Schedule, Success

from videos import overview
from videos.accounts import owners, roles, sessions
from videos.admin_generations import GenerationAdmin
from videos.admin_lists import LookOnly, StudioAdmin, fetch_all_again, megabytes, tell
from videos.admin_providers import ProviderAdmin
from videos.engine.account_check import resume_sending
from videos.models import (
    Batch,
    Budget,
    Collection,
    Generation,
    LedgerEntry,
    OneTimeLink,
    Picture,
    ProcessLock,
    PublicLink,
    RemoteAccount,
    SavedVideo,
    StudioFault,
)
from videos.templatetags.studio import money

__all__ = ["GenerationAdmin", "ProviderAdmin"]  # registered where it is written
User = get_user_model()
ALLAUTHS = [model for model in list(admin.site._registry) if model.__module__.startswith("allauth.")]

# A schedule or a queued task edited by hand can stop all of them, and those that succeeded are of no interest.
# Those of allauth hold secrets, and have pages of their own.
for model in (Group, OrmQ, Schedule, Success, User, *ALLAUTHS):
    admin.site.unregister(model)


@admin.register(Batch)
class BatchAdmin(LookOnly):
    list_display = ["created_at", "owner", "videos"]
    list_filter = ["owner"]
    list_select_related = ["owner"]
    ordering = ["-pk"]
    sortable_by = []
    search_fields = ["public_id", "owner__username"]
    fields = ["public_id", "owner", "created_at", "videos"]

    def get_queryset(self, request):
        videos = Generation.objects.filter(batch=OuterRef("pk")).order_by().values("batch").annotate(n=Count("pk"))
        return super().get_queryset(request).annotate(count=Subquery(videos.values("n")))

    @admin.display
    def videos(self, batch):
        link = '<a href="{}?batch__id__exact={}">{}</a>'
        return format_html(link, reverse("admin:videos_generation_changelist"), batch.pk, batch.count or 0)


@admin.register(Collection)
class CollectionAdmin(LookOnly):
    list_display = ["name", "owner", "shared", "created_at"]
    list_filter = ["shared", "owner"]
    list_select_related = ["owner"]
    ordering = ["-pk"]
    sortable_by = []
    search_fields = ["name", "owner__username"]
    fields = ["public_id", "name", "owner", "note", "shared", "created_at"]


@admin.register(Picture)
class PictureAdmin(LookOnly):
    list_display = ["__str__", "owner", "content_type", "bytes", "used_at", "is_uploaded"]
    list_filter = ["owner"]
    list_select_related = ["owner"]
    ordering = ["-pk"]
    sortable_by = []
    search_fields = ["public_id", "sha256", "owner__username"]
    fields = ["public_id", "owner", "width", "height", "content_type", "bytes", "sha256", "created_at", "used_at"]

    @admin.display(description="size", ordering="size")
    def bytes(self, picture):
        return megabytes(picture.size)

    @admin.display(description="at a remote", boolean=True)
    def is_uploaded(self, picture):
        return any(copy.is_usable() for copy in picture.remote_copies.all())


@admin.register(SavedVideo)
class SavedVideoAdmin(LookOnly):
    list_display = ["__str__", "generation", "codec", "bytes", "has_sound", "created_at"]
    list_filter = ["has_sound", "generation__provider"]
    list_select_related = ["generation"]
    ordering = ["-pk"]
    sortable_by = []
    search_fields = ["generation__public_id", "sha256"]
    actions = ["fetch_again"]
    fields = [
        "generation",
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

    @admin.display(description="size", ordering="size")
    def bytes(self, video):
        return megabytes(video.size)

    @admin.action(description="Fetch again from the remote")
    def fetch_again(self, request, queryset):
        fetch_all_again(request, [video.generation for video in queryset.select_related("generation")])


LEDGER_WORDS = {
    LedgerEntry.Kind.HOLD: "Held when it was asked for",
    LedgerEntry.Kind.SETTLE: "Spent: the remote took it",
    LedgerEntry.Kind.RELEASE: "Given back: it was not made",
    LedgerEntry.Kind.LENGTH: "Difference to the real length",
}


@admin.register(LedgerEntry)
class LedgerEntryAdmin(LookOnly):
    list_display = ["at", "what", "sum", "user", "provider", "video", "day"]
    list_filter = ["kind", "user", "provider", "day"]
    list_select_related = ["user", "provider", "generation"]
    search_fields = ["user__username", "generation__public_id"]
    search_help_text = "A member's name, or a video's id."
    ordering = ["-pk"]
    sortable_by = []
    fields = ["at", "kind", "user", "generation", "provider", "videos", "amount", "currency", "day"]

    @admin.display(description="what")
    def what(self, entry):
        return LEDGER_WORDS[entry.kind]

    @admin.display(description="amount")
    def sum(self, entry):
        if not entry.amount:
            return "" if entry.kind == LedgerEntry.Kind.SETTLE else "No price set"
        sign = "−" if entry.amount < 0 else ""
        return f"{sign}{money(abs(entry.amount), entry.currency)}"

    @admin.display(description="video")
    def video(self, entry):
        if entry.generation is None:
            return "Removed"
        address = reverse("admin:videos_generation_change", args=[entry.generation_id])
        return format_html('<a href="{}">{}</a>', address, Truncator(entry.generation.prompt).chars(50))


@admin.register(Budget)
class BudgetAdmin(StudioAdmin):
    list_display = [
        "__str__",
        "videos_per_day",
        "videos_per_month",
        "money_per_day",
        "money_per_month",
        "currency",
        "in_flight",
    ]
    list_filter = ["scope"]
    search_fields = ["user__username"]


@admin.register(RemoteAccount)
class RemoteAccountAdmin(StudioAdmin):
    """Our account at each remote API."""

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
    list_display = ["process", "seen_at", "until"]
    search_fields = ["name"]
    fields = ["name", "seen_at", "until"]

    @admin.display(description="what")
    def process(self, lock):
        return {"poller": "Poller: asks how far every running video is"}.get(lock.name, lock.name.capitalize())


@admin.register(PublicLink)
class PublicLinkAdmin(LookOnly):
    list_display = ["made", "generation", "owner", "works", "views", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["generation__owner"]
    search_fields = ["generation__prompt", "generation__public_id", "generation__owner__username"]
    actions = ["revoke"]
    fields = ["generation", "owner", "created_at", "revoked_at", "views"]

    @admin.display(description="link", ordering="created_at")
    def made(self, link):
        return date_format(link.created_at, "DATETIME_FORMAT")

    @admin.display(ordering="generation__owner")
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
class PersonAdmin(UserAdmin):
    """Owners, managers and members. There are no other roles, so groups and single permissions are left out."""

    form = PersonForm
    list_display = ["username", "role", "is_active", "last_login", "date_joined"]
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
class AuditAdmin(LookOnly):
    """Who changed or deleted what, in the admin and on the pages that only owners and managers see."""

    list_display = ["action_time", "user", "what_was_done"]
    list_filter = ["action_flag", "user"]
    list_select_related = ["user"]
    ordering = ["-pk"]
    sortable_by = []
    search_fields = ["object_repr", "user__username"]
    fields = ["action_time", "user", "what_was_done", "content_type", "object_id"]

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"title": "Audit log", **(extra_context or {})})

    @admin.display(description="what")
    def what_was_done(self, entry):
        return overview.change_words(entry)


@admin.register(StudioFault)
class StudioFaultAdmin(LookOnly):
    """Faults of the studio, open ones first. Only the job that met one clears it, when it works again."""

    list_display = ["job", "error", "place", "generation", "count", "first_seen_at", "last_seen_at", "standing"]
    list_filter = ["job", ("cleared_at", admin.EmptyFieldListFilter)]
    list_select_related = ["generation"]
    ordering = [F("cleared_at").desc(nulls_first=True), "-last_seen_at"]

    @admin.display(description="Now")
    def standing(self, fault):
        return "Works again" if fault.cleared_at else "Open"
