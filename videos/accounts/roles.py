"""The roles: owners may do everything; managers invite, set budgets and pause; members make their own videos.

A role is two marks of Django's own user, so that `createsuperuser` makes an owner and no query is needed: an owner is a
superuser; a manager is staff without being one. Only owners can open the admin.
"""

from django.contrib.auth import get_user_model
from django.db.models import TextChoices

from videos.accounts import owners
from videos.models import OneTimeLink
from videos.models.transactions import delete_in_order, retried

User = get_user_model()


class Role(TextChoices):
    OWNER = "owner", "Owner"
    MANAGER = "manager", "Manager"
    MEMBER = "member", "Member"


MARKS = {
    Role.OWNER: {"is_superuser": True, "is_staff": True},
    Role.MANAGER: {"is_superuser": False, "is_staff": True},
    Role.MEMBER: {"is_superuser": False, "is_staff": False},
}


def role_of(user) -> Role:
    if user.is_superuser:
        return Role.OWNER
    return Role.MANAGER if user.is_staff else Role.MEMBER


def is_owner(user) -> bool:
    return user.is_active and user.is_superuser


def may_manage(user) -> bool:
    """Whether this person may invite, set budgets, and pause or resume sending."""
    return user.is_active and role_of(user) != Role.MEMBER


def may_set_budget_of(user, person) -> bool:
    return is_owner(user) or (may_manage(user) and role_of(person) != Role.OWNER)


def may_shut_out(user, person) -> bool:
    """Whether `user` may deactivate `person` and let them in again: a manager only members, nobody themselves."""
    if user == person:
        return False
    return is_owner(user) or (may_manage(user) and role_of(person) == Role.MEMBER)


@retried
def set_role(person, role: Role):
    """Changes the role, from the person's next request on. Raises LastOwner.

    A person who loses rights also loses the open links that they made, because an invitation lets people in.
    """
    if role != Role.OWNER and owners.must_stay(person):
        raise owners.LastOwner(person)
    before = role_of(person)
    User.objects.filter(pk=person.pk).update(**MARKS[role])
    if list(Role).index(role) > list(Role).index(before):
        delete_in_order(OneTimeLink.objects.open().filter(made_by=person))
