"""Addresses from the environment, read without failing: `videos/checks.py` says what is wrong with one."""

from urllib.parse import urlsplit


def host_of(address: str) -> str | None:
    """The host name in an address; None if the text is not an address, or names no host."""
    try:
        parts = urlsplit(address)
        return parts.hostname if parts.port != 0 else None  # reading an invalid port raises
    except ValueError:
        return None


def is_address(text: str) -> bool:
    return text.startswith(("http://", "https://")) and bool(host_of(text))


def is_bare(address: str) -> bool:
    """Scheme, host and port, and nothing else."""
    parts = urlsplit(address)
    return not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
