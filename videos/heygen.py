"""The remote API's contract: the only file that knows its paths, its words and its errors.

Calls are typed and plain; each either returns what the contract promises or raises HeyGenError, which carries a
cause, a sentence for a person, and how long to wait. Nothing here retries, redirects, or touches our rows.
The contract's parts are named in each docstring: "Execute Video Generation" and "Check Status" of HeyGen's Video
Generation page, and the calls beside it (assets, account).
"""

import json
import re
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from functools import cache
from threading import Timer
from typing import Any
from urllib.parse import quote

import httpx
from django.conf import settings

EXECUTIONS = "/v1/workflows/executions"
ASSETS = "/v3/assets"
OLDER_ASSET = "/v1/asset"
ACCOUNT = "/v3/users/me"
WORKFLOW = "GenerateVideoNode"

LONGEST_WORDS = 4000  # characters of what the remote side says that are looked at at all
LARGEST_REPLY = 1024 * 1024  # bytes; the contract's replies are a few hundred
EXECUTION_ID = re.compile(r"\w[\w.:~=+@-]{0,199}", re.ASCII)
WRITTEN_ID = re.compile(rb'"execution_id"\s*:\s*"(%s)"' % EXECUTION_ID.pattern.encode())
# In whatever shape a server may repeat a link: whole, without its scheme, escaped, or as a lone parameter.
QUERY = re.compile(r"(?:\?|%3f)[^\s\"'<>?]*?(?:=|%3d)[^\s\"'<>]*", re.IGNORECASE)
SIGNED = re.compile(
    r"(?<![\w-])([\w-]*(?:signature|token|policy|credential|key-pair-id))(?:=|%3d)[^\s&\"'<>]+", re.IGNORECASE
)
SENDABLE_KEY = re.compile(r"[!-~]+")
TIMEOUT = httpx.Timeout(30, connect=10)
CONNECTED = frozenset({"connection.connect_tcp.complete", "connection.start_tls.complete"})


class Cause(StrEnum):
    """Why a call did not do what was asked: the classes that a person and the engine tell apart."""

    INVALID = "invalid"
    PICTURE = "picture"
    REFUSED = "refused"
    KEY = "key"
    CREDITS = "credits"
    PLAN = "plan"
    RETIRED = "retired"
    NOT_FOUND = "not_found"
    TOO_LARGE = "too_large"
    BUSY = "busy"
    FAULT = "fault"
    NETWORK = "network"
    UNREADABLE = "unreadable"


SENTENCES = {
    Cause.INVALID: "HeyGen did not accept this request as it stands. Nothing was made; edit it and try again.",
    Cause.PICTURE: "HeyGen could not fetch the start or end frame. Nothing was made; try another picture.",
    Cause.REFUSED: "The prompt or a picture was refused by the provider. Nothing was saved; reword it and try again.",
    Cause.KEY: "HeyGen did not accept the API key. Nothing is sent until the key is put right.",
    Cause.CREDITS: "The HeyGen account has run out of credits. Nothing is sent until it is topped up.",
    Cause.PLAN: "The HeyGen account's plan does not allow this. Nothing was made.",
    Cause.RETIRED: "HeyGen no longer offers this call. Nothing was made, and nothing more is sent.",
    Cause.NOT_FOUND: "HeyGen does not know this execution.",
    Cause.TOO_LARGE: "HeyGen says the request is too large. Nothing was made; use a smaller picture or shorter prompt.",
    Cause.BUSY: "HeyGen is busy. This waits for its turn and is sent by itself; nothing was charged.",
    Cause.FAULT: "HeyGen answered with a fault of its own.",
    Cause.NETWORK: "HeyGen could not be reached.",
    Cause.UNREADABLE: "HeyGen's answer could not be read.",
}

