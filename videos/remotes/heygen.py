"""The common part of HeyGen's APIs: the key, polls, the three families of errors, picture uploads, and the account.

Sources: HeyGen's Video Generation page and related pages (assets, users/me, errors, deprecation).
"""

import re
from abc import abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from aiohttp import ClientSession
from django.conf import settings

from videos.remotes import async_transport, keys, transport
from videos.remotes.base import Accepted, Account, Backend, Image, Progress
from videos.remotes.end_notice import read_end_notice
from videos.remotes.errors import Cause, RemoteError
from videos.remotes.transport import BrokenReply, Reply, inside, read_date, text

ASSETS = "/v3/assets"
OLDER_ASSET = "/v1/asset"
ACCOUNT = "/v3/users/me"
ABSENT = frozenset({404, 405, 410, 501})

# The cause by the HTTP status of a refusal, if its code says no more.
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
    "request_in_progress": Cause.IN_PROGRESS,
    **dict.fromkeys(("resource_access_denied", "ai_vendor_access_restricted"), Cause.PLAN),
    **dict.fromkeys(("400562", "400573", "400599", "400631"), Cause.PLAN),
    **dict.fromkeys(("invalid_parameter", "40001", "400175"), Cause.INVALID),
    **dict.fromkeys(("internal_error", "gateway_timeout"), Cause.FAULT),
}
# Statuses that certainly mean "not accepted". Others (3xx, 408, 409, 5xx) leave the outcome of a paid call open.
DEFINITE = frozenset(range(400, 500)) - {408, 409, 425, 499}
# Codes that leave it open too, or say that the first request is still on its way.
OPEN = frozenset({Cause.FAULT, Cause.IN_PROGRESS})
# What is gone, by the code of a 404 or 410; each API's module adds its own. Other codes that end like these come from
# an API that works, and are about something that the request names. Without such a code it is the call itself.
ENDING_OF_MISSING = "_not_found"
MISSING = {
    **dict.fromkeys(("asset_not_found", "image_not_found", "file_not_found"), Cause.PICTURE),
    **dict.fromkeys(("endpoint_not_found", "api_not_found", "route_not_found", "path_not_found"), Cause.RETIRED),
    **dict.fromkeys(("page_not_found", "url_not_found", "resource_not_found"), Cause.RETIRED),
}
A_GATEWAYS_404 = re.compile(
    r"\W*(404\W*)?((the|page|path|route|requested|resource|url|was)\W+)*not\W?found\W*", re.IGNORECASE
)
CODES_OF_ONE_PROVIDER = {"ai_vendor_access_restricted", "resource_access_denied"}


