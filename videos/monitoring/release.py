"""The running version, since when it runs on this data, and whether a newer one waits for a restart. No network."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from heygen_studio import __version__

HEADING = re.compile(r"^## (\d+(?:\.\d+)+)\b.*$", re.MULTILINE)
BEGINNING = 2000  # characters of the changelog: its newest heading is near the top


@dataclass(frozen=True)
class Release:
    version: str
    before: str = ""  # the version that ran on this data before; "" if none is known
    since: datetime | None = None
    waiting: str = ""  # a newer version whose files are here already, while this one still runs

    @property
    def words(self) -> str:
        """Such as "version 0.2.0, updated from 0.1.0"."""
        return f"version {self.version}" + (f", updated from {self.before}" if self.before else "")


def current_release() -> Release:
    recorded = read_record()
    is_recorded = recorded.get("version") == __version__
    before, since = (recorded.get("before", ""), recorded.get("since")) if is_recorded else ("", None)
    return Release(__version__, before, datetime.fromisoformat(since) if since else None, waiting_version())


def record_start():
    """Stores in the data folder which version runs, and which one ran before it."""
    recorded = read_record()
    if recorded.get("version") == __version__:
        return
    since = timezone.now().isoformat(timespec="seconds")
    record = {"version": __version__, "before": recorded.get("version", ""), "since": since}
    with suppress(OSError):  # a full disk is no reason not to start
        record_file().write_text(json.dumps(record))


def read_record() -> dict:
    with suppress(OSError, ValueError):
        recorded = json.loads(record_file().read_text())
        return recorded if isinstance(recorded, dict) else {}
    return {}


def record_file() -> Path:
    return Path(settings.DATA) / "version.json"


def waiting_version() -> str:
    """The newest version in the code's changelog, if it is newer than the running one: the files were updated."""
    with suppress(OSError, UnicodeDecodeError), (settings.BASE_DIR / "CHANGELOG.md").open(encoding="utf-8") as file:
        newest = HEADING.search(file.read(BEGINNING))
        if newest and numbers(newest[1]) > numbers(__version__):
            return newest[1]
    return ""


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
