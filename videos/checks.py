"""System checks of the configuration: each says what is wrong and what to set instead."""

import math
import os
from pathlib import Path

from django.conf import settings
from django.core import checks

from heygen_studio.addresses import host_of, is_address, is_bare
from heygen_studio.time_zone import zone_name

USUAL_POLL_SECONDS = (5, 60)
SHORTEST_POLL = 0.01
SHORTEST_KEY, MIN_LETTERS = 20, 5


def is_local(address: str) -> bool:
    return host_of(address) in settings.LOOPBACK


@checks.register()
def data_folder(**kwargs):
    if os.path.isfile(settings.DATA):  # noqa: PTH113 – pathlib's fails on a name that is too long
        return [
            checks.Error(
                f"The studio's data folder, {settings.DATA}, is a file.",
                hint="Set STUDIO_DATA to a folder. Nothing was changed in the file.",
                id="studio.E001",
            )
        ]
    if os.path.isdir(settings.DATA) and os.access(settings.DATA, os.W_OK | os.X_OK):  # noqa: PTH112
        return []
    return [
        checks.Error(
            f"The studio cannot write to its data folder, {settings.DATA}.",
            hint="Give the folder to the user the studio runs as, or set STUDIO_DATA to one that is.",
            id="studio.E001",
        )
    ]


@checks.register()
def secret_key(**kwargs):
    if settings.SECRET_KEY_IS_GIVEN and is_guessable(settings.SECRET_KEY):
        hint = "Unset it, and the studio makes its own; or give at least 32 random characters. Changing it signs "
        sentence = "SECRET_KEY is too short or too regular: anybody who guesses it can sign in as anybody else."
        return [checks.Error(sentence, hint=f"{hint}everybody out.", id="studio.E005")]
    if settings.SECRET_KEY_IS_GIVEN or data_folder() or can_read(settings.DATA / "secret-key"):
        return []
    hint = f"Give {settings.DATA / 'secret-key'} to the user the studio runs as, or free some space on its disk."
    sentence = "The studio cannot keep its secret key, so everybody would be signed out with each restart."
    return [checks.Error(sentence, hint=hint, id="studio.E006")]


def is_guessable(key: str) -> bool:
    return len(key) < SHORTEST_KEY or len(set(key)) < MIN_LETTERS


def can_read(path: Path) -> bool:
    return path.is_file() and os.access(path, os.R_OK)


@checks.register()
def public_address(**kwargs):
    hint = "Give the full public address without a path, such as https://studio.example.com"
    if settings.STUDIO_URL and not is_address(settings.STUDIO_URL):
        return [checks.Error(f"STUDIO_URL is not an address: {settings.STUDIO_URL}", hint=hint, id="studio.E002")]
    if settings.STUDIO_URL and not is_bare(settings.STUDIO_URL):
        sentence = f"The studio cannot run below a path, and STUDIO_URL has one: {settings.STUDIO_URL}"
        return [checks.Error(sentence, hint=hint, id="studio.E002")]
    if settings.STUDIO_URL and not settings.OVER_TLS and not is_local(settings.STUDIO_URL):
        return [
            checks.Warning(
                "STUDIO_URL begins with http://, so passwords and sessions cross the network unencrypted.",
                hint="Put a proxy with a certificate in front of the studio, and give its https:// address.",
                id="studio.W003",
            )
        ]
    if settings.OVER_TLS and not settings.TRUSTED_PROXIES:
        return [
            checks.Warning(
                "STUDIO_URL begins with https://, but STUDIO_PROXIES is 0: no proxy is trusted to say that a "
                "request came over TLS.",
                hint="Set STUDIO_PROXIES to the number of your own proxies in front of the studio, usually 1. Until "
                "then plain requests are not redirected to https://, and browsers are not told to stay there.",
                id="studio.W010",
            )
        ]
    return []


@checks.register()
def host_names(**kwargs):
    wrong = [name for name in settings.ALLOWED_HOSTS if "/" in name]
    if not wrong:
        return []
    hint = "Give names without https:// and without a path, separated by commas, such as studio.example.com"
    return [checks.Warning(f"Not a host name in STUDIO_HOSTS: {', '.join(wrong)}", hint=hint, id="studio.W009")]


