"""The listing of a storage, in a temporary database on disk, so that memory does not grow with the number of files.

It also remembers which files were looked up; the others are unknown to the studio.
"""

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

AT_ONCE = 500


@dataclass(frozen=True)
class ListedFile:
    """A file in the storage."""

    size: int
    modified: datetime


class Listing:
    def __init__(self, files: Iterable[tuple[str, ListedFile]]):
        self.folder = tempfile.TemporaryDirectory(prefix="studio-listing-")
        self.database = sqlite3.connect(Path(self.folder.name) / "listing.sqlite3", isolation_level=None)
        self.database.execute("PRAGMA journal_mode=OFF")
        self.database.execute("PRAGMA synchronous=OFF")
        self.database.execute(
            "CREATE TABLE files (name TEXT PRIMARY KEY, size, modified, known DEFAULT 0) WITHOUT ROWID"
        )
        self.database.execute("BEGIN")
        rows = ((name, file.size, file.modified.timestamp()) for name, file in files)
        self.database.executemany("INSERT OR REPLACE INTO files (name, size, modified) VALUES (?, ?, ?)", rows)
        self.database.execute("COMMIT")

    def __enter__(self) -> "Listing":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self.database.close()
        self.folder.cleanup()

    def take(self, names: list[str]) -> dict[str, ListedFile]:
        """The listed files among these names. They count as known from now on."""
        marks = ", ".join("?" * len(names))
        self.database.execute(f"UPDATE files SET known = 1 WHERE name IN ({marks})", names)
        rows = self.database.execute(f"SELECT name, size, modified FROM files WHERE name IN ({marks})", names)
        return {name: stored(size, modified) for name, size, modified in rows}

    def strangers(self) -> Iterator[dict[str, ListedFile]]:
        """The files that were never looked up, in order, in batches."""
        last = ""
        while rows := self.database.execute(
            "SELECT name, size, modified FROM files WHERE NOT known AND name > ? ORDER BY name LIMIT ?", (last, AT_ONCE)
        ).fetchall():
            yield {name: stored(size, modified) for name, size, modified in rows}
            last = rows[-1][0]


def stored(size: int, modified: float) -> ListedFile:
    return ListedFile(size, datetime.fromtimestamp(modified, UTC))
