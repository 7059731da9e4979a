"""The one error of every remote API, and its causes, which belong to no vendor."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Cause(StrEnum):
    """Why a call failed, as far as a person and the engine need to distinguish the reasons."""

    INVALID = "invalid"
    PICTURE = "picture"
    REFUSED = "refused"
    KEY = "key"
    CREDITS = "credits"
    PLAN = "plan"
    RETIRED = "retired"
    MODEL = "model"  # the remote does not know this model (any more); its others are not affected
    NOT_FOUND = "not_found"
    TOO_LARGE = "too_large"
    BUSY = "busy"
    IN_PROGRESS = "in_progress"  # the first request under this repeat key is still being answered
    CANCELLED = "cancelled"
    FAULT = "fault"
    NETWORK = "network"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class EndNotice:
    """What a reply said about the end of its API: a moment, the remote's own words, or both. `is_over` is said by
    words without a date."""

    ends_at: datetime | None = None
    words: str = ""
    is_over: bool = False

    def has_come(self, now: datetime) -> bool:
        return self.is_over or (self.ends_at is not None and self.ends_at <= now)


STOPS_SENDING = frozenset({Cause.KEY, Cause.CREDITS, Cause.PLAN, Cause.RETIRED})


class RemoteError(Exception):
    """One error for every way in which a call can go wrong. The sentence for a person is in `videos/wording.py`.

    `detail` is the remote's own words, without signed links or keys. `is_definite`: the remote certainly did not accept
    the request. `retry_after` is how long it asked us to wait. `is_about_one_provider` says that other providers
    of this backend are not affected. `notice` is what the reply announced about the API's end, if anything.
    """

    def __init__(
        self,
        cause: Cause,
        detail: str = "",
        *,
        is_definite: bool = False,
        retry_after: timedelta | None = None,
        is_about_one_provider: bool = False,
        is_absent: bool = False,
        notice: EndNotice | None = None,
    ):
        super().__init__(f"{cause}: {detail}" if detail else str(cause))
        self.cause = cause
        self.detail = detail
        self.is_definite = is_definite
        self.retry_after = retry_after
        self.is_about_one_provider = is_about_one_provider
        self.is_absent = is_absent  # there is no such call at this address
        self.notice = notice

    @property
    def stops_sending(self) -> bool:
        """Whether no other request would fare better until a person has acted."""
        return self.cause in STOPS_SENDING and not self.is_about_one_provider
