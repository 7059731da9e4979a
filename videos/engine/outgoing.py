"""Says outside the browser what happened: by mail, Slack, ntfy and whatever else apprise knows, in groups.

The studio's addresses are told of everything, each person's own of their own videos. No prompt is said unless
STUDIO_NOTIFY_PROMPTS asks for it, and an address, which may hold a password, is in no log.
"""

import json
import logging
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from videos.models import Alarm, Budget, OutgoingNotice, Preferences, ProcessLock, RemoteAccount
from videos.models.process_lock import POLLER
from videos.models.remote_account import BY_PEOPLE
from videos.models.studio_settings import current
from videos.models.transactions import update_in_order

logger = logging.getLogger(__name__)

PUSH = Path(__file__).with_name("push_process.py")
SECONDS = 40.0  # for one message in all; the queue ends the task after 60
WATCH_EVERY = 30.0  # seconds between two looks at what may need a person
WORKER_SILENT = 120  # seconds
MOST = 200  # in one message
LINES = 10
PROMPT = 80  # letters
COUNTED = {"finished": "finished", "failed": "failed", "needs_person": "need a person"}
# Where a member may be reached: services whose host nobody chooses, so that no member can make the studio call another.
FOR_MEMBERS = frozenset({"tgram", "slack", "discord", "pover", "pbul", "prowl", "wxteams", "zulip", "msteams"})
NTFY = frozenset({"ntfy", "ntfys"})


# What may need a person
class Watch:
    """Looks from time to time at what no generation can tell: an API that is paused, a budget that is used up."""

    def __init__(self):
        self.looked_at = float("-inf")

    def look(self):
        if not current().notify_urls or time.monotonic() - self.looked_at < WATCH_EVERY:
            return
        self.looked_at = time.monotonic()
        look_at_accounts()
        look_at_budget()


watch = Watch()


def look_at_accounts():
    for account in RemoteAccount.objects.all_active():
        if account.paused and account.pause_cause not in BY_PEOPLE:
            Alarm.objects.set_off(Alarm.Kind.SENDING, account.backend, account.pause_reason)
        else:
            Alarm.objects.end(Alarm.Kind.SENDING, account.backend)


def look_at_budget():
    shared = Budget.objects.filter(scope=Budget.Scope.STUDIO).first()
    used_up = [left for left in (shared.left(None) if shared else []) if left.left <= 0]
    if used_up:
        sentence = f"The budget is used up: {used_up[0].sentence()}. Nothing more can be generated."
        Alarm.objects.set_off(Alarm.Kind.BUDGET, "", sentence)
    else:
        Alarm.objects.end(Alarm.Kind.BUDGET, "")


def look_at_worker():
    """Only from outside of it: `manage.py sendnotices`."""
    seconds = ProcessLock.objects.seconds_since(POLLER)
    if seconds is None or seconds > WORKER_SILENT:
        sentence = "The worker is not running: nothing is sent, polled or saved until it is back; nothing is lost."
        Alarm.objects.set_off(Alarm.Kind.WORKER, "", sentence)
    else:
        Alarm.objects.end(Alarm.Kind.WORKER, "")


# What is said
def send():
    """One round: what ended since the last, grouped, and every alarm that began or ended."""
    now = timezone.now()
    tell_alarms()
    if OutgoingNotice.objects.are_due(now):
        tell_of_generations()


def tell_alarms():
    for alarm in Alarm.objects.to_be_told()[:LINES]:
        if alarm.ended_at:
            told = push(current().notify_urls.split(), f"Over: {alarm.title}", "It is right again.")
        else:
            told = push(current().notify_urls.split(), alarm.title, alarm.sentence)
        alarm.note_told()
        if not told:
            logger.warning("An alarm could not be sent: %s", alarm.kind)


def tell_of_generations():
    parts = ("generation__owner", "generation__provider")
    notices = list(OutgoingNotice.objects.untold().select_related(*parts).order_by("pk")[:MOST])
    tell(current().notify_urls.split(), notices, names_owner=True)
    for owner in {notice.generation.owner for notice in notices}:
        own = [notice for notice in notices if notice.generation.owner_id == owner.pk]
        tell_person(owner, own)
    told = OutgoingNotice.objects.filter(pk__in=[notice.pk for notice in notices])
    update_in_order(told, told_at=timezone.now())


def tell_person(owner, notices: list[OutgoingNotice]):
    wanted = Preferences.objects.of(owner)
    addresses = [address for address in wanted.notify_urls.split() if may_use(address, owner)]
    tell(addresses, [notice for notice in notices if wanted.wants(notice.kind)], names_owner=False)


def may_use(address: str, person) -> bool:
    """Whether this person may have the studio call that address."""
    parts = urlsplit(address)
    if person.is_superuser or parts.scheme in FOR_MEMBERS:
        return True
    return parts.scheme in NTFY and (parts.hostname == "ntfy.sh" or not parts.path.strip("/"))


def tell(addresses: list[str], notices: list[OutgoingNotice], names_owner: bool):
    if addresses and notices and not push(addresses, title_of(notices), body_of(notices, names_owner)):
        logger.warning("%d notices could not be sent", len(notices))


def title_of(notices: Iterable[OutgoingNotice]) -> str:
    """Such as "3 videos finished, 1 failed"."""
    counts = Counter(notice.kind for notice in notices)
    parts = [f"{counts[kind]} {words}" for kind, words in COUNTED.items() if counts[kind]]
    first, _, rest = parts[0].partition(" ")
    return ", ".join([f"{first} video{'s' if first != '1' else ''} {rest}", *parts[1:]])


def body_of(notices: list[OutgoingNotice], names_owner: bool) -> str:
    lines = [line_of(notice, names_owner) for notice in notices[:LINES]]
    more = len(notices) - len(lines)
    return "\n".join([*lines, *([f"… and {more} more"] if more > 0 else [])])


def line_of(notice: OutgoingNotice, names_owner: bool) -> str:
    generation = notice.generation
    by = f", by {generation.owner.get_username()}" if names_owner else ""
    prompt = f": {generation.prompt[:PROMPT]}" if settings.NOTIFY_PROMPTS else ""
    link = f" {settings.STUDIO_URL}/g/{generation.public_id}" if settings.STUDIO_URL else ""
    return f"{notice.get_kind_display()}: {generation.provider}{by}{prompt}{link}"


def push(addresses: list[str], title: str, body: str) -> bool:
    """Whether every address took it. Never raises."""
    if not addresses:
        return True
    message = {"addresses": addresses, "title": f"HeyGen Studio: {title}", "body": body}
    try:
        command, words = [sys.executable, str(PUSH)], json.dumps(message)
        return subprocess.run(command, input=words, text=True, capture_output=True, timeout=SECONDS).returncode == 0
    except (OSError, subprocess.TimeoutExpired) as error:
        logger.warning("A notice could not be sent (%s)", type(error).__name__)
        return False
