"""The checks of `manage.py doctor`: for each part of the studio, what is wrong and what to do about it.

The checks are independent, so that one that fails does not hide the others.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path

import httpx
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from videos.engine import account_check
from videos.exception_place import kind_and_place
from videos.logs import scrubbed
from videos.models import Alarm, Generation, ProcessLock, RemoteAccount, StudioFault, StudioSettings, WebhookEvent
from videos.models.process_lock import POLLER, WORKER_SILENT
from videos.remotes import registry
from videos.storage import space, verified_backup
from videos.storage.private import is_too_open
from videos.storage.writable import write_to_database, write_to_storage
from videos.text import bytes_in_words

CLOCK_MAY_DIFFER = timedelta(seconds=30)
OLD_BACKUP = timedelta(hours=36)
SHOWN = 5
UNKNOWN_COUNTED = 100


class Level(StrEnum):
    FINE, REMARK, BAD = "ok", "note", "BAD"


@dataclass(frozen=True)
class Finding:
    level: Level
    words: str
    advice: str = ""


def fine(words: str) -> Finding:
    return Finding(Level.FINE, words)


def remark(words: str, advice: str = "") -> Finding:
    return Finding(Level.REMARK, words, advice)


def bad(words: str, advice: str = "") -> Finding:
    return Finding(Level.BAD, words, advice)


# One check for each part
def look_at_settings() -> Iterator[Finding]:
    found = checks.run_checks(include_deployment_checks=bool(settings.STUDIO_URL))
    ours = [message for message in found if (message.id or "").startswith("studio.")]
    for message in ours:
        yield (bad if message.level >= checks.ERROR else remark)(message.msg, message.hint or "")
    if not ours:
        yield fine("The settings are valid.")


def look_at_data_folder() -> Iterator[Finding]:
    folder = Path(settings.DATA)
    strangers = [path.name for path in folder.iterdir() if path.lstat().st_uid != os.getuid()]
    if strangers:
        owner = folder.stat().st_uid
        yield bad(
            f"{len(strangers)} files in {folder} do not belong to this command's user, such as {strangers[0]}.",
            f"Run the studio and its commands as one user (the folder belongs to user id {owner}), or run: "
            f"chown -R USER {folder}",
        )
    if stat.S_IMODE(folder.stat().st_mode) & 0o007 or any(is_too_open(path) for path in folder.iterdir()):
        yield bad(f"Other users of this machine can read {folder}.", "Start the studio once: it corrects this.")
    if not strangers:
        yield fine(f"Everything is kept in {folder}.")


def look_at_database() -> Iterator[Finding]:
    try:
        yield from migrated_and_writable()
    except DatabaseError as error:
        connection.close()
        said = scrubbed(str(error)).strip().partition("\n")[0].rstrip(".")
        yield bad(f"The database cannot be used: {said}.", advice_on_database())


def advice_on_database() -> str:
    if connection.vendor != "sqlite":
        return ADVICE["Database"]
    file = connection.settings_dict["NAME"]
    return f"Check that this user may write to {file}. If it is damaged, restore a backup: see docs/backup.md."


def migrated_and_writable() -> Iterator[Finding]:
    executor = MigrationExecutor(connections["default"])
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        advice = "Start the studio with `make run`, or run `manage.py migrate`. Make a backup first."
        yield bad(f"{len(pending)} migrations are not applied: the database is new or from an earlier version.", advice)
        return
    write_to_database()
    yield fine(f"The database ({connection.vendor}) is writable and up to date.")


def look_at_storage() -> Iterator[Finding]:
    write_to_storage()
    where = f"the bucket {settings.BUCKET}" if settings.BUCKET else str(settings.MEDIA_ROOT)
    yield fine(f"Videos can be stored in {where}.")


def look_at_disk() -> Iterator[Finding]:
    free, needed = space.free(), space.needed()
    if free < needed:
        advice = "Free some space, or empty the trash. STUDIO_KEEP_DAYS moves old videos to the trash automatically."
        yield bad(
            f"Only {bytes_in_words(int(free))} is free: nothing new is sent below {bytes_in_words(needed)}.", advice
        )
    else:
        yield fine(f"{bytes_in_words(int(free))} is free.")


def look_at_worker() -> Iterator[Finding]:
    seconds = ProcessLock.objects.seconds_since(POLLER)
    advice = "Start it: `make run` starts everything, `manage.py worker` the worker alone. See its log."
    if seconds is None:
        yield bad("No worker has ever run: nothing is sent, polled or saved.", advice)
    elif seconds > WORKER_SILENT:
        when = timedelta(seconds=round(seconds))
        yield bad(f"The worker has not been seen for {when} (hours:minutes:seconds).", advice)
    else:
        yield fine("The worker is running.")


def look_at_sending() -> Iterator[Finding]:
    if not any(registry.find(key).is_configured for key in registry.active_keys()):
        words = "There is no API key. Started by `make run`, the studio is in demo mode, which costs nothing."
        yield remark(words, "Set HEYGEN_API_KEY to make real videos.")
        return
    for account in RemoteAccount.objects.all_active():
        if account.paused:
            yield bad(f"Sending to {account.api_name} is paused. {account.pause_reason}", "An owner can resume it.")
        elif account.status_note:
            yield bad(account.status_message, "The studio keeps trying.")
        elif account.will_end:
            yield remark(account.end_sentence())
        else:
            yield fine(f"Sending to {account.api_name} is not paused.")


def look_at_keys() -> Iterator[Finding]:
    """Checks the key with each remote API, free of charge. What two of them have in common is said once."""
    said = set()
    for account in RemoteAccount.objects.make_all_active():
        if registry.find(account.backend).is_configured:
            words = account_check.check_account(account)
            if words in said:
                continue
            said.add(words or account.api_name)
            if words:
                yield bad(words, "Check HEYGEN_API_KEY, HEYGEN_API_URL, and this machine's Internet connection.")
            else:
                yield fine(f"{account.api_name} accepts the key.")


def look_at_clock() -> Iterator[Finding]:
    """Checks the clock, which leases and links depend on, against HeyGen's."""
    reply = httpx.head(settings.HEYGEN_API_URL, timeout=10, follow_redirects=False, trust_env=False)
    date = reply.headers.get("Date")
    if not date:
        return
    difference = abs(datetime.now(UTC) - parsedate_to_datetime(date))
    if difference > CLOCK_MAY_DIFFER:
        advice = "Synchronise the clock by NTP: timedatectl set-ntp true"
        yield bad(f"This machine's clock differs by {round(difference.total_seconds())} s from HeyGen's.", advice)
    else:
        yield fine("The clock is correct.")


