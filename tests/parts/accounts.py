"""The account row of a backend, by a short name."""

from videos.models import RemoteAccount
from videos.remotes import registry


def account(backend: str = "heygen_workflows") -> RemoteAccount:
    """The account at this backend, fresh from the database, in the mode of the test."""
    return RemoteAccount.objects.of(registry.row_key(backend))
