"""How the screens write ratios, times, sizes and money."""

import json
import math
from decimal import Decimal

from django import template
from django.utils import timezone
from django.utils.html import format_html

from videos.forms.advice import Price
from videos.models import Generation
from videos.storage.small_poster import BOXES

register = template.Library()

# The ratios that static/studio/ratios.css knows exactly; every other one is shown in the nearest of its 4 % steps.
EXACT = {"16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "9:21", "3:2", "2:3", "5:4", "4:5"}
STEP = 1.04
WIDEST, TALLEST = 28, -25  # steps
TALL = 0.8  # narrower than this, two share a row on a phone


def sides(ratio: str) -> tuple[int, int]:
    width, _, height = ratio.partition(":")
    return int(width), int(height)


def shape(generation: Generation) -> tuple[int, int]:
    """The actual width and height, or the requested ones while nothing is saved."""
    saved = getattr(generation, "saved_video", None)
    return (saved.width, saved.height) if saved else sides(generation.aspect_ratio)


@register.filter
def ratio_class(generation: Generation) -> str:
    """CSS classes that give a card its space before anything has loaded."""
    width, height = shape(generation)
    asked = generation.aspect_ratio
    exact = asked in EXACT and abs(width / height / (sides(asked)[0] / sides(asked)[1]) - 1) < 0.02
    name = f"r-{asked.replace(':', '-')}" if exact else step_class(width / height)
    return f"{name} is-tall" if width / height < TALL else name


def posters(generation: Generation) -> str:
    """Its posters for `srcset`, and how many pixels wide each is: at most as wide as the video.

    The full one is not among them: it is sharper only at the large size with two pixels per point, and has several
    times the bytes.
    """
    width, height = shape(generation)
    address = f"/g/{generation.public_id}/poster"
    shares = {kind: min(1, most_x / width, most_y / height) for kind, [(most_x, most_y), *_] in BOXES.items()}
    return ", ".join(f"{address}?{kind} {max(1, round(width * share))}w" for kind, share in shares.items())


def step_class(ratio: float) -> str:
    step = min(WIDEST, max(TALLEST, round(math.log(ratio, STEP))))
    return f"r-{'m' if step < 0 else 'p'}{abs(step)}"


@register.simple_tag
def ratio_icon(ratio: str, side: int = 16) -> str:
    """The ratio drawn as a rectangle that fits in a square of `side` pixels."""
    try:
        width, height = sides(ratio)
        scale = (side - 2) / max(width, height)
    except (ValueError, ZeroDivisionError):
        width, height, scale = 1, 1, side / 2
    return format_html(
        '<svg class="ratio" width="{0}" height="{0}" viewBox="0 0 {0} {0}" stroke-width="1.5" aria-hidden="true">'
        '<rect x="{1}" y="{2}" width="{3}" height="{4}" rx="2"/></svg>',
        side,
        f"{(side - width * scale) / 2:.1f}",
        f"{(side - height * scale) / 2:.1f}",
        f"{max(3, width * scale):.1f}",
        f"{max(3, height * scale):.1f}",
    )


@register.filter
def clock(seconds: float | None) -> str:
    """125 → 2:05."""
    if seconds is None or seconds == "":
        return ""
    whole = int(seconds + 0.5)
    hours, rest = divmod(whole, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


@register.filter
def timecode(seconds: float) -> str:
    """2.9 → 0:02: a moment of a video, as players show it."""
    return clock(int(seconds))


@register.filter
def gap(seconds: float | None) -> str:
    """The time since the previous step: same second, 2 s, 1 min 30 s, 2 h 5 min, 3 days."""
    if seconds is None:
        return ""
    if seconds < 1:
        return "same second"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes and rest else f"{minutes} min" if minutes else f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"


@register.filter
def size(count: int) -> str:
    """Bytes in powers of ten, as file managers and storage bills count them."""
    for unit, divisor in (("GB", 1e9), ("MB", 1e6)):
        if count >= divisor:
            return f"{count / divisor:.1f} {unit}"
    return f"{max(1, round(count / 1000))} kB"


@register.filter
def ago(moment) -> str:
    """just now, 4 min ago, 3 h ago, yesterday, then the date."""
    seconds = (timezone.now() - moment).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 24 * 3600:
        return f"{int(seconds // 3600)} h ago"
    days = (timezone.localdate() - timezone.localdate(moment)).days
    if days <= 1:
        return "yesterday"
    return timezone.localtime(moment).strftime("%-d %b" if days < 300 else "%-d %b %Y")


@register.filter
def place_words(place: int | None) -> str:
    """The place of a generation in the queue: "next", "3rd in the queue"; "" if it is not known."""
    if place is None:
        return ""
    ending = "th" if place % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return "next in the queue" if place == 1 else f"{place:,}{ending} in the queue"


@register.filter
def money(amount: Decimal, currency: str = "USD") -> str:
    sign = {"USD": "$", "EUR": "€", "GBP": "£"}.get(currency)
    digits = f"{amount:,.2f}" if amount >= Decimal("0.1") or not amount else f"{amount:,.3f}"
    return f"{sign}{digits}" if sign else f"{digits} {currency}"


@register.filter
def amounts(by_currency: dict[str, Decimal]) -> str:
    """Money in several currencies: "$3.20 + €1.00"."""
    return " + ".join(money(amount, currency) for currency, amount in by_currency.items())


@register.filter
def sum_of(sums, which: str) -> str:
    """An amount held or spent: "$3.20 + €1.00", "at least $3.20" if some price is missing, "–" for nothing."""
    words = amounts(getattr(sums, which))
    if which == "spent" and sums.is_partial:
        return f"at least {words}" if words else "no price set"
    return words or "–"


@register.filter
def left_of(sums) -> str:
    """The rest of the budget: "$10.80 of $30.00", or "no limit"."""
    if not sums.left:
        return "no limit"
    return ", ".join(
        f"{one.left:,} of {one.limit:,} videos"
        if one.unit == "videos"
        else f"{money(one.left, one.unit)} of {money(one.limit, one.unit)}"
        for one in sums.left
    )


@register.filter
def balance_words(account) -> str:
    """The balance of a remote account, such as "$3.20" or "40 credits"."""
    if account.balance is None:
        return ""
    if account.balance_unit == "credits":
        return f"{account.balance:,.0f} credits"
    return money(account.balance, account.balance_unit or "USD")


@register.filter
def price_words(price: Price) -> str:
    """$2.00, about $4.84, up to $4.84 (no length is chosen), at least $16.00 (some price is missing), no price set."""
    if not price.amounts:
        return "no price set"
    words = amounts(price.amounts)
    if price.is_partial:
        return f"at least {words}"
    if price.is_upper:
        return f"up to {words}"
    return f"about {words}" if price.is_rounded else words


@register.filter
def minutes(seconds: float) -> int:
    """Whole minutes, rounded up."""
    return math.ceil(seconds / 60)


@register.filter
def left_sentence(left) -> str:
    """The rest of a budget, in short: "7 of 50 videos left today for you"."""
    if left.unit == "videos":
        return f"{left.left:,} of {left.limit:,} videos left {left.period} {left.whose}"
    return f"{money(left.left, left.unit)} of {money(left.limit, left.unit)} left {left.period} {left.whose}"


@register.filter
def as_json(value) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