def look_at_secrets() -> Iterator[Finding]:
    if StudioSettings.objects.the_row().key_is_unreadable:
        advice = "Restore the old SECRET_KEY, or the file secret-key in the data folder; or store the API key again."
        yield bad("The stored API key cannot be read: SECRET_KEY is not the one under which it was stored.", advice)


def look_at_people() -> Iterator[Finding]:
    owners = get_user_model().objects.filter(is_superuser=True, is_active=True)
    if any(owner.has_usable_password() for owner in owners):
        yield fine("An owner can sign in.")
    else:
        yield remark("No owner can sign in with a password.", "Open the studio, or run `manage.py createsuperuser`.")


def look_at_faults() -> Iterator[Finding]:
    faults = list(StudioFault.objects.open()[:SHOWN])
    for fault in faults:
        often = "once" if fault.count == 1 else f"{fault.count:,} times"
        yield bad(f"A fault of the studio: {fault}, {often}.", "Nothing is lost. Please report it.")
    for alarm in Alarm.objects.open().filter(kind__in=[Alarm.Kind.DISK, Alarm.Kind.BACKUP])[:SHOWN]:
        yield bad(alarm.sentence)
    for path in sorted((settings.ACCEPTED_FOLDER / "unclaimed").glob("*"))[:SHOWN]:
        advice = "The restored backup may be older than the video. The file holds its id at HeyGen."
        yield bad(f"A paid video belongs to no generation here: {path}.", advice)
    if not faults:
        yield fine("The studio has no open fault.")


