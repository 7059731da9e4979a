"""HTTP GET that connects only to checked addresses, and fails when bytes arrive too slowly.

httpcore is used directly, because what httpx adds (redirects, cookies, proxies, decompression) must not happen here.
Names are resolved once, the addresses are checked, and the connection goes to the checked address itself, so a name
that resolves differently a moment later changes nothing. No exception raised here contains the link, because its
signature gives anybody access to the file.
"""

import re
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpcore
import httpx

from videos.remotes import transport
from videos.storage.not_saved import NotSaved
from videos.storage.public_addresses import is_public, resolve

MAX_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
CONNECT_SECONDS = 10.0
CONTENT_RANGE = re.compile(r"bytes\s+(?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.IGNORECASE)


def anything(head: bytes) -> bool:
    return True


class Fault(StrEnum):
    """Why a download did not finish."""

    INTERRUPTED = "interrupted"  # the connection broke, or the body ended too early
    STALLED = "stalled"
    CHANGED = "changed"  # no longer the file whose first bytes we have; those were discarded
    DEAD_LINK = "dead_link"
    UNREACHABLE = "unreachable"
    FORBIDDEN = "forbidden"  # an address, a scheme or a redirect that must not be followed
    SERVER = "server"
    TOO_LARGE = "too_large"
    WRONG_BYTES = "wrong_bytes"
    DISK = "disk"


class FetchError(NotSaved):
    def __init__(self, fault: Fault, code: str, **facts: Any):
        super().__init__(code, **facts)
        self.fault = fault


@dataclass(frozen=True)
class Guard:
    """The limits of a download. Amounts are bytes, times seconds."""

    trusted_origin: str = ""  # scheme://host[:port]; only this one may use plain HTTP or a private address
    largest: int = 2 * 1024**3
    keep_free: int = 0
    looks_right: Callable[[bytes], bool] = anything  # judges the first 12 bytes
    resolve: Callable[[str, int], list[str]] = resolve
    is_allowed: Callable[[str], bool] = is_public
    window: float = 30.0  # seconds; a stall is fewer than `slowest` bytes a second over this time
    slowest: int = 2048
    context: ssl.SSLContext | None = None

    def trusts(self, link: httpx.URL) -> bool:
        return bool(self.trusted_origin) and origin(link) == origin(httpx.URL(self.trusted_origin))


@dataclass(frozen=True)
class Answer:
    """A final response: headers by lower-case name, and the body as it arrives."""

    status: int
    headers: dict[str, str]
    chunks: Iterable[bytes]

    def header(self, name: str) -> str:
        return self.headers.get(name, "")

    @property
    def strong_etag(self) -> str:
        etag = self.header("etag")
        return etag if etag.startswith('"') else ""

    @property
    def content_length(self) -> int | None:
        value = self.header("content-length")
        return int(value) if value.isdecimal() and len(value) < 19 else None

    @property
    def content_range(self) -> tuple[int | None, int | None]:
        """(first byte, whole length), each None if not given."""
        match = CONTENT_RANGE.fullmatch(self.header("content-range").strip())
        if not match:
            return None, None
        first, _, total = match.groups()
        return int(first) if first else None, int(total) if total != "*" else None


@contextmanager
def answered(link: str, headers: dict[str, str], guard: Guard, tick: Callable[[], None]) -> Iterator[Answer]:
    """The final response after at most three redirects; each address is checked like the first."""
    address = parse(link)
    for _ in range(MAX_REDIRECTS + 1):
        with asked(address, headers, guard, tick) as answer:
            if answer.status not in REDIRECTS:
                yield answer
                return
            address = parse(answer.header("location"), base=address)
    raise FetchError(Fault.FORBIDDEN, "saving.redirects")


@contextmanager
def asked(address: httpx.URL, headers: dict[str, str], guard: Guard, tick: Callable[[], None]) -> Iterator[Answer]:
    network = CheckedNetwork(guard, trusted=guard.trusts(address), tick=tick)
    if not network.trusted and address.scheme != "https":
        raise FetchError(Fault.FORBIDDEN, "saving.not_encrypted")
    url = httpcore.URL(
        scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=address.raw_path or b"/"
    )
    context = guard.context or transport.certificates()
    with (
        translated_errors(),
        httpcore.ConnectionPool(ssl_context=context, max_connections=1, network_backend=network) as pool,
        pool.stream("GET", url, headers={**OUR_HEADERS, **headers}, extensions={"timeout": TIMEOUTS}) as response,
    ):
        yield Answer(response.status, lower(response.headers), response.iter_stream())


OUR_HEADERS = {"User-Agent": "HeyGen-Studio", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}
TIMEOUTS = {"connect": CONNECT_SECONDS, "read": 60.0, "write": 10.0, "pool": 10.0}


def lower(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turns httpcore's errors into ours. Their text is dropped, because it might quote the link."""
    try:
        yield
    except (httpcore.ConnectError, httpcore.ConnectTimeout):
        raise FetchError(Fault.UNREACHABLE, "saving.unreachable") from None
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
        raise FetchError(Fault.INTERRUPTED, "saving.interrupted") from None


def parse(link: str, base: httpx.URL | None = None) -> httpx.URL:
    try:
        address = base.join(link) if base and link else httpx.URL(link)
        has_port = address.port is None or 0 < address.port < 65536
        usable = bool(address.host) and has_port and not address.userinfo and address.scheme in {"http", "https"}
    except (httpx.InvalidURL, ValueError, TypeError):
        usable = False
    if not usable:
        raise FetchError(Fault.FORBIDDEN, "saving.not_an_address")
    return address


def origin(link: httpx.URL) -> tuple[str, str, int | None]:
    return link.scheme, link.host, link.port or {"http": 80, "https": 443}.get(link.scheme)


@dataclass
class CheckedNetwork(httpcore.NetworkBackend):
    """Connects only to checked addresses. `trusted` is for the one origin that may have a private address."""

    guard: Guard
    trusted: bool
    tick: Callable[[], None]
    plain: httpcore.SyncBackend = field(default_factory=httpcore.SyncBackend)

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        failure: Exception = httpcore.ConnectError("no address")
        for address in self.allowed_addresses(host, port):
            self.tick()
            try:
                stream = self.plain.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            self.require_allowed_peer(stream)
            return WatchedStream(stream, self.guard, self.tick)
        raise failure

    def allowed_addresses(self, host: str, port: int) -> list[str]:
        try:
            found = self.guard.resolve(host, port)
        except (OSError, UnicodeError):  # UnicodeError: not a host name, such as `a..b`
            raise httpcore.ConnectError("the name could not be resolved") from None
        allowed = [address for address in found if self.trusted or self.guard.is_allowed(address)]
        if found and not allowed:
            raise FetchError(Fault.FORBIDDEN, "saving.forbidden_address")
        return allowed

    def require_allowed_peer(self, stream: httpcore.NetworkStream):
        peer = str(stream.get_extra_info("server_addr")[0])
        if not self.trusted and not self.guard.is_allowed(peer):
            stream.close()
            raise FetchError(Fault.FORBIDDEN, "saving.forbidden_address")


class WatchedStream(httpcore.NetworkStream):
    """A connection that calls `tick` while it waits, and fails when too few bytes arrive, headers included."""

    def __init__(self, stream: httpcore.NetworkStream, guard: Guard, tick: Callable[[], None]):
        self.stream, self.guard, self.tick = stream, guard, tick
        self.window_began, self.came = time.monotonic(), 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            self.tick()
            self.check_pace()
            try:
                data = self.stream.read(max_bytes, min(0.5, self.guard.window))
            except httpcore.ReadTimeout:
                continue
            self.came += len(data)
            return data

    def check_pace(self):
        elapsed = time.monotonic() - self.window_began
        if elapsed < self.guard.window:
            return
        if self.came < self.guard.slowest * elapsed:
            raise FetchError(Fault.STALLED, "saving.stalled")
        self.window_began, self.came = time.monotonic(), 0

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, timeout)

    def close(self) -> None:
        self.stream.close()

    def start_tls(self, ssl_context, server_hostname=None, timeout=None) -> httpcore.NetworkStream:
        secured = self.stream.start_tls(ssl_context, server_hostname, timeout)
        return WatchedStream(secured, self.guard, self.tick)

    def get_extra_info(self, info: str):
        return self.stream.get_extra_info(info)