class HeyGen(Backend):
    """Base of the backends that are HeyGen's: one key, one address, one account, one upload."""

    name = "HeyGen"
    jobs_path: str  # a POST there makes a job; below it, each job has an address
    id_name: str  # of the field that holds the id of a job
    missing = MISSING

    @property
    def api_url(self) -> str:
        return settings.HEYGEN_API_URL

    @property
    def api_key(self) -> str:
        return keys.heygen_api_key()

    def headers(self, **more: str) -> dict[str, str]:
        """Raises RemoteError for a key that no header can carry, before anything is sent."""
        key = self.api_key
        if not transport.SENDABLE_KEY.fullmatch(key):
            detail = "The API key is empty, or contains spaces or characters that no key has."
            raise RemoteError(Cause.KEY, detail, is_definite=True)
        return {"X-Api-Key": key, **more}

    # The paid call
    def post_job(
        self,
        headers: dict[str, str],
        content: bytes,
        before_first_byte: Callable[[], None],
        seconds: float,
    ) -> Accepted:
        try:
            reply = transport.post_once(self.api_url + self.jobs_path, headers, content, before_first_byte, seconds)
        except BrokenReply as error:
            raise RemoteError(error.cause, error.detail + self.named_in(error.body)) from error
        return self.read_accepted(reply)

    def read_accepted(self, reply: Reply) -> Accepted:
        """An id means accepted, regardless of the rest of a successful reply: a paid job must be polled."""
        remote_id = inside(reply.data, "data", self.id_name)
        if reply.is_success and isinstance(remote_id, str) and self.is_valid_id(remote_id):
            return Accepted(remote_id, read_end_notice(reply, self.clean))
        named = f" It says {remote_id!r}." if remote_id else self.named_in(reply.body)
        error = self.read_error(reply)
        if error is None:
            raise RemoteError(Cause.UNREADABLE, self.clean(f"The answer contains no usable id.{named}"))
        error.detail = self.clean(error.detail + named)  # so that a person can look for it at HeyGen
        error.is_definite = error.is_definite and not named  # a refusal would not name a job that was not made
        raise error

    def named_in(self, body: bytes) -> str:
        """The id in a reply that cannot be read, so that a person can look for the job at HeyGen."""
        pattern = rb'"%s"\s*:\s*"(%s)"' % (self.id_name.encode(), self.id_pattern.pattern.encode())
        found = re.search(pattern, body)
        return f" It says {found[1].decode()!r}." if found else ""

    # Polls
    def poll(self, remote_id: str, seconds: float = 30) -> Progress:
        return self.read_progress(remote_id, transport.request("GET", self.address(remote_id), self.headers(), seconds))

    async def poll_async(self, session: ClientSession, remote_id: str) -> Progress:
        reply = await async_transport.get_async(session, self.address(remote_id), self.headers())
        return self.read_progress(remote_id, reply)

    def address(self, remote_id: str) -> str:
        return f"{self.api_url}{self.jobs_path}/{quote(remote_id, safe='')}"

    @abstractmethod
    def read_progress(self, remote_id: str, reply: Reply) -> Progress:
        """The answer to a poll. Raises RemoteError if it says nothing about the job."""

    # The account
    def check_account(self, seconds: float = 30) -> Account:
        """`GET /v3/users/me`, which succeeds only with a valid key."""
        reply = self.require_success(transport.request("GET", self.api_url + ACCOUNT, self.headers(), seconds))
        return read_account(reply)

    def behind_by(self, seconds: float = 30) -> timedelta | None:
        """By the Date header of any reply, also of a refusal. Raises RemoteError if none comes."""
        moment = read_date(
            transport.request("GET", self.api_url + ACCOUNT, self.headers(), seconds).headers.get("date")
        )
        return moment - datetime.now(UTC) if moment else None

    # Pictures
    def upload(self, image: Image, seconds: float) -> Image:
        """`POST /v3/assets`, multipart, field `file`: a PNG or JPEG of at most 10 MB gets an id and an address."""
        name = f"picture.{image.content_type.removeprefix('image/')}"
        files = {"file": (name, image.data, image.content_type)}
        reply = transport.request("POST", self.api_url + ASSETS, self.headers(), seconds, files=files)
        return self.read_asset(reply, "asset_id")

    def upload_the_older_way(self, image: Image, seconds: float) -> Image:
        """`POST /v1/asset` on the upload host, the raw body."""
        address, headers = (
            settings.HEYGEN_UPLOAD_URL + OLDER_ASSET,
            self.headers(**{"Content-Type": image.content_type}),
        )
        return self.read_asset(transport.request("POST", address, headers, seconds, content=image.data), "id")

    def read_asset(self, reply: Reply, id_name: str) -> Image:
        data = self.require_success(reply).data.get("data")
        address = text(inside(data, "url"))
        is_address = address.startswith(("https://", "http://"))
        return Image(asset_id=text(inside(data, id_name))[:200], address=address if is_address else "")

    # Reading errors
    def require_success(self, reply: Reply) -> Reply:
        """A reply that is a success in all three families of errors; raises RemoteError otherwise."""
        error = self.read_error(reply)
        if error:
            raise error
        return reply

    def read_error(self, reply: Reply) -> RemoteError | None:
        """The error in a reply of any of the three families, or None for a success.

        newest `{"error": {"code", "message", …}}`; middle `{"error": null | "text" | {…}, "data"}`; oldest
        `{"code": 100 | 4xxxxx, "message" | "msg", "data"}`. A body that is no JSON at all is judged by its status.
        """
        body = reply.data
        code, message = error_words(body.get("error"))
        if not code and not message and body.get("code") not in (None, 100, "100"):
            code, message = error_words(body)
        if reply.is_success and body and not code and not message:
            return None
        if reply.is_success and not body:
            return RemoteError(Cause.UNREADABLE, "The answer is not JSON.")
        cause = read_cause(reply, code, self.missing)
        return RemoteError(
            cause,
            self.clean(message or f"HTTP status {reply.status}."),
            retry_after=transport.read_retry_after(reply.headers.get("retry-after")),
            is_definite=cause not in OPEN and (is_refusal(code) if reply.is_success else reply.status in DEFINITE),
            is_about_one_provider=code in CODES_OF_ONE_PROVIDER,
            is_absent=reply.status in ABSENT,
            notice=read_end_notice(reply, self.clean),
        )

    def read_failure(self, code: str, message: str, causes: dict[str, Cause] = BY_CODE) -> RemoteError:
        """Why an accepted job failed."""
        return RemoteError(
            causes.get(code, Cause.FAULT), self.clean(message or "No reason was given."), is_definite=True
        )


