"""Single sign-on by OpenID Connect: who may sign in, and with which role.

STUDIO_OIDC_CLAIM names a claim, such as `groups`; STUDIO_OIDC_OWNERS, _MANAGERS and _MEMBERS say which of its values
make somebody an owner, a manager or a member. With a claim the provider decides at every sign-in; a person with none of
these values is refused, unless _MEMBERS is empty. Without a claim, everybody whom the provider admits is a member, and
owners choose roles on the page Members. Nobody is matched by name or mail: a person with a password connects the two
on their own account page.
"""

import logging
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib.auth import get_user_model
from django.shortcuts import render
from django.urls import reverse

from videos.accounts import owners, roles
from videos.accounts.roles import Role

logger = logging.getLogger(__name__)
User = get_user_model()

PROVIDER = "sso"
NOT_A_MEMBER = "Your account there has no access to this studio. Ask the person who manages the accounts."
DEACTIVATED = "This account can't sign in here any more."
NO_OWNER_YET = "This studio has no owner yet, and your account there can't become one."


def is_set_up() -> bool:
    return bool(settings.OIDC_URL and settings.OIDC_CLIENT_ID)


def values_of(claims: dict[str, Any], name: str) -> set[str]:
    """The claim's values: a text, or a list of texts. Dots lead into objects, as in `realm_access.roles`."""
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    found = found if isinstance(found, list) else [found]
    return {str(value) for value in found if isinstance(value, str | int)}


def role_by(claims: dict[str, Any]) -> Role | None:
    """The role that the claims give; None if this person may not sign in."""
    if not settings.OIDC_CLAIM:
        return Role.MEMBER
    values = values_of(claims, settings.OIDC_CLAIM)
    if values & set(settings.OIDC_OWNERS):
        return Role.OWNER
    if values & set(settings.OIDC_MANAGERS):
        return Role.MANAGER
    return Role.MEMBER if not settings.OIDC_MEMBERS or values & set(settings.OIDC_MEMBERS) else None


class SsoAdapter(DefaultSocialAccountAdapter):
    def is_open_for_signup(self, request, sociallogin):
        return True  # `pre_social_login` has refused everybody without access

    def is_auto_signup_allowed(self, request, sociallogin):
        return True

    def pre_social_login(self, request, sociallogin):
        """Refuses people without access, and gives everybody else the role from the provider."""
        sociallogin.email_addresses = []  # nobody is known by mail here
        role = role_by(claims_of(sociallogin))
        if role is None:
            raise refused(request, NOT_A_MEMBER)
        if sociallogin.is_existing:
            self.welcome_back(request, sociallogin.user, role)
        elif role != Role.OWNER and not User.objects.exists():
            raise refused(request, NO_OWNER_YET)

    def welcome_back(self, request, user, role: Role):
        if not user.is_active:
            raise refused(request, DEACTIVATED)
        if not settings.OIDC_CLAIM or roles.role_of(user) == role:
            return
        try:
            roles.set_role(user, role)
        except owners.LastOwner:
            logger.warning("The provider makes the last owner a %s; they stay an owner", role)

    def save_user(self, request, sociallogin, form=None):
        for name, mark in roles.MARKS[role_by(claims_of(sociallogin))].items():
            setattr(sociallogin.user, name, mark)
        return super().save_user(request, sociallogin, form)

    def get_connect_redirect_url(self, request, socialaccount):
        return reverse("account")


def claims_of(sociallogin) -> dict[str, Any]:
    """The provider's claims about the person, from its user-info call and from the token."""
    facts = sociallogin.account.extra_data
    return {**(facts.get("id_token") or {}), **(facts.get("userinfo") or {})}


def refused(request, sentence: str) -> ImmediateHttpResponse:
    page = render(request, "socialaccount/authentication_error.html", {"sentence": sentence}, status=403)
    return ImmediateHttpResponse(page)
