"""The interface of a remote API, as the engine, the forms and the screens use it.

A backend is one object of a subclass of `Backend`, the value of BACKEND in its module. It maps neutral jobs to its
own fields, and its own answers to the types below; every call returns one of them or raises RemoteError.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from aiohttp import ClientSession
from django.conf import settings
from django.utils.crypto import salted_hmac

from videos.remotes.errors import EndNotice, RemoteError
from videos.remotes.transport import harmless


@dataclass(frozen=True)
class Image:
    """A picture: an address, the id of an asset at the remote, or bytes. An asset may have an address too."""

    address: str = ""
    asset_id: str = ""
    data: bytes = b""
    content_type: str = ""


@dataclass(frozen=True)
class RemoteJob:
    """The request of one generation. `model` is the provider's value; images are as `prepare_image` returned them.

    `repeat_key` is the same for each repetition of the same request; a backend that does not repeat safely ignores it.
    """

    prompt: str
    model: str
    aspect_ratio: str
    start: Image | None = None
    end: Image | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    repeat_key: str = ""


@dataclass(frozen=True)
class Accepted:
    """The remote has accepted the job under this id: it may cost money from now on."""

    remote_id: str
    notice: EndNotice | None = None


class State(Enum):
    RUNNING = "running"
    COMPLETED = "completed"  # and there is a link
    FAILED = "failed"
    MISSING = "missing"  # the remote does not know this id


@dataclass(frozen=True)
class Progress:
    """The result of a poll. `word` is the remote's own; `facts` describe the video: seed, width, height, seconds."""

    state: State
    word: str
    video_url: str = ""
    video_id: str = ""
    asset_id: str = ""
    has_no_link: bool = False  # completed, by its word, but without a link: it counts as still running
    failure: RemoteError | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    notice: EndNotice | None = None

    @property
    def is_completed(self) -> bool:
        return self.state == State.COMPLETED

    @property
    def is_failed(self) -> bool:
        return self.state == State.FAILED

    @property
    def is_missing(self) -> bool:
        return self.state == State.MISSING


@dataclass(frozen=True)
class Account:
    """Our account, as the remote reports it: `balance` in `unit` (a currency code, or "credits"), and the plan."""

    balance: Decimal | None = None
    unit: str = ""
    plan: str = ""
    notice: EndNotice | None = None


class Backend(ABC):
    """One remote API. The attributes describe its abilities as plain data."""

    key: str  # in rows
    name: str  # for people, as the subject of a sentence
    api_name: str  # for people, to distinguish it from another API of the same vendor
    id_pattern = re.compile(r"\w[\w.:~=+@-]{0,199}", re.ASCII)
    id_example = ""
    repeats_for: timedelta | None = None  # how long the same repeat key replays the first answer; None: not at all
    has_end_frame = True
    takes_any_provider = False  # provider values are passed on as they are, also those that an administrator adds

    default_url = ""

    # Address and key
    @property
    def api_url(self) -> str:
        return settings.DEMO_URL if settings.DEMO else self.setting("URL") or self.default_url

    @property
    def api_key(self) -> str:
        return "demo" if settings.DEMO else self.setting("KEY")

    @property
    def key_digest(self) -> str:
        """Distinguishes API keys in rows. A remote replays its answer only to the account that sent the request, and no
        reply that is documented names the account, so the key stands for it: a new key counts as another account."""
        return salted_hmac("videos.remotes", self.api_key).hexdigest()[:32]

    def setting(self, name: str) -> str:
        """REMOTE_<KEY OF THE BACKEND>_<NAME> of the environment."""
        return settings.REMOTE_SETTINGS.get(f"REMOTE_{self.key.upper()}_{name}", "")

    @property
    def is_configured(self) -> bool:
        return bool(self.api_key)

    @property
    def trusted_origin(self) -> str:
        """The one origin whose video links may be plain HTTP or at a private address: the API's own."""
        return self.api_url

    # Calls
    @abstractmethod
    def submit(self, job: RemoteJob, before_first_byte: Callable[[], None], seconds: float) -> Accepted:
        """The paid call. `before_first_byte` runs when nothing has been written; if it raises, nothing leaves.

        Takes at most `seconds`. Raises RemoteError; unless `is_definite`, the outcome is open once `before_first_byte`
        has returned.
        """

    @abstractmethod
    def poll(self, remote_id: str, seconds: float = 30) -> Progress:
        """Free of charge. A RemoteError says nothing about the job itself."""

    @abstractmethod
    async def poll_async(self, session: ClientSession, remote_id: str) -> Progress:
        """The same with the caller's session (see async_transport); the caller limits the time."""

    @abstractmethod
    def prepare_image(self, image: Image, seconds: float) -> Image:
        """An image that a job can contain, from an address or from bytes. Free of charge; may upload."""

    @abstractmethod
    def check_account(self, seconds: float = 30) -> Account:
        """Free of charge; raises RemoteError if the key is not accepted."""

    def behind_by(self, seconds: float = 30) -> timedelta | None:
        """By how much our clock is behind the remote's, by a free call; None if it does not say. Needed only where
        requests are repeated, because the remote counts the time for which it knows a key by its own clock."""
        return None

    # Derived
    def is_valid_id(self, remote_id: str) -> bool:
        return bool(self.id_pattern.fullmatch(remote_id))

    def clean(self, words: Any) -> str:
        """The remote's words in a form that may be stored and shown."""
        return harmless(words, self.api_key) if words else ""
