"""Addresses of pages for other people: an invitation, a password reset, a public link."""

import ipaddress
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest


def address_for_others(request: HttpRequest, path: str) -> str:
    """The address by which others reach this studio, if it is known; otherwise the one that this visitor used."""
    return settings.STUDIO_URL + path if settings.STUDIO_URL else request.build_absolute_uri(path)


def opens_only_here(address: str) -> bool:
    """Whether the address only works on this machine, and is useless to others."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
