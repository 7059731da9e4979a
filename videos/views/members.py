"""The members page: members, invitations, deactivation, roles and budgets.

Owners and managers see it; for managers, actions that they may not take give a 404 (videos/accounts/roles.py).
"""

from dataclasses import dataclass
from functools import wraps

from django.contrib import messages
from django.contrib.admin.models import ADDITION, DELETION
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from videos.accounts import owners, roles, second_factor
from videos.accounts.forms import BudgetForm, RoleForm
from videos.models import Budget, OneTimeLink, PublicLink, audit
from videos.models.money import Periods, by_member
from videos.views.addresses import address_for_others, opens_only_here

User = get_user_model()


def only_for(may):
    """A 404 for anybody else. `may` is called with the person who is signed in."""

    def decorate(view):
        @wraps(view)
        def guarded(request, *args, **kwargs):
            if not may(request.user):
                raise Http404
            return view(request, *args, **kwargs)

        return never_cache(guarded)

    return decorate


owner_only = only_for(roles.is_owner)
manager_only = only_for(roles.may_manage)


@dataclass(frozen=True)
class Member:
    """One line of the page: a person, and what the one who looks may do about them."""

    person: AbstractBaseUser
    role: roles.Role
    has_second_factor: bool
    has_own_budget: bool
    links: int  # public ones that are open
    money: Periods
    budget_is_open: bool
    may_be_shut_out: bool


@manager_only
@require_safe
def members(request):
    return show(request)


def show(request, **more):
    budgets = list(Budget.objects.all())
    shared = {budget.scope: budget for budget in budgets if budget.user_id is None}
    context = {
        "members": lines(request.user, {budget.user_id for budget in budgets}),
        "studio_budget": shared.get(Budget.Scope.STUDIO),
        "each_budget": shared.get(Budget.Scope.EACH),
        "open_invitations": OneTimeLink.objects.open_invitations(),
    }
    return render(request, "account/members.html", {**context, **more})


def lines(viewer, with_budget: set[int]) -> list[Member]:
    people = list(User.objects.order_by("-is_superuser", "-is_staff", "-is_active", "username"))
    links, safe, sums = PublicLink.objects.count_by_owner(), second_factor.people_with(), by_member(people)
    return [
        Member(
            person=person,
            role=roles.role_of(person),
            has_second_factor=person.pk in safe,
            has_own_budget=person.pk in with_budget,
            links=links.get(person.pk, 0),
            money=sums[person.pk],
            budget_is_open=roles.may_set_budget_of(viewer, person),
            may_be_shut_out=roles.may_shut_out(viewer, person),
        )
        for person in people
    ]


@manager_only
@require_POST
def invite(request):
    """Shows the link once, in this response: only its digest is stored."""
    token = OneTimeLink.objects.issue(OneTimeLink.Purpose.INVITE, request.user)
    audit.record(request.user, "an invitation", "Made.", flag=ADDITION)
    return show_link(request, reverse("invite", args=[token]), "invite")


@manager_only
@require_POST
def withdraw_invitation(request, pk):
    get_object_or_404(OneTimeLink.objects.open(), pk=pk, purpose=OneTimeLink.Purpose.INVITE).use()
    audit.record(request.user, "an invitation", "Withdrawn.")
    messages.success(request, "The invitation is withdrawn.")
    return redirect("members")


@owner_only
@require_POST
def reset_link(request, pk):
    person = get_object_or_404(User, pk=pk, is_active=True)
    token = OneTimeLink.objects.issue(OneTimeLink.Purpose.PASSWORD, request.user, for_user=person)
    audit.record(request.user, person.get_username(), "A link for a new password was made.", person)
    return show_link(request, reverse("reset", args=[token]), person)


def show_link(request, path: str, new_link_for):
    address = address_for_others(request, path)
    return show(request, new_link=address, new_link_for=new_link_for, address_opens_only_here=opens_only_here(address))


