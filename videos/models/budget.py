"""Budgets, and the append-only ledger whose sums are checked against them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q, Sum

from heygen_studio.time_zone import studio_day
from videos.models.prepared import prepared
from videos.models.stored_totals import BudgetUse, counting_backends

PERIODS = {"day": "today", "month": "this month"}  # in words


class OverBudget(Exception):
    """The request does not fit in a budget. `str(error)` is a sentence for a person."""


@dataclass(frozen=True)
class Cost:
    """The cost of one batch: the number of videos, and money by currency, as far as prices are known."""

    videos: int
    amounts: dict[str, Decimal]


@dataclass(frozen=True)
class BudgetLeft:
    """What is left of one limit of a budget: `limit` and `left` are videos, or money in the currency `unit`. `period`
    and `whose` are words for people."""

    whose: str
    period: str
    unit: str
    limit: Decimal | int
    left: Decimal | int

    @property
    def used(self) -> Decimal | int:
        """As far as the limit goes."""
        return self.limit - self.left

    def sentence(self) -> str:
        what = "videos" if self.unit == "videos" else self.unit
        return f"{self.left:,} of {self.limit:,} {what} left {self.period} {self.whose}"


class LedgerQuerySet(models.QuerySet):
    def counting(self):
        """Only entries of this mode."""
        return self.filter(backend__in=counting_backends())

    def since(self, day: date):
        return self.filter(day__gte=day)

    @prepared
    def lines_of(self, generation):
        return self.filter(generation=generation).order_by("pk").values_list("kind", "videos", "currency")

    def videos_held(self) -> int:
        return self.aggregate(total=Sum("videos"))["total"] or 0

    def money_held(self, currency: str) -> Decimal:
        return self.filter(currency=currency).aggregate(total=Sum("amount"))["total"] or Decimal(0)


class LedgerEntry(models.Model):
    """One line, never changed. A release has the day of its hold, so that it gives back what that day's budget held."""

    class Kind(models.TextChoices):
        HOLD = "hold", "Hold"
        SETTLE = "settle", "Settle"
        RELEASE = "release", "Release"
        LENGTH = "length", "Real length"  # the difference to what was held, once the video's length is known

    kind = models.CharField(max_length=8, choices=Kind)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="ledger")
    generation = models.ForeignKey("Generation", null=True, on_delete=models.SET_NULL, related_name="ledger")
    provider = models.ForeignKey("Provider", on_delete=models.PROTECT, related_name="+")
    videos = models.SmallIntegerField(help_text="1 for a hold, -1 for a release, else 0.")
    amount = models.DecimalField(max_digits=12, decimal_places=4, default=0)
    currency = models.CharField(max_length=3, default="USD")
    day = models.DateField()
    backend = models.CharField(max_length=64, blank=True, help_text="Empty where its generation was gone in 0.1.0.")
    at = models.DateTimeField(auto_now_add=True)

    objects = LedgerQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "ledger entries"
        indexes = [models.Index(fields=["day", "user"])]

    def __str__(self):
        return f"{self.get_kind_display()} {self.videos:+d}, {self.amount:+} {self.currency}"


class BudgetQuerySet(models.QuerySet):
    def binding(self, user) -> "list[Budget]":
        """The budgets that apply to this user: the studio's, and their own or else the one for each member."""
        rows = self.that_may_bind(user)
        own = [row for row in rows if row.scope == Budget.Scope.ONE]
        return [row for row in rows if row.scope != Budget.Scope.EACH or not own]

    @prepared
    def that_may_bind(self, user):
        return self.filter(Q(user=user) | Q(scope__in=[Budget.Scope.STUDIO, Budget.Scope.EACH]))

    def require_budget(self, user, cost: Cost, unfinished: models.QuerySet):
        """Raises OverBudget unless `cost` fits in every binding budget; `unfinished` are all unfinished generations."""
        for budget in self.binding(user):
            budget.check_in_flight(cost, unfinished if budget.is_shared else unfinished.filter(owner=user))
            for left in budget.left(user):
                budget.check_left(left, cost)

    def with_left(self, budgets: "list[Budget]") -> "list[Budget]":
        """Each with what is left of it as `lefts`, in a fixed number of queries."""
        members = [budget.user_id for budget in budgets if budget.user_id]
        uses = [use for user in ({"user": None}, {"user__in": members}) for use in uses_now(**user)]
        for budget in budgets:
            budget.lefts = budget.left(budget.user, uses)
        return budgets

    def own_and_each(self) -> "tuple[dict[int, Budget], Budget | None]":
        """Member's id → their personal budget; and the default one of members without a personal budget."""
        budgets = list(self.exclude(scope=Budget.Scope.STUDIO))
        own = {budget.user_id: budget for budget in budgets if budget.user_id}
        return own, next((budget for budget in budgets if not budget.user_id), None)

    def of_members(self, people: Iterable) -> "dict[int, tuple[list[BudgetUse], list[BudgetLeft]]]":
        """Id of each of these → what the ledger holds of them this month, and what is left of the budget that is theirs
        alone or each member's."""
        uses = uses_now(user__in=[person.pk for person in people])
        own, each = self.own_and_each()
        found = {}
        for person in people:
            mine = [use for use in uses if use.user_id == person.pk]
            budget = own.get(person.pk, each)
            found[person.pk] = (
                [use for use in mine if use.period == "month"],
                budget.left(person, mine) if budget else [],
            )
        return found

    def left_for(self, user) -> Sequence[BudgetLeft]:
        return [left for budget in self.binding(user) for left in budget.left(user)]


