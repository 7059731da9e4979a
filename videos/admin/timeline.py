"""The history of one generation for a person: its events and ledger lines in one list, oldest first."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from videos import wording
from videos.lifecycle import Status
from videos.models import Generation, GenerationEvent, LedgerEntry, Step
from videos.models.event import PROBLEMS
from videos.templatetags.studio import money, size

# Step → (icon, what happened). {name} is the remote API, {who} a person or the worker.
TITLES = {
    Step.CREATED: ("plus", "Created by {who}"),
    Step.SENDING: ("arrow-up", "Sending"),
    Step.SENDING_AGAIN: ("arrow-up", "Sending the same request again"),
    Step.PUT_BACK: ("rotate-ccw", "Not sent; it will be tried again"),
    Step.REPLY_LOST: ("unplug", "The reply was lost"),
    Step.ACCEPTED: ("check", "{name} accepted it"),
    Step.REFUSED: ("circle-x", "{name} refused it"),
    Step.UNKNOWN: ("circle-question-mark", "Did {name} accept this?"),
    Step.POLLED: ("refresh-cw", "Polled"),
    Step.COMPLETED: ("circle-check", "{name} reports it as completed"),
    Step.FAILED: ("circle-x", "Failed at {name}"),
    Step.STOPPED: ("circle-stop", "Stopped waiting"),
    Step.CHECK_AGAIN: ("refresh-cw", "Checked again by {who}"),
    Step.NEW_LINK: ("link", "A new link from {name}"),
    Step.INTERRUPTED: ("unplug", "The download was interrupted"),
    Step.NOT_SAVED: ("triangle-alert", "Not saved yet"),
    Step.SAVED: ("hard-drive", "Saved"),
    Step.FETCH_AGAIN: ("rotate-cw", "Downloaded again, requested by {who}"),
    Step.WORKER_DIED: ("triangle-alert", "The worker process ended before it was done"),
    Step.CANCELLED: ("x", "Cancelled by {who}"),
    Step.NOT_MADE: ("x", "Marked as not made by {who}"),
    Step.FOUND: ("check", "Found at {name} by {who}"),
    Step.RETRIED: ("repeat-2", "Made once more by {who}"),
    Step.SHARED: ("users", "Shared with the team by {who}"),
    Step.UNSHARED: ("users", "Made private again by {who}"),
    Step.TRASHED: ("trash-2", "Moved to the trash by {who}"),
    Step.RESTORED: ("undo-2", "Restored from the trash by {who}"),
    Step.HELD: ("pause", "Put on hold by {who}"),
    Step.LET_GO: ("play", "Released by {who}"),
    Step.MOVED_UP: ("arrow-up", "Moved to the front of the queue by {who}"),
    Step.COLLECTED: ("folder-plus", "Added to “{collection}” by {who}"),
    Step.UNCOLLECTED: ("folder", "Removed from “{collection}” by {who}"),
    Step.APPROVED: ("check", "Approved in “{collection}” by {who}"),
    Step.CHANGE_ASKED: ("pencil", "A change was requested in “{collection}” by {who}"),
    Step.REJECTED: ("x", "Rejected in “{collection}” by {who}"),
    Step.REVIEW_AGAIN: ("undo-2", "Set back to “to review” in “{collection}” by {who}"),
    Step.CHECKED: ("moon", "Nightly check: file complete"),
    Step.NOT_WHOLE: ("triangle-alert", "The check found a file missing or changed"),
    Step.REDRAWN: ("image", "Poster and last frame drawn again"),
    Step.MEASURED: ("gauge", "Measured again"),
}
DETAILS = {
    Step.SENDING: "Marked before the first byte left, on {host}.",
    Step.SENDING_AGAIN: "Under the same key, which never costs twice.",
    Step.RETRIED: "As a new video, linked to this one.",
    Step.STOPPED: "Checking again is free.",
    Step.HELD: "It is not sent until somebody releases it.",
    Step.CHECKED: "Every byte matches the saved copy.",
    Step.MEASURED: "{width} × {height}, as a browser shows it.",
}
MONEY = {
    LedgerEntry.Kind.HOLD: "Budget held: {amount}",
    LedgerEntry.Kind.SETTLE: "Counted as spent",
    LedgerEntry.Kind.RELEASE: "Returned to the budget: {amount}",
    LedgerEntry.Kind.LENGTH: "Counted at its real length: {amount}",
}
GOOD = {Step.SAVED, Step.APPROVED}
BAD = {Step.REFUSED, Step.FAILED}
ASKED = {Step.ACCEPTED, Step.FOUND, Step.CHECK_AGAIN}  # polls are counted from here
# Versions before 0.2.0 kept only the times of a generation.
OLD_TIMES = [
    (Step.CREATED, "created_at"),
    (Step.SENDING, "sent_at"),
    (Step.COMPLETED, "completed_at"),
    (Step.SAVED, "saved_at"),
]


@dataclass
class Line:
    """One step, or all polls between two steps. `gap` is the seconds since the line before."""

    at: datetime
    title: str
    icon: str
    detail: str = ""
    words: str = ""
    tone: str = ""
    times: int = 1
    last_at: datetime | None = None
    gap: float | None = None
    polls: "list[Line]" = field(default_factory=list)
    starts_day: bool = False

    @property
    def is_problem(self) -> bool:
        return self.tone in {"warn", "bad"}

    @property
    def lasts_days(self) -> bool:
        """Whether the last of its times was on another day."""
        return bool(self.last_at) and timezone.localdate(self.last_at) != day_of(self)


@dataclass(frozen=True)
class Phase:
    """A part of the whole time: queue, remote or saving. `x` and `width` draw it on a bar of 1,000."""

    name: str
    seconds: float
    x: float = 0
    width: float = 0

    @property
    def drawn_x(self) -> str:
        return f"{self.x:.1f}"

    @property
    def drawn_width(self) -> str:
        return f"{self.width:.1f}"


def timeline(generation: Generation) -> list[Line]:
    """Every step, oldest first."""
    events = list(generation.events.select_related("by").order_by("pk"))
    lines = [*of_events(generation, events), *of_money(generation), *of_old_times(generation, events)]
    lines.sort(key=lambda line: line.at)
    for before, line in zip([None, *lines], lines, strict=False):
        line.gap = (line.at - before.at).total_seconds() if before else None
        line.starts_day = bool(before) and day_of(line) != day_of(before)
    return lines


def day_of(line: Line):
    return timezone.localdate(line.at)


def of_events(generation: Generation, events: Sequence[GenerationEvent]) -> Iterator[Line]:
    polled: list[GenerationEvent] = []
    since = 0
    for event in events:
        if event.step == Step.POLLED:
            polled.append(event)
            continue
        ended = event.step in {Step.COMPLETED, Step.FAILED, Step.STOPPED}
        if event.polls > since and ended:
            yield folded(generation, polled, since, event, event.at)
            polled, since = [], event.polls
        yield line_of(generation, event)
        if event.step in ASKED:
            since = event.polls
    if generation.polls > since and generation.status == Status.RUNNING:
        yield folded(generation, polled, since, None, polled[-1].at if polled else timezone.now())


def line_of(generation: Generation, event: GenerationEvent) -> Line:
    icon, title = TITLES.get(event.step, ("activity", event.step.replace("_", " ").capitalize()))
    facts = event.facts | {"name": generation.remote_name, "who": who(event), "host": event.host or "this machine"}
    detail = detail_of(generation, event, facts)
    at = min(event.at, generation.created_at) if event.step == Step.CREATED else event.at
    return Line(at, wording.fill(title, facts), icon, detail, event.words, tone_of(event), event.times, event.last_at)


def detail_of(generation: Generation, event: GenerationEvent, facts: dict) -> str:
    if event.step == Step.SAVED:
        return saved_words(generation)
    if event.step == Step.INTERRUPTED:
        clause = wording.sentence(*event.code.partition(".")[::2], generation.remote_name, **event.facts)
        return f"{clause[:1].upper()}{clause[1:]}. It continues from there at once."
    detail = event.message or wording.fill(DETAILS.get(event.step, ""), facts)
    return f"By {who(event)}. {detail}" if is_wanted_stop(event) else detail


def tone_of(event: GenerationEvent) -> str:
    if event.step in GOOD:
        return "good"
    if event.step in BAD:
        return "bad"
    return "warn" if event.step in PROBLEMS and not is_wanted_stop(event) else ""


def is_wanted_stop(event: GenerationEvent) -> bool:
    """Whether a person stopped waiting, which is no problem."""
    return event.step == Step.STOPPED and event.by_id is not None


def saved_words(generation: Generation) -> str:
    saved = getattr(generation, "saved_video", None)
    return f"{size(saved.size)}, {saved.width} × {saved.height}, {saved.seconds:g} s." if saved else ""


def who(event: GenerationEvent) -> str:
    """A member; or a name that was typed, such as a client's; or the worker."""
    return event.by.get_username() if event.by else event.facts.get("who") or "the worker"