def look_at_unknown() -> Iterator[Finding]:
    count = Generation.objects.filter(status="unknown")[: UNKNOWN_COUNTED + 1].count()
    if count:
        number = f"more than {UNKNOWN_COUNTED}" if count > UNKNOWN_COUNTED else str(count)
        which, them = ("1 video has", "it") if count == 1 else (f"{number} videos have", "them")
        yield remark(f"{which} an unknown outcome, and may have been paid for.", f"Resolve {them} in the gallery.")


def look_at_webhooks() -> Iterator[Finding]:
    if not settings.WEBHOOK_URL:
        return
    failing = WebhookEvent.objects.waiting().exclude(last_error="").order_by("pk").last()
    if failing:
        advice = "See docs/webhooks.md. Events are kept for three days."
        yield bad(f"Webhooks are not delivered: the receiver answered with {failing.last_error}.", advice)
    else:
        yield fine("No failed webhook event is waiting.")


def look_at_backups() -> Iterator[Finding]:
    if not verified_backup.is_wanted():
        yield remark("No backup is made.", "Set STUDIO_BACKUP_FOLDER or STUDIO_BACKUP_BUCKET: see docs/backup.md.")
        return
    for destination in verified_backup.destinations():
        made_at = verified_backup.made_when(destination.newest())
        if made_at is None or timezone.now() - made_at > OLD_BACKUP:
            advice = "Run `manage.py backupstudio` to see why it is not made."
            hours = OLD_BACKUP // timedelta(hours=1)
            yield bad(f"There is no verified backup of the last {hours} hours in {destination}.", advice)
        else:
            yield fine(f"The newest verified backup in {destination} is from {made_at:%d %B %Y, %H:%M} UTC.")


LOOKS: dict[str, Callable[[], Iterable[Finding]]] = {
    "Settings": look_at_settings,
    "Data folder": look_at_data_folder,
    "Database": look_at_database,
    "Storage": look_at_storage,
    "Disk": look_at_disk,
    "Worker": look_at_worker,
    "Sending": look_at_sending,
    "Secrets": look_at_secrets,
    "People": look_at_people,
    "Faults": look_at_faults,
    "Videos": look_at_unknown,
    "Webhooks": look_at_webhooks,
    "Backups": look_at_backups,
}
ONLINE: dict[str, Callable[[], Iterable[Finding]]] = {"API key": look_at_keys, "Clock": look_at_clock}


def diagnose(online: bool = True) -> Iterator[tuple[str, Finding]]:
    """Yields each part with its findings. Checks that need the database are left out if it cannot be used."""
    has_database = True
    for part, look in (LOOKS | (ONLINE if online else {})).items():
        if part in IN_DATABASE and not has_database:
            continue
        for finding in found_by(part, look):
            yield part, finding
            has_database &= part != "Database" or finding.level == Level.FINE


def found_by(part: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except Exception as error:  # this check failed; the others go on
        connection.close()
        yield bad(f"It could not be checked ({kind_and_place(error)}).", ADVICE.get(part, ""))


IN_DATABASE = {"Worker", "Sending", "Secrets", "People", "Faults", "Videos", "Webhooks", "API key"}
ADVICE = {
    "Database": "Check DATABASE_URL, that its server is running, and that this user may write to it.",
    "Storage": "Check that the folder, or the bucket and its AWS_* settings, can be written to.",
    "Clock": "HeyGen could not be reached. Check this machine's Internet connection.",
}
