"""Identifies who is signing in, and whether too many sign-ins have failed lately.

Five failures for one account from one address close that pair for 15 minutes (django-axes). Two wider
limits stand here: one for an address that tries many accounts, one for an account tried from many addresses. The
last cannot lock somebody out, because a browser in which that account has signed in before is let through it.
"""

import ipaddress

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import user_login_failed
from django.core import signing
from django.db.models import Sum
from django.utils import timezone

FAILURES_OF_ADDRESS = 50
FAILURES_OF_ACCOUNT = 100
KNOWN_BROWSER = "known_browser"
KNOWN_FOR = 365 * 24 * 3600  # seconds

WAIT = "Too many sign-ins have failed here. Wait 15 minutes, then try again."


def client_address(request) -> str:
    """The address that the request came from; "" if it came over a socket without one.

    X-Forwarded-For is a list that anybody may begin: only the entries that our own STUDIO_PROXIES proxies added at
    its end are believed.
    """
    address = request.META.get("REMOTE_ADDR", "")
    hops = settings.TRUSTED_PROXIES
    if hops:
        chain = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        address = chain[-hops] if len(chain) >= hops else address
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return ""


def throttled_address(request) -> str:
    """The key for counting failures. An IPv6 customer has a whole /64, so that counts as one address."""
    address = ipaddress.ip_address(client_address(request) or "0.0.0.0")
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False).network_address)


def must_wait(request, username: str) -> bool:
    if failures(ip_address=throttled_address(request)) >= FAILURES_OF_ADDRESS:
        return True
    return failures(username=username) >= FAILURES_OF_ACCOUNT and not knows(request, username)


def failures(**whose) -> int:
    recent = timezone.now() - settings.AXES_COOLOFF_TIME
    rows = AccessAttempt.objects.filter(attempt_time__gte=recent, **whose)
    return rows.aggregate(sum=Sum("failures_since_start"))["sum"] or 0


def is_closed(request, username: str) -> bool:
    """Whether this account cannot be tried from here at the moment, with a password or a code."""
    return must_wait(request, username) or not AxesProxyHandler.is_allowed(request, {"username": username})


def count_failure(request, username: str):
    """A wrong code counts like a wrong password."""
    user_login_failed.send(sender=__name__, credentials={"username": username}, request=request)


def forget_failures(request, username: str):
    """Resets the count of this pair after the right password, as signing in does."""
    AccessAttempt.objects.filter(username=username, ip_address=throttled_address(request)).delete()


def remember_browser(response, user):
    """Marks this browser as one in which `user` has signed in."""
    response.set_cookie(
        KNOWN_BROWSER,
        signing.dumps(user.get_username(), salt=KNOWN_BROWSER),
        max_age=KNOWN_FOR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def knows(request, username: str) -> bool:
    try:
        return signing.loads(request.COOKIES.get(KNOWN_BROWSER, ""), salt=KNOWN_BROWSER, max_age=KNOWN_FOR) == username
    except signing.BadSignature:
        return False
