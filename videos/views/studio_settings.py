"""The owners' page *Settings*: HeyGen's key, polling, limits, retention, notices, and who must have a second factor."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from videos.accounts.studio_form import KeyForm, StudioForm
from videos.engine import retention
from videos.engine.account_check import check_current_key, check_new_key
from videos.forms.notices import studio_panel
from videos.models import StudioSettings, audit
from videos.models.studio_settings import end_of_key, is_fixed
from videos.remotes import keys
from videos.views.members import owner_only
from videos.views.remotes import TIMEOUT


@owner_only
@require_http_methods(["GET", "HEAD", "POST"])
def studio_settings(request: HttpRequest) -> HttpResponse:
    form = StudioForm(request.POST if request.method == "POST" else None, instance=StudioSettings.objects.the_row())
    if request.method == "POST" and form.is_valid():
        StudioSettings.objects.change(request.user, **form.values())
        audit.record(request.user, "the settings", changed_in_words(form))
        messages.success(request, "The settings are saved and apply at once.")
        return redirect("settings")
    return show(request, 422 if form.is_bound else 200, form=form)


def what_goes() -> str:
    """What retention moves next, in a sentence; "" if nothing."""
    due = retention.due()
    if not due:
        return ""
    return f"Tonight {due} video{'' if due.found == 1 else 's'} will move to the trash by these rules."


def show(request: HttpRequest, status: int = 200, **more) -> HttpResponse:
    row = StudioSettings.objects.the_row()
    context = {
        "form": StudioForm(instance=row),
        "key_form": KeyForm(),
        "row": row,
        "key_is_fixed": is_fixed("heygen_api_key"),
        "key_ends": end_of_key(settings.HEYGEN_API_KEY) if is_fixed("heygen_api_key") else row.heygen_api_key_ends,
        "what_goes": what_goes(),
        "notice_panel": studio_panel(request.user),
        "has_key": bool(keys.heygen_api_key()) and not settings.DEMO,
        **more,
    }
    return render(request, "account/settings.html", context, status=status)


@owner_only
@sensitive_post_parameters("heygen_api_key")
@require_POST
def store_key(request: HttpRequest) -> HttpResponse:
    """Stores the key, and checks it with HeyGen at once, free of charge."""
    form = KeyForm(request.POST)
    if is_fixed("heygen_api_key"):
        messages.error(request, "The key is set by HEYGEN_API_KEY. Unset that variable to store one here.")
        return redirect("settings")
    if not form.is_valid():
        return show(request, 422, key_form=form)
    set_key(request, form.cleaned_data["heygen_api_key"])
    if settings.DEMO:
        messages.success(request, "The key is stored. The studio leaves demo mode within seconds.")
    else:
        report(request, "The key is stored.", check_new_key(TIMEOUT))
    return redirect("settings")


@owner_only
@require_POST
def remove_key(request: HttpRequest) -> HttpResponse:
    set_key(request, "")
    messages.success(request, "The stored key is removed. Remove it from older backups too, or revoke it at HeyGen.")
    return redirect("settings")


@owner_only
@require_POST
def test_key(request: HttpRequest) -> HttpResponse:
    """Tests the key with one free call."""
    report(request, "", check_current_key(TIMEOUT))
    return redirect("settings")


def changed_in_words(form: StudioForm) -> str:
    labels = [form.fields[name].label or name for name in form.changed_data]
    return f"Changed: {', '.join(labels)}." if labels else "Saved without a change."


def set_key(request: HttpRequest, key: str):
    StudioSettings.objects.change(request.user, heygen_api_key=key)
    audit.record(request.user, "HeyGen's API key", "Stored." if key else "Removed.")


def report(request: HttpRequest, before: str, answer: tuple[bool, str]):
    is_good, sentence = answer
    say = messages.success if is_good else messages.error
    say(request, f"{before} {sentence}".strip())
