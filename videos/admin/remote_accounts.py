"""Accounts at the remote APIs in the admin: limits, and pausing and resuming what is sent."""

from django.contrib import admin, messages
from django.utils.html import format_html

from videos.admin.lists import NOTHING, StudioAdmin, when
from videos.engine.account_check import resume_sending
from videos.models import RemoteAccount
from videos.models.studio_settings import current
from videos.remotes import registry
from videos.templatetags.studio import balance_words


@admin.register(RemoteAccount)
class RemoteAccountAdmin(StudioAdmin):
    """Our account at each remote API."""

    list_title, one, many = "Accounts", "account", "accounts"
    list_display = ["remote_api", "standing", "why_paused", "balance_in_words", "at_once", "problem"]
    fields = [
        "max_in_flight",
        "standing",
        "why_paused",
        "paused_at",
        "waits_until",
        "lost_replies",
        "balance_in_words",
        "balance_at",
        "problem",
        "problem_since",
    ]
    readonly_fields = fields[1:]
    labels = {"max_in_flight": "Videos in progress at once"}
    actions = ["pause", "resume"]

    def get_queryset(self, request):
        """Those of the present mode: in demo mode, a real account is not used, and has the same name."""
        return super().get_queryset(request).filter(backend__in=registry.active_keys())

    @property
    def helps(self):
        return {"max_in_flight": f"Empty: the value on the Settings page, now {current().max_in_flight}."}

    def save_model(self, request, obj, form, change):
        """Writes only what was edited: the engine pauses an account, and counts its lost replies, at any moment."""
        obj.save(update_fields=form.changed_data)

    def title_of(self, account):
        return account.api_name

    @admin.display(description="remote API")
    def remote_api(self, account):
        return account.api_name

    @admin.display(description="state")
    def standing(self, account):
        tone, words = ("unknown", "Paused") if account.paused else ("ready", "Sending")
        return format_html('<span class="chip-state {}">{}</span>', tone, words)

    @admin.display(description="why it is paused")
    def why_paused(self, account):
        return account.pause_reason if account.paused else NOTHING

    @admin.display(description="sends nothing before")
    def waits_until(self, account):
        return when(account.not_before)

    @admin.display(description="lost replies in a row")
    def lost_replies(self, account):
        return account.unknowns_in_a_row

    @admin.display(description="balance")
    def balance_in_words(self, account):
        return balance_words(account) or "Not known"

    @admin.display(description="at once")
    def at_once(self, account):
        return account.in_flight_limit

    @admin.display(description="problem")
    def problem(self, account):
        return account.status_message or NOTHING

    @admin.display(description="since")
    def problem_since(self, account):
        return when(account.status_note_since)

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    @admin.action(description="Pause sending")
    def pause(self, request, queryset):
        queryset.pause("owner", person=str(request.user))
        messages.success(request, "Nothing is sent until somebody resumes. Videos already sent are still saved.")

    @admin.action(description="Resume sending")
    def resume(self, request, queryset):
        for account in queryset:
            resume_sending(account.backend)
        messages.success(request, "Sending continues.")