# What a refusal's HTTP status says when its code says nothing more.
BY_STATUS = {
    400: Cause.INVALID,
    401: Cause.KEY,
    402: Cause.CREDITS,
    403: Cause.PLAN,
    404: Cause.RETIRED,
    410: Cause.RETIRED,
    413: Cause.TOO_LARGE,
    422: Cause.INVALID,
    429: Cause.BUSY,
}
BY_CODE = {
    "download_failed": Cause.PICTURE,
    "content_policy_violation": Cause.REFUSED,
    "400105": Cause.REFUSED,
    "unauthorized": Cause.KEY,
    "400112": Cause.KEY,
    "40009": Cause.KEY,
    "insufficient_credit": Cause.CREDITS,
    "trial_limit_exceeded": Cause.CREDITS,
    "plan_upgrade_required": Cause.CREDITS,
    "payload_too_large": Cause.TOO_LARGE,
    "rate_limit_exceeded": Cause.BUSY,
    "quota_exceeded": Cause.BUSY,
    **dict.fromkeys(("resource_access_denied", "ai_vendor_access_restricted"), Cause.PLAN),
    **dict.fromkeys(("400562", "400573", "400599", "400631"), Cause.PLAN),
    **dict.fromkeys(("invalid_parameter", "40001", "400175"), Cause.INVALID),
    **dict.fromkeys(("internal_error", "gateway_timeout"), Cause.FAULT),
}
# Statuses that surely mean "not accepted". Others (3xx, 408, 409, 5xx) leave the outcome of a paid call open.
DEFINITE = frozenset(range(400, 500)) - {408, 409, 425, 499}
CODES_OF_ONE_PROVIDER = {"ai_vendor_access_restricted", "resource_access_denied"}


class HeyGenError(Exception):
    """One error for every way a call can go wrong. `str(error)` is a sentence for a person.

    `is_definite` says that the remote side surely did not accept the request; `retry_after` is what it asked us to
    wait; `detail` is its own words, without signed links or keys; `stops_sending` that no other request would fare
    better until a person has acted.
    """

    def __init__(
        self,
        cause: Cause,
        detail: str = "",
        *,
        http_status: int | None = None,
        code: str = "",
        retry_after: timedelta | None = None,
        is_definite: bool = False,
    ):
        super().__init__(SENTENCES[cause])
        self.cause = cause
        self.detail = harmless(detail)
        self.http_status = http_status
        self.code = code
        self.retry_after = retry_after
        self.is_definite = is_definite

    @property
    def stops_sending(self) -> bool:
        if self.cause == Cause.PLAN:
            return self.code not in CODES_OF_ONE_PROVIDER
        return self.cause in {Cause.KEY, Cause.CREDITS, Cause.RETIRED}


@dataclass(frozen=True)
class Submission:
    """The `input` of "Execute Video Generation". Empty fields are left out; frames are public addresses."""

    prompt: str
    provider: str
    aspect_ratio: str
    reference_image_url: str = ""
    tail_image_url: str = ""
    config: dict[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        required = {"prompt": self.prompt, "provider": self.provider, "aspect_ratio": self.aspect_ratio}
        optional = {name: getattr(self, name) for name in ("reference_image_url", "tail_image_url", "config")}
        return {
            "workflow_type": WORKFLOW,
            "input": required | {name: value for name, value in optional.items() if value},
        }


@dataclass(frozen=True)
class Execution:
    """What "Check Status" said. `word` is the remote side's own; any word but the contract's means still running."""

    word: str
    video_url: str = ""
    video_id: str = ""
    asset_id: str = ""
    error: HeyGenError | None = None

    @property
    def is_completed(self) -> bool:
        """Completed and with a link: one without is still on its way."""
        return self.word == "completed" and bool(self.video_url)

    @property
    def is_failed(self) -> bool:
        return self.word == "failed"

    @property
    def is_missing(self) -> bool:
        return self.word == "not_found"


@dataclass(frozen=True)
class Asset:
    """An uploaded picture at the remote side: its id, and the public address that a submission may name."""

    asset_id: str
    url: str


# Clients
def make_client() -> httpx.Client:
    """A client that never retries, redirects, or reads proxies from the environment. Make it after a fork."""
    return httpx.Client(transport=httpx.HTTPTransport(verify=certificates(), retries=0, trust_env=False), **CLIENT)


@cache
def certificates() -> ssl.SSLContext:
    """Whom we trust. Reading the bundle takes longer than a whole request, so it is read once."""
    return httpx.create_ssl_context(trust_env=False)


def make_lane(context: ssl.SSLContext) -> httpx.AsyncClient:
    """One connection for polls. httpx's shared pool is quadratic in the requests in flight; lanes are not."""
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=60)
    transport = httpx.AsyncHTTPTransport(verify=context, limits=limits, retries=0, trust_env=False)
    return httpx.AsyncClient(transport=transport, **CLIENT)


CLIENT: dict[str, Any] = {
    "timeout": TIMEOUT,
    "follow_redirects": False,
    "trust_env": False,
    "headers": {"User-Agent": "HeyGen-Studio", "Accept": "application/json", "Accept-Encoding": "identity"},
}


