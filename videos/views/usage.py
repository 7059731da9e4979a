"""Usage: videos, waiting times and spend, as charts, tables and CSV."""

import csv
from datetime import date, timedelta
from decimal import Decimal

from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from heygen_studio.time_zone import studio_day
from videos.accounts import roles
from videos.models import Budget, Collection, Provider
from videos.models.money import Periods, by_collection, by_member, of_everyone
from videos.models.usage import Tally, Usage, stored_by, usage

HEADINGS = [
    *("by", "name", "videos saved", "failed", "other", "median seconds", "p90 seconds", "bytes", "spend"),
    *("held", "spent", "left of the budget"),
]
COLLECTIONS_SHOWN = 50
SPANS = {"7": "7 days", "30": "30 days", "365": "Year"}


@gzip_page
@require_safe
def usage_page(request):
    asked = asked_usage(request)
    context = {
        "usage": asked,
        "spans": SPANS,
        "span": span_of(request),
        "everyone": owner_of(request) is None,
        "days": columns(asked.by_day),
        "providers": bars(asked),
        "stored": stored_by(owner_of(request)),
        "budgets": Budget.objects.left_for(request.user),
        "spend_words": spend_words(asked),
        "money": money_rows(request),
        "max_collections": COLLECTIONS_SHOWN if has_more_collections(request) else None,
    }
    return render(request, "usage/usage.html", context)


def spend_words(asked: Usage) -> str:
    """A sentence about the sum of money: its meaning, and missing prices."""
    priced = Provider.objects.with_a_price()
    if not priced:
        return "no provider has a price yet"
    unpriced = [
        provider.name for provider, tally in asked.by_provider.items() if tally.count and provider.pk not in priced
    ]
    if not unpriced:
        return "spent or held" if asked.whole.spend else "nothing spent"
    left_out = unpriced[0] if len(unpriced) == 1 else f"{len(unpriced)} providers"
    return f"spent or held, without {left_out}: no price is set"


@require_safe
def usage_csv(request):
    """One line for each day and provider, so that a spreadsheet can make its own sums."""
    asked = asked_usage(request)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="usage-{asked.first}-{asked.last}.csv"'
    writer = csv.writer(response)
    writer.writerow(HEADINGS)
    for day, tally in asked.by_day.items():
        writer.writerow(["day", day.isoformat(), *line(tally)])
    for provider, tally in asked.by_provider.items():
        writer.writerow(["provider", plain_text(provider.value), *line(tally)])
    for row in money_rows(request):
        writer.writerows(money_lines(*row))
    if has_more_collections(request):
        writer.writerow([f"Of collections, only the newest {COLLECTIONS_SHOWN} are looked at."])
    return response


def money_rows(request) -> list[tuple[str, str, Periods]]:
    """(member or collection, its name, its sums of today and this month), for those with any this month."""
    owner = owner_of(request)
    people = list(get_user_model().objects.order_by("username")) if owner is None else [request.user]
    sums = by_member(people)
    found = [("member", person.get_username(), sums[person.pk]) for person in people if sums[person.pk].month]
    if owner is None and len(found) > 1:
        found.insert(0, ("everyone", "Everyone together", of_everyone()))
    collections = list(Collection.objects.visible_to(request.user).newest_first()[:COLLECTIONS_SHOWN])
    of_collections = by_collection(collections, owner)
    return found + [("collection", one.name, of_collections[one.pk]) for one in collections if one.pk in of_collections]


def has_more_collections(request) -> bool:
    """Whether there are collections beyond the newest, whose sums are not shown."""
    return Collection.objects.visible_to(request.user)[COLLECTIONS_SHOWN : COLLECTIONS_SHOWN + 1].exists()


def money_lines(kind: str, name: str, periods: Periods) -> list[list]:
    """Two lines of the CSV: today and this month."""
    lines = []
    for period, sums in (("today", periods.today), ("this month", periods.month)):
        spend = [in_words(sums.held, False), in_words(sums.spent, sums.is_partial)]
        left = " + ".join(amount_of(one.left, one.unit) for one in sums.left)
        lines.append([f"{kind}, {period}", plain_text(name), *[""] * 7, *spend, left])
    return lines


def in_words(amounts: dict, is_partial: bool) -> str:
    words = " + ".join(amount_of(amount, currency) for currency, amount in amounts.items())
    return f"at least {words or 0}" if is_partial else words


def amount_of(amount: Decimal | int, unit: str) -> str:
    """Such as "0.4000 EUR", as exact as prices are; SQLite gives sums with more digits."""
    return f"{amount} {unit}" if isinstance(amount, int) else f"{amount:.4f} {unit}"


def plain_text(text: str) -> str:
    """Escapes a cell that a spreadsheet would run as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text


def line(tally: Tally) -> list:
    times = [round(seconds, 1) if seconds is not None else "" for seconds in (tally.median_seconds, tally.p90_seconds)]
    spend = " + ".join(amount_of(amount, currency) for currency, amount in tally.spend.items())
    return [tally.saved, tally.failed, tally.other, *times, tally.size, spend, "", "", ""]


def span_of(request) -> str:
    span = request.GET.get("days", "30")
    return span if span in SPANS else "30"


def owner_of(request):
    """The person whose usage is shown, or None for everyone's, which only owners and managers may see."""
    wants_everyone = request.GET.get("who", "everyone") == "everyone"
    return None if roles.may_manage(request.user) and wants_everyone else request.user


def asked_usage(request) -> Usage:
    last = studio_day()
    return usage(last - timedelta(days=int(span_of(request)) - 1), last, owner_of(request))


def columns(by_day: dict[date, Tally]) -> list[dict]:
    """One column for each day, in a chart 100 high. A year is drawn by week, so that columns stay visible."""
    groups = list(by_day.items())
    step = 7 if len(groups) > 60 else 1
    merged = [(groups[at][0], [tally for _, tally in groups[at : at + step]]) for at in range(0, len(groups), step)]
    tallest = max((sum(tally.count for tally in tallies) for _, tallies in merged), default=0) or 1
    width = 1000 / len(merged)
    drawn = []
    for place, (day, tallies) in enumerate(merged):
        saved, failed = sum(tally.saved for tally in tallies), sum(tally.failed for tally in tallies)
        other = sum(tally.other for tally in tallies)
        saved_high, other_high, failed_high = (100 * count / tallest for count in (saved, other, failed))
        drawn.append(
            {
                "day": day,
                "is_week": step > 1,
                "saved": saved,
                "failed": failed,
                "other": other,
                "x": round(place * width + width * 0.06, 2),
                "width": round(width * 0.88, 2),
                "saved_y": round(100 - saved_high, 2),
                "saved_height": round(saved_high, 2),
                "other_y": round(100 - saved_high - other_high, 2),
                "other_height": round(other_high, 2),
                "failed_y": round(100 - saved_high - other_high - failed_high, 2),
                "failed_height": round(failed_high, 2),
            }
        )
    return drawn


def bars(asked: Usage) -> list[dict]:
    """Each provider's waiting time as a share of the longest: a bar for the median, a mark for the 90th percentile."""
    longest = max((tally.p90_seconds or 0 for tally in asked.by_provider.values()), default=0) or 1
    return [
        {
            "provider": provider,
            "tally": tally,
            "median_x": round(100 * (tally.median_seconds or 0) / longest, 2),
            "p90_x": round(min(98.8, 100 * (tally.p90_seconds or 0) / longest), 2),
        }
        for provider, tally in asked.by_provider.items()
    ]
