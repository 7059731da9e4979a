"""Who may have which file, remembered for two seconds.

A player asks for many parts of one file. The application checks the first of them with all that belongs to it: host,
session, person, visibility. Requests that are the same in everything but the part asked for are then answered without
it, for SECONDS. So a revoked link, an ended session or a video made private is closed within two seconds.
"""

import time
from dataclasses import dataclass

from gunicorn.http.message import Request

from heygen_studio.web.sent_files import SentFile

SECONDS = 2
MAX_KEPT = 1000
# What may differ between two requests for the same file: the part of it, and the headers about the connection.
MAY_DIFFER = {"RANGE", "IF-RANGE", "IF-NONE-MATCH", "CONNECTION"}
OF_ONE_ANSWER = {"content-type", "content-length", "content-range", "accept-ranges", "etag"}

Key = tuple


@dataclass(frozen=True)
class Permission:
    """A file that was given just now, and the headers that every answer with it has."""

    file: SentFile
    headers: list[tuple[str, str]]
    until: float


class Permissions:
    def __init__(self):
        self.kept: dict[Key, Permission] = {}

    def find(self, key: Key) -> Permission | None:
        found = self.kept.get(key)
        return found if found and time.monotonic() < found.until else None

    def keep(self, key: Key, file: SentFile, headers: list[tuple[str, str]]):
        """Remembers the file, unless the answer also sets a cookie, which belongs to one request alone."""
        if any(name.lower() == "set-cookie" for name, _ in headers):
            return
        if len(self.kept) >= MAX_KEPT:
            self.kept.clear()
        common = [(name, value) for name, value in headers if name.lower() not in OF_ONE_ANSWER]
        self.kept[key] = Permission(file, common, time.monotonic() + SECONDS)


def key_of(request: Request, address: str) -> Key | None:
    """A key that is equal for requests that the application would answer alike; None if no file is requested."""
    if request.method != "GET":
        return None
    return request.uri, request.version, address, *(one for one in request.headers if one[0] not in MAY_DIFFER)