def key_header() -> dict[str, str]:
    """Raises HeyGenError for a key that no header can carry, before anything is sent."""
    if not SENDABLE_KEY.fullmatch(settings.HEYGEN_API_KEY):
        detail = "HEYGEN_API_KEY is empty, or holds spaces or letters that no key has."
        raise HeyGenError(Cause.KEY, detail, is_definite=True)
    return {"X-Api-Key": settings.HEYGEN_API_KEY}


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
    """Stands before the first byte of a request: its head is held back until its body comes, then `before` runs, and
    both leave in one write. If `before` raises, nothing leaves.

    httpx's own trace event for the first byte comes 80 executed lines earlier than the body's last byte; a process
    that dies within them leaves a request that was never made, and that nobody can tell from one that was.
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
def submit(submission: Submission, before_first_byte: Callable[[], None], seconds: float = 60) -> str:
    """The paid call, "Execute Video Generation": returns the execution id.

    `before_first_byte` runs when the connection stands and nothing has been written; if it raises, nothing leaves.
    The whole call takes at most `seconds`, on a connection of its own: one kept alive may be closed by the other
    side just as the request leaves, and is open already when `before_first_byte` should be asked.
    Raises HeyGenError; unless `is_definite`, the outcome is open once `before_first_byte` has returned.
    """
    content = as_json(submission.body())
    cutoff = Cutoff(seconds)

    def trace(event: str, info: dict[str, Any]):
        if event in CONNECTED:
            Gate(info["return_value"], before_first_byte)
            cutoff.trace(event, info)

    with cutoff, make_client() as client:
        reply = attempt(
            lambda: fetch(
                client,
                "POST",
                settings.HEYGEN_API_URL + EXECUTIONS,
                headers={"Content-Type": "application/json"},
                content=content,
                extensions={"trace": trace},
                timeout=httpx.Timeout(seconds, connect=10),
            )
        )
    return read_execution_id(reply)


def read_execution_id(reply: "Reply") -> str:
    """An id means accepted, whatever else a successful reply says: what was paid for must be followed."""
    execution_id = inside(reply.data(), "data", "execution_id")
    is_success = 200 <= reply.status < 300
    if is_success and isinstance(execution_id, str) and EXECUTION_ID.fullmatch(execution_id):
        return execution_id
    named = f" It says {execution_id!r}." if execution_id else named_in(reply.body)
    error = read_error(reply)
    if error:
        error.detail = harmless(error.detail + named)  # whoever looks for it at HeyGen has its id
        error.is_definite = error.is_definite and not named  # no refusal names what it has not made
        raise error
    raise HeyGenError(Cause.UNREADABLE, f"The answer names no usable execution id.{named}", http_status=reply.status)


def as_json(body: dict[str, Any]) -> bytes:
    """Raises HeyGenError for what JSON cannot say, such as NaN or half a character."""
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise HeyGenError(Cause.INVALID, f"{type(error).__name__} in the request.", is_definite=True) from error


def poll(execution_id: str, seconds: float = 30) -> Execution:
    """ "Check Status", free of charge, in at most `seconds`. Raises HeyGenError, which says nothing about the
    execution."""
    with Cutoff(seconds) as cutoff, make_client() as client:
        extensions = {"trace": cutoff.trace}
        reply = attempt(lambda: fetch(client, "GET", execution_address(execution_id), extensions=extensions))
    return read_execution(execution_id, reply)


async def poll_on_lane(lane: httpx.AsyncClient, execution_id: str) -> Execution:
    """The same on an asynchronous client, for the pump."""
    try:
        async with lane.stream("GET", execution_address(execution_id), headers=key_header()) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LARGEST_REPLY:
                    break
    except httpx.HTTPError as error:
        raise unreachable(error) from error
    return read_execution(execution_id, Reply(response.status_code, response.headers, bytes(body)))


def upload(client: httpx.Client, data: bytes, content_type: str, seconds: float = 60) -> Asset:
    """Hands a picture (JPEG or PNG, at most 10 MB) to the remote side, which needs a public address for it.

    The newer call first, the older one where the newer does not exist; the setting HEYGEN_UPLOAD_CALL may fix one.
    Free of charge; takes at most `seconds`.
    """
    with Cutoff(seconds) as cutoff:
        return upload_either_way(client, data, content_type, {"trace": cutoff.trace})


def upload_either_way(client: httpx.Client, data: bytes, content_type: str, extensions: dict[str, Any]) -> Asset:
    if settings.HEYGEN_UPLOAD_CALL == "asset":
        return upload_the_older_way(client, data, content_type, extensions)
    try:
        return upload_the_newer_way(client, data, content_type, extensions)
    except HeyGenError as error:
        is_absent = error.http_status in {404, 405, 410, 501}
        if settings.HEYGEN_UPLOAD_CALL == "assets" or not is_absent:
            raise
    return upload_the_older_way(client, data, content_type, extensions)


def upload_the_newer_way(client: httpx.Client, data: bytes, content_type: str, extensions: dict[str, Any]) -> Asset:
    """`POST /v3/assets`, multipart, field `file`."""
    name = f"picture.{content_type.removeprefix('image/')}"
    files = {"file": (name, data, content_type)}
    address = settings.HEYGEN_API_URL + ASSETS
    return read_asset(call(client, "POST", address, files=files, extensions=extensions), "asset_id")


def upload_the_older_way(client: httpx.Client, data: bytes, content_type: str, extensions: dict[str, Any]) -> Asset:
    """`POST /v1/asset` on the upload host, the raw body."""
    address = settings.HEYGEN_UPLOAD_URL + OLDER_ASSET
    headers = {"Content-Type": content_type}
    return read_asset(call(client, "POST", address, content=data, headers=headers, extensions=extensions), "id")


def check_key(seconds: float = 30) -> None:
    """`GET /v3/users/me`, free of charge, which answers a good key alone. Raises HeyGenError."""
    with Cutoff(seconds) as cutoff, make_client() as client:
        call(client, "GET", settings.HEYGEN_API_URL + ACCOUNT, extensions={"trace": cutoff.trace}).data()


# Reading what came back
@dataclass(frozen=True)
class Reply:
    status: int
    headers: httpx.Headers
    body: bytes

    def data(self) -> dict[str, Any]:
        """The reply's object, or {} if it is none."""
        try:
            data = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return data if isinstance(data, dict) else {}


