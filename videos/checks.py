"""Faults of configuration, said before they do harm: what is wrong, and what to set instead."""

import os
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks

USUAL_POLL_SECONDS = (5, 60)


def is_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def is_local(address: str) -> bool:
    return urlsplit(address).hostname in settings.LOOPBACK


@checks.register()
def data_folder(**kwargs):
    if settings.DATA.is_dir() and os.access(settings.DATA, os.W_OK | os.X_OK):
        return []
    return [
        checks.Error(
            f"The studio cannot write to its data folder, {settings.DATA}.",
            hint="Give the folder to the user the studio runs as, or set STUDIO_DATA to one that is.",
            id="studio.E001",
        )
    ]


@checks.register()
def public_address(**kwargs):
    if settings.STUDIO_URL and not is_address(settings.STUDIO_URL):
        return [
            checks.Error(
                f"STUDIO_URL is not an address: {settings.STUDIO_URL}",
                hint="Give the whole public address, such as https://studio.example.com",
                id="studio.E002",
            )
        ]
    if settings.STUDIO_URL and not settings.OVER_TLS and not is_local(settings.STUDIO_URL):
        return [
            checks.Warning(
                "STUDIO_URL begins with http://, so passwords and sessions cross the network unencrypted.",
                hint="Put a proxy with a certificate before the studio, and give its https:// address.",
                id="studio.W003",
            )
        ]
    if settings.OVER_TLS and not settings.TRUSTED_PROXIES:
        return [
            checks.Warning(
                "STUDIO_URL begins with https://, but STUDIO_PROXIES is 0: no proxy is believed when it says that a "
                "request came over TLS.",
                hint="Set STUDIO_PROXIES to how many proxies of yours stand before the studio, usually 1. Until then "
                "plain requests are not redirected to https://, and browsers are not told to stay there.",
                id="studio.W008",
            )
        ]
    return []


@checks.register()
def names_of_a_public_studio(**kwargs):
    if settings.BOUND_TO_LOOPBACK or set(settings.ALLOWED_HOSTS) - settings.LOOPBACK:
        return []
    return [
        checks.Warning(
            f"HOST is {settings.HOST}, but no name is set under which others may reach the studio.",
            hint="Set STUDIO_HOSTS to those names or addresses, separated by commas, or STUDIO_URL. Until then the "
            "studio answers only to localhost.",
            id="studio.W001",
        )
    ]


@checks.register()
def remote_address(**kwargs):
    faults = []
    for name in ("HEYGEN_API_URL", "HEYGEN_UPLOAD_URL"):
        address = getattr(settings, name)
        if not is_address(address):
            hint = f"Unset {name} to use HeyGen's own address, or give a whole one."
            faults.append(checks.Error(f"{name} is not an address: {address}", hint=hint, id="studio.E003"))
        elif not address.startswith("https://") and not is_local(address):
            hint = f"Unset {name} to use HeyGen's own address, or give one that begins with https://"
            sentence = f"{name} does not begin with https://, so the API key would cross the network unencrypted."
            faults.append(checks.Warning(sentence, hint=hint, id="studio.W002"))
    return faults


@checks.register()
def api_key(**kwargs):
    """Without a key and with nothing else set the studio is a demo, and says so; this is half of a configuration."""
    if settings.HEYGEN_API_KEY or settings.DEMO or urlsplit(settings.HEYGEN_API_URL).hostname == "api.heygen.com":
        return []
    return [
        checks.Warning(
            "HEYGEN_API_URL is set, but HEYGEN_API_KEY is not: nothing can be generated.",
            hint="Set HEYGEN_API_KEY, or unset HEYGEN_API_URL for the demo.",
            id="studio.W004",
        )
    ]


@checks.register()
def polling(**kwargs):
    low, high = USUAL_POLL_SECONDS
    if settings.POLL_SECONDS <= 0:
        hint = "Unset it for the usual 10 seconds."
        return [checks.Error("STUDIO_POLL_SECONDS must be more than 0.", hint=hint, id="studio.E004")]
    if low <= settings.POLL_SECONDS <= high or is_local(settings.HEYGEN_API_URL) or settings.DEMO:
        return []
    return [
        checks.Warning(
            f"STUDIO_POLL_SECONDS is {settings.POLL_SECONDS:g}; HeyGen advises 10.",
            hint=f"Below {low} HeyGen may refuse to answer; above {high} finished videos are noticed late.",
            id="studio.W005",
        )
    ]


@checks.register()
def bucket(**kwargs):
    if not settings.BUCKET or settings.BUCKET_HAS_CREDENTIALS:
        return []
    return [
        checks.Warning(
            "STUDIO_BUCKET is set, but no AWS_* variable says how to sign in to it.",
            hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE. If the host's own role lets it in, "
            "set AWS_ROLE_ARN or ignore this.",
            id="studio.W006",
        )
    ]


@checks.register(deploy=True)
def one_secret_for_all(**kwargs):
    """Several hosts share a PostgreSQL; a secret that each made for itself would sign people out at every turn."""
    if settings.SECRET_KEY_IS_GIVEN or settings.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
        return []
    return [
        checks.Warning(
            "SECRET_KEY is not set: each host makes its own, and sessions of one are unknown to the others.",
            hint="Set SECRET_KEY to the same long random text on every host.",
            id="studio.W007",
        )
    ]
