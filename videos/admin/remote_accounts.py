"""Accounts at the remote APIs in the admin: limits, and pausing and resuming what is sent."""

from django.contrib import admin, messages

from videos.admin.lists import StudioAdmin
from videos.engine.account_check import resume_sending
from videos.models import RemoteAccount


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
