"""Banners about present problems, shown at the top of every page until they are solved."""

import time
from dataclasses import dataclass, replace
from hashlib import sha256

from django.urls import reverse

from videos.models import Alarm, ProcessLock, Provider, RemoteAccount, ReviewLink, StudioFault
from videos.models.process_lock import POLLER, WORKER_SILENT
from videos.remotes import registry
from videos.text import listed

ALARMS = (Alarm.Kind.DISK, Alarm.Kind.BACKUP)  # the others are read from their own rows
WEB_STARTED = time.monotonic()
EVERYTHING = "What you generate now waits here, and nothing is charged."
MAX_NAMED = 4  # models in a sentence


@dataclass(frozen=True)
class Banner:
    key: str
    title: str
    sentence: str
    tone: str = "warn"
    is_for_owners: bool = False
    resumes: str = ""  # the backend that the owner may resume, or all
    address: str = ""  # where to look

    @property
    def can_resume(self) -> bool:
        return bool(self.resumes)


def banners_for(user) -> list[Banner]:
    """The banners of the studio, and this person's own."""
    return [*current_banners(), *news_of_clients(user)]


def news_of_clients(user) -> list[Banner]:
    """The answers and comments of clients since this person last opened the collection."""
    return [news_of(link) for link in ReviewLink.objects.with_news_for(user)]


def news_of(link: ReviewLink) -> Banner:
    count = f"{link.unseen} new answer{'' if link.unseen == 1 else 's'} or comment{'' if link.unseen == 1 else 's'}"
    address = reverse("collection", args=[link.collection.public_id])
    return Banner(f"news-{link.pk}", f"{link.label}:", f"{count} in “{link.collection.name}”.", "", address=address)


def current_banners() -> list[Banner]:
    accounts = RemoteAccount.objects.all_active()
    of_accounts = [*pauses_of(accounts), *map(problem_of, accounts), *map(ending_of, accounts)]
    found = [missing_key(), *of_accounts, silent_worker(), *alarms(), own_fault()]
    return one_of_each([banner for banner in found if banner])


def one_of_each(banners: list[Banner]) -> list[Banner]:
    """Two APIs of one vendor may have the same problem: it is shown once."""
    return list({(banner.title, banner.sentence): banner for banner in banners}.values())


def missing_key() -> Banner | None:
    if registry.reachable_keys():
        return None
    sentence = "Nothing is sent until an owner stores one on the Settings page."
    return Banner("no-key", "There is no API key.", sentence)


def pauses_of(accounts: list[RemoteAccount]) -> list[Banner]:
    """One for each paused API; a single one if all are paused for the same reason."""
    are_all = all(account.paused for account in accounts)
    banners = [pause_of(account, EVERYTHING if are_all else part_of(account)) for account in accounts if account.paused]
    if banners and are_all and len({banner.sentence for banner in banners}) == 1:
        return [replace(banners[0], title="Sending is paused.", resumes="all")]
    return banners


def part_of(account: RemoteAccount) -> str:
    """What waits while only this API is paused: the others go on sending, which costs money."""
    usable = Provider.objects.filter(backend=account.backend, state=Provider.State.ACTIVE)
    names = list(usable.order_by("position", "name").values_list("name", flat=True)) or ["its models"]
    if len(names) > MAX_NAMED:
        names = [*names[: MAX_NAMED - 1], f"{len(names) - MAX_NAMED + 1} others"]
    return f"What you generate with {listed(names)} waits here, and costs nothing yet. Other models are still sent."


def pause_of(account: RemoteAccount, effect: str) -> Banner:
    sentence = f"{account.pause_reason} {effect} An owner or manager can resume at any time."
    key = f"paused-{account.backend}-{account.pause_cause}"
    title = f"Sending to {account.api_name} is paused."
    return Banner(key, title, sentence, tone="bad", resumes=account.backend)


def problem_of(account: RemoteAccount) -> Banner | None:
    if not account.status_note or account.paused:
        return None
    rest = "The studio keeps trying; videos in progress are not lost."
    return Banner(f"problem-{account.backend}", f"{account.name} has problems.", f"{account.status_message} {rest}")


def ending_of(account: RemoteAccount) -> Banner | None:
    """The early warning: an API announced its end, and still works."""
    if not account.will_end:
        return None
    sentence = account.end_sentence()
    words = f" It says: “{account.end_words}”" if account.end_words else ""
    return Banner(f"ending-{account.backend}", "A remote API is going away.", sentence + words, is_for_owners=True)


def silent_worker() -> Banner | None:
    silence = ProcessLock.objects.seconds_since(POLLER)
    if silence is None:  # never seen: a studio that has just started gets a minute
        silence = time.monotonic() - WEB_STARTED
    if silence <= WORKER_SILENT:
        return None
    sentence = "Nothing is sent, polled or saved until it is back; nothing is lost."
    return Banner("worker", "The worker is not running.", sentence, "bad")


def alarms() -> list[Banner]:
    rows = Alarm.objects.open_of(ALARMS)
    return [Banner(f"alarm-{row.pk}", f"{row.title}.", row.sentence, tone="bad") for row in rows]


def own_fault() -> Banner | None:
    faults = StudioFault.objects.to_be_shown()
    if not faults:
        return None
    first, more = faults[0], len(faults) - 1
    others = f" and {more} more" if more else ""
    sentence = (
        f"{first.get_job_display()} fails: {first.error} at {first.place}{others}. Nothing is lost and nothing is sent "
        "twice; the studio keeps trying. The owner can find them in the admin (Faults) and report them."
    )
    return Banner("own-fault", "The studio has an internal error.", sentence, "bad")


def digest_of(banners: list) -> str:
    """A short text that changes whenever the banners change."""
    return sha256(repr(banners).encode()).hexdigest()[:8] if banners else ""
