"""The first owner, signing in and out, one-time links, and the account page."""

from zoneinfo import available_timezones

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.mfa.webauthn.views import login_webauthn
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError
from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from videos.accounts import people, sessions, throttle
from videos.accounts.forms import (
    ChangePasswordForm,
    NewPasswordForm,
    NewPersonForm,
    PreferencesForm,
    SetUpForm,
    SignInForm,
)
from videos.forms.notices import own_panel
from videos.models import OneTimeLink, Preferences
from videos.models.transactions import delete_in_order
from videos.views.next_page import asked_next, redirect_to

User = get_user_model()
page_with_form = require_http_methods(["GET", "HEAD", "POST"])


@login_not_required
@never_cache
@page_with_form
def set_up(request):
    if User.objects.exists():
        return redirect("login")
    form = SetUpForm(sent(request))
    if request.method == "POST" and form.is_valid():
        owner = form.person(is_staff=True, is_superuser=True)
        is_first = people.add_first_owner(owner)
        return enter(request, owner, settings.LOGIN_REDIRECT_URL) if is_first else redirect("login")
    return render(request, "account/set_up.html", {"form": form}, status=status_of(form))


@login_not_required
@never_cache
@page_with_form
def sign_in(request):
    target = asked_next(request) or settings.LOGIN_REDIRECT_URL
    if request.user.is_authenticated:
        return redirect_to(target)
    if not User.objects.exists():
        return redirect("setup")
    form = SignInForm(request, sent(request))
    if request.method != "POST":
        return render(request, "account/login.html", {"form": form, "next": target})
    if throttle.must_wait(request, typed_username(request)):
        return locked_out(request)
    if form.is_valid():
        return enter(request, form.user, target)
    return render(request, "account/login.html", {"form": form, "next": target}, status=422)


def typed_username(request) -> str:
    """Without null characters, which PostgreSQL refuses to compare."""
    return request.POST.get("username", "").replace("\0", "")


def locked_out(request, *_):
    """The response to a failed sign-in, used by django-axes too. The form keeps everything but the password."""
    if request.user.is_authenticated:
        return show_account(request, ChangePasswordForm(request), 429, wait=throttle.WAIT)
    form = SignInForm(request, initial={"username": typed_username(request)})
    context = {"form": form, "next": asked_next(request), "wait": throttle.WAIT}
    return render(request, "account/login.html", context, status=429)


def enter(request, user, target: str):
    """Signs `user` in, after the second factor if they have one, and sends them to `target`."""
    if request.user.is_authenticated:
        logout(request)  # somebody else's session, in which a link was opened
    sessions.keep_briefly(request)
    record_authentication(request, user, "password", reauthenticated=True)
    return perform_login(request, Login(user=user, redirect_url=target))


@login_not_required
@never_cache
def sign_in_by_passkey(request):
    """GET returns the passkey challenge as JSON; POST takes the browser's answer to it."""
    sessions.keep_briefly(request)
    return login_webauthn(request)


@require_POST
def sign_out(request):
    logout(request)
    return redirect("login")


@login_not_required
@never_cache
@page_with_form
def invitation(request, token):
    link = OneTimeLink.objects.find(OneTimeLink.Purpose.INVITE, token)
    if link is None:
        return render(request, "account/link_over.html", {"what": "invitation"}, status=404)
    form = NewPersonForm(sent(request))
    if request.method == "POST" and form.is_valid():
        member = make_member(link, form)
        if member:
            return enter(request, member, settings.LOGIN_REDIRECT_URL)
    return render(request, "account/invitation.html", {"form": form, "link": link}, status=status_of(form))


def make_member(link: OneTimeLink, form: NewPersonForm) -> User | None:
    """The new member; None if somebody was quicker, which the form then says."""
    person = form.person()
    try:
        if people.add_invited(person, link):
            return person
        form.add_error(None, "This invitation was used a moment ago. Ask for another.")
    except IntegrityError:
        form.add_error("username", "Someone took this name a moment ago. Choose another.")
    return None


@login_not_required
@never_cache
@page_with_form
def new_password(request, token):
    link = OneTimeLink.objects.find(OneTimeLink.Purpose.PASSWORD, token)
    if link is None or not link.for_user.is_active:
        return render(request, "account/link_over.html", {"what": "link"}, status=404)
    form = NewPasswordForm(link.for_user, sent(request))
    if request.method == "POST" and form.is_valid():
        person = form.person()
        if not people.store_password_by_link(person, link):
            return render(request, "account/link_over.html", {"what": "link"}, status=404)
        return enter(request, person, settings.LOGIN_REDIRECT_URL)
    return render(request, "account/new_password.html", {"form": form, "link": link}, status=status_of(form))


@never_cache
@page_with_form
def account(request):
    """The account page; a POST changes the password and signs out everywhere else."""
    if request.method == "POST" and throttle.must_wait(request, request.user.get_username()):
        return locked_out(request)
    form = ChangePasswordForm(request, sent(request))
    if request.method == "POST" and form.is_valid():
        people.store_password(form.person())
        throttle.forget_failures(request, request.user.get_username())
        update_session_auth_hash(request, request.user)
        sessions.end_all(request.user, but=request.session.session_key)
        messages.success(request, "Your password is changed, and you are signed out everywhere else.")
        return redirect("account")
    return show_account(request, form, status_of(form))


def show_account(request, form, status: int, **more):
    context = {
        "form": form,
        "sessions": sessions.of_user(request.user, request.session.session_key),
        "preferences_form": PreferencesForm(instance=Preferences.objects.of(request.user)),
        "notice_panel": own_panel(request.user),
        "time_zones": sorted(available_timezones()),
        "studio_zone": settings.TIME_ZONE,
        "is_connected": SocialAccount.objects.filter(user=request.user).exists(),
        **more,
    }
    return render(request, "account/account.html", context, status=status)


@require_POST
def preferences(request):
    """Stores theme, cards and time zone. They apply at once in this browser, and within minutes in others."""
    form = PreferencesForm(request.POST, instance=Preferences.objects.of(request.user))
    if not form.is_valid():
        return show_account(request, ChangePasswordForm(request), 422, preferences_form=form)
    sessions.remember_preferences(request, form.save())
    messages.success(request, "Saved.")
    return redirect("account")


@require_POST
def disconnect(request):
    """Disconnects single sign-on, if this person has a password to sign in with."""
    if request.user.has_usable_password():
        delete_in_order(SocialAccount.objects.filter(user=request.user))
        messages.success(request, "Disconnected. From now on you sign in with your password.")
    else:
        messages.error(
            request, "You have no password here, so nothing was changed. An owner can send you a link for one."
        )
    return redirect("account")


@require_POST
def end_session(request, handle):
    if handle == sessions.handle_of(request.session.session_key):
        return sign_out(request)
    if not sessions.end(request.user, handle):
        raise Http404
    return redirect("account")


@require_POST
def end_other_sessions(request):
    ended = sessions.end_all(request.user, but=request.session.session_key)
    messages.success(request, "You are signed out everywhere else." if ended else "You are signed in only here.")
    return redirect("account")


def sent(request):
    """The data of the form, so that a POST without any field counts as submitted, too."""
    return request.POST if request.method == "POST" else None


def status_of(form) -> int:
    return 422 if form.is_bound and not form.is_valid() else 200
