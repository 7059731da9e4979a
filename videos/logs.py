"""Logging: lines for people or JSON for programs, with the generation that a line is about.

Secrets are kept out of the log where they arise. `scrubbed` is a second safeguard: no secret of the environment, no
secret that is stored encrypted and no signature or token of a link passes it, in lines for people as in JSON.
"""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from videos.encryption import remembered
from videos.remotes.transport import QUERY, SIGNED

SHORTEST_SECRET = 6  # letters; a shorter one would be found in every other word
SHORTEST_PART = 16  # letters; a part of a secret address that is so long is taken for a token
PARTS = re.compile(r"[^\s/:@?&=,;]+")
HOST_NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
# The paths of links that let in whoever has them. Django logs the path of every request that it refuses.
LINKS = re.compile(r"(/(?:s|r|invite|reset|pictures/signed)/)[^/\s\"'<>?]{8,}")
# PostgreSQL quotes the whole row that it refuses, with the prompt in it.
ROW = re.compile(r"DETAIL: .*?(?=\n(?:CONTEXT|HINT):|\n\n(?:The above|During handling)|\Z)", re.DOTALL)
HIDDEN = "…"

_generation: ContextVar[str] = ContextVar("generation", default="")


@contextmanager
def about(generation) -> Iterator[None]:
    """Marks everything that is logged inside as being about this generation."""
    token = _generation.set(str(generation.public_id))
    try:
        yield
    finally:
        _generation.reset(token)


def current_generation() -> str:
    return _generation.get()


def secrets() -> list[str]:
    """The secrets that this process knows, the longest first, so that no part of one remains. Asks no database."""
    known = {*secret_settings(), *remembered()}
    parts = {part for secret in known if "://" in secret for part in parts_of(secret)}
    found = {secret for secret in known if len(secret) >= SHORTEST_SECRET} | parts
    return sorted(found, key=len, reverse=True)


def secret_settings() -> Iterator[str]:
    yield from (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS, settings.HEYGEN_API_KEY, settings.METRICS_TOKEN)
    yield from (settings.WEBHOOK_SECRET, settings.WEBHOOK_URL, *settings.NOTIFY_URLS.split(), settings.SENTRY_DSN)
    yield from (settings.OIDC_APP["secret"], *settings.BUCKET_SECRETS)
    yield from (value for name, value in settings.REMOTE_SETTINGS.items() if name.endswith("_KEY"))
    yield str(settings.DATABASES["default"].get("PASSWORD") or "")


def parts_of(address: str) -> Iterator[str]:
    """What is secret in an address, where a message quotes a part of it or builds another address from it."""
    try:
        password = urlsplit(address).password or ""
    except ValueError:
        password = ""
    if len(password) >= SHORTEST_SECRET:
        yield password
    for part in PARTS.findall(address):
        if len(part) >= SHORTEST_PART and not HOST_NAME.fullmatch(part):
            yield part


def without_secrets(text: str) -> str:
    for secret in secrets():
        text = text.replace(secret, HIDDEN)
    return text


def scrubbed(text: str) -> str:
    """The text without our secrets, without signatures and tokens of links, and without rows of the database."""
    text = ROW.sub(f"DETAIL: {HIDDEN}", LINKS.sub(rf"\1{HIDDEN}", without_secrets(text)))
    return SIGNED.sub(rf"\1={HIDDEN}", QUERY.sub("", text))


class TextFormatter(logging.Formatter):
    """One line for people, with the traceback below it."""

    def format(self, record: logging.LogRecord) -> str:
        return scrubbed(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": scrubbed(record.getMessage()),
        }
        if current_generation():
            line["generation"] = current_generation()
        if record.exc_info:
            line["exception"] = scrubbed(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def line_of(part: str, line: str) -> str:
    """A line printed by a part of the studio, as the supervisor prints it; JSON stays JSON."""
    if settings.LOG_FORMAT != "json":
        return f"{part:<8}| {scrubbed(line)}"
    if line.startswith("{") and line.endswith("}"):
        return without_secrets(line)
    return json.dumps({"logger": part, "message": scrubbed(line)}, ensure_ascii=False)


def sentence(words: str) -> str:
    """A sentence of the supervisor itself: as it is for people, and an object for programs."""
    is_json = settings.LOG_FORMAT == "json"
    return json.dumps({"logger": "studio", "message": words}, ensure_ascii=False) if is_json else words


def scrub_event(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    """The event for Sentry: where the studio's code failed, and nothing about the person or the request.

    An exception keeps its type and its place; its words may quote a prompt.
    """
    for name in ("user", "server_name", "extra", "modules"):
        event.pop(name, None)
    for error in event.get("exception", {}).get("values", []):
        error["value"] = ""
    asked = event.pop("request", {})
    event["request"] = {"method": asked.get("method", "")}
    if current_generation():
        event.setdefault("tags", {})["generation"] = current_generation()
    return deep_scrubbed(event)


def deep_scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return scrubbed(value)
    if isinstance(value, dict):
        return {key: deep_scrubbed(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [deep_scrubbed(inner) for inner in value]
    return value
