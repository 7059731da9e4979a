"""Start and end frames: the demo server fetches their addresses itself, as the remote API would."""

import hashlib
import io
import ipaddress
import socket
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image

LIMIT = 32 * 1024 * 1024
PIXELS = 60_000_000
TIMEOUT = 8.0
AGENT = "HeyGen-stand-in/1"

# Names kept for documentation (RFC 2606), like the contract's own https://example.com/product-photo.png:
# nothing is asked of the network, a picture is drawn in their place.
RESERVED = ("example.com", "example.net", "example.org", ".example")


class Unreachable(Exception):
    """The picture could not be fetched; the text says why in a few words."""


def is_reserved(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return any(host == name.lstrip(".") or host.endswith("." + name.lstrip(".")) for name in RESERVED)


def fetch(url: str, folder: Path) -> str:
    """Fetches a picture into `folder` (32 MB, 8 s for each read). Returns its path. Raises Unreachable."""
    try:
        _check_address(url)
        request = urllib.request.Request(url, headers={"User-Agent": AGENT, "Accept": "image/*"})
        with _opener().open(request, timeout=TIMEOUT) as reply:
            data = reply.read(LIMIT + 1)
    except (OSError, ValueError, urllib.error.URLError) as problem:
        raise Unreachable(_why(problem)) from None
    return keep(data, folder)


def keep(data: bytes, folder: Path) -> str:
    """Checks that these bytes are a picture, and stores them once. Returns the path."""
    if len(data) > LIMIT:
        raise Unreachable("it is larger than 32 MB")
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.width * picture.height > PIXELS:
                raise Unreachable("it has too many pixels")
            picture.draft("RGB", (2048, 2048))
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Unreachable("it is not a picture") from None
    path = folder / hashlib.sha256(data).hexdigest()
    if not path.exists():
        part = path.with_suffix(".part")
        part.write_bytes(data)
        part.replace(path)
    return str(path)


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        _check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), _CheckedRedirects())


def _check_address(url: str) -> None:
    """Allows loopback, where the studio is, and public addresses; requests into private networks are refused."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unreachable("it is not an http or https address")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    for *_, address in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM):
        place = ipaddress.ip_address(address[0].split("%")[0])
        if not (place.is_loopback or place.is_global):
            raise Unreachable("its address is not public")


def _why(problem: Exception) -> str:
    if isinstance(problem, urllib.error.HTTPError):
        return f"the server answered {problem.code}"
    if isinstance(problem, TimeoutError):
        return "the server did not answer in time"
    return "the server could not be reached"
