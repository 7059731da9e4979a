"""The time limits of the database, as options of PostgreSQL and its client."""

from math import ceil
from typing import Any

MIN_SECONDS = 2  # to connect: the client turns anything shorter into this


def with_time_limits(given: dict[str, Any], wait: float, statement: float) -> dict[str, Any]:
    """OPTIONS for PostgreSQL: `given` stands in the URL and takes precedence. Seconds; 0 is no limit.

    `wait` limits connecting, waiting for a lock, and a network that no longer carries a byte; `statement` limits the
    whole of one statement.
    """
    limits = {"lock_timeout": wait, "statement_timeout": statement}
    words = [f"-c {name}={ceil(seconds * 1000)}" for name, seconds in limits.items() if seconds > 0]
    if wait > 0:
        given = {"connect_timeout": max(MIN_SECONDS, ceil(wait)), "tcp_user_timeout": ceil(wait * 1000), **given}
    options = " ".join([*words, given.get("options", "")]).strip()
    return {**given, "options": options} if options else given
