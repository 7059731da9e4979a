"""Usage: what was made, how long it took and what it cost; drawn, as tables, and as CSV."""

import csv
from datetime import date, timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from heygen_studio.time_zone import studio_day
from videos.accounts import roles
from videos.models import Budget, Provider
from videos.models.usage import Tally, Usage, stored_by, usage

HEADINGS = ["by", "name", "videos saved", "failed", "other", "median seconds", "p90 seconds", "bytes", "spend"]
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
        "spend_note": spend_note(asked),
    }
    return render(request, "usage/usage.html", context)


def spend_note(asked: Usage) -> str:
    """What the sum of money stands for, and what it leaves out."""
    if not Provider.objects.exclude(price=None).exists():
        return "no provider has a price yet"
    unpriced = [
        provider.name for provider, tally in asked.by_provider.items() if tally.count and provider.price is None
    ]
    if not unpriced:
        return "spent or held" if asked.whole.spend else "nothing spent"
    left_out = unpriced[0] if len(unpriced) == 1 else f"{len(unpriced)} providers"
    return f"spent or held, without {left_out}: no price is set"


@require_safe
def usage_csv(request):
    """One line a day and provider is what spreadsheets want; the sums are theirs to make."""
    asked = asked_usage(request)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="usage-{asked.first}-{asked.last}.csv"'
    writer = csv.writer(response)
    writer.writerow(HEADINGS)
    for day, tally in asked.by_day.items():
        writer.writerow(["day", day.isoformat(), *line(tally)])
    for provider, tally in asked.by_provider.items():
        writer.writerow(["provider", plain_text(provider.value), *line(tally)])
    return response


def plain_text(text: str) -> str:
    """A spreadsheet would run a cell that begins like this as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text


def line(tally: Tally) -> list:
    times = [round(seconds, 1) if seconds is not None else "" for seconds in (tally.median_seconds, tally.p90_seconds)]
    spend = " + ".join(f"{amount} {currency}" for currency, amount in tally.spend.items())
    return [tally.saved, tally.failed, tally.other, *times, tally.size, spend]


def span_of(request) -> str:
    span = request.GET.get("days", "30")
    return span if span in SPANS else "30"


def owner_of(request):
    """None for everyone, which owners and managers may ask for; members see their own."""
    wants_everyone = request.GET.get("who", "everyone") == "everyone"
    return None if roles.may_manage(request.user) and wants_everyone else request.user


def asked_usage(request) -> Usage:
    last = studio_day()
    return usage(last - timedelta(days=int(span_of(request)) - 1), last, owner_of(request))


def columns(by_day: dict[date, Tally]) -> list[dict]:
    """Each day as a column of a drawing 100 high; a year is drawn by the week, so that a column stays visible."""
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
    """Each provider's waiting time as a share of the longest: a bar for the median, a mark for nine of ten."""
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
