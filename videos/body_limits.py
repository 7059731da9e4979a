"""Limits the size of a request's body: as much as the form at its address can need, and little before sign-in.

The web server asks before it reads a large body. Under another server the middleware refuses it before a form is read.
"""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.functional import SimpleLazyObject

FOR_STRANGERS = 64 * 1024  # signing in, setting up, accepting an invitation


def takes_uploads(max_bytes: int) -> Callable:
    """Sets the limit of a view whose form has files: for the files and the form together."""

    def mark(view):
        view.largest_body = max_bytes
        return view

    return mark


def largest_body(request: HttpRequest) -> int:
    """How many bytes the body of this request may have. Reads the session, never the body."""
    try:
        view = resolve(request.path_info).func
    except Resolver404:
        return FOR_STRANGERS
    if not request.user.is_authenticated:
        return FOR_STRANGERS
    return getattr(view, "largest_body", settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def largest_body_of(environ: dict) -> int:
    """The same for a request that only the server has seen so far."""
    request = WSGIRequest(environ)
    SessionMiddleware(HttpResponse).process_request(request)
    request.user = SimpleLazyObject(lambda: get_user(request))
    return largest_body(request)


class BodyLimitMiddleware:
    """Answers 413 to a body that is too large, without reading it. Comes after the session and before the forms."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if announced_length(request) <= FOR_STRANGERS or announced_length(request) <= largest_body(request):
            return self.get_response(request)
        return render(request, "413.html", status=413)


def announced_length(request: HttpRequest) -> int:
    text = request.META.get("CONTENT_LENGTH", "")
    return int(text) if text.isascii() and text.isdigit() else 0
