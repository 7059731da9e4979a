"""What owners see of everybody's generations, and the few things they may do to them.

Nothing here writes where a row stands: an action asks the model for a move, and says how many made it. Signed
links, tokens and leases are on no page.
"""

from urllib.parse import urlsplit

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import BooleanField, Count, ExpressionWrapper, F, Q
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.text import Truncator
from django_q.models import OrmQ, Schedule, Success

from videos.accounts import owners, roles, sessions
from videos.engine.account_check import resume_sending
from videos.models import (
    Batch,
    Budget,
    Generation,
    LedgerEntry,
    OneTimeLink,
    Picture,
    ProcessLock,
    Provider,
    ProviderPrice,
    PublicLink,
    RemoteAccount,
    SavedVideo,
    StudioFault,
)
from videos.price_hints import HINTS, READ_ON, SOURCE
from videos.remotes import registry
from videos.storage.consistency import STORAGE_ERRORS, CannotRepair, fetch_again
from videos.templatetags.studio import money

User = get_user_model()
ALLAUTHS = [model for model in list(admin.site._registry) if model.__module__.startswith("allauth.")]

# A schedule or a queued task edited by hand can stop all of them, and those that went well say nothing.
# Those of allauth hold secrets, and have pages of their own.
for model in (Group, OrmQ, Schedule, Success, User, *ALLAUTHS):
    admin.site.unregister(model)


class LookOnly(admin.ModelAdmin):
    """Listed, filtered, searched and read; changed by nothing but its actions."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


def tell(request, done: int, of: int, what: str, why_not: str):
    """One sentence on what an action did, and one on what it left alone."""
    if done:
        messages.success(request, f"{done} {what}.")
    if done < of:
        messages.warning(request, f"{of - done} left as they were: {why_not}")


def fetch_all_again(request, generations: list[Generation]):
    done, why_not = 0, ""
    for generation in generations:
        try:
            fetch_again(generation, by=request.user)
            done += 1
        except CannotRepair as error:
            why_not = f"{error}."
        except STORAGE_ERRORS:
            why_not = "the storage failed."
    tell(request, done, len(generations), "fetched again from the remote, at no cost", why_not)


def bare_address(address: str) -> str:
    """An address without the part that may be a signature."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname else ""


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


