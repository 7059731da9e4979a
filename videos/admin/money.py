"""Money in the admin: the ledger, line by line, and the budgets with what is used and left of each."""

from django.contrib import admin
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.timezone import localtime

from videos.admin.lists import CompletedRows, LongList, StudioAdmin
from videos.models import Budget, LedgerEntry
from videos.models.budget import BudgetLeft
from videos.templatetags.studio import money

LEDGER_WORDS = {
    LedgerEntry.Kind.HOLD: "Held when it was requested",
    LedgerEntry.Kind.SETTLE: "Spent: the remote accepted it",
    LedgerEntry.Kind.RELEASE: "Returned: it was not made",
    LedgerEntry.Kind.LENGTH: "Corrected to the real length",
}


@admin.register(LedgerEntry)
class LedgerEntryAdmin(LongList):
    list_title, one, many = "Ledger", "line", "lines"
    list_display = ["time", "what", "sum", "user", "provider", "video", "day"]
    list_filter = ["user", "provider", "day"]
    list_prefetch = ["user", "provider", "generation"]
    search_fields = ["user", "generation"]
    search_help_text = "A member's name, words of a prompt, or a video's full id."
    fields = ["time", "what", "sum", "user", "video", "provider", "day"]

    def title_of(self, entry):
        return self.what(entry)

    def get_ordering(self, request):
        """For a filter by day, sorted by day and then by member: that is the order of the index of days."""
        has_day = any(name.startswith("day") for name in request.GET)
        return ["-day", "-user", "-pk"] if has_day else super().get_ordering(request)

    @admin.display(description="when")
    def time(self, entry):
        return date_format(localtime(entry.at), "j M Y, H:i:s")

    @admin.display(description="what")
    def what(self, entry):
        return LEDGER_WORDS[entry.kind]

    @admin.display(description="amount")
    def sum(self, entry):
        if not entry.amount:
            return "" if entry.kind == LedgerEntry.Kind.SETTLE else "No price set"
        sign = "−" if entry.amount < 0 else ""
        return f"{sign}{money(abs(entry.amount), entry.currency)}"


@admin.register(Budget)
class BudgetAdmin(CompletedRows, StudioAdmin):
    list_title = "Budgets"
    list_display = ["whose", "today", "this_month", "at_once"]
    list_filter = ["scope"]
    list_select_related = ["user"]
    ordering = ["-scope", "pk"]  # all together, one, each
    sortable_by = []
    search_fields = ["user__username"]
    search_help_text = "A member's name."
    labels = {"scope": "For", "user": "Member", "in_flight": "Videos in progress at once"}
    helps = {"user": "Only for the budget of one member.", "in_flight": ""}

    def completed(self, rows):
        return Budget.objects.with_left(rows)

    @admin.display(description="whose")
    def whose(self, budget):
        return str(budget)

    @admin.display(description="today")
    def today(self, budget):
        return used_words(budget, "today")

    @admin.display(description="this month")
    def this_month(self, budget):
        return used_words(budget, "this month")

    @admin.display(description="in progress at once")
    def at_once(self, budget):
        if budget.in_flight is None:
            return "No limit"
        return f"{budget.in_flight:,} {'for each' if budget.scope == Budget.Scope.EACH else 'videos'}"


def used_words(budget: Budget, period: str):
    """Such as "3 of 5 videos, 2 left"; a limit for each member has no common use."""
    limits = [one for one in budget.lefts if one.period == period]
    if not limits:
        return "No limit"
    is_each = budget.scope == Budget.Scope.EACH
    return lines([each_words(one) if is_each else left_words(one) for one in limits])


def lines(sentences: list[str]):
    return format_html_join("", "<div>{}</div>", ((one,) for one in sentences))


def left_words(left: BudgetLeft) -> str:
    return f"{amount(left.used, left)} of {amount(left.limit, left)}{unit(left)}, {amount(left.left, left)} left"


def each_words(left: BudgetLeft) -> str:
    return f"{amount(left.limit, left)}{unit(left)} each"


def amount(number, left: BudgetLeft) -> str:
    return f"{number:,}" if left.unit == "videos" else money(number, left.unit)


def unit(left: BudgetLeft) -> str:
    return " videos" if left.unit == "videos" else ""
