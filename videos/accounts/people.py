"""Storing people and their passwords: the first owner, members who were invited, and new passwords.

The passwords of these people are hashed already. That is slow on purpose, so no lock is held meanwhile.
"""

from django.contrib.auth import get_user_model

from videos.accounts import sessions, setup_token
from videos.models import DatabaseLock, OneTimeLink
from videos.models.database_lock import OWNERS
from videos.models.transactions import retried

User = get_user_model()


def add_first_owner(person: User) -> bool:
    """Stores the owner, unless a user exists already: of many concurrent set-ups, one succeeds."""
    is_first = store_if_first(person)
    if is_first:
        setup_token.forget()
    return is_first


@retried
def store_if_first(person: User) -> bool:
    DatabaseLock.objects.acquire(OWNERS)
    if User.objects.exists():
        return False
    person.save()
    return True


@retried
def add_invited(person: User, link: OneTimeLink) -> bool:
    """Marks the link as used and stores the member, both or neither. Raises IntegrityError if the name is taken."""
    if not link.use():
        return False
    person.save()
    return True


@retried
def store_password_by_link(person: User, link: OneTimeLink) -> bool:
    """Marks the link as used and stores the password, both or neither. The member's other open links become void."""
    if not link.use():
        return False
    store_password(person)
    sessions.end_all(person)
    return True


def store_password(person: User):
    """Stores the password alone: somebody else may have changed the person's role meanwhile."""
    person.save(update_fields=["password"])
