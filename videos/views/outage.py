"""The page shown when the database or the disk refuses writes: a sentence, and the form with what was typed.

It answers every unhandled exception (`handler500` in the routes), from views and from middleware alike, because an
unreadable form or a session that cannot be saved fails outside of its view.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import Resolver404, ResolverMatch, resolve
from django.views.defaults import server_error as fault_of_the_studio

from videos.accounts.forms import SignInForm
from videos.forms.generate import GenerateForm
from videos.models import Batch
from videos.outages import Outage, outage_of
from videos.views.composer_context import composer_context
from videos.views.gallery import list_context
from videos.views.gallery_filters import GalleryFilters
from videos.views.next_page import asked_next

TRY_AGAIN_AFTER = "5"  # seconds
LOCKED_FOR = 500  # milliseconds
NOT_SENT = "Nothing was sent and nothing was charged. Your prompt is kept: press Generate again in a moment."
SENT_ALREADY = "Your request was accepted anyway: reload the page to see its videos. Nothing is made twice."
PERHAPS_SENT = (
    "Your prompt is kept: press Generate again in a moment. If the request was accepted anyway, it is not made again."
)
PICTURE = "The picture was not kept, and nothing was sent. Add it again in a moment."
SIGN_IN = "You are not signed in yet. Type your password again in a moment."
SHOWING = "This page cannot be shown at the moment. Videos in progress are not lost. Try again in a moment."
CHANGING = "This may not have been saved. Check, and try again in a moment; nothing is made or charged twice."


def server_error(request: HttpRequest) -> HttpResponse:
    """For `handler500`: 503 and what to do while nothing can be written, 500 for a fault of the studio."""
    outage = outage_of(sys.exception())
    return answer(request, outage) if outage else fault_of_the_studio(request)


def answer(request: HttpRequest, outage: Outage) -> HttpResponse:
    if hasattr(request, "session"):
        request.session.modified = False  # saving it would fail too, or sign in somebody whose page says otherwise
    response = explained(request, outage)
    response.status_code = 503
    response["Retry-After"] = TRY_AGAIN_AFTER
    response["Cache-Control"] = "private, no-store"
    return response


def explained(request: HttpRequest, outage: Outage) -> HttpResponse:
    with shorter_lock_waits(outage):
        match = match_of(request)
        route = match.url_name if match else ""
        sentence = f"{outage} {advice(request, route, outage)}"
        if request.headers.get("HX-Request"):  # the browser still shows the page with everything in it
            headers = {"Studio-Outage": place_on_page(match)}
            return HttpResponse(sentence, content_type="text/plain; charset=utf-8", headers=headers)
        return page(request, route, sentence, outage)


def page(request: HttpRequest, route: str, sentence: str, outage: Outage) -> HttpResponse:
    """The submitted form again; without a database, a page that contains the typed text."""
    is_form = request.method == "POST" and request.resolver_match and route in FORMS and request.POST
    with suppress(DatabaseError, OSError):
        if is_form and outage != Outage.ABSENT:
            return FORMS[route](request, sentence)
    return HttpResponse(render_to_string("503.html", {"sentence": sentence, "typed": request.POST.get("prompt", "")}))


@contextmanager
def shorter_lock_waits(outage: Outage) -> Iterator[None]:
    """Shortens waits for locks while this response is made, so that it does not wait for the same lock again."""
    if outage != Outage.LOCKED or connection.vendor != "postgresql":
        yield
        return
    set_lock_timeout(f"= {LOCKED_FOR}")
    try:
        yield
    finally:  # the connection outlives this request
        set_lock_timeout("TO DEFAULT")


def set_lock_timeout(words: str):
    with suppress(DatabaseError), connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout {words}")


def match_of(request: HttpRequest) -> ResolverMatch | None:
    """The route of the request, also if it failed before its view was found."""
    with suppress(Resolver404):
        return request.resolver_match or resolve(request.path_info)
    return None


def place_on_page(match: ResolverMatch | None) -> str:
    """The place for the sentence next to the submitted form; "" if there is none, then the script shows a toast."""
    if match and match.url_name == "frame":
        return f"#slot-error-{match.kwargs['which']}"
    return "#error-prompt" if match and match.url_name == "generate" else "#toast-of-its-own"


def advice(request: HttpRequest, route: str, outage: Outage) -> str:
    if request.method != "POST":
        return SHOWING
    if route == "generate":
        return PERHAPS_SENT if outage == Outage.ABSENT else advice_on_order(request)
    return {"frame": PICTURE, "login": SIGN_IN}.get(route, CHANGING)


def advice_on_order(request: HttpRequest) -> str:
    """Whether a batch was requested: it is stored as a whole or not at all. An unreadable form requests none."""
    try:
        is_kept = Batch.objects.filter(form_token=request.POST.get("token", "")).exists()
    except DatabaseError:
        return PERHAPS_SENT
    return SENT_ALREADY if is_kept else NOT_SENT


def composer_again(request: HttpRequest, sentence: str) -> HttpResponse:
    """The form with its own token, so that sending it again makes nothing twice."""
    form = GenerateForm(request.POST, owner=request.user)
    form.refuse_unchecked(sentence)
    return render(request, "gallery.html", list_context(request, GalleryFilters()) | composer_context(request, form))


def sign_in_again(request: HttpRequest, sentence: str) -> HttpResponse:
    """For the browser's own CSRF token: signing in may have changed it before it failed."""
    request.user = AnonymousUser()
    if token := request.COOKIES.get(settings.CSRF_COOKIE_NAME):
        request.META["CSRF_COOKIE"] = token
    form = SignInForm(request, initial={"username": request.POST.get("username", "")})
    context = {"form": form, "next": asked_next(request), "wait": sentence}
    return render(request, "account/login.html", context)


FORMS = {"generate": composer_again, "login": sign_in_again}