@checks.register()
def names_of_a_public_studio(**kwargs):
    if settings.BOUND_TO_LOOPBACK or set(settings.ALLOWED_HOSTS) - settings.LOOPBACK:
        return []
    return [
        checks.Warning(
            f"HOST is {settings.HOST}, but no host name is set for others to reach the studio.",
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
            hint = f"Unset {name} to use HeyGen's own address, or give a full one."
            faults.append(checks.Error(f"{name} is not an address: {address}", hint=hint, id="studio.E003"))
        elif not address.startswith("https://") and not is_local(address):
            hint = f"Unset {name} to use HeyGen's own address, or give one that begins with https://"
            sentence = f"{name} does not begin with https://, so the API key would cross the network unencrypted."
            faults.append(checks.Warning(sentence, hint=hint, id="studio.W002"))
    return faults


@checks.register()
def api_key(**kwargs):
    """Without any setting the studio is a demo, and says so; an API address without a key is half a configuration."""
    if settings.HEYGEN_API_KEY or settings.DEMO or host_of(settings.HEYGEN_API_URL) == "api.heygen.com":
        return []
    return [
        checks.Warning(
            "HEYGEN_API_URL is set, but HEYGEN_API_KEY is not: nothing can be generated.",
            hint="Set HEYGEN_API_KEY, store a key on the page Settings, or unset HEYGEN_API_URL for the demo.",
            id="studio.W004",
        )
    ]


@checks.register()
def numbers(**kwargs):
    """Numbers that the studio cannot work with; `not` also catches nan, which is neither more nor less."""
    return [
        checks.Error(f"{name} must be at least {least:g}.", hint=f"Unset it for the default {usual}.", id="studio.E004")
        for name, value, least, usual in (
            ("STUDIO_POLL_SECONDS", settings.POLL_SECONDS, SHORTEST_POLL, "10 seconds"),
            ("STUDIO_OVERDUE_SECONDS", settings.OVERDUE_SECONDS, 0, "600 seconds"),
            ("STUDIO_STOP_WAITING_SECONDS", settings.STOP_WAITING_SECONDS, 0, "86400 seconds"),
            ("STUDIO_LEASE_SECONDS", settings.LEASE_SECONDS, 1, "120 seconds"),
            ("STUDIO_MAX_IN_FLIGHT", settings.MAX_IN_FLIGHT, 1, "10"),
            ("STUDIO_MAX_VIDEO_BYTES", settings.MAX_VIDEO_BYTES, 1, "2 GB"),
            ("STUDIO_MIN_FREE_BYTES", settings.MIN_FREE_BYTES, 0, "512 MB"),
            ("STUDIO_BACKUP_KEEP", settings.BACKUP_KEEP, 1, "7"),
            ("STUDIO_PROXIES", settings.TRUSTED_PROXIES, 0, "0"),
        )
        if not least <= value < math.inf
    ]


@checks.register()
def time_zone(**kwargs):
    if zone_name(settings.TZ):
        return []
    return [
        checks.Warning(
            f"TZ is {settings.TZ}, which is not a time zone. Days begin at midnight in UTC.",
            hint="Set TZ to a name such as Europe/Berlin, or unset it.",
            id="studio.W008",
        )
    ]


@checks.register()
def polling(**kwargs):
    low, high = USUAL_POLL_SECONDS
    if not settings.POLL_SECONDS >= SHORTEST_POLL:
        return []  # reported by `numbers`
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
    if settings.BUCKET and not settings.BUCKET_IS_KNOWN:
        hint = "Unset AWS_ENDPOINT_URL to use Amazon's own, or give a full address."
        sentence = f"The bucket's endpoint is not an address: {settings.BUCKET_ENDPOINT}"
        return [checks.Error(sentence, hint=hint, id="studio.E007")]
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


@checks.register()
def backups(**kwargs):
    folder, media = Path(settings.BACKUP_FOLDER or "/"), Path(settings.MEDIA_ROOT)
    if not settings.BACKUP_FOLDER or not folder.absolute().is_relative_to(media):
        return []
    hint = "Give a folder on another disk, or at least outside the data folder."
    return [checks.Error("STUDIO_BACKUP_FOLDER is inside the media folder.", hint=hint, id="studio.E009")]


@checks.register()
def webhook(**kwargs):
    address = settings.WEBHOOK_URL
    if not address:
        return []
    if not is_address(address):
        hint = "Give a full address that begins with https://, or unset it."
        return [checks.Error("STUDIO_WEBHOOK_URL is not an address.", hint=hint, id="studio.E008")]
    faults = []
    if not settings.WEBHOOK_SECRET:
        hint = "Set STUDIO_WEBHOOK_SECRET to a long random text, and give it to the receiver."
        sentence = "STUDIO_WEBHOOK_SECRET is not set: receivers of webhooks cannot verify who sent them."
        faults.append(checks.Warning(sentence, hint=hint, id="studio.W011"))
    if not address.startswith("https://") and not is_local(address):
        hint = "Give an address that begins with https://"
        sentence = "STUDIO_WEBHOOK_URL begins with http://, so prompts cross the network unencrypted."
        faults.append(checks.Warning(sentence, hint=hint, id="studio.W012"))
    return faults


@checks.register(deploy=True)
def one_secret_for_all(**kwargs):
    """Several hosts share a PostgreSQL; a secret that each made for itself would sign people out again and again."""
    if settings.SECRET_KEY_IS_GIVEN or settings.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
        return []
    return [
        checks.Warning(
            "SECRET_KEY is not set: each host makes its own, and rejects the sessions of the others.",
            hint="Set SECRET_KEY to the same long random text on every host.",
            id="studio.W007",
        )
    ]
