"""The system in the admin: the audit log, processes and faults of the studio.

Lists of other apps that would do harm here, or help nobody, are removed.
"""

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.db.models import F
from django_q.models import OrmQ, Schedule, Success

from videos.admin.lists import LongList, LookOnly
from videos.admin_site import overview
from videos.models import ProcessLock, StudioFault

User = get_user_model()
NEWEST_CHANGES = 20_000
ALLAUTHS = [model for model in list(admin.site._registry) if model.__module__.startswith("allauth.")]

# A schedule or a queued task edited by hand can stop all of them, and those that succeeded are of no interest.
# Those of allauth hold secrets, and have pages of their own.
admin.site.unregister([OrmQ, Schedule, Success, *ALLAUTHS])


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


@admin.register(ProcessLock)
class ProcessLockAdmin(LookOnly):
    list_title = "Processes"
    list_display = ["process", "seen_at", "until"]
    search_fields = ["name"]
    fields = ["name", "seen_at", "until"]

    @admin.display(description="what")
    def process(self, lock):
        return {"poller": "Poller: asks how far every running video is"}.get(lock.name, lock.name.capitalize())


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
