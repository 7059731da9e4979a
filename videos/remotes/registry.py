"""Finds the backends: every module of this package that has a BACKEND."""

from importlib import import_module
from pkgutil import iter_modules

from django.conf import settings

from videos import remotes
from videos.remotes.absent import Absent
from videos.remotes.base import Backend


def found() -> dict[str, Backend]:
    names = sorted(module.name for module in iter_modules(remotes.__path__) if module.name != "registry")
    backends = [getattr(import_module(f"{remotes.__name__}.{name}"), "BACKEND", None) for name in names]
    return {backend.key: backend for backend in backends if backend is not None}


BACKENDS = found()
DEMO = "demo:"  # before a backend's key in rows that were made in demo mode: they are never sent for real


def find(key: str) -> Backend:
    """The backend that a row names, even if it is no longer part of the studio."""
    return BACKENDS.get(plain_key(key)) or Absent(plain_key(key))


def default_key() -> str:
    """The backend of a provider that an administrator adds without naming one."""
    return next((key for key, backend in BACKENDS.items() if backend.takes_any_provider), min(BACKENDS))


def choices() -> list[tuple[str, str]]:
    return [(key, backend.api_name) for key, backend in BACKENDS.items()]


def name_of(key: str) -> str:
    """The name, for people, of the remote that a row names."""
    backend = BACKENDS.get(key.removeprefix(DEMO))
    return backend.name if backend else key


def api_name_of(key: str) -> str:
    """The same, distinguished from other APIs of the same vendor."""
    backend = BACKENDS.get(key.removeprefix(DEMO))
    return backend.api_name if backend else key


def known_keys() -> list[str]:
    """The keys in rows of every backend that is part of the studio, in either mode."""
    return [*BACKENDS, *(f"{DEMO}{key}" for key in BACKENDS)]


def plain_key(key: str) -> str:
    """The backend's own key, from the key in a row."""
    return key.removeprefix(DEMO)


def row_key(key: str) -> str:
    """The key of this backend in rows that are made now."""
    return f"{DEMO}{key}" if settings.DEMO else key


def reachable_keys() -> list[str]:
    """The keys of the active backends that have an API key."""
    return [row_key(key) for key, backend in BACKENDS.items() if backend.is_configured]


def active_keys() -> list[str]:
    """The keys in rows that are sent, polled and saved now: never those of the other mode."""
    return [row_key(key) for key in BACKENDS]
