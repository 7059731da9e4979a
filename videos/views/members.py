"""The owner's room: who is here, who may come, who may not any more, and how much each may make."""

from functools import wraps

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from videos.accounts import owners
from videos.accounts.forms import BudgetForm
from videos.addresses import address_for_others, opens_only_here
from videos.models import Budget, OneTimeLink, PublicLink

User = get_user_model()


def owner_only(view):
    """For anybody else these pages do not exist."""

    @wraps(view)
    def guarded(request, *args, **kwargs):
        if not request.user.is_superuser:
            raise Http404
        return view(request, *args, **kwargs)

    return never_cache(guarded)


@owner_only
@require_safe
def members(request):
    return show(request)


def show(request, **more):
    budgets = {budget.user_id or budget.scope: budget for budget in Budget.objects.all()}
    people = list(User.objects.order_by("-is_superuser", "-is_active", "username"))
    public_links = PublicLink.objects.count_by_owner()
    for person in people:
        person.own_budget = budgets.get(person.pk)
        person.links = public_links.get(person.pk, 0)
    context = {
        "people": people,
        "studio_budget": budgets.get(Budget.Scope.STUDIO),
        "each_budget": budgets.get(Budget.Scope.EACH),
        "open_invitations": OneTimeLink.objects.open().filter(purpose=OneTimeLink.Purpose.INVITE),
    }
    return render(request, "account/members.html", {**context, **more})


@owner_only
@require_POST
def invite(request):
    """The link is shown once, in this very answer: only its digest is kept."""
    token = OneTimeLink.objects.issue(OneTimeLink.Purpose.INVITE, request.user)
    return show_link(request, reverse("invite", args=[token]), "invite")


@owner_only
@require_POST
def withdraw_invitation(request, pk):
    get_object_or_404(OneTimeLink.objects.open(), pk=pk, purpose=OneTimeLink.Purpose.INVITE).use()
    messages.success(request, "The invitation is withdrawn.")
    return redirect("members")


@owner_only
@require_POST
def reset_link(request, pk):
    person = get_object_or_404(User, pk=pk, is_active=True)
    token = OneTimeLink.objects.issue(OneTimeLink.Purpose.PASSWORD, request.user, for_user=person)
    return show_link(request, reverse("reset", args=[token]), person)


def show_link(request, path: str, new_link_for):
    address = address_for_others(request, path)
    return show(request, new_link=address, new_link_for=new_link_for, address_opens_only_here=opens_only_here(address))


@owner_only
@require_POST
def deactivate(request, pk):
    """Takes effect with the member's next request. Their videos stay, and what is being made is finished."""
    person = get_object_or_404(User.objects.exclude(pk=request.user.pk), pk=pk)
    try:
        owners.deactivate(person)
    except owners.LastOwner as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, f"{person} can no longer sign in, and their public links no longer work.")
    return redirect("members")


@owner_only
@require_POST
def activate(request, pk):
    person = get_object_or_404(User, pk=pk)
    User.objects.filter(pk=person.pk).update(is_active=True)
    messages.success(request, f"{person} can sign in again, and their public links work again.")
    return redirect("members")


@owner_only
@require_http_methods(["GET", "HEAD", "POST"])
def shared_budget(request, scope):
    """The budget of all together (`studio`), or the one of each member without their own (`each`)."""
    whose = {Budget.Scope.STUDIO: "all members together", Budget.Scope.EACH: "each member"}.get(scope)
    if whose is None:
        raise Http404
    budget = Budget.objects.filter(scope=scope).first() or Budget(scope=scope)
    return edit_budget(request, budget, whose)


@owner_only
@require_http_methods(["GET", "HEAD", "POST"])
def budget_of(request, pk):
    person = get_object_or_404(User, pk=pk)
    budget = Budget.objects.filter(user=person).first() or Budget(scope=Budget.Scope.ONE, user=person)
    return edit_budget(request, budget, person.get_username())


def edit_budget(request, budget: Budget, whose: str):
    if request.method == "POST" and "remove" in request.POST:
        Budget.objects.filter(pk=budget.pk).delete()
        return redirect("members")
    form = BudgetForm(request.POST if request.method == "POST" else None, instance=budget)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "The budget is saved.")
        return redirect("members")
    status = 422 if form.is_bound and not form.is_valid() else 200
    return render(request, "account/budget.html", {"form": form, "budget": budget, "whose": whose}, status=status)