def call(
    client: httpx.Client, method: str, address: str, headers: dict[str, str] | None = None, **request: Any
) -> Reply:
    """A reply that is a success in all three families of errors; raises HeyGenError otherwise."""
    reply = attempt(lambda: fetch(client, method, address, headers, **request))
    error = read_error(reply)
    if error:
        raise error
    return reply


def attempt(send: Callable[[], Reply]) -> Reply:
    try:
        return send()
    except httpx.HTTPError as error:
        raise unreachable(error) from error


def fetch(
    client: httpx.Client, method: str, address: str, headers: dict[str, str] | None = None, **request: Any
) -> Reply:
    with client.stream(method, address, headers=key_header() | (headers or {}), **request) as response:
        body = bytearray()
        try:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LARGEST_REPLY:
                    break
        except httpx.HTTPError as error:
            raise HeyGenError(Cause.NETWORK, what_broke(error) + named_in(body)) from error
        return Reply(response.status_code, response.headers, bytes(body))


def named_in(body: bytes | bytearray) -> str:
    """What a reply that cannot be read says of its execution, for whoever looks for it at HeyGen."""
    found = WRITTEN_ID.search(body)
    return f" It says {found[1].decode()!r}." if found else ""


def unreachable(error: httpx.HTTPError) -> HeyGenError:
    return HeyGenError(Cause.NETWORK, what_broke(error))


