"""Connects allauth to the studio: its hooks, and the texts of its messages.

`/login`, its form, its throttle, the sessions, invitations and password links are ours. Once a password, a provider or
a passkey has identified somebody, `views.account.enter` calls allauth's login stages: they ask for the second factor,
if the person has one, and end in `AccountAdapter.login`. The pages of the second factor are allauth's views at our
addresses, with our templates. Its own sign-up, mail and password pages have no address here.
"""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpResponseRedirect
from django.shortcuts import redirect

from videos.accounts import sessions, throttle
from videos.encryption import decrypt, encrypt

BACKEND = "django.contrib.auth.backends.ModelBackend"
SENTENCES = {
    "mfa/messages/totp_activated.txt": "The authenticator app is set up. Signing in now needs its code.",
    "mfa/messages/totp_deactivated.txt": "The authenticator app is removed.",
    "mfa/messages/recovery_codes_generated.txt": "These are your recovery codes. Keep them in a safe place.",
    "mfa/messages/webauthn_added.txt": "The passkey is added.",
    "mfa/messages/webauthn_removed.txt": "The passkey is removed.",
    "socialaccount/messages/account_connected.txt": "Your account is connected.",
    "socialaccount/messages/account_connected_other.txt": "That account belongs to somebody else here.",
    "socialaccount/messages/account_disconnected.txt": "The account is disconnected.",
}


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request):
        return False  # people come by invitation, or by the provider of OpenID Connect

    def is_reauthentication_required(self, *, app, **more):
        return True  # before changing the second factor, or connecting an account at the provider

    def respond_user_inactive(self, request, user):
        return redirect("login")

    def login(self, request, user):
        login(request, user, backend=BACKEND)
        request.session.set_expiry(None)  # as long as sessions last; see `sessions.keep_briefly`
        sessions.record_use(request)

    def post_login(self, request, user, *, redirect_url=None, **more):
        response = HttpResponseRedirect(redirect_url or settings.LOGIN_REDIRECT_URL)
        throttle.remember_browser(response, user)
        return response

    def get_login_redirect_url(self, request):
        return settings.LOGIN_REDIRECT_URL

    def add_message(self, request, level, message_template=None, message_context=None, extra_tags="", message=None):
        if sentence := message or SENTENCES.get(message_template):
            messages.add_message(request, level, sentence, extra_tags=extra_tags)

    def send_notification_mail(self, *args, **kwargs):
        """There is no mail server."""

    def get_client_ip(self, request):
        return throttle.client_address(request) or "0.0.0.0"


class SecondFactorAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "That did not match. Try again.",
        "cannot_generate_recovery_codes": "Set up an authenticator app or a passkey first.",
    }

    def get_totp_issuer(self):
        return "HeyGen Studio"

    def _get_site_name(self):
        return "HeyGen Studio"

    def _get_user_identifier(self, user):
        return user.get_username()

    def encrypt(self, text):
        return encrypt(text)

    def decrypt(self, encrypted_text):
        """ "" if it was stored under another SECRET_KEY: no code matches it any more."""
        return decrypt(encrypted_text) or ""

    def generate_authenticator_name(self, user, type):  # noqa: A002
        count = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {count + 1}" if count else "Passkey"
