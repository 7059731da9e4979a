"""Encrypts the few secrets in the database with a key derived from SECRET_KEY.

Anybody with both the database and SECRET_KEY can read them. A secret that was stored under another SECRET_KEY is
unreadable and has to be entered again.

Each process remembers what it encrypts or decrypts, so that its log can leave it out: videos/logs.py.
"""

from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE = b"heygen-studio: secrets in the database"
MAX_REMEMBERED = 300  # the least recently used is dropped first
_remembered: dict[str, None] = {}


def encrypt(text: str) -> str:
    """The encrypted text, for storing; "" stays ""."""
    remember(text)
    return cipher().encrypt(text.encode()).decode() if text else ""


def decrypt(stored: str) -> str | None:
    """The decrypted text; None if it was stored under another SECRET_KEY."""
    if not stored:
        return ""
    try:
        text = cipher().decrypt(stored.encode()).decode()
    except InvalidToken:
        return None
    remember(text)
    return text


def remember(text: str):
    for secret in text.split():  # several addresses are stored as one text
        _remembered.pop(secret, None)
        _remembered[secret] = None
    for oldest in list(_remembered)[:-MAX_REMEMBERED]:  # a list: other threads remember at the same time
        _remembered.pop(oldest, None)


def remembered() -> tuple[str, ...]:
    """The stored secrets that this process knows in plain text: it can log no others."""
    return tuple(_remembered)


def cipher() -> MultiFernet:
    """Encrypts under SECRET_KEY, and still reads what was stored under one of SECRET_KEY_FALLBACKS."""
    return made_of(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@lru_cache(maxsize=4)
def made_of(*secrets: str) -> MultiFernet:
    return MultiFernet([Fernet(urlsafe_b64encode(derived(secret))) for secret in secrets])


def derived(secret: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret.encode())
