"""The one-time token for creating the first owner, needed when others could reach the studio before its operator."""

import secrets
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model

from heygen_studio.kept_secret import kept_secret


def file() -> Path:
    return settings.DATA / "setup-token"


def is_needed() -> bool:
    """Whether a token is needed: on this machine, the visitor is the operator; from elsewhere, the token proves it."""
    return not settings.ONLY_THIS_MACHINE


def announce(say=print):
    """Prints where to create the first owner, and the token. Called when the studio starts."""
    if get_user_model().objects.exists():
        forget()
    elif is_needed():
        say(f"To create the owner account, open /setup and enter this one-time token: {kept_secret(file())}")


def matches(typed: str) -> bool:
    try:
        expected = file().read_text().strip()
    except FileNotFoundError:
        return False
    return bool(expected) and secrets.compare_digest(expected.encode(), typed.strip().encode())


def forget():
    file().unlink(missing_ok=True)
