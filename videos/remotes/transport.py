"""HTTP for the remote APIs: one call at a time, never repeated or redirected, limited in time and size.

Nothing here knows an API. A call returns a Reply with any status, or raises RemoteError for a connection that
failed. `before_first_byte` is the durable mark of the paid call: it runs when the connection is open. If it raises,
nothing is sent.
"""

import json
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache, cached_property
from threading import Timer
from typing import Any

import httpx

from videos.remotes.errors import Cause, RemoteError

LONGEST_WORDS = 4000  # characters of a remote's message that are read at all
LARGEST_REPLY = 1024 * 1024  # bytes; replies are a few hundred
# Every form in which a server may repeat a link: whole, without its scheme, escaped, or a single parameter.
QUERY = re.compile(r"(?:\?|%3f)[^\s\"'<>?]*?(?:=|%3d)[^\s\"'<>]*", re.IGNORECASE)
SIGNED = re.compile(
    r"(?<![\w-])([\w-]*(?:signature|token|policy|credential|key-pair-id))(?:=|%3d)[^\s&\"'<>]+", re.IGNORECASE
)
SENDABLE_KEY = re.compile(r"[!-~]+")
TIMEOUT = httpx.Timeout(30, connect=10)
CONNECTED = frozenset({"connection.connect_tcp.complete", "connection.start_tls.complete"})
HEADERS = {"User-Agent": "HeyGen-Studio", "Accept": "application/json", "Accept-Encoding": "identity"}
CLIENT: dict[str, Any] = {"timeout": TIMEOUT, "follow_redirects": False, "trust_env": False, "headers": HEADERS}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]  # whose get() knows no case
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @cached_property
    def data(self) -> dict[str, Any]:
        """The reply's JSON object, or {} if there is none."""
        try:
            data = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return data if isinstance(data, dict) else {}


class BrokenReply(RemoteError):
    """The connection broke during the reply; `body` is the part that had arrived."""

    def __init__(self, detail: str, body: bytes):
        super().__init__(Cause.NETWORK, detail)
        self.body = body


# Clients
def make_client() -> httpx.Client:
    """A client that never retries, redirects, or reads proxies from the environment. Make it after a fork."""
    return httpx.Client(transport=httpx.HTTPTransport(verify=certificates(), retries=0, trust_env=False), **CLIENT)


@cache
def certificates() -> ssl.SSLContext:
    """The trusted certificates, also for downloads and webhooks. Reading them takes longer than a whole request."""
    return httpx.create_ssl_context(trust_env=False)


class Cutoff:
    """Ends a call that takes longer than `seconds` in all: httpx's own time-outs are for one read each.

    Give `trace` to httpx's extension of that name. The connection is shut down, which the call sees as a lost reply.
    """

    def __init__(self, seconds: float):
        self.timer = Timer(seconds, self.cut)
        self.timer.daemon = True
        self.stream = None
        self.is_over = False

    def __enter__(self):
        self.timer.start()
        return self

    def __exit__(self, *exception):
        self.timer.cancel()

    def trace(self, event: str, info: dict[str, Any]):
        if event in CONNECTED:
            self.stream = info["return_value"]
            if self.is_over:
                self.cut()

    def cut(self):
        self.is_over = True
        if self.stream is None:
            return
        # The plain socket's method: that of a TLS socket would also take its state from under the reader.
        with suppress(OSError):  # it ended by itself
            socket.socket.shutdown(self.stream.get_extra_info("socket"), socket.SHUT_RDWR)


class Gate:
    """Holds back the head of a request until its body comes, then runs `before`, and sends
    both in one write. If `before` raises, nothing is sent.

    httpx's own trace event for the first byte comes 80 executed lines earlier than the body's last byte; a process
    that dies within them leaves a request that was never made, and looks like one that was.
    """

    def __init__(self, stream: Any, before: Callable[[], None]):
        self.write_on, self.before = stream.write, before
        self.head: bytes | None = None
        self.is_open = False
        stream.write = self.write

    def write(self, buffer: bytes, timeout: float | None = None):
        if self.is_open:
            self.write_on(buffer, timeout)
        elif self.head is None:
            self.head = buffer
        else:
            self.before()
            self.is_open = True
            self.write_on(self.head + buffer, timeout)


