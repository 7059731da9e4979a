"""Notices outside the browser: addresses, kinds and a test, for the studio (owners) and for each person."""

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from videos.accounts.forms import ChangePasswordForm
from videos.encryption import encrypt
from videos.engine import push
from videos.forms.notices import NoticesForm, Panel, handle_of, own_panel, studio_panel
from videos.host_locks import host_lock
from videos.models import Preferences, StudioSettings, audit
from videos.views.account import show_account
from videos.views.members import owner_only
from videos.views.studio_settings import show

TIMEOUT = 15.0  # seconds: somebody waits for the page
BUSY = "Another address is being checked right now. Try again in a moment."


@owner_only
@sensitive_post_parameters("address")
@require_POST
def studio_notices(request: HttpRequest) -> HttpResponse:
    panel = studio_panel(request.user)
    return save(request, panel, lambda: show(request, 422, notice_panel=panel))


@owner_only
@require_POST
def remove_studio_address(request: HttpRequest) -> HttpResponse:
    return remove(request, studio_panel(request.user))


@owner_only
@require_POST
def test_studio_notices(request: HttpRequest) -> HttpResponse:
    return send_test(request, studio_panel(request.user))


@sensitive_post_parameters("address")
@require_POST
def own_notices(request: HttpRequest) -> HttpResponse:
    panel = own_panel(request.user)
    return save(request, panel, lambda: show_account(request, ChangePasswordForm(request), 422, notice_panel=panel))


@require_POST
def remove_own_address(request: HttpRequest) -> HttpResponse:
    return remove(request, own_panel(request.user))


@require_POST
def test_own_notices(request: HttpRequest) -> HttpResponse:
    return send_test(request, own_panel(request.user))


def save(request: HttpRequest, panel: Panel, show_again: Callable[[], HttpResponse]) -> HttpResponse:
    panel.form = NoticesForm(request.POST, panel, is_known)
    if not panel.form.is_valid():
        panel.form.point_to_errors()
        return show_again()
    panel.read_again()
    store(request, panel, panel.form.chosen())
    return back(request, panel, "Saved.")


def is_known(url: str) -> bool:
    """Checks an address in a separate process, one at a time, however many people add addresses."""
    with host_lock(settings.DATA / "notice-test", 1) as is_free:
        if not is_free:
            raise ValidationError(BUSY)
        return push.is_known(url, TIMEOUT)


def remove(request: HttpRequest, panel: Panel) -> HttpResponse:
    handle = request.POST.get("address", "")
    left = [url for url in panel.urls if handle_of(url) != handle]
    if panel.urls_are_fixed or len(left) == len(panel.urls):
        return back(request, panel, "This address was removed already.")
    store(request, panel, {"notify_urls": "\n".join(left)})
    return back(request, panel, "The address is removed.")


def store(request: HttpRequest, panel: Panel, given: dict):
    if not panel.is_of_the_studio:
        if "notify_urls" in given:
            given["notify_urls_stored"] = encrypt(given.pop("notify_urls"))
        Preferences.objects.keep(request.user, **given)
        return
    StudioSettings.objects.change(request.user, **given)
    words = "Changed the addresses." if "notify_urls" in given else "Changed what they are about."
    audit.record(request.user, "the notices outside the browser", words)


def send_test(request: HttpRequest, panel: Panel) -> HttpResponse:
    with host_lock(settings.DATA / "notice-test", 1) as is_free:
        if not is_free:
            messages.error(request, BUSY)
            return redirect(place_of(panel))
        outcomes = push.outcomes(panel.usable, "a test", "Notices of this studio arrive here.", TIMEOUT)
    for url, outcome in zip(panel.usable, outcomes, strict=True):
        say_outcome(request, push.masked(url), outcome)
    if not outcomes:
        messages.error(request, "There is no address to send a test to.")
    return redirect(place_of(panel))


def say_outcome(request: HttpRequest, shown: str, outcome: push.Delivery):
    if outcome == push.Delivery.TAKEN:
        messages.success(request, f"{shown} accepted the test notice.")
    elif outcome == push.Delivery.UNKNOWN:
        messages.error(request, f"{shown} is not used: no service has an address like this.")
    else:
        rest = "Check the address, and whether this machine reaches the service."
        messages.error(request, f"{shown} did not accept the test notice. {rest}")


def back(request: HttpRequest, panel: Panel, words: str) -> HttpResponse:
    messages.success(request, words)
    return redirect(place_of(panel))


def place_of(panel: Panel) -> str:
    return "settings" if panel.is_of_the_studio else "account"
