"""The account rows of the backends, by their short names."""

from videos.models import RemoteAccount
from videos.remotes import registry


def account(backend: str = "heygen_workflows") -> RemoteAccount:
    """The account at this backend, fresh from the database, in the mode of the test."""
    return RemoteAccount.objects.of(registry.row_key(backend))


def record_checks():
    """As if each account had just been checked, so that no check is due."""
    for each in RemoteAccount.objects.make_all_active():
        each.record_check()
