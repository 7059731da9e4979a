"""Middleware: the sign-in requirement, the time of a session's last use, and security headers."""

import logging
import time

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.sessions import middleware as sessions_middleware
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import MiddlewareNotUsed, ObjectDoesNotExist
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.defaults import page_not_found

from heygen_studio.time_zone import is_known
from videos.accounts import second_factor, sessions
from videos.models.transactions import is_broken_reference
from videos.monitoring import metrics
from videos.outages import outage_of
from videos.views import outage as outage_page

logger = logging.getLogger(__name__)

PERMISSIONS = ", ".join(
    f"{name}=()"
    for name in (
        "accelerometer",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "hid",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "serial",
        "usb",
        "xr-spatial-tracking",
    )
)


class SessionMiddleware(sessions_middleware.SessionMiddleware):
    """Saves the session after the view. Django would report a read-only database as a bad request."""

    def process_response(self, request, response):
        try:
            return super().process_response(request, response)
        except SessionInterrupted as error:
            outage = outage_of(error)
            if outage is None:
                raise
            logger.warning("The session could not be saved after %s %s", request.method, request.path)
            is_known = request.session.session_key == request.COOKIES.get(settings.SESSION_COOKIE_NAME)
            # The view's changes are kept. A known session only loses the time of its last use; a new one is lost.
            return response if is_known else outage_page.answer(request, outage)


class SignInMiddleware(LoginRequiredMiddleware):
    """Every page requires a signed-in person, unless its view says otherwise."""

    def handle_no_permission(self, request, view_func):
        # A swapped-in login page would remove what was typed: the script shows a message next to the form instead.
        if request.htmx:
            return HttpResponse("Your session ended. Sign in again.", status=401, content_type="text/plain")
        if not get_user_model().objects.exists():
            return redirect("setup")
        if request.method not in ("GET", "HEAD"):
            return redirect(settings.LOGIN_URL)
        return super().handle_no_permission(request, view_func)

    def get_login_url(self, view_func):
        return settings.LOGIN_URL  # one login for all, the admin included


class RequestMetricsMiddleware:
    """Counts requests for `/metrics`, by the name of the view: an address may hold a token."""

    def __init__(self, get_response):
        if not settings.METRICS_TOKEN:
            raise MiddlewareNotUsed
        self.get_response = get_response
        metrics.forget_ended_processes()

    def __call__(self, request):
        began = time.monotonic()
        response = self.get_response(request)
        view = request.resolver_match.view_name if request.resolver_match else ""
        metrics.count_request(view or "none", request.method, response.status_code, time.monotonic() - began)
        return response


class SecondFactorMiddleware:
    """Sends people who need a second factor and have none to the page that sets one up."""

    OPEN = frozenset(
        {
            "logout",
            "mfa_index",
            "mfa_activate_totp",
            "mfa_add_webauthn",
            "account_reauthenticate",
        }
    )

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view_func, view_args, view_kwargs):
        is_open = not getattr(view_func, "login_required", True) or request.resolver_match.url_name in self.OPEN
        if is_open or not request.user.is_authenticated or not second_factor.must_have(request.user):
            return None
        if second_factor.has(request.user):
            return None
        if request.htmx:
            return HttpResponse("Set up a second factor first.", status=403, content_type="text/plain")
        return redirect("mfa_index")


class LastSeenMiddleware:
    """Records that a session is in use, and shows times in the time zone that its person has chosen."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.user.is_authenticated:
            sessions.record_use(request)
            zone = request.session.get("time_zone", "")
            if zone and is_known(zone):
                with timezone.override(zone):
                    return self.get_response(request)
        return self.get_response(request)


class RemovedMeanwhileMiddleware:
    """Answers 404 if a row was deleted between two steps of a view, or before another one could refer to it: both may
    happen at any moment."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception):
        if not isinstance(exception, ObjectDoesNotExist) and not is_broken_reference(exception):
            return None
        logger.info("Gone while it was asked for: %s %s", request.method, request.path, exc_info=exception)
        if request.htmx:
            return HttpResponse("This was removed.", status=404, content_type="text/plain")
        return page_not_found(request, exception)


class NoStoreMiddleware:
    """Keeps pages out of the browser's cache, so that the Back button never shows an old form."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class PermissionsPolicyMiddleware:
    """The studio needs none of these, so that nothing injected into it can have them either."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response
