"""A person's sessions: the browser, the address and the last use of each, and ending them.

All of it is in Django's own session rows. They name no user outside their signed data, and a studio has a few hundred
of them at most, so all of them are read. django-allauth's usersessions would keep a second table, which may differ from
the sessions that really exist; here, ending a session deletes the session itself.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from videos.accounts.throttle import client_address
from videos.models import OneTimeLink, Preferences
from videos.models.transactions import delete_in_order

STEP_LASTS = 3600  # seconds that the steps of signing in may take
SEEN_EVERY = 300  # seconds between two updates of a session's last use
BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True)
class SignedIn:
    """One browser in which a person is signed in. `handle` names it on pages, where its key must not appear."""

    handle: str
    device: str
    address: str
    seen_at: datetime | None
    is_this: bool


def record_use(request):
    """Stores the browser and the time of the session's last use, at most every few minutes."""
    now = int(timezone.now().timestamp())
    if now - request.session.get("seen", 0) < SEEN_EVERY:
        return
    request.session["seen"] = now
    request.session["device"] = describe(request.headers.get("User-Agent", ""))
    request.session["address"] = client_address(request)
    remember_preferences(request, Preferences.objects.of(request.user))


def remember_preferences(request, preferences: Preferences):
    """Keeps in the session what every page needs, so that no page asks the database for it."""
    request.session["theme"] = preferences.theme
    request.session["time_zone"] = preferences.time_zone


def keep_briefly(request):
    """Shortens the life of a session in which nobody is signed in: it only contains a step of signing in."""
    if not request.user.is_authenticated:
        request.session.set_expiry(STEP_LASTS)


def describe(user_agent: str) -> str:
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "Unknown browser")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    return f"{browser} on {system}" if system else browser


def handle_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def rows_of(user) -> Iterator[tuple[Session, dict]]:
    for row in Session.objects.filter(expire_date__gt=timezone.now()):
        data = row.get_decoded()
        if data.get(SESSION_KEY) == str(user.pk):
            yield row, data


def is_signed_in(user, data: dict) -> bool:
    """Whether the session is still valid: one that began under an earlier password is void, although its row exists."""
    return constant_time_compare(data.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())


def of_user(user, current_key: str | None) -> list[SignedIn]:
    """Every session of `user`: this one first, then the most recently used."""
    found = [
        SignedIn(
            handle=handle_of(row.session_key),
            device=data.get("device", "Unknown browser"),
            address=data.get("address", ""),
            seen_at=datetime.fromtimestamp(data["seen"], UTC) if "seen" in data else None,
            is_this=row.session_key == current_key,
        )
        for row, data in rows_of(user)
        if is_signed_in(user, data)
    ]
    return sorted(found, key=lambda one: (one.is_this, one.seen_at or datetime.min.replace(tzinfo=UTC)), reverse=True)


def end(user, handle: str) -> bool:
    """Ends one of the user's sessions; False if none has that handle."""
    keys = [row.pk for row, _ in rows_of(user) if handle_of(row.session_key) == handle]
    return bool(delete_in_order(Session.objects.filter(pk__in=keys)))


def shut_out(person):
    """Signs a deactivated person out everywhere, and voids the links they made or received."""
    delete_in_order(OneTimeLink.objects.open().filter(Q(for_user=person) | Q(made_by=person)))
    end_all(person)


def end_all(user, but: str | None = None) -> int:
    """Ends every session of the user except the one with the key `but`; returns how many."""
    keys = [row.pk for row, _ in rows_of(user) if row.session_key != but]
    return delete_in_order(Session.objects.filter(pk__in=keys))