# Calls
def request(method: str, address: str, headers: dict[str, str], seconds: float, **body: Any) -> Reply:
    """One free call, on a connection of its own, in at most `seconds`. `body` is httpx's content or files."""
    with Cutoff(seconds) as cutoff, make_client() as client:
        return read(client, method, address, headers=headers, extensions={"trace": cutoff.trace}, **body)


def post_once(
    address: str, headers: dict[str, str], content: bytes, before_first_byte: Callable[[], None], seconds: float
) -> Reply:
    """The paid call. `before_first_byte` runs when the connection is established and nothing has been written.

    The connection is always a new one: one kept alive may be closed by the other side just as the request leaves, and
    is open already when `before_first_byte` should be asked.
    """
    cutoff = Cutoff(seconds)

    def trace(event: str, info: dict[str, Any]):
        if event in CONNECTED:
            Gate(info["return_value"], before_first_byte)
            cutoff.trace(event, info)

    with cutoff, make_client() as client:
        return read(
            client,
            "POST",
            address,
            headers=headers,
            content=content,
            extensions={"trace": trace},
            timeout=httpx.Timeout(seconds, connect=10),
        )


def read(client: httpx.Client, method: str, address: str, **options: Any) -> Reply:
    try:
        with client.stream(method, address, **options) as response:
            return Reply(response.status_code, response.headers, read_body(response))
    except httpx.HTTPError as error:
        raise RemoteError(Cause.NETWORK, what_broke(error)) from error


def read_body(response: httpx.Response) -> bytes:
    body = bytearray()
    try:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > LARGEST_REPLY:
                break
    except httpx.HTTPError as error:
        raise BrokenReply(what_broke(error), bytes(body)) from error
    return bytes(body)


def what_broke(error: Exception, late=httpx.TimeoutException, unconnected=httpx.ConnectError) -> str:
    """`late` and `unconnected` are the HTTP library's classes for these two."""
    if isinstance(error, late):
        return "No answer came in time."
    return "No connection could be made." if isinstance(error, unconnected) else "The connection broke off."


def as_json(body: dict[str, Any]) -> bytes:
    """Raises RemoteError for values that JSON cannot represent, such as NaN or half a surrogate pair."""
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise RemoteError(Cause.INVALID, f"{type(error).__name__} in the request.", is_definite=True) from error


# Reading replies
def inside(value: Any, *names: str) -> Any:
    """`value[name][name]…`, or None if one of them is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text(value: Any) -> str:
    """`value` if it is text, as every database takes it: no NUL, no half of a surrogate pair."""
    return value.encode("utf-8", "replace").decode().replace("\0", "") if isinstance(value, str) else ""


def harmless(words: Any, *secrets: str) -> str:
    """A remote's words in a form that may be stored and shown: short, without signatures of links or our keys."""
    words = text(words)
    for secret in secrets:
        words = words.replace(secret, "…") if secret else words
    words = words[:LONGEST_WORDS]  # before the patterns, which take their time on a megabyte of letters
    if words.isalpha():
        return words[:500]
    words = SIGNED.sub(r"\1=…", QUERY.sub("", words))
    return re.sub(r"[\x00-\x1f\x7f]+", " ", words).strip()[:500]


def read_retry_after(value: str | None) -> timedelta | None:
    """Seconds or an HTTP date, as a delay from now; None for junk. May be negative: the caller limits it."""
    if not value:
        return None
    try:
        return timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        moment = read_date(value)
        return moment - datetime.now(UTC) if moment else None


def read_date(value: str | None) -> datetime | None:
    """An HTTP date in UTC, or None."""
    try:
        moment = parsedate_to_datetime(value or "")
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def is_past(moment: datetime) -> bool:
    return moment < datetime.now(UTC)