def what_broke(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "No answer came in time."
    return "No connection could be made." if isinstance(error, httpx.ConnectError) else "The connection broke off."


def execution_address(execution_id: str) -> str:
    return f"{settings.HEYGEN_API_URL}{EXECUTIONS}/{quote(execution_id, safe='')}"


def read_execution(execution_id: str, reply: Reply) -> Execution:
    body = reply.data()
    data = body.get("data")
    word = inside(data, "status")
    if reply.status == 404 and (word == "not_found" or is_about_execution(body)):
        return Execution("not_found")
    if not (200 <= reply.status < 300) or not isinstance(word, str):
        raise read_error(reply) or HeyGenError(Cause.UNREADABLE, http_status=reply.status)
    if inside(data, "execution_id") not in (None, execution_id):
        raise HeyGenError(Cause.UNREADABLE, "The answer is about another execution.", http_status=reply.status)
    output = inside(data, "output")
    video = inside(output, "video")
    word = harmless(word).lower()[:64]
    return Execution(
        word=word,
        video_url=text(inside(video, "video_url")) or text(inside(output, "video_url")),
        video_id=harmless(inside(video, "video_id"))[:200] or harmless(inside(output, "video_id"))[:200],
        asset_id=harmless(inside(output, "asset_id"))[:200],
        error=read_failure(inside(data, "error") or body.get("error")) if word == "failed" else None,
    )


def is_about_execution(body: dict[str, Any]) -> bool:
    """Whether a 404 says that the execution is unknown. A gateway's own 404 in mid-deployment says nothing of it."""
    code, message = error_words(body.get("error"))
    code = code or error_words(body)[0]
    return code.endswith("not_found") or code.isdigit() or (not code and bool(message))


def read_failure(error: Any) -> HeyGenError:
    """A failed execution's error: an object, a sentence, or nothing at all."""
    code, message = error_words(error)
    cause = BY_CODE.get(code, Cause.FAULT)
    return HeyGenError(cause, message or "HeyGen gave no reason.", code=code, is_definite=True)


def read_asset(reply: Reply, id_name: str) -> Asset:
    data = reply.data().get("data")
    asset = Asset(text(inside(data, id_name))[:200], text(inside(data, "url")))
    if not asset.url.startswith(("https://", "http://")):
        raise HeyGenError(Cause.UNREADABLE, "The upload's answer names no address.", http_status=reply.status)
    return asset


def read_error(reply: Reply) -> HeyGenError | None:
    """The error in a reply of any of the three families, or None for a success.

    newest `{"error": {"code", "message", …}}`; middle `{"error": null | "text" | {…}, "data"}`; oldest
    `{"code": 100 | 4xxxxx, "message" | "msg", "data"}`. A body that is no JSON at all is judged by its status.
    """
    body = reply.data()
    code, message = error_words(body.get("error"))
    if not code and not message and body.get("code") not in (None, 100, "100"):
        code, message = error_words(body)
    is_success = 200 <= reply.status < 300
    if is_success and body and not code and not message:
        return None
    if is_success and not body:
        return HeyGenError(Cause.UNREADABLE, "The answer is not JSON.", http_status=reply.status)
    cause = read_cause(reply, code)
    return HeyGenError(
        cause,
        message or f"HTTP status {reply.status}.",
        http_status=reply.status,
        code=code,
        retry_after=read_retry_after(reply.headers.get("retry-after")),
        is_definite=cause != Cause.FAULT and (is_refusal(code) if is_success else reply.status in DEFINITE),
    )


def read_cause(reply: Reply, code: str) -> Cause:
    if reply.status in {404, 410}:
        return Cause.RETIRED
    if 200 <= reply.status < 300:
        return BY_CODE.get(code) or (Cause.INVALID if is_refusal(code) else Cause.UNREADABLE)
    if is_past(reply.headers.get("sunset")) and code not in BY_CODE and reply.status not in {401, 402, 429}:
        return Cause.RETIRED
    cause = BY_CODE.get(code) or BY_STATUS.get(reply.status) or by_range(reply.status)
    return Cause.BUSY if reply.status == 429 and cause == Cause.FAULT else cause


def is_refusal(code: str) -> bool:
    """Says surely that nothing was accepted, even where HTTP itself says success. Busy is said by a 429 alone."""
    return BY_CODE.get(code) != Cause.BUSY and (code in BY_CODE or (code.startswith("4") and code.isdecimal()))


def error_words(error: Any) -> tuple[str, str]:
    if isinstance(error, dict):
        message = error.get("message") or error.get("msg") or error.get("detail") or ""
        code = error.get("code")
        return str(code) if isinstance(code, str | int) else "", message if isinstance(message, str) else ""
    return "", error if isinstance(error, str) else ""


def by_range(status: int) -> Cause:
    return Cause.INVALID if status in DEFINITE else Cause.FAULT


def read_retry_after(value: str | None) -> timedelta | None:
    """Seconds or an HTTP date, as a delay from now; None for junk. May be negative: the caller clamps it."""
    if not value:
        return None
    try:
        return timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        moment = read_date(value)
        return moment - datetime.now(UTC) if moment else None


def read_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def is_past(sunset: str | None) -> bool:
    moment = read_date(sunset) if sunset else None
    return bool(moment and moment < datetime.now(UTC))


def inside(value: Any, *names: str) -> Any:
    """`value[name][name]…`, or None where there is no such thing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text(value: Any) -> str:
    """`value` if it is text, as every database takes it: no NUL, no half of a surrogate pair."""
    return value.encode("utf-8", "replace").decode().replace("\0", "") if isinstance(value, str) else ""


def harmless(words: Any) -> str:
    """Remote words as we may keep and show them: short, without what signs an address and without our key."""
    words = text(words)
    if settings.HEYGEN_API_KEY:
        words = words.replace(settings.HEYGEN_API_KEY, "…")
    words = words[:LONGEST_WORDS]  # before the patterns, which take their time on a megabyte of letters
    words = SIGNED.sub(r"\1=…", QUERY.sub("", words))
    return re.sub(r"[\x00-\x1f\x7f]+", " ", words).strip()[:500]
