"""Reads the announced end of an API from a reply: from a header, or from a sentence in the body."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from videos.remotes.errors import EndNotice
from videos.remotes.transport import Reply, inside, read_date

SPEAKING = ("message", "msg", "warning", "notice", "deprecation", "detail")
ENDING = re.compile(
    r"\b(deprecated|legacy|sunset|(?:be|been|was|is) (?:removed|retired|discontinued|shut down)"
    r"|no longer (?:supported|available|offered))\b",
    re.IGNORECASE,
)
ABOUT_AN_API = re.compile(r"\b(api|endpoint|version|v\d|legacy|deprecated|sunset)\b", re.IGNORECASE)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = rf"(?P<month>{'|'.join(MONTHS)})[a-z]*\.?"
DATES = (
    re.compile(r"\b(?P<year>20\d\d)-(?P<number>\d\d)-(?P<day>\d\d)\b"),
    re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {MONTH},? (?P<year>20\d\d)\b", re.IGNORECASE),
    re.compile(rf"\b{MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>20\d\d)\b", re.IGNORECASE),
)
OVER = re.compile(
    r"\b(has|have) been (removed|retired|discontinued|shut down)|\bno longer (supported|available|offered)",
    re.IGNORECASE,
)


def read_end_notice(reply: Reply, clean: Callable[[Any], str]) -> EndNotice | None:
    """The announcement in this reply, or None."""
    headers = reply.headers
    words = next(
        (said for said in sentences_about_api(reply.data()) if ENDING.search(said) and ABOUT_AN_API.search(said)), ""
    )
    if not words and "sunset" not in headers and "deprecation" not in headers:
        return None
    words = clean(words)
    moment = read_date(headers.get("sunset")) or read_deprecation(headers.get("deprecation"))
    moment = moment or read_written_date(words)
    if moment is None and not words and "deprecation" not in headers:
        return None
    return EndNotice(moment, words, is_over=moment is None and bool(OVER.search(words)))


def read_deprecation(value: str | None) -> datetime | None:
    """`@1688169599` (RFC 9745) or an HTTP date (its drafts); `true` has no date."""
    if value and re.fullmatch(r"@\d{1,11}", value.strip()):
        return datetime.fromtimestamp(int(value.strip()[1:]), UTC)
    return read_date(value)


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
    for pattern in DATES:
        if date := pattern.search(words):
            return moment_of(date.groupdict())
    return None


def moment_of(parts: dict[str, str]) -> datetime | None:
    month = int(parts["number"]) if "number" in parts else MONTHS.index(parts["month"].lower()[:3]) + 1
    try:
        return datetime(int(parts["year"]), month, int(parts["day"]), tzinfo=UTC)
    except ValueError:
        return None
