"""Generations in the admin: the list with poster, member and cost, and the page with everything about one."""

from dataclasses import dataclass

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import BooleanField, ExpressionWrapper
from django.http import Http404, HttpRequest, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.text import Truncator

from videos import wording
from videos.admin import timeline
from videos.admin.lists import NOTHING, LongList, bare_address, fetch_all_again, in_words, report, videos_found, yes_no
from videos.lifecycle import FINAL, Status
from videos.models import Generation
from videos.models.generation_queryset import seen_by
from videos.models.studio_settings import current
from videos.remotes.errors import Cause
from videos.templatetags.studio import clock, money

MAX_PEOPLE = 200  # in a filter


@dataclass(frozen=True)
class Action:
    """Something a person may do to one generation, and what it costs or changes."""

    action: str
    name: str
    button: str
    cost: str


def actions_for(generation: Generation) -> list[Action]:
    name, found = generation.remote_name, []
    if generation.status == Status.QUEUED:
        found.append(Action("cancel", "Cancel", "Cancel", "Nothing was sent. What is held is returned to the budget."))
    if generation.may_be_checked_again:
        found.append(Action("check_again", f"Ask {name} again", "Ask", "Free. If the video was made, it is saved."))
    if generation.status == Status.READY and generation.remote_id:
        free = "Free. The current copy is kept until the new one is complete."
        found.append(Action("fetch_again", "Download again", "Download", free))
    if generation.may_be_trashed and generation.trashed_at is None:
        days = current().trash_days
        until = f"Its owner can restore it for {days} day{'' if days == 1 else 's'}."
        found.append(Action("trash", "Move to the trash", "Move", until))
    return found


class CauseFilter(admin.SimpleListFilter):
    """Why it failed. The causes are known, so no list of values is read from the table."""

    title, parameter_name = "cause", "cause"

    def lookups(self, request, model_admin):
        return [(cause.value, wording.title(cause, "the remote")) for cause in Cause if cause in wording.TITLES]

    def queryset(self, request, queryset):
        return queryset.failed_by(self.value()) if self.value() else queryset


class OwnerFilter(admin.SimpleListFilter):
    """The videos of one member, without their trash, which only the list of all members shows."""

    title, parameter_name = "owner, without the trash", "owner"

    def lookups(self, request, model_admin):
        people = get_user_model().objects.order_by("username")
        found = [(str(pk), name) for pk, name in people.values_list("pk", "username")[: MAX_PEOPLE + 1]]
        if len(found) > MAX_PEOPLE:
            self.title += f" (the first {MAX_PEOPLE}; search for the names of others)"
        return found[:MAX_PEOPLE]

    def queryset(self, request, queryset):
        is_id = (self.value() or "").isdecimal() and len(self.value()) < 10
        return queryset.kept().filter(owner=self.value()) if is_id else queryset


class SharedFilter(admin.SimpleListFilter):
    title, parameter_name = "sharing", "shared"

    def lookups(self, request, model_admin):
        return [("yes", "Shared with the team")]

    def queryset(self, request, queryset):
        return queryset.kept().filter(shared=True) if self.value() else queryset


