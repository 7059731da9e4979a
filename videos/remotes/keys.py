"""The key of HeyGen's APIs: the environment's, or else the one that an owner stored.

The database lies above this package, so what reads a stored key is handed in: videos/models/studio_settings.py does.
"""

from collections.abc import Callable

from django.conf import settings


class StoredKey:
    """How a stored key is read; "" where none is."""

    read: Callable[[], str] = staticmethod(lambda: "")


def heygen_api_key() -> str:
    return settings.HEYGEN_API_KEY or StoredKey.read()
