"""Leases: claims on a row that expire by themselves, so that a holder that died blocks nobody.

A lease is a token and the time until which it is valid. Every write under a lease names its token, so a holder that was
only slow changes nothing after another one has taken over.

All times are wall-clock times, because hosts share them. When a clock is set back, times already stored lie too far in
the future, and the rows would wait until the clock has caught up. So each kind of time has a longest distance that the
studio ever sets, and a time further ahead counts as passed.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

NO_LEASE = {"lease_token": None, "lease_until": None}
CLAIM = timedelta(seconds=15)  # until other hosts notice a dead process; its own host knows at once
CLOCKS_DIFFER = timedelta(minutes=1)  # between hosts, at most


def claim_lasts() -> timedelta:
    """The length of a claim that its holder renews while it works."""
    return min(CLAIM, timedelta(seconds=settings.LEASE_SECONDS))


def passed(field: str, now: datetime, longest: timedelta) -> Q:
    """Rows whose time `field` is not set or has passed. `longest` is how far ahead it is ever set."""
    return passed_by(field, now, now + longest)


def passed_by(field: str, now: datetime, furthest: datetime) -> Q:
    """The same, with the furthest time that it is ever set to."""
    return Q(**{field: None}) | Q(**{f"{field}__lte": now}) | Q(**{f"{field}__gt": furthest})


def ahead_by(field: str, now: datetime, furthest: datetime) -> Q:
    """Rows whose time `field` is still to come: the opposite of `passed_by`."""
    return Q(**{f"{field}__gt": now, f"{field}__lte": furthest})


def too_far_ahead(field: str, now: datetime, longest: timedelta) -> Q:
    """Rows whose time `field` was set before a clock was set back."""
    return Q(**{f"{field}__gt": now + longest})


def is_too_far_ahead(moment: datetime, now: datetime, longest: timedelta) -> bool:
    """The same question about one time."""
    return moment > now + longest
