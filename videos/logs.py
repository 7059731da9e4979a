"""Logging: lines for people or JSON for programs, with the generation that a line is about.

Secrets are kept out of the log where they arise. `scrubbed` is a second safeguard: no setting that is a secret and no
signature of a link passes it.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from videos.remotes.transport import QUERY, SIGNED

SHORTEST_SECRET = 6  # letters; a shorter one would be found in every other word
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
    """The secret settings, the longest first, so that no part of one remains."""
    own = (settings.SECRET_KEY, settings.HEYGEN_API_KEY, settings.METRICS_TOKEN, settings.WEBHOOK_SECRET)
    remotes = [value for name, value in settings.REMOTE_SETTINGS.items() if name.endswith("_KEY")]
    password = str(settings.DATABASES["default"].get("PASSWORD") or "")
    addresses = [settings.WEBHOOK_URL, *settings.NOTIFY_URLS.split(), settings.SENTRY_DSN]
    found = {secret for secret in (*own, *remotes, password, *addresses) if len(secret) >= SHORTEST_SECRET}
    return sorted(found, key=len, reverse=True)


def scrubbed(text: str) -> str:
    """The text without our secrets and without signatures of links."""
    for secret in secrets():
        text = text.replace(secret, HIDDEN)
    return SIGNED.sub(rf"\1={HIDDEN}", QUERY.sub("", text))


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
    """A line printed by a part of the studio, as the supervisor prints it; JSON stays unchanged."""
    if settings.LOG_FORMAT != "json":
        return f"{part:<8}| {line}"
    if line.startswith("{") and line.endswith("}"):
        return line
    return json.dumps({"logger": part, "message": scrubbed(line)}, ensure_ascii=False)


def scrub_event(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    """The event for Sentry: where the studio's code failed, and nothing about the person or the request."""
    for name in ("user", "server_name", "extra", "modules"):
        event.pop(name, None)
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