@owner_only
@require_POST
def remove_second_factor(request, pk):
    """For somebody who lost it. They can then sign in with only the password, and set up another."""
    person = get_object_or_404(User.objects.exclude(pk=request.user.pk), pk=pk)
    second_factor.remove_all(person)
    audit.record(request.user, person.get_username(), "The second factor was removed.", person)
    messages.success(request, f"{person} has no second factor any more, and is signed out everywhere.")
    return redirect("members")


@owner_only
@require_http_methods(["GET", "HEAD", "POST"])
def role(request, pk):
    """The actions that a person may take here. Only another owner can change one's own role."""
    person = get_object_or_404(User.objects.exclude(pk=request.user.pk), pk=pk)
    form = RoleForm(request.POST if request.method == "POST" else None, initial={"role": roles.role_of(person)})
    if request.method == "POST" and form.is_valid():
        set_role(request, person, roles.Role(form.cleaned_data["role"]))
        return redirect("members")
    status = 422 if form.is_bound else 200
    return render(request, "account/role.html", {"form": form, "person": person}, status=status)


def set_role(request, person, wanted: roles.Role):
    try:
        roles.set_role(person, wanted)
    except owners.LastOwner as reason:
        messages.error(request, str(reason))
    else:
        what = "an owner" if wanted == roles.Role.OWNER else f"a {wanted}"
        audit.record(request.user, person.get_username(), f"Is {what} now.", person)
        messages.success(request, f"{person} is {what} now.")


@manager_only
@require_POST
def deactivate(request, pk):
    """Takes effect with the member's next request. Their videos stay, and unfinished ones are completed."""
    person = person_to_shut_out(request, pk)
    try:
        owners.deactivate(person)
    except owners.LastOwner as reason:
        messages.error(request, str(reason))
    else:
        audit.record(request.user, person.get_username(), "Deactivated.", person)
        messages.success(request, f"{person} can no longer sign in, and their public links no longer work.")
    return redirect("members")


def person_to_shut_out(request, pk):
    person = get_object_or_404(User, pk=pk)
    if not roles.may_shut_out(request.user, person):
        raise Http404
    return person


@manager_only
@require_POST
def activate(request, pk):
    person = person_to_shut_out(request, pk)
    owners.activate(person)
    audit.record(request.user, person.get_username(), "Activated.", person)
    messages.success(request, f"{person} can sign in again, and their public links work again.")
    return redirect("members")


@manager_only
@require_http_methods(["GET", "HEAD", "POST"])
def shared_budget(request, scope):
    """The budget for everyone together (`studio`), or for each member without a personal one (`each`)."""
    whose = {Budget.Scope.STUDIO: "all members together", Budget.Scope.EACH: "each member"}.get(scope)
    if whose is None:
        raise Http404
    budget = Budget.objects.filter(scope=scope).first() or Budget(scope=scope)
    return edit_budget(request, budget, whose)


@manager_only
@require_http_methods(["GET", "HEAD", "POST"])
def budget_of(request, pk):
    person = get_object_or_404(User, pk=pk)
    if not roles.may_set_budget_of(request.user, person):
        raise Http404
    budget = Budget.objects.filter(user=person).first() or Budget(scope=Budget.Scope.ONE, user=person)
    return edit_budget(request, budget, person.get_username())


def limits_in_words(limits: dict) -> str:
    given = [f"{name.replace('_', ' ')}: {value}" for name, value in limits.items() if value not in (None, "")]
    return f"Set to {', '.join(given) or 'no limit'}."


def edit_budget(request, budget: Budget, whose: str):
    if request.method == "POST" and "remove" in request.POST:
        budget.remove()
        audit.record(request.user, f"the budget of {whose}", "Removed.", flag=DELETION)
        return redirect("members")
    form = BudgetForm(request.POST if request.method == "POST" else None, instance=budget)
    if request.method == "POST" and form.is_valid():
        form.save()
        audit.record(request.user, f"the budget of {whose}", limits_in_words(form.cleaned_data), form.instance)
        messages.success(request, "The budget is saved.")
        return redirect("members")
    status = 422 if form.is_bound and not form.is_valid() else 200
    return render(request, "account/budget.html", {"form": form, "budget": budget, "whose": whose}, status=status)
