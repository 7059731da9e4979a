"""The remote APIs, for owners and managers: each with its account's balance and whether sending is paused."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_POST, require_safe

from videos.engine.account_check import check_account, resume_sending
from videos.models import Generation, RemoteAccount, audit
from videos.remotes import registry
from videos.views.members import manager_only, owner_only

TIMEOUT = 5.0  # seconds: somebody waits for the page


class LowBalanceForm(forms.ModelForm):
    class Meta:
        model = RemoteAccount
        fields = ["low_below"]


@manager_only
@require_safe
def remotes(request: HttpRequest) -> HttpResponse:
    return show(request)


def show(request: HttpRequest, refused: LowBalanceForm | None = None) -> HttpResponse:
    """Shows the page. `refused` is a form with errors, shown for its account with what was typed."""
    now = timezone.now()
    rows = [
        {
            "account": account,
            "in_flight": Generation.objects.occupying(account.backend, now).count(),
            "has_key": registry.find(account.backend).is_configured,
            "repeats": registry.find(account.backend).repeats_for is not None,
            "form": refused if refused and refused.instance.pk == account.pk else form_of(account),
        }
        for account in RemoteAccount.objects.all_active()
    ]
    return render(request, "account/remotes.html", {"rows": rows}, status=422 if refused else 200)


def form_of(account: RemoteAccount, data=None) -> LowBalanceForm:
    """Ids on the page need a name of their own for each account."""
    return LowBalanceForm(data, instance=account, auto_id=f"{slugify(account.backend)}-%s")


@manager_only
@require_POST
def check(request: HttpRequest, backend: str) -> HttpResponse:
    """Checks the key and the balance now, free of charge."""
    account = active_account(backend)
    if registry.find(account.backend).is_configured:
        problem = check_account(account, TIMEOUT)
        messages.error(request, problem) if problem else messages.success(request, f"{account.api_name} answered.")
    return redirect("remotes")


@owner_only
@require_POST
def low_balance(request: HttpRequest, backend: str) -> HttpResponse:
    """Sets the balance below which a warning is shown next to Generate."""
    account = active_account(backend)
    form = form_of(account, request.POST)
    if not form.is_valid():
        return show(request, refused=form)
    account.warn_below(form.cleaned_data["low_below"])
    messages.success(request, "The limit is saved.")
    return redirect("remotes")


@manager_only
@require_POST
def pause(request: HttpRequest, backend: str) -> HttpResponse:
    account = active_account(backend)
    account.pause("owner", person=str(request.user))
    audit.record(request.user, account.api_name, "Sending was paused.", account)
    return redirect("remotes")


@manager_only
@require_POST
def resume(request: HttpRequest, backend: str) -> HttpResponse:
    account = active_account(backend)
    resume_sending(account.backend)
    audit.record(request.user, account.api_name, "Sending was resumed.", account)
    return redirect("remotes")


def active_account(backend: str) -> RemoteAccount:
    if backend not in registry.active_keys():
        raise Http404
    return RemoteAccount.objects.of(backend)
