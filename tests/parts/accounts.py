"""The account row of a backend, as tests name it."""

from videos.models import RemoteAccount
from videos.remotes import registry


def account(backend: str = "heygen_workflows") -> RemoteAccount:
    """The account at this backend as it stands now, in the mode that the test runs in."""
    return RemoteAccount.objects.of(registry.row_key(backend))
