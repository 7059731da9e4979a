"""SSRF-safe, resumable download of one large file, bounded in size and time.

httpcore is used directly, because what httpx adds (redirects, cookies, proxies, decompression) must not happen here.
Names are resolved once, the addresses are checked, and the connection goes to the checked address itself, so a name
that resolves differently a moment later changes nothing. No exception raised here contains the link, because its
signature gives anybody access to the file.
"""

import errno
import ipaddress
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, BinaryIO

import httpcore
import httpx

from videos.models.studio_settings import current
from videos.outages import is_of_storage
from videos.storage.not_saved import NotSaved

MAX_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
CONNECT_SECONDS = 10.0
OVERLAP = 256  # bytes: a resumed download begins this far before its end, and these must arrive unchanged
CHECK_SPACE_EVERY = 16 * 1024 * 1024
CONTENT_RANGE = re.compile(r"bytes\s+(?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.IGNORECASE)
HEAD_BYTES = 12
DISK_IS_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# The server is busy or broken; the link may still be valid.
TEMPORARY = frozenset({408, 416, 425, 429})

# Explicit, because `ipaddress.is_global` has changed its mind between Python's patch releases.
FORBIDDEN_V4 = [
    ipaddress.IPv4Network("0.0.0.0/8"),
    ipaddress.IPv4Network("10.0.0.0/8"),
    ipaddress.IPv4Network("100.64.0.0/10"),  # carrier-grade NAT
    ipaddress.IPv4Network("127.0.0.0/8"),
    ipaddress.IPv4Network("169.254.0.0/16"),  # link-local, where clouds keep their metadata
    ipaddress.IPv4Network("172.16.0.0/12"),
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.0.2.0/24"),  # documentation
    ipaddress.IPv4Network("192.88.99.0/24"),  # 6to4 relays
    ipaddress.IPv4Network("192.168.0.0/16"),
    ipaddress.IPv4Network("198.18.0.0/15"),  # benchmarks
    ipaddress.IPv4Network("198.51.100.0/24"),  # documentation
    ipaddress.IPv4Network("203.0.113.0/24"),  # documentation
    ipaddress.IPv4Network("224.0.0.0/4"),  # multicast
    ipaddress.IPv4Network("240.0.0.0/4"),
]
GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")  # leaves out mapped, NAT64, unique local, link-local, multicast
FORBIDDEN_V6 = [
    ipaddress.IPv6Network("2001::/23"),  # Teredo and other assignments
    ipaddress.IPv6Network("2001:db8::/32"),  # documentation
    ipaddress.IPv6Network("2002::/16"),  # 6to4
    ipaddress.IPv6Network("3fff::/20"),  # documentation
]


def is_public(address: str) -> bool:
    """Whether this is a public internet address: global unicast, and not a tunnel to another network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in FORBIDDEN_V4)
    return parsed.scope_id is None and parsed in GLOBAL_V6 and not any(parsed in network for network in FORBIDDEN_V6)


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, in the system's order of preference. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


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


def guard_for(trusted_origin: str) -> Guard:
    """The limits for a video, by the settings; it may always come from this origin."""
    return Guard(
        trusted_origin=trusted_origin,
        largest=current().max_video_bytes,
        keep_free=current().min_free_bytes,
        looks_right=lambda head: head[4:8] == b"ftyp",
    )


@dataclass
class Facts:
    """The server's description of the file, stored beside the partial file so that any process can resume."""

    etag: str = ""  # strong ones only
    modified: str = ""
    length: int | None = None
    starts_over: bool = False  # the server always sends the whole file, even if a part was requested

    @property
    def validator(self) -> str:
        return self.etag or self.modified

    def learn(self, answer: "Answer", length: int | None):
        self.etag, self.modified, self.length = answer.strong_etag, answer.header("last-modified"), length

    def forget(self):
        self.etag, self.modified, self.length = "", "", None


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


# The download
def download(
    link: str,
    file: BinaryIO,
    facts: Facts,
    guard: Guard,
    tick: Callable[[], None] = lambda: None,
    learned: Callable[[], None] = lambda: None,
) -> None:
    """Downloads `link` into `file` (unbuffered, open for reading and writing) until it is complete.

    Resumes after the bytes that `file` already has if the server still has the same file, and starts over if not.
    `tick` is called at least twice a second and may raise to stop the download. `learned` is called when `facts` have
    changed, before the bytes that they describe. Raises FetchError; the bytes that arrived stay for the next attempt.
    """
    have = size_of(file)
    first = have - OVERLAP if have > OVERLAP else 0
    with answered(link, range_headers(first, facts), guard, tick) as answer:
        if answer.status == 416 and first and answer.content_range[1] == have:
            facts.length = have
            return
        refuse_unusable(answer, first, file, facts)
        resumes = answer.status == 206
        chunks = resumed(answer, first, file, facts) if resumes else start_over(answer, file, facts)
        learned()
        refuse_too_large(facts.length, guard)
        require_space(file, (facts.length or 0) - size_of(file), guard)
        try:
            write_all(chunks, file, guard)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
            if size_of(file) != facts.length:  # a connection that breaks after the last byte did no harm
                raise interrupted(size_of(file)) from None
    require_length(file, facts)


def look(link: str, guard: Guard) -> None:
    """Requests only the first bytes of `link`. Raises FetchError if they are not available, or not a video's."""
    began = time.monotonic()

    def tick():
        if time.monotonic() - began > guard.window:
            raise FetchError(Fault.STALLED, "saving.stalled")

    with answered(link, {"Range": f"bytes=0-{HEAD_BYTES - 1}"}, guard, tick) as answer:
        if answer.status not in {200, 206}:
            raise fault_of(answer.status)
        head = b""
        for chunk in answer.chunks:
            head += chunk
            if len(head) >= HEAD_BYTES:
                break
        refuse_wrong(head[:HEAD_BYTES], guard)


def refuse_wrong(head: bytes, guard: Guard):
    if not guard.looks_right(head):
        raise FetchError(Fault.WRONG_BYTES, "saving.not_a_video")


def range_headers(first: int, facts: Facts) -> dict[str, str]:
    if not first:
        return {}
    condition = {"If-Range": facts.validator} if facts.validator else {}
    return {"Range": f"bytes={first}-", **condition}


def refuse_unusable(answer: Answer, first: int, file: BinaryIO, facts: Facts):
    status = answer.status
    if status == 416:
        discard(file, facts)
        raise FetchError(Fault.CHANGED, "saving.changed")
    if status not in {200, 206} or (status == 206 and not first):
        raise fault_of(status)
    if answer.header("content-encoding").strip().lower() not in {"", "identity"}:
        raise FetchError(Fault.WRONG_BYTES, "saving.compressed")


def fault_of(status: int) -> FetchError:
    if 400 <= status < 500 and status not in TEMPORARY:
        return FetchError(Fault.DEAD_LINK, "saving.dead_link")
    return FetchError(Fault.SERVER, "saving.server", http=status)


def resumed(answer: Answer, first: int, file: BinaryIO, facts: Facts) -> Iterable[bytes]:
    """The rest of a partly downloaded file, if it is still the same file; the bytes of the overlap must match."""
    begins, total = answer.content_range
    other_etag = bool(facts.etag and answer.strong_etag and facts.etag != answer.strong_etag)
    other_length = None not in (total, facts.length) and total != facts.length and not facts.etag
    if begins != first or other_etag or other_length or (total is not None and total < size_of(file)):
        discard(file, facts)
        raise FetchError(Fault.CHANGED, "saving.changed")
    # A total in Content-Range is about the file; a Content-Length may have been a lie about one answer.
    facts.length = total if total is not None else facts.length
    return after_overlap(answer.chunks, file, facts)


def after_overlap(chunks: Iterable[bytes], file: BinaryIO, facts: Facts) -> Iterator[bytes]:
    file.seek(-OVERLAP, os.SEEK_END)
    expected, came = file.read(OVERLAP), b""
    for chunk in chunks:
        if len(came) == OVERLAP:
            yield chunk
            continue
        missing = OVERLAP - len(came)
        came += chunk[:missing]
        if not expected.startswith(came):
            discard(file, facts)
            raise FetchError(Fault.CHANGED, "saving.changed")
        if chunk[missing:]:
            yield chunk[missing:]


def start_over(answer: Answer, file: BinaryIO, facts: Facts) -> Iterable[bytes]:
    facts.starts_over = size_of(file) > OVERLAP
    discard(file, facts)
    facts.learn(answer, answer.content_length)
    return answer.chunks


def discard(file: BinaryIO, facts: Facts):
    facts.forget()
    file.truncate(0)


def write_all(chunks: Iterable[bytes], file: BinaryIO, guard: Guard):
    size = file.seek(0, os.SEEK_END)
    head, unchecked = b"", 0
    for chunk in chunks:
        if size < HEAD_BYTES:
            head += chunk[: HEAD_BYTES - size]
            if len(head) >= HEAD_BYTES:
                refuse_wrong(head, guard)
        refuse_too_large(size + len(chunk), guard)
        write(file, chunk)
        size, unchecked = size + len(chunk), unchecked + len(chunk)
        if unchecked > CHECK_SPACE_EVERY:
            require_space(file, 0, guard)
            unchecked = 0


def write(file: BinaryIO, chunk: bytes):
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        if not is_of_storage(error):
            raise
        raise disk_fault(error) from None


def disk_fault(error: OSError) -> FetchError:
    if error.errno in DISK_IS_FULL:
        return FetchError(Fault.DISK, "saving.disk_full")
    return FetchError(Fault.DISK, "saving.storage", detail=error.strerror or "unknown fault")


def size_of(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def refuse_too_large(size: int | None, guard: Guard):
    if size is not None and size > guard.largest:
        raise FetchError(Fault.TOO_LARGE, "saving.too_large", size=amount(guard.largest))


def require_space(file: BinaryIO, needed: int, guard: Guard):
    free = os.fstatvfs(file.fileno())
    if free.f_bavail * free.f_frsize - max(0, needed) < guard.keep_free:
        raise FetchError(Fault.DISK, "saving.disk_nearly_full")


def require_length(file: BinaryIO, facts: Facts):
    size = size_of(file)
    if facts.length is not None and size > facts.length:
        discard(file, facts)
        raise FetchError(Fault.CHANGED, "saving.changed")
    if facts.length is not None and size < facts.length:
        raise interrupted(size)


def interrupted(size: int) -> FetchError:
    return FetchError(Fault.INTERRUPTED, "saving.interrupted_after", size=amount(size))


def amount(size: int) -> str:
    """Bytes for a person: 3.1 MB."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} bytes"


# The connection
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
    context = guard.context or tls_context()
    with (
        translated_errors(),
        httpcore.ConnectionPool(ssl_context=context, max_connections=1, network_backend=network) as pool,
        pool.stream("GET", url, headers={**OUR_HEADERS, **headers}, extensions={"timeout": TIMEOUTS}) as response,
    ):
        yield Answer(response.status, lower(response.headers), response.iter_stream())


@cache
def tls_context() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


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