@admin.register(Generation)
class GenerationAdmin(LookOnly):
    list_display = ["asked", "standing", "provider", "owner", "asked_at", "took", "viewer"]
    list_filter = ["status", "provider", "error_class", "owner", "shared", "created_at"]
    list_select_related = ["provider", "owner"]
    search_fields = ["prompt", "public_id", "remote_id", "video_id", "owner__username"]
    search_help_text = "Words of the prompt, an id, or a member's name."
    date_hierarchy = "created_at"
    actions = ["cancel", "check_again", "fetch_again"]
    fieldsets = [
        (None, {"fields": ["viewer", "status", "status_message", "owner", "batch", "retry_of"]}),
        (
            "Asked for",
            {
                "fields": [
                    "prompt",
                    "provider",
                    "aspect_ratio",
                    "start_frame",
                    "start_frame_address",
                    "end_frame",
                    "end_frame_address",
                    "config",
                    "estimate",
                ]
            },
        ),
        (
            "What the remote said",
            {
                "fields": [
                    "backend",
                    "remote_id",
                    "video_id",
                    "asset_id",
                    "remote_status",
                    "remote_facts",
                    "error_class",
                    "error_message",
                    "error_detail",
                ]
            },
        ),
        (
            "Times",
            {"fields": ["created_at", "sent_at", "completed_at", "saved_at", "ended_at", "took", "due_at"]},
        ),
        (
            "Kept",
            {
                "fields": [
                    "public_id",
                    "status_note",
                    "status_facts",
                    "send_attempts",
                    "save_attempts",
                    "shared",
                    "trashed_at",
                ]
            },
        ),
    ]

    def get_queryset(self, request):
        mine = Generation.objects.visible_to(request.user).values("pk")
        viewable = ExpressionWrapper(Q(pk__in=mine), output_field=BooleanField())
        return super().get_queryset(request).annotate(viewable=viewable)

    @admin.display(description="prompt", ordering="prompt")
    def asked(self, generation):
        return Truncator(generation.prompt).chars(60)

    @admin.display(description="took, s")
    def took(self, generation):
        return None if generation.took_seconds is None else round(generation.took_seconds)

    @admin.display(description="status", ordering="status")
    def standing(self, generation):
        problem = Truncator(generation.status_message or generation.error_message).chars(80)
        return format_html('{}<div class="quiet">{}</div>', generation.get_status_display(), problem)

    @admin.display(description="asked for", ordering="created_at")
    def asked_at(self, generation):
        return date_format(timezone.localtime(generation.created_at), "j M Y, H:i")

    @admin.display(description="viewer")
    def viewer(self, generation):
        if not generation.viewable:
            return "Private"
        return format_html('<a href="/g/{}">Open</a>', generation.public_id)

    @admin.display(description="start frame's address")
    def start_frame_address(self, generation):
        return bare_address(generation.start_frame_url)

    @admin.display(description="end frame's address")
    def end_frame_address(self, generation):
        return bare_address(generation.end_frame_url)

    @admin.action(description="Cancel what is still queued")
    def cancel(self, request, queryset):
        done = sum(generation.cancel(by=request.user) for generation in queryset)
        tell(request, done, len(queryset), "cancelled; what was held for them is given back", "they were sent already.")

    @admin.action(description="Check again what was no longer waited for")
    def check_again(self, request, queryset):
        done = sum(generation.check_again(by=request.user) for generation in queryset)
        tell(request, done, len(queryset), "followed again", "only those no longer waited for can be checked again.")

    @admin.action(description="Fetch the saved copy again")
    def fetch_again(self, request, queryset):
        fetch_all_again(request, list(queryset))


