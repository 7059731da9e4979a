"""Single sign-on by OpenID Connect: sends people to the provider and back, with allauth's views.

A provider that cannot be reached gets a page, and is not counted as a fault of the studio."""

import logging

from allauth.socialaccount.providers.openid_connect import views as openid_connect
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from requests import RequestException

from videos.accounts import sessions
from videos.accounts.sso import PROVIDER

logger = logging.getLogger(__name__)
UNREACHABLE = "The sign-in service does not answer. Try again in a moment, or sign in with your password."


@login_not_required
@never_cache
@require_safe
def begin(request: HttpRequest, provider_id: str = PROVIDER) -> HttpResponse:
    """Sends the browser to the provider. `next` says where it comes back to in the end."""
    sessions.keep_briefly(request)
    return guarded(openid_connect.login, request, provider_id)


@login_not_required
@never_cache
@require_safe
def finish(request: HttpRequest, provider_id: str = PROVIDER) -> HttpResponse:
    return guarded(openid_connect.callback, request, provider_id)


def guarded(view, request: HttpRequest, provider_id: str) -> HttpResponse:
    try:
        return view(request, provider_id)
    except (RequestException, KeyError, ValueError) as error:  # unreachable, or an answer that breaks the standard
        logger.warning("The provider of OpenID Connect answered badly: %s", type(error).__name__)
        context = {"sentence": UNREACHABLE}
        return render(request, "socialaccount/authentication_error.html", context, status=502)
