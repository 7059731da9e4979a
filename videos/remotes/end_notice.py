"""Reads the announced end of an API from a reply: from a header, or from a sentence in the body."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from videos.remotes.errors import EndNotice
from videos.remotes.transport import Reply, inside, read_date

SPEAKING = ("message", "msg", "warning", "notice", "deprecation", "detail")
# The API is the subject: a refusal may say that a model has been retired, or quote a prompt about a sunset.
AN_API = r"(?:\b(?:apis?|endpoints?)\b|/v\d+\b|(?:^|\bthe )v\d+\b)"
ENDED = (
    r"\b(?:is|are|be|been|was|were|being) (?:now |a )*"
    r"(?:deprecated|legacy|sunset|removed|retired|discontinued|shut down)\b"
    r"|\bno longer (?:supported|available|offered)\b"
)
ENDING = re.compile(
    rf"{AN_API}[^.:;,\"'“‘]{{0,60}}?(?:{ENDED})|^\W*(?:legacy|deprecated)\b\W*(?:$|(?:apis?|endpoints?)\b)",
    re.IGNORECASE,
)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = rf"(?P<month>{'|'.join(MONTHS)})[a-z]*\.?"
DATES = (
    re.compile(r"\b(?P<year>20\d\d)-(?P<number>\d\d)-(?P<day>\d\d)\b"),
    re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {MONTH},? (?P<year>20\d\d)\b", re.IGNORECASE),
    re.compile(rf"\b{MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>20\d\d)\b", re.IGNORECASE),
)
NEVER = 2200  # the first year that is no real date
OVER = re.compile(
    r"\b(has|have) been (removed|retired|discontinued|shut down)|\bno longer (supported|available|offered)",
    re.IGNORECASE,
)


def read_end_notice(reply: Reply, clean: Callable[[Any], str]) -> EndNotice | None:
    """The announcement in this reply, or None."""
    headers = reply.headers
    words = clean(next((said for said in sentences_about_api(reply.data) if ENDING.search(said)), ""))
    moment = read_moment(headers.get("sunset")) or read_moment(headers.get("deprecation"))
    moment = moment or read_written_date(words)
    is_deprecated = headers.get("deprecation", "false").strip().lower() not in {"", "false", "?0", "0"}
    if moment is None and not words and not is_deprecated:
        return None
    return EndNotice(moment, words, is_over=moment is None and bool(OVER.search(words)))


def read_moment(value: str | None) -> datetime | None:
    """An HTTP date, `@1688169599` (RFC 9745), or what servers send in their place: seconds alone, or an ISO date.

    `true` has no date; nor has one so far ahead that it only means never.
    """
    value = (value or "").strip().strip('"')
    if re.fullmatch(r"@?\d{9,11}", value):
        moment = datetime.fromtimestamp(int(value.removeprefix("@")), UTC)
    else:
        moment = read_date(value) or read_iso_date(value)
    return moment if moment and moment.year < NEVER else None


def read_iso_date(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def sentences_about_api(body: dict[str, Any]) -> Iterator[str]:
    """Sentences about the API, without those that explain why a video failed."""
    for place in (body, body.get("error"), body.get("meta"), inside(body, "data")):
        if isinstance(place, str) and place is not body:
            yield place[:1000]
        if not isinstance(place, dict) or place.keys().isdisjoint(SPEAKING):
            continue
        for name in SPEAKING:
            said = place.get(name)
            for sentence in said if isinstance(said, list) else [said]:
                if isinstance(sentence, str):
                    yield sentence[:1000]


def read_written_date(words: str) -> datetime | None:
    """The last of the dates: a sentence may also say since when the API has been deprecated."""
    dates = (moment_of(date.groupdict()) for pattern in DATES for date in pattern.finditer(words))
    return max(filter(None, dates), default=None)


def moment_of(parts: dict[str, str]) -> datetime | None:
    month = int(parts["number"]) if "number" in parts else MONTHS.index(parts["month"].lower()[:3]) + 1
    try:
        return datetime(int(parts["year"]), month, int(parts["day"]), tzinfo=UTC)
    except ValueError:
        return None