@admin.register(Batch)
class BatchAdmin(LookOnly):
    list_display = ["created_at", "owner", "videos"]
    list_filter = ["owner", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["public_id", "owner__username", "generations__prompt"]
    fields = ["public_id", "owner", "created_at", "videos"]

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(count=Count("generations"))

    @admin.display(ordering="count")
    def videos(self, batch):
        return batch.count


class PriceInline(admin.TabularInline):
    """Prices by resolution, mode and length, each with its source and date."""

    model = ProviderPrice
    extra = 0


@admin.register(Provider)
class ProviderAdmin(admin.ModelAdmin):
    inlines = [PriceInline]
    list_display = ["name", "value", "family", "state", "note", "cost", "position"]
    list_filter = ["state", "family", "sound"]
    search_fields = ["name", "value", "family"]
    actions = ["pause", "resume", "retire"]
    readonly_fields = ["state"]

    @admin.display(description="price", ordering="price")
    def cost(self, provider):
        prices = sorted({price.price for price in provider.prices.all()})
        if prices:
            ends = [money(price, provider.currency) for price in {prices[0], prices[-1]}]
            return f"{' to '.join(sorted(ends))} {provider.prices.all()[0].get_unit_display()}"
        if provider.price is None:
            return None
        return f"{money(provider.price, provider.currency)} {provider.get_price_unit_display()}"

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("prices")

    def render_change_form(self, request, context, *arguments, **options):
        provider = context.get("original")
        context["price_hint"] = HINTS.get(provider.value) if provider else None
        return super().render_change_form(request, context, *arguments, **options)

    def response_change(self, request, provider):
        """One click on the hint's button: its price stands in the table, with its source and date."""
        hint = HINTS.get(provider.value)
        if "_adopt_hint" not in request.POST or hint is None:
            return super().response_change(request, provider)
        provider.adopt_price(hint.price, SOURCE, READ_ON)
        messages.success(request, f"{provider}: {money(hint.price)} per second is its price now.")
        return redirect(request.path)

    def formfield_for_dbfield(self, db_field, request, **options):
        if db_field.name != "backend":
            return super().formfield_for_dbfield(db_field, request, **options)
        return forms.ChoiceField(choices=registry.choices(), initial=registry.default_key(), required=False)

    def get_readonly_fields(self, request, obj=None):
        """The value is what the remote knows it by: generations already made must keep it."""
        return [*self.readonly_fields, "value", "backend"] if obj else self.readonly_fields

    def has_delete_permission(self, request, obj=None):
        return False  # retire it: its videos keep their provider

    @admin.action(description="Pause (visible, can't be used)")
    def pause(self, request, queryset):
        tell(request, queryset.pause(), len(queryset), "paused", "")

    @admin.action(description="Resume")
    def resume(self, request, queryset):
        tell(request, queryset.resume(), len(queryset), "offered again", "")

    @admin.action(description="Retire")
    def retire(self, request, queryset):
        tell(request, queryset.retire(), len(queryset), "retired", "")


@admin.register(Picture)
class PictureAdmin(LookOnly):
    list_display = ["__str__", "owner", "content_type", "bytes", "used_at", "is_uploaded"]
    list_filter = ["owner", "content_type", "created_at"]
    list_select_related = ["owner"]
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
    list_filter = ["has_sound", "codec", "generation__provider", "created_at"]
    list_select_related = ["generation"]
    search_fields = ["generation__prompt", "generation__public_id", "sha256"]
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


@admin.register(LedgerEntry)
class LedgerEntryAdmin(LookOnly):
    list_display = ["at", "kind", "user", "provider", "videos", "amount", "currency", "day", "generation"]
    list_filter = ["kind", "user", "provider", "day"]
    list_select_related = ["user", "provider", "generation"]
    search_fields = ["user__username", "generation__prompt", "generation__public_id"]
    date_hierarchy = "day"
    fields = ["at", "kind", "user", "generation", "provider", "videos", "amount", "currency", "day"]


@admin.register(Budget)
class BudgetAdmin(admin.ModelAdmin):
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
class RemoteAccountAdmin(admin.ModelAdmin):
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
        messages.success(request, "Nothing is sent until somebody resumes. What was sent is still followed and saved.")

    @admin.action(description="Resume sending")
    def resume(self, request, queryset):
        for account in queryset:
            resume_sending(account.backend)
        messages.success(request, "Sending goes on.")


@admin.register(ProcessLock)
class ProcessLockAdmin(LookOnly):
    list_display = ["name", "seen_at", "until"]
    search_fields = ["name"]
    fields = ["name", "seen_at", "until"]


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
    """Owners, managers and members. There are no other roles, so groups and single permissions are left away."""

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
                "description": "A superuser is an owner. Staff that is no superuser is a manager.",
            },
        ),
        ("Times", {"fields": ["last_login", "date_joined"]}),
    ]

    @admin.display(ordering="-is_superuser")
    def role(self, person):
        return roles.role_of(person).label

    def get_readonly_fields(self, request, obj=None):
        """Nobody can shut themselves out, so there is always an owner."""
        return (
            [*self.readonly_fields, "is_active", "is_superuser", "is_staff"]
            if obj == request.user
            else self.readonly_fields
        )

    def has_delete_permission(self, request, obj=None):
        return False  # deactivate instead: what was made and paid for keeps its owner

    def save_model(self, request, obj, form, change):
        obj.is_staff = obj.is_staff or obj.is_superuser
        super().save_model(request, obj, form, change)
        if not obj.is_active:
            sessions.shut_out(obj)


@admin.register(StudioFault)
class StudioFaultAdmin(LookOnly):
    """What a worker's job did not foresee, open ones first. Nobody clears them: the job does, when it works again."""

    list_display = ["job", "error", "place", "generation", "count", "first_seen_at", "last_seen_at", "standing"]
    list_filter = ["job", ("cleared_at", admin.EmptyFieldListFilter)]
    list_select_related = ["generation"]
    ordering = [F("cleared_at").desc(nulls_first=True), "-last_seen_at"]

    @admin.display(description="Now")
    def standing(self, fault):
        return "Works again" if fault.cleared_at else "Open"
