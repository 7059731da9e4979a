"""Outages of the database, the disk or the bucket: their exceptions, and a sentence for each.

Only what the database, the driver or the system itself reports counts. Everything else is a fault of the studio and
stays one.
"""

import errno
from enum import StrEnum

from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import DatabaseError, OperationalError

from videos import bucket_errors


class Outage(StrEnum):
    LOCKED = "The studio's database is locked by another program."
    FULL = "The studio's disk is full."
    READ_ONLY = "The studio's disk or database is read-only at the moment."
    FORBIDDEN = "The studio is not allowed to use its own files at the moment."
    UNREACHABLE = "The studio's database or disk does not answer."
    ABSENT = "The studio's database cannot be reached."
    BUCKET = "The studio's bucket cannot be used at the moment."


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
    "57014": Outage.UNREACHABLE,  # statement_timeout
    "40P01": Outage.LOCKED,  # a deadlock, even after several attempts
    "40001": Outage.LOCKED,
    "53100": Outage.FULL,
    "25006": Outage.READ_ONLY,
    "53": Outage.UNREACHABLE,  # too many connections, out of memory
    "08": Outage.UNREACHABLE,
    "57P": Outage.UNREACHABLE,  # it is stopping or starting
    "58": Outage.UNREACHABLE,  # its own disk
}
OF_SYSTEM = {
    errno.ENOSPC: Outage.FULL,
    errno.EDQUOT: Outage.FULL,
    errno.EFBIG: Outage.FULL,
    errno.EROFS: Outage.READ_ONLY,
    errno.EIO: Outage.UNREACHABLE,
    errno.ESTALE: Outage.UNREACHABLE,
    errno.EACCES: Outage.FORBIDDEN,
    errno.EPERM: Outage.FORBIDDEN,
}
# Only a file's device reports these; for a socket they would mean something else, so they count for files alone.
OF_DEVICES = frozenset({errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ETIMEDOUT, errno.EREMOTEIO, errno.EBUSY})
REFUSES = frozenset({401, 403, 404, 429})  # the statuses of a bucket whose key or name is wrong, or that is overloaded


def outage_of(error: BaseException | None) -> Outage | None:
    """The outage that this exception stands for; None for any other exception."""
    if isinstance(error, SessionInterrupted | UpdateError):  # also raised for a session that is gone
        return outage_of(error.__context__)
    if isinstance(error, DatabaseError):
        return of_database(error)
    if isinstance(error, OSError):
        return OF_SYSTEM.get(error.errno)
    return Outage.BUCKET if is_of_bucket(error) else None


def is_of_storage(error: OSError) -> bool:
    """Whether the storage failed, and not the studio's own request, in work on a file."""
    return error.errno in OF_SYSTEM or error.errno in OF_DEVICES


def is_of_bucket(error: BaseException | None) -> bool:
    """Whether the bucket failed, and not the studio's own request."""
    if isinstance(error, bucket_errors.named("ClientError")):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status in REFUSES or status >= 500
    is_wrong_request = isinstance(error, bucket_errors.named("ParamValidationError"))
    return isinstance(error, bucket_errors.refused()) and not is_wrong_request


def of_database(error: DatabaseError) -> Outage | None:
    cause = error.__cause__
    if name := getattr(cause, "sqlite_errorname", ""):
        return OF_SQLITE.get("_".join(name.split("_")[:2]))
    if code := getattr(cause, "sqlstate", None):
        return next((outage for start, outage in OF_POSTGRES.items() if code.startswith(start)), None)
    # Without a connection there is no code of PostgreSQL.
    is_unasked = isinstance(error, OperationalError) and type(cause).__module__.partition(".")[0] == "psycopg"
    return Outage.ABSENT if is_unasked else None