def read_cause(reply: Reply, code: str, missing: dict[str, Cause]) -> Cause:
    if reply.status in {404, 410}:
        return missing.get(code) or (Cause.INVALID if code.endswith(ENDING_OF_MISSING) else Cause.RETIRED)
    if reply.is_success:
        return BY_CODE.get(code) or (Cause.INVALID if is_refusal(code) else Cause.UNREADABLE)
    sunset = read_date(reply.headers.get("sunset"))
    if sunset and transport.is_past(sunset) and code not in BY_CODE and reply.status not in {401, 402, 429}:
        return Cause.RETIRED
    cause = BY_CODE.get(code) or BY_STATUS.get(reply.status) or by_range(reply.status)
    return Cause.BUSY if reply.status == 429 and cause == Cause.FAULT else cause


def is_refusal(code: str) -> bool:
    """Whether the code certainly means "not accepted", even with an HTTP success. Only a 429 means busy."""
    if BY_CODE.get(code) in {Cause.BUSY, Cause.IN_PROGRESS}:
        return False
    return code in BY_CODE or (code.startswith("4") and code.isdecimal())


def error_words(error: Any) -> tuple[str, str]:
    """The code and the message in an error of any shape, each "" if missing."""
    if isinstance(error, dict):
        message = error.get("message") or error.get("msg") or error.get("detail") or ""
        code = error.get("code")
        return str(code) if isinstance(code, str | int) else "", message if isinstance(message, str) else ""
    return "", error if isinstance(error, str) else ""


def is_about_job(body: dict[str, Any]) -> bool:
    """Whether the body of a 404 says that the job is unknown. A gateway's own 404, as in a deployment, does not."""
    code, message = error_words(body.get("error"))
    code = code or error_words(body)[0]
    if code not in ("", "404"):
        return code.endswith("not_found") or code.isdecimal()
    return bool(message) and not A_GATEWAYS_404.fullmatch(message)


def by_range(status: int) -> Cause:
    return Cause.INVALID if status in DEFINITE else Cause.FAULT


def read_account(reply: Reply) -> Account:
    """`data.billing_type` names the object with the balance. Missing and odd values are left out."""
    data = reply.data.get("data")
    kind = text(inside(data, "billing_type"))
    balance, unit = BALANCES.get(kind, no_balance)(inside(data, kind))
    plan = text(inside(data, kind, "plan")) or text(inside(data, kind, "plan_name")) or kind.replace("_", " ")
    return Account(balance=balance, unit=unit[:12], plan=plan[:60])


def wallet(details: Any) -> tuple[Decimal | None, str]:
    currency = text(inside(details, "currency")).lower() or "usd"
    return number(inside(details, "remaining_balance")), "credits" if currency == "credits" else currency.upper()


def subscription(details: Any) -> tuple[Decimal | None, str]:
    return number(inside(details, "credits", "premium_credits", "remaining")), "credits"


def usage_based(details: Any) -> tuple[Decimal | None, str]:
    """The rest below the spending cap, or the credits if there is no cap."""
    cap, spent = number(inside(details, "spending_cap_usd")), number(inside(details, "spending_current_usd"))
    if cap is not None and spent is not None:
        return max(Decimal(0), cap - spent), "USD"
    return number(inside(details, "remaining_credits")), "credits"


def no_balance(details: Any) -> tuple[Decimal | None, str]:
    return None, ""


BALANCES: dict[str, Callable[[Any], tuple[Decimal | None, str]]] = {
    "wallet": wallet,
    "subscription": subscription,
    "usage_based": usage_based,
}


def number(value: Any) -> Decimal | None:
    """A finite number, also as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(re.sub(r"[,\s]", "", str(value)))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount) < Decimal(10) ** 11 else None
