"""Sends notices outside the browser, grouped: by mail, Slack, ntfy and the other services of apprise.

The studio's addresses get notices of everyone's videos and of the studio's problems, each person's addresses only of
their own videos and budget; both choose the kinds. Prompts are left out unless somebody asks for them.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterable

from django.conf import settings
from django.utils import timezone

from videos.engine.push import may_use, push
from videos.models import Alarm, Budget, OutgoingNotice, Preferences, ProcessLock, RemoteAccount
from videos.models.process_lock import POLLER
from videos.models.remote_account import BY_PEOPLE
from videos.models.studio_settings import current

logger = logging.getLogger(__name__)

WATCH_EVERY = 30.0  # seconds between two checks for alarms
PEOPLE = 500  # with addresses of their own whose budget is checked
REPORT_SILENCE_AFTER = 120  # seconds, twice as long as pages wait: a restart is no news
MAX_NOTICES = 200  # in one message
LINES = 10
PROMPT = 80  # letters
FINISHED, FAILED, NEEDS_PERSON, REVIEW = OutgoingNotice.Kind
COUNTED = {
    FINISHED: ("finished", "finished"),
    FAILED: ("failed", "failed"),
    NEEDS_PERSON: ("needs a person", "need a person"),
    REVIEW: ("answered by a client", "answered by clients"),
}


# Alarms
class Watch:
    """Checks now and then for problems that belong to no generation: a paused API, or a used-up budget."""

    def __init__(self):
        self.looked_at = float("-inf")

    def look(self):
        if time.monotonic() - self.looked_at < WATCH_EVERY:
            return
        self.looked_at = time.monotonic()
        if current().notify_urls:
            look_at_accounts()
            look_at_budget()
        look_at_peoples_budgets()


watch = Watch()


def look_at_accounts():
    for account in RemoteAccount.objects.all_active():
        if account.paused and account.pause_cause not in BY_PEOPLE:
            Alarm.objects.set_off(Alarm.Kind.SENDING, account.backend, account.pause_reason)
        else:
            Alarm.objects.end(Alarm.Kind.SENDING, account.backend)


def look_at_budget():
    shared = Budget.objects.filter(scope=Budget.Scope.STUDIO).first()
    if words := used_up(shared):
        sentence = f"The budget is used up: {words}. Nothing more can be generated."
        Alarm.objects.set_off(Alarm.Kind.BUDGET, "", sentence)
    else:
        Alarm.objects.end(Alarm.Kind.BUDGET, "")


def look_at_peoples_budgets():
    """The alarms of each person who wants notices."""
    for wanted in Preferences.objects.with_notices()[:PEOPLE]:
        own = [budget for budget in Budget.objects.binding(wanted.user) if not budget.is_shared]
        words = used_up(own[0], wanted.user) if own and wanted.wants("budget") else ""
        if words:
            sentence = f"Your budget is used up: {words}."
            Alarm.objects.set_off(Alarm.Kind.OWN_BUDGET, str(wanted.user_id), sentence)
        else:
            Alarm.objects.end(Alarm.Kind.OWN_BUDGET, str(wanted.user_id))


def used_up(budget: Budget | None, user=None) -> str:
    """The sentence for a used-up period; "" while something is left."""
    empty = [left for left in (budget.left(user) if budget else []) if left.left <= 0]
    return empty[0].sentence() if empty else ""


def look_at_worker():
    """Raises the alarm that the worker is down. Runs outside the worker: `manage.py sendnotices`."""
    seconds = ProcessLock.objects.seconds_since(POLLER)
    if seconds is None or seconds > REPORT_SILENCE_AFTER:
        sentence = "The worker is not running. Nothing is sent, polled or saved until it is back, and nothing is lost."
        Alarm.objects.set_off(Alarm.Kind.WORKER, "", sentence)
    else:
        Alarm.objects.end(Alarm.Kind.WORKER, "")


# Messages
def send():
    """Sends one round: the generations that ended since the last one, grouped, and every alarm that began or ended."""
    now = timezone.now()
    send_alarms()
    if OutgoingNotice.objects.are_due(now):
        send_notices()


def send_alarms():
    for alarm in Alarm.objects.unreported()[:LINES]:
        if alarm.claim_report():
            send_alarm(alarm)


def send_alarm(alarm: Alarm):
    title, words = (
        (f"Resolved: {alarm.title}", "This is resolved.") if alarm.ended_at else (alarm.title, alarm.sentence)
    )
    if not push(addresses_for(alarm), title, words):
        logger.warning("An alarm could not be sent: %s", alarm.kind)


def addresses_for(alarm: Alarm) -> list[str]:
    """The studio's addresses; for one member's budget, those of that member."""
    if alarm.kind != Alarm.Kind.OWN_BUDGET:
        return current().notify_urls.split()
    wanted = Preferences.objects.with_notices().filter(user=alarm.subject).first()
    return addresses_of(wanted) if wanted else []


def addresses_of(wanted: Preferences) -> list[str]:
    """A person's own addresses, without those that they may no longer use."""
    return [address for address in wanted.notify_urls.split() if may_use(address, wanted.user)]


def send_notices():
    notices = OutgoingNotice.objects.claim(MAX_NOTICES)
    asked = [notice for notice in notices if current().notifies_of(notice.kind)]
    send_message(current().notify_urls.split(), asked, names_owner=True, quotes=current().notify_prompts)
    for person in {notice.addressee for notice in notices}:
        send_to_person(person, [notice for notice in notices if notice.addressee == person])


def send_to_person(person, notices: list[OutgoingNotice]):
    if not person.is_active:
        return
    wanted = Preferences.objects.of(person)
    asked = [notice for notice in notices if wanted.wants(notice.kind)]
    send_message(addresses_of(wanted), asked, names_owner=False, quotes=bool(wanted.notify_prompts))


def send_message(addresses: list[str], notices: list[OutgoingNotice], **words: bool):
    if addresses and notices and not push(addresses, title_of(notices), body_of(notices, **words)):
        logger.warning("%d notices could not be sent", len(notices))


def title_of(notices: Iterable[OutgoingNotice]) -> str:
    """A summary such as "3 videos finished, 1 failed"."""
    counts = Counter(notice.kind for notice in notices)
    parts = [f"{counts[kind]} {words[counts[kind] > 1]}" for kind, words in COUNTED.items() if counts[kind]]
    first, _, rest = parts[0].partition(" ")
    return ", ".join([f"{first} video{'s' if first != '1' else ''} {rest}", *parts[1:]])


def body_of(notices: list[OutgoingNotice], names_owner: bool, quotes: bool) -> str:
    lines = [line_of(notice, names_owner, quotes) for notice in notices[:LINES]]
    more = len(notices) - len(lines)
    return "\n".join([*lines, *([f"… and {more} more"] if more > 0 else [])])


def line_of(notice: OutgoingNotice, names_owner: bool, quotes: bool) -> str:
    """`quotes`: whether the prompt may be in it."""
    generation = notice.generation
    by = f", by {generation.owner.get_username()}" if names_owner else ""
    prompt = f": {generation.prompt[:PROMPT]}" if quotes else ""
    link = f" {settings.STUDIO_URL}/g/{generation.public_id}" if settings.STUDIO_URL else ""
    return f"{notice.get_kind_display()}: {generation.provider}{by}{prompt}{link}"
