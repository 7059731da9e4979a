"""The second factor: who has one, who must have one, and whether a typed code is right.

allauth keeps authenticators and shows the pages. A code is checked here, because its own limits and its memory of used
codes live in one process's cache, and the studio has several: failures count with those of signing in
(videos/accounts/throttle.py), and a code of an app that was used is remembered with the app.
"""

from allauth.core import context
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt
from django import forms
from django.contrib.auth import authenticate
from django.db.models import QuerySet

from videos.accounts import roles, sessions, throttle
from videos.models import StudioSettings
from videos.models.studio_settings import current
from videos.models.transactions import delete_in_order, retried

Type = Authenticator.Type
LONGEST_CODE = 20
WRONG = "This code is wrong, or was already used. Wait for the next one, or use a recovery code."


# Who has one, and who must
def of(user) -> QuerySet:
    """The user's authenticators that can be asked for; recovery codes alone do not count."""
    return Authenticator.objects.filter(user=user).exclude(type=Type.RECOVERY_CODES)


def has(user) -> bool:
    return of(user).exists()


def people_with() -> set[int]:
    """The primary keys of everybody who has one."""
    return set(Authenticator.objects.exclude(type=Type.RECOVERY_CODES).values_list("user_id", flat=True))


def must_have(user) -> bool:
    """Whether the owners' rule asks this person for one. People who sign in only by a provider use the provider's."""
    rule = current().second_factor
    if rule == StudioSettings.SecondFactor.NOBODY or not user.has_usable_password():
        return False
    return rule == StudioSettings.SecondFactor.EVERYBODY or roles.may_manage(user)


@retried
def remove_all(person):
    """Removes the second factor of somebody who has lost their phone and codes, and signs them out everywhere."""
    delete_in_order(Authenticator.objects.filter(user=person))
    sessions.end_all(person)


# Whether a code is right
def matching(user, code: str) -> Authenticator | None:
    """The authenticator to which `code` belongs. The code is then used up."""
    for authenticator in Authenticator.objects.filter(user=user).exclude(type=Type.WEBAUTHN).order_by("-type"):
        if authenticator.type == Type.TOTP:
            is_right = use_app_code(authenticator.pk, code)
        else:
            is_right = has_seed(authenticator) and authenticator.wrap().validate_code(code)
        if is_right:
            authenticator.user = user
            authenticator.refresh_from_db(fields=["data"])
            return authenticator
    return None


@retried
def use_app_code(pk: int, code: str) -> bool:
    """True once for each code of the app."""
    app = Authenticator.objects.select_for_update(no_key=True).get(pk=pk)
    secret = decrypt(app.data["secret"])
    for counter in totp.yield_hotp_counters_from_time() if secret else ():
        is_new = counter > app.data.get("last_counter", 0)
        if compare_user_code(actual=code, expected=totp.format_hotp_value(totp.hotp_value(secret, counter))) and is_new:
            app.data["last_counter"] = counter
            app.save(update_fields=["data"])
            return True
    return False


def has_seed(codes: Authenticator) -> bool:
    """False if they were stored under another SECRET_KEY."""
    return bool(decrypt(codes.data.get("seed", "")))


class CodeForm(forms.Form):
    """The code of an app, or a recovery code."""

    code = forms.CharField(
        max_length=LONGEST_CODE,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True, "spellcheck": "false"}
        ),
    )
    is_again = False  # of somebody who is signed in

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.user, self.authenticator = user, None

    def clean_code(self) -> str:
        code, request, username = self.cleaned_data["code"], context.request, self.user.get_username()
        if throttle.is_closed(request, username):
            request.axes_locked_out = True  # django-axes answers, as it does for a password
            raise forms.ValidationError(throttle.WAIT)
        self.authenticator = matching(self.user, code)
        if self.authenticator is None:
            throttle.count_failure(request, username)
            raise forms.ValidationError(WRONG)
        return code

    def save(self):
        post_authentication(context.request, self.authenticator, reauthenticated=self.is_again)


class CodeAgainForm(CodeForm):
    is_again = True


class PasswordAgainForm(forms.Form):
    password = forms.CharField(
        strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True})
    )

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        """Failures count like those of signing in, so that it cannot be guessed here without limit."""
        password, request = self.cleaned_data["password"], context.request
        if authenticate(request, username=self.user.get_username(), password=password) != self.user:
            raise forms.ValidationError("This is not your password.")
        throttle.forget_failures(request, self.user.get_username())
        return password
