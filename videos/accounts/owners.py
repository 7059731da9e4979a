"""The owners of this studio; there is always at least one.

The rule holds for every change of an account that goes through its model: the members page, the admin, `save()` and
`delete()` in a shell. Where two owners act on each other at the same moment, the rows of all active owners are locked
first, so that one of them waits and then sees what the other has done.
"""

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import QuerySet
from django.db.models.signals import pre_delete, pre_save
from django.dispatch import receiver

from videos.accounts import sessions
from videos.models.transactions import retried

User = get_user_model()
MAKE_AN_OWNER = {"is_active", "is_superuser"}


class LastOwner(Exception):
    """`str(error)` is a sentence for a person."""

    def __init__(self, person):
        super().__init__(
            f"{person} is the last owner who can sign in, so nothing was changed. Make somebody else an owner first."
        )


def active() -> QuerySet:
    return User.objects.filter(is_superuser=True, is_active=True)


def must_stay(person) -> bool:
    """Whether `person` is the only active owner. In a transaction, the answer holds until its end."""
    rows = active().order_by("pk")
    if connection.in_atomic_block:
        rows = rows.select_for_update(no_key=True)  # a row that refers to one of them does not wait
    return list(rows.values_list("pk", flat=True)) == [person.pk]


@retried
def deactivate(person):
    """Signs the person out everywhere and voids the links they made or received. Raises LastOwner."""
    if must_stay(person):
        raise LastOwner(person)
    User.objects.filter(pk=person.pk).update(is_active=False)
    sessions.shut_out(person)


def activate(person):
    """Lets the person sign in again."""
    User.objects.filter(pk=person.pk).update(is_active=True)


# Django's user is not our class, so its own signals are the one place that sees every save and delete.
@receiver(pre_save, sender=User)
def keep_an_owner(instance, update_fields=None, raw=False, **kwargs):
    is_about_this = update_fields is None or MAKE_AN_OWNER & set(update_fields)
    is_owner = instance.is_active and instance.is_superuser
    if is_about_this and not is_owner and not raw and instance.pk and must_stay(instance):
        raise LastOwner(instance)


@receiver(pre_delete, sender=User)
def keep_the_last_owner(instance, **kwargs):
    if must_stay(instance):
        raise LastOwner(instance)