@admin.register(Generation)
class GenerationAdmin(LongList):
    list_display = ["poster", "asked", "standing", "provider", "owner", "cost", "asked_at", "took"]
    list_display_links = ["asked"]
    list_filter = ["status", CauseFilter, "provider", OwnerFilter, SharedFilter]
    list_prefetch = ["provider", "owner", "saved_video"]
    search_fields = ["prompt"]
    search_help_text = "Words of the prompt, a full id, or a member's name."
    actions = ["cancel", "check_again", "fetch_again", "trash"]
    with_team = yes_no("shared", "shared with the team")
    fieldsets = [
        (None, {"fields": ["status", "status_message", "owner", "batch", "retry_of"]}),
        (
            "Requested",
            {
                "fields": [
                    "prompt",
                    "provider",
                    "aspect_ratio",
                    "start_frame",
                    "start_frame_address",
                    "end_frame",
                    "end_frame_address",
                    "settings",
                    "estimate",
                ]
            },
        ),
        (
            "The remote's own words",
            {
                "fields": [
                    "remote_name",
                    "remote_id",
                    "video_id",
                    "asset_id",
                    "remote_status",
                    "facts_of_the_video",
                    "why_it_failed",
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
                    "polls",
                    "send_attempts",
                    "save_attempts",
                    "with_team",
                    "trashed_at",
                ]
            },
        ),
    ]

    def get_queryset(self, request):
        viewable = ExpressionWrapper(seen_by(request.user), output_field=BooleanField())
        return super().get_queryset(request).annotate(viewable=viewable)

    def get_ordering(self, request):
        """For one state, the latest to enter it come first: that is the order of the index of states."""
        has_state = any(name.startswith("status") for name in request.GET)
        return ["-due_at", "-pk"] if has_state else super().get_ordering(request)

    def candidates(self, rows, words):
        return videos_found(rows, words)

    # The list
    @admin.display(description="video")
    def poster(self, generation):
        saved = getattr(generation, "saved_video", None)
        if saved is None or not generation.viewable:
            return format_html('<span class="no-poster">{}</span>', "" if saved is None else "Private")
        return format_html('<img class="poster" src="/g/{}/poster" alt="" loading="lazy">', generation.public_id)

    @admin.display(description="prompt")
    def asked(self, generation):
        return Truncator(generation.prompt).chars(80)

    @admin.display(description="status")
    def standing(self, generation):
        problem = Truncator(generation.status_message or generation.error_message).words(14, truncate=" …")
        form = '<span class="chip-state {}">{}</span><div class="quiet">{}</div>'
        return format_html(form, generation.status, generation.get_status_display(), problem)

    @admin.display(description="cost")
    def cost(self, generation):
        if generation.estimate is None:
            return "No price set"
        return money(generation.estimate, generation.provider.currency)

    @admin.display(description="asked for")
    def asked_at(self, generation):
        return date_format(timezone.localtime(generation.created_at), "j M Y, H:i")

    @admin.display(description="took")
    def took(self, generation):
        return clock(generation.took_seconds) or NOTHING

    @admin.display(description="why it failed")
    def why_it_failed(self, generation):
        cause = generation.error_class
        return wording.title(cause, generation.remote_name) if cause and generation.status == Status.FAILED else ""

    @admin.display(description="settings")
    def settings(self, generation):
        return in_words(generation.config)

    @admin.display(description="facts of the video")
    def facts_of_the_video(self, generation):
        return in_words(generation.remote_facts)

    @admin.display(description="remote API")
    def remote_name(self, generation):
        return generation.remote_name

    @admin.display(description="start frame's address")
    def start_frame_address(self, generation):
        return bare_address(generation.start_frame_url)

    @admin.display(description="end frame's address")
    def end_frame_address(self, generation):
        return bare_address(generation.end_frame_url)

    # The page of one
    def change_view(self, request, object_id, form_url="", extra_context=None):
        generation = self.get_object(request, object_id)
        if generation is None:
            return super().change_view(request, object_id, form_url, extra_context)
        if request.GET.get("as") == "json":
            return self.as_json(request, generation)
        context = self.page_context(generation, is_filtered=request.GET.get("only") == "problems")
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def page_context(self, generation: Generation, is_filtered: bool) -> dict:
        lines = timeline.timeline(generation)
        problems = [line for line in lines if line.is_problem]
        records = Generation.objects.filter(provider=generation.provider_id).track_records()
        record = records.get(generation.provider_id)
        return {
            "lines": problems if is_filtered else lines,
            "problems": len(problems),
            "is_filtered": is_filtered,
            "phases": timeline.phases(generation),
            "usual_seconds": record and record.median_seconds,
            "saved": getattr(generation, "saved_video", None),
            "offered": actions_for(generation),
            "cost": cost_words(generation),
            "settings_in_words": in_words(generation.config) if generation.config else "",
        }

    def as_json(self, request: HttpRequest, generation: Generation) -> JsonResponse:
        if not self.has_view_permission(request, generation):
            raise Http404
        data = {"generation": str(generation.public_id), "events": timeline.as_data(generation)}
        return JsonResponse(data, encoder=DjangoJSONEncoder, json_dumps_params={"indent": 2})

    # Actions
    @admin.action(description="Cancel those still queued")
    def cancel(self, request, queryset):
        done = sum(generation.cancel(by=request.user) for generation in queryset)
        report(
            request, done, len(queryset), "cancelled; what was held is back in the budget", "they were sent already."
        )
        return back(request, queryset)

    @admin.action(description="Check stopped generations again")
    def check_again(self, request, queryset):
        done = sum(generation.check_again(by=request.user) for generation in queryset)
        report(request, done, len(queryset), "polled again", "only stopped ones can be checked again.")
        return back(request, queryset)

    @admin.action(description="Fetch the saved copy again")
    def fetch_again(self, request, queryset):
        fetch_all_again(request, list(queryset))
        return back(request, queryset)

    @admin.action(description="Move to the trash")
    def trash(self, request, queryset):
        done = sum(generation.move_to_trash(by=request.user) for generation in queryset)
        report(request, done, len(queryset), "moved to the trash", "they are under way, or may have been charged.")
        return back(request, queryset)


def back(request, queryset):
    """To the page from which the action was asked for, where that is a generation's own; else to the list."""
    chosen = list(queryset.values_list("pk", flat=True)[:2]) if "stay" in request.POST else []
    return redirect("admin:videos_generation_change", chosen[0]) if len(chosen) == 1 else None


def cost_words(generation: Generation) -> str:
    """Its cost by this studio's price list, and whether that is held, spent or released in the budget."""
    entries = list(generation.ledger.all())
    if generation.estimate is None:
        return "no price is set"
    currency = entries[0].currency if entries else generation.provider.currency
    amount = money(sum(entry.amount for entry in entries) or generation.estimate, currency)
    if not sum(entry.videos for entry in entries):
        return f"{amount} returned to the budget"
    settled = any(entry.kind == entry.Kind.SETTLE for entry in entries)
    is_open = generation.status not in FINAL
    return f"{amount} {'spent' if settled else 'held'}{', by your price list' if not is_open else ''}"
