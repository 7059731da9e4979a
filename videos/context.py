"""Context of every page: the version, the demo banner, the signed-in person, and banners."""

from django.conf import settings
from django.utils.functional import SimpleLazyObject

from heygen_studio import __version__
from videos.accounts import roles, second_factor, sso
from videos.monitoring.banners import banners_for


def studio(request):
    always = {
        "demo": settings.DEMO,
        "sso_name": settings.OIDC_NAME if sso.is_set_up() else "",
        "studio_version": __version__,
    }
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return always
    banners = SimpleLazyObject(lambda: banners_for(request.user))
    role = roles.role_of(request.user)
    due = SimpleLazyObject(lambda: second_factor.must_have(request.user) and not second_factor.has(request.user))
    return {
        **always,
        "role": role,
        "theme": request.session.get("theme", ""),
        "may_manage": roles.may_manage(request.user),
        "second_factor_is_due": due,
        "banners": banners,
    }
