"""Sends one message to addresses of apprise, in a separate process, and reports which addresses accepted it.

An address may contain a password, so it is never logged, and pages show only its end.
"""

import json
import logging
import re
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

from videos.models.studio_settings import end_of_key

logger = logging.getLogger(__name__)

PROCESS = Path(__file__).with_name("push_process.py")
SECONDS = 40.0  # for one message in all; the queue ends the task after 60
# Services that a member may use. Their host is fixed, so a member cannot make the studio call a host of their choice.
# Nothing behind a "?": there, apprise takes files to attach, other hosts and ways around checks.
FOR_MEMBERS = re.compile(
    r"(?:tgram|slack|discord|pover|pbul|prowl|wxteams)://[\w.:@/#~+=-]+"
    r"|ntfys?://(?:(?:[\w.-]+(?::[\w.-]+)?@)?ntfy\.sh/)?[\w-]+/?"
    r"|https://(?:hooks\.slack\.com/services|discord\.com/api/webhooks)/[\w/-]+",
    re.ASCII,
)
SERVICES_FOR_MEMBERS = "Telegram, Slack, Discord, Pushover, Pushbullet, Prowl, Webex and ntfy.sh"


class Delivery(StrEnum):
    """The result for one address; the words of push_process.py."""

    TAKEN = "taken"
    NOT_TAKEN = "not taken"
    UNKNOWN = "unknown"  # no service has such an address


def may_use(address: str, person) -> bool:
    """Whether this person may use that address."""
    return person.is_superuser or FOR_MEMBERS.fullmatch(address) is not None


def masked(address: str) -> str:
    """An address as pages show it, such as "mailtos://….com": its kind and its end."""
    kind, _, rest = address.partition("://")
    return f"{kind}://…{end_of_key(rest)}"


def push(addresses: list[str], title: str, body: str) -> bool:
    """Sends a message. Returns whether every address accepted it, and never raises."""
    return all(outcome == Delivery.TAKEN for outcome in outcomes(addresses, title, body))


def is_known(address: str, seconds: float) -> bool:
    """Whether some service has such an address; nothing is sent. If this cannot be found out, it counts as known."""
    return run([address], {"only_look": True}, seconds)[0] != Delivery.UNKNOWN


def outcomes(addresses: list[str], title: str, body: str, seconds: float = SECONDS) -> list[Delivery]:
    """The result for each address, in order. Never raises."""
    return run(addresses, {"title": f"HeyGen Studio: {title}", "body": body}, seconds) if addresses else []


def run(addresses: list[str], message: dict, seconds: float) -> list[Delivery]:
    command, words = [sys.executable, str(PROCESS)], json.dumps({"addresses": addresses, **message})
    try:
        done = subprocess.run(command, input=words, text=True, capture_output=True, timeout=seconds)
        return [Delivery(word) for word in json.loads(done.stdout)]
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        logger.warning("A notice could not be sent (%s)", type(error).__name__)
        return [Delivery.NOT_TAKEN] * len(addresses)