def uses_now(*periods: str, today: date | None = None, **whose) -> list[BudgetUse]:
    """The ledger's sums of today and this month, or of one of them; `today` where the caller has asked already."""
    today = today or studio_day()
    starts = {"day": today, "month": today.replace(day=1)}
    rows = BudgetUse.objects.filter(**whose).counting()
    return [use for period in periods or starts for use in rows.filter(period=period, start=starts[period])]


class Budget(models.Model):
    class Scope(models.TextChoices):
        STUDIO = "studio", "All members together"
        EACH = "each", "Each member without a budget of their own"
        ONE = "one", "One member"

    scope = models.CharField(max_length=8, choices=Scope, default=Scope.STUDIO)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        help_text="Only for the scope of one member.",
    )
    videos_per_day = models.PositiveIntegerField(null=True, blank=True)
    videos_per_month = models.PositiveIntegerField(null=True, blank=True)
    money_per_day = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    money_per_month = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, default="USD")
    in_flight = models.PositiveIntegerField(null=True, blank=True, help_text="Unfinished generations at once.")

    objects = BudgetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scope"], condition=~Q(scope="one"), name="one_budget_for_all_and_one_for_each"
            ),
            models.CheckConstraint(
                condition=Q(scope="one", user__isnull=False) | (~Q(scope="one") & Q(user__isnull=True)),
                name="only_a_budget_for_one_member_names_one",
            ),
        ]

    def __str__(self):
        return str(self.user) if self.user_id else self.get_scope_display()

    def remove(self):
        """Deletes it, if it was ever stored and nobody else has deleted it."""
        Budget.objects.filter(pk=self.pk).delete()

    @property
    def is_shared(self) -> bool:
        return self.scope == self.Scope.STUDIO

    def left(self, user, uses: "Sequence[BudgetUse] | None" = None) -> list[BudgetLeft]:
        """By period and unit. `uses` are those of today and this month, also of others, where they are known."""
        whose = "for everyone together" if self.is_shared else "for you"
        user_id = user.pk if user and not self.is_shared else None
        rows = []
        for period in PERIODS:
            if self.limits_of(period) == (None, None):
                continue
            known = uses_now(period, user=user_id) if uses is None else uses
            used = [use for use in known if (use.period, use.user_id) == (period, user_id)]
            amount = sum((use.amount for use in used if use.currency == self.currency), Decimal(0))
            rows += self.left_of(period, sum(use.videos for use in used), amount, whose)
        return rows

    def left_of(self, period: str, videos: int, amount: Decimal, whose: str = "") -> list[BudgetLeft]:
        """For one of PERIODS in which so many videos, and so much in the budget's currency, count."""
        words, (videos_limit, money_limit) = PERIODS[period], self.limits_of(period)
        rows = []
        if videos_limit is not None:
            rows.append(BudgetLeft(whose, words, "videos", videos_limit, max(0, videos_limit - videos)))
        if money_limit is not None:
            left = max(Decimal(0), money_limit - amount)
            rows.append(BudgetLeft(whose, words, self.currency, money_limit, left))
        return rows

    def limits_of(self, period: str) -> tuple[int | None, Decimal | None]:
        """Videos and money; None for no limit."""
        return getattr(self, f"videos_per_{period}"), getattr(self, f"money_per_{period}")

    def check_left(self, left: BudgetLeft, cost: Cost):
        wanted = cost.videos if left.unit == "videos" else cost.amounts.get(left.unit, Decimal(0))
        if wanted > left.left:
            raise OverBudget(
                f"This would go over the budget: {left.sentence()}. Nothing was sent, and nothing was spent."
            )

    def check_in_flight(self, cost: Cost, unfinished: models.QuerySet):
        if self.in_flight is None:
            return
        now = unfinished.count()
        if now + cost.videos > self.in_flight:
            whose = "All members together" if self.is_shared else "You"
            raise OverBudget(
                f"{whose} may have {self.in_flight} videos in progress at once, and {now} are. "
                "Try again when one has finished; nothing was sent."
            )
