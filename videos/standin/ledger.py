"""What the demo server keeps, which survives a kill -9: accepted submissions, pictures, a few settings.

One row of `accepted` is one paid POST. It is committed, and on the disk, before the reply is written.
"""

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

_TABLES = """
CREATE TABLE IF NOT EXISTS accepted (
    n INTEGER PRIMARY KEY AUTOINCREMENT, execution_id TEXT UNIQUE NOT NULL, video_id TEXT UNIQUE NOT NULL,
    asset_id TEXT NOT NULL, at REAL NOT NULL, ready_at REAL NOT NULL, body TEXT NOT NULL, input TEXT NOT NULL,
    frames TEXT NOT NULL, failure TEXT, api TEXT NOT NULL DEFAULT 'workflows', repeat_key TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS assets (
    id TEXT PRIMARY KEY, at REAL NOT NULL, file TEXT NOT NULL, mime TEXT NOT NULL, size INTEGER NOT NULL,
    sha256 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass
class Execution:
    """One accepted submission. Times are seconds since the epoch by the demo server's clock.

    `input` is the contract's input with defaults; `frames` maps "start" and "end" to local files;
    `failure` is the error object of one that will fail.
    """

    execution_id: str
    video_id: str
    asset_id: str
    at: float
    ready_at: float
    body: object
    input: dict
    frames: dict[str, str]
    failure: dict | None = None
    n: int = 0
    api: str = "workflows"
    repeat_key: str = ""
    drawn: bool = False
    bytes_sent: int = 0


@dataclass
class Asset:
    """An uploaded picture: `file` is its path, `size` is in bytes."""

    id: str
    at: float
    file: str
    mime: str
    size: int
    sha256: str


class Ledger:
    """The SQLite file. All of it is also in memory, so that a poll needs no query."""

    def __init__(self, path: Path):
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_TABLES)
        self._add_what_older_ones_lack()
        self.executions = {row.execution_id: row for row in self._load_executions()}
        self.by_video = {row.video_id: row for row in self.executions.values()}
        self.assets = {row[0]: Asset(*row) for row in self._db.execute("SELECT * FROM assets")}

    def _add_what_older_ones_lack(self) -> None:
        """Adds columns to a ledger of version 0.1.0, which knew only one API."""
        known = {row[1] for row in self._db.execute("PRAGMA table_info(accepted)")}
        for name, default in (("api", "workflows"), ("repeat_key", "")):
            if name not in known:
                self._db.execute(f"ALTER TABLE accepted ADD COLUMN {name} TEXT NOT NULL DEFAULT '{default}'")

    def _load_executions(self):
        names = "execution_id, video_id, asset_id, at, ready_at, body, input, frames, failure, n, api, repeat_key"
        for row in self._db.execute(f"SELECT {names} FROM accepted ORDER BY n"):
            body, given, frames = (json.loads(text) for text in row[5:8])
            failure = json.loads(row[8]) if row[8] else None
            yield Execution(*row[:5], body, given, frames, failure, *row[9:12])

    def accept(self, row: Execution) -> None:
        """Commits one paid POST. It is on the disk when this returns."""
        texts = [json.dumps(value, ensure_ascii=False) for value in (row.body, row.input, row.frames)]
        failure = json.dumps(row.failure) if row.failure else None
        names = "execution_id, video_id, asset_id, at, ready_at, body, input, frames, failure, api, repeat_key"
        cursor = self._db.execute(
            f"INSERT INTO accepted ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row.execution_id,
                row.video_id,
                row.asset_id,
                row.at,
                row.ready_at,
                *texts,
                failure,
                row.api,
                row.repeat_key,
            ),
        )
        row.n = cursor.lastrowid
        self.executions[row.execution_id] = row
        self.by_video[row.video_id] = row

    def accepted_under(self, api: str, repeat_key: str, since: float) -> Execution | None:
        """The job that was made under this key in this API since then."""
        rows = reversed(self.executions.values())
        return next((row for row in rows if (row.api, row.repeat_key) == (api, repeat_key) and row.at >= since), None)

    def hasten(self, now: float) -> None:
        """Makes every execution due now."""
        self._db.execute("UPDATE accepted SET ready_at = min(ready_at, ?)", (now,))
        for row in self.executions.values():
            row.ready_at = min(row.ready_at, now)

    def keep_asset(self, asset: Asset) -> None:
        row = (asset.id, asset.at, asset.file, asset.mime, asset.size, asset.sha256)
        self._db.execute("INSERT INTO assets VALUES (?, ?, ?, ?, ?, ?)", row)
        self.assets[asset.id] = asset

    def clear(self) -> None:
        """Forgets every submission and picture, for the next test. Settings stay."""
        self._db.executescript("DELETE FROM accepted; DELETE FROM assets;")
        for rows in (self.executions, self.by_video, self.assets):
            rows.clear()

    def setting(self, name: str, default: str) -> str:
        """A stored value; the first time, the default is stored."""
        self._db.execute("INSERT OR IGNORE INTO settings VALUES (?, ?)", (name, default))
        return self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()[0]

    def set(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def close(self) -> None:
        self._db.close()
