"""Temporary video links: signed, expiring, and new at every GET of a completed execution."""

import hashlib
import hmac
import secrets
import time
from urllib.parse import urlencode

from videos.standin.ledger import Ledger


class Clock:
    """Now, in seconds since the epoch, plus an offset that tests may set. A restart keeps the offset."""

    def __init__(self, ledger: Ledger):
        self._ledger = ledger
        self.offset = float(ledger.setting("clock", "0"))

    def now(self) -> float:
        return time.time() + self.offset

    def set_offset(self, seconds: float) -> None:
        self.offset = seconds
        self._ledger.set("clock", str(seconds))


class Links:
    """Issues and checks links. The secret is stored, so links stay valid after a restart."""

    def __init__(self, ledger: Ledger, clock: Clock, lifetime: float):
        self._ledger, self._clock, self._lifetime = ledger, clock, lifetime
        self._secret = ledger.setting("secret", secrets.token_hex(32)).encode()
        self._epoch = int(ledger.setting("links", "0"))
        self._withdrawn: set[str] = set()

    def issue(self, video_id: str) -> str:
        """Path and query of a new link, valid for `lifetime` seconds."""
        path = f"/files/{video_id}-{secrets.token_hex(4)}.mp4"
        expires = f"{self._clock.now() + self._lifetime:.3f}"
        return f"{path}?{urlencode({'Expires': expires, 'Signature': self._sign(path, expires)})}"

    def refusal(self, path: str, query: dict[str, str]) -> str | None:
        """Why this link is invalid, or None if it is valid."""
        expires, signature = query.get("Expires", ""), query.get("Signature", "")
        if not hmac.compare_digest(signature.encode(), self._sign(path, expires).encode()):
            return "Signature does not match, or the link was withdrawn"
        is_over = float(expires) < self._clock.now() or path in self._withdrawn
        return "Request has expired" if is_over else None

    def withdraw(self, path: str) -> None:
        """Makes this one link invalid."""
        self._withdrawn.add(path)

    def expire_all(self) -> None:
        """Makes all links issued until now invalid."""
        self._epoch += 1
        self._ledger.set("links", str(self._epoch))

    def _sign(self, path: str, expires: str) -> str:
        message = f"{self._epoch}\n{path}\n{expires}".encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()
