"""The system in the admin: the audit log, processes, faults of the studio, and jobs that were ended.

Lists of other apps that would do harm here, or help nobody, are removed.
"""

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.db.models import F
from django.utils.html import format_html
from django_q.admin import resubmit_task
from django_q.models import Failure, OrmQ, Schedule, Success

from videos.admin.lists import NOTHING, LongList, LookOnly, link_to_video, report, set_or_not, when
from videos.admin_site import overview
from videos.models import Generation, ProcessLock, StudioFault

User = get_user_model()
NEWEST_CHANGES = 20_000
ALLAUTHS = [model for model in list(admin.site._registry) if model.__module__.startswith("allauth.")]

# A schedule or a queued task edited by hand can stop all of them, and those that succeeded are of no interest.
# Those of allauth hold secrets, and have pages of their own.
admin.site.unregister([Failure, OrmQ, Schedule, Success, *ALLAUTHS])
TASKS = "videos.tasks."
JOBS = {
    "submit": "Send a video to its remote API",
    "save": "Download a finished video",
    "poll": "Check the progress of videos",
    "recover": "Repair interrupted work",
    "check_account": "Check the accounts and their balance",
    "nightly": "Nightly check, backup and cleanup",
    "deliver_webhooks": "Send webhooks",
    "send_notices": "Send notices",
    "pump": "Check the progress of videos",
    "sweep": "Repair interrupted work",
}
WRITES = "Checks whether the database takes writes"
OF_ONE_VIDEO = {"submit", "save"}
TOO_LONG = "exceeded maximum timeout"  # django-q2's words


@admin.register(LogEntry)
class AuditAdmin(LongList):
    """Who changed or deleted what, in the admin and on the pages that only owners and managers see."""

    list_title, one, many = "Audit log", "entry", "entries"
    list_display = ["at", "who", "what_was_done"]
    list_filter = ["user"]
    list_prefetch = ["user"]
    search_fields = ["user", "object_repr"]
    search_help_text = f"A member's name, or what was changed in the newest {NEWEST_CHANGES:,} entries."
    fields = ["at", "who", "what_was_done", "where"]

    def candidates(self, rows, words):
        yield rows.filter(user__in=list(User.objects.filter(username=words)))
        last = LogEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        yield rows.filter(pk__gt=last - NEWEST_CHANGES, object_repr__icontains=words)

    @admin.display(description="when")
    def at(self, entry):
        return when(entry.action_time)

    @admin.display(description="who")
    def who(self, entry):
        return entry.user

    @admin.display(description="what")
    def what_was_done(self, entry):
        return overview.change_words(entry)

    @admin.display(description="where")
    def where(self, entry):
        address = entry.get_admin_url()
        return format_html('<a href="{}">{}</a>', address, entry.object_repr) if address else "Not in the admin"

    def title_of(self, entry):
        return f"{entry.user} {overview.change_words(entry)}"


@admin.register(ProcessLock)
class ProcessLockAdmin(LookOnly):
    list_title, one, many = "Processes", "process", "processes"
    list_display = fields = ["process", "seen_at", "is_its_own_until"]

    @admin.display(description="what")
    def process(self, lock):
        known = {
            "poller": "Poller: checks the progress of every running video",
            "nightly": "Nightly check",
            "write probe": WRITES,
        }
        return known.get(lock.name, lock.name.capitalize())

    @admin.display(description="another may take over at")
    def is_its_own_until(self, lock):
        return when(lock.until)

    def title_of(self, lock):
        return self.process(lock)


@admin.register(StudioFault)
class StudioFaultAdmin(LookOnly):
    """Faults of the studio, open ones first. Only the job that met one clears it, when it works again."""

    list_title, one, many = "Faults", "fault", "faults"
    list_display = ["job", "standing", "video", "count", "last_seen_at", "for_a_report"]
    fields = ["job", "standing", "video", "count", "first_seen_at", "last_seen_at", "cleared_at", "for_a_report"]
    list_filter = ["job", ("cleared_at", set_or_not("state", "Open", "Works again"))]
    list_select_related = ["generation"]
    ordering = [F("cleared_at").desc(nulls_first=True), "-last_seen_at"]

    @admin.display(description="now")
    def standing(self, fault):
        tone, words = ("ready", "Works again") if fault.cleared_at else ("failed", "Open")
        return format_html('<span class="chip-state {}">{}</span>', tone, words)

    @admin.display(description="for a report")
    def for_a_report(self, fault):
        return format_html("<code>{} at {}</code>", fault.error, fault.place)

    @admin.display(description="video")
    def video(self, fault):
        return link_to_video(fault.generation) if fault.generation else NOTHING

    def title_of(self, fault):
        return f"{fault.get_job_display()}: {'works again' if fault.cleared_at else 'an open fault'}"


@admin.register(Failure)
class FailedJobAdmin(LookOnly):
    """Jobs that the queue ended. Nothing is lost: the studio finds and repeats what is due."""

    list_title, one, many = "Failed jobs", "failed job", "failed jobs"
    list_display = ["job", "why", "started_at", "took"]
    fields = ["job", "video", "why", "started_at", "took", "technical"]
    ordering = ["-stopped"]
    sortable_by = []
    actions = ["run_again"]

    def has_delete_permission(self, request, obj=None):
        return True

    @admin.display(description="job")
    def job(self, task):
        return JOBS.get(name_of(task), "A job of an older version")

    @admin.display(description="video")
    def video(self, task):
        pk = task.args[0] if name_of(task) in OF_ONE_VIDEO and task.args else None
        return link_to_video(Generation.objects.filter(pk=pk).first()) if isinstance(pk, int) else NOTHING

    @admin.display(description="why")
    def why(self, task):
        said = str(task.result or "")
        return "It took too long and was ended." if TOO_LONG in said else "It ended before it was done."

    @admin.display(description="started")
    def started_at(self, task):
        return when(task.started)

    @admin.display(description="took")
    def took(self, task):
        return f"{task.time_taken():,.0f} s"

    @admin.display(description="for a report")
    def technical(self, task):
        given = ", ".join(map(repr, task.args or ()))
        return format_html("<code>{}({})</code><pre>{}</pre>", task.func, given, str(task.result or "")[:4000])

    def title_of(self, task):
        return self.job(task)

    @admin.action(description="Run again")
    def run_again(self, request, queryset):
        jobs = list(queryset)
        resubmit_task(self, request, jobs)
        for job in jobs:
            job.delete()
        report(request, len(jobs), len(jobs), "will run again", "")


def name_of(task) -> str:
    return task.func.removeprefix(TASKS)
