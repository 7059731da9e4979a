"""When the database or the disk takes no writes: which exceptions say so, and the sentence for each.

Only what the database, the driver or the system itself reports counts. Everything else is a fault of the studio and
stays one.
"""

import errno
from enum import StrEnum

from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import DatabaseError, OperationalError


class Outage(StrEnum):
    LOCKED = "The studio's database is locked by another program."
    FULL = "The studio's disk is full."
    READ_ONLY = "The studio's disk or database can only be read at the moment."
    UNREACHABLE = "The studio's database or disk does not answer."


OF_SQLITE = {  # by the first two words of SQLite's own names, such as SQLITE_BUSY_SNAPSHOT
    "SQLITE_BUSY": Outage.LOCKED,
    "SQLITE_LOCKED": Outage.LOCKED,
    "SQLITE_FULL": Outage.FULL,
    "SQLITE_READONLY": Outage.READ_ONLY,
    "SQLITE_CANTOPEN": Outage.UNREACHABLE,
    "SQLITE_IOERR": Outage.UNREACHABLE,
}
OF_POSTGRES = {  # by the longest beginning of its codes, https://www.postgresql.org/docs/current/errcodes-appendix.html
    "55P03": Outage.LOCKED,  # lock_timeout
    "57014": Outage.LOCKED,  # statement_timeout
    "40P01": Outage.LOCKED,  # a deadlock that stayed one, however often it was repeated
    "40001": Outage.LOCKED,
    "53100": Outage.FULL,
    "25006": Outage.READ_ONLY,
    "53": Outage.UNREACHABLE,  # too many connections, out of memory
    "08": Outage.UNREACHABLE,
    "57P": Outage.UNREACHABLE,  # it stops or starts
    "58": Outage.UNREACHABLE,  # its own disk
}
OF_SYSTEM = {
    errno.ENOSPC: Outage.FULL,
    errno.EDQUOT: Outage.FULL,
    errno.EFBIG: Outage.FULL,
    errno.EROFS: Outage.READ_ONLY,
    errno.EIO: Outage.UNREACHABLE,
}


def outage_of(error: BaseException | None) -> Outage | None:
    """The outage that this exception tells of; None for every other exception."""
    if isinstance(error, SessionInterrupted | UpdateError):  # also raised for a session that is gone
        return outage_of(error.__context__)
    if isinstance(error, DatabaseError):
        return of_database(error)
    return OF_SYSTEM.get(error.errno) if isinstance(error, OSError) else None


def of_database(error: DatabaseError) -> Outage | None:
    cause = error.__cause__
    if name := getattr(cause, "sqlite_errorname", ""):
        return OF_SQLITE.get("_".join(name.split("_")[:2]))
    if code := getattr(cause, "sqlstate", None):
        return next((outage for start, outage in OF_POSTGRES.items() if code.startswith(start)), None)
    # PostgreSQL gives no code where it could not be asked at all.
    is_unasked = isinstance(error, OperationalError) and type(cause).__module__.partition(".")[0] == "psycopg"
    return Outage.UNREACHABLE if is_unasked else None
