"""The time zone that `TZ` names, in any of the ways in which systems write it, and the studio's days in it."""

from contextlib import suppress
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from django.utils import timezone

FOLDER = "zoneinfo"
SYSTEM = Path("/usr/share") / FOLDER


def studio_day(moment: datetime | None = None) -> date:
    """The day of `moment`, or today, in the studio's own zone. Budgets and usage count these days for everybody,
    whatever zone a person has chosen for their screen."""
    return timezone.localdate(moment, timezone.get_default_timezone())


def start_of_studio_day(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min), timezone.get_default_timezone())


def zone_name(tz: str) -> str | None:
    """A name such as Europe/Berlin, as Django takes it; None where `tz` names no zone.

    POSIX also allows a colon before it, the path of a zone's file (mostly a link, such as /etc/localtime), and a rule
    such as CET-1CEST, which has no name.
    """
    name = tz.removeprefix(":")
    if name in {"", "UTC0"}:
        return "UTC"
    if name.startswith("/"):
        name = name_of_file(Path(name))
    return name if is_known(name) else None


def name_of_file(path: Path) -> str:
    with suppress(OSError, RuntimeError):
        path = path.resolve()
    parts = path.parts
    return "/".join(parts[parts.index(FOLDER) + 1 :]) if FOLDER in parts else ""


def is_known(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):  # a folder, a path out of the zones' folder, or no such zone
        return False
    return not SYSTEM.exists() or SYSTEM.joinpath(*name.split("/")).exists()  # Django asks this as well
