"""The remote APIs, for owners and managers: what each is, what is left of its account, whether it is paused."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from videos.engine.account_check import check_account, resume_sending
from videos.models import Generation, RemoteAccount
from videos.remotes import registry
from videos.views.members import manager_only


@manager_only
@require_safe
def remotes(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    rows = [
        {
            "account": account,
            "in_flight": Generation.objects.occupying(account.backend, now).count(),
            "has_key": registry.find(account.backend).is_configured,
            "repeats": registry.find(account.backend).repeats_for is not None,
        }
        for account in RemoteAccount.objects.all_active()
    ]
    return render(request, "account/remotes.html", {"rows": rows})


@manager_only
@require_POST
def check(request: HttpRequest, backend: str) -> HttpResponse:
    """Asks at once, free of charge, whether the key is good and what is left."""
    account = active_account(backend)
    if registry.find(account.backend).is_configured:
        check_account(account)
    return redirect("remotes")


@manager_only
@require_POST
def pause(request: HttpRequest, backend: str) -> HttpResponse:
    active_account(backend).pause("owner", f"{request.user} paused sending.")
    return redirect("remotes")


@manager_only
@require_POST
def resume(request: HttpRequest, backend: str) -> HttpResponse:
    resume_sending(active_account(backend).backend)
    return redirect("remotes")


def active_account(backend: str) -> RemoteAccount:
    if backend not in registry.active_keys():
        raise Http404
    return RemoteAccount.objects.of(backend)
