"""The fields of a status note: what goes wrong with a generation for the moment."""

from collections.abc import Mapping
from typing import Any

NO_NOTE: dict[str, Any] = {"status_note": "", "status_facts": {}}


def note_of(code: str, facts: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The fields of a status note."""
    return {"status_note": code, "status_facts": dict(facts or {})}