def folded(generation: Generation, polled: list, since: int, end: GenerationEvent | None, at: datetime) -> Line:
    """All polls from one step to the next: their number, and how often each answer came."""
    last = end.polls if end else generation.polls
    count = last - since
    said: Counter[str] = Counter()
    starts = [event.polls for event in polled] + [last if end else last + 1]
    for event, following in zip(polled, starts[1:], strict=True):
        said[event.words or "no answer"] += max(1, following - event.polls)
    if end and end.words:
        said[end.words] += 1
    detail = ", ".join(f"{word.rstrip('.')} {times_words(number)}" for word, number in said.items())
    tone = "warn" if any(event.message for event in polled) else ""
    title = f"Polled {times_words(count)}"
    return Line(
        at, title, "refresh-cw", f"{detail[:1].upper()}{detail[1:]}", tone=tone, polls=[*map(poll_line, polled)]
    )


def poll_line(event: GenerationEvent) -> Line:
    problem = event.message
    return Line(event.at, problem or event.words, "refresh-cw", words=event.words, tone="warn" if problem else "")


def times_words(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def of_money(generation: Generation) -> Iterator[Line]:
    for entry in generation.ledger.order_by("pk"):
        amount = money(abs(entry.amount), entry.currency) if entry.amount else "no price is set"
        if entry.kind == LedgerEntry.Kind.LENGTH:
            amount = f"{amount} {'more' if entry.amount > 0 else 'less'}"
        title = MONEY.get(entry.kind, entry.get_kind_display()).format(amount=amount)
        yield Line(entry.at, title, "wallet")


def of_old_times(generation: Generation, events: Sequence[GenerationEvent]) -> Iterator[Line]:
    """The lines of a generation from an older version, which has times but no events."""
    first = events[0].at if events else None
    if events and events[0].step == Step.CREATED:
        return
    for step, name in OLD_TIMES:
        at = getattr(generation, name)
        if at and (first is None or at < first):
            icon, title = TITLES[step]
            facts = {"name": generation.remote_name, "who": generation.owner.get_username()}
            yield Line(at, title.format_map(facts), icon, tone="good" if step in GOOD else "")


def phases(generation: Generation) -> list[Phase]:
    """Queue, remote and saving, drawn as one bar. A short phase gets a minimum width, so it is not to scale.

    Empty while only the queue is behind it: a bar that is full would say that all the time went there.
    """
    marks = [generation.created_at, generation.sent_at, generation.completed_at, generation.saved_at]
    spans = zip(("queue", "remote", "saving"), marks, marks[1:], strict=False)
    found = [Phase(name, max(0.0, (end - start).total_seconds())) for name, start, end in spans if start and end]
    if len(found) < 2:
        return []
    whole = sum(phase.seconds for phase in found) or 1
    widths = [max(40.0, 1000 * phase.seconds / whole) for phase in found]
    scale = (1000 - 6 * (len(found) - 1)) / sum(widths)
    drawn, x = [], 0.0
    for phase, width in zip(found, widths, strict=True):
        drawn.append(Phase(phase.name, phase.seconds, round(x, 1), round(width * scale, 1)))
        x += width * scale + 6
    return drawn


def as_data(generation: Generation) -> list[dict[str, Any]]:
    """Every event as plain values, for a report of a fault."""
    names = ("at", "step", "status", "by__username", "host", "code", "facts", "words", "polls", "times", "last_at")
    return list(generation.events.order_by("pk").values(*names))
