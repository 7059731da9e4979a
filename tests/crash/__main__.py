"""`make crash`: kill -9 at every executed line of a submission, on both databases; then freezes and concurrent senders.

Prints a table, and the figures as JSON. Ends with an error if anything was sent twice or lost.
"""

import argparse
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.crash.course import COURSES, judge, run
from tests.parts.postgres import Postgres
from tests.parts.processes import environment, manage

NAMES = ("mode", "api", "database", "lines", "points", "hits", "doubles", "lost", "unknowns", "needless", "seconds")
COLUMNS = {name: 18 if name == "mode" else 10 for name in NAMES}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="break only every so many lines")
    options = parser.parse_args()
    print(" ".join(f"{name:>{width}}" for name, width in COLUMNS.items()), flush=True)
    with tempfile.TemporaryDirectory(prefix="studio-crash-") as folder:
        findings = both_databases(Path(folder), options.every)
    print(json.dumps(findings))
    faults = [fault for row in findings for fault in judge(row)]
    sys.exit("\n".join(faults) or 0)


def both_databases(folder: Path, every: int) -> list[dict]:
    """SQLite and PostgreSQL at the same time, a core for each."""
    postgres = Postgres()
    try:
        databases = {"sqlite": f"sqlite:///{folder / 'crash.sqlite3'}", "postgresql": postgres.new_database()}
        with ThreadPoolExecutor() as threads:
            runs = [threads.submit(full_course, folder / name, url, every) for name, url in databases.items()]
            return [row for done in runs for row in done.result()]
    finally:
        postgres.remove()


def full_course(folder: Path, database_url: str, every: int) -> list[dict]:
    folder.mkdir()
    manage("migrate", "--noinput", "-v", "0", env=environment(DATABASE_URL=database_url, STUDIO_DATA=folder))
    return [shown(run(folder, database_url, *course, every=every)) for course in COURSES]


def shown(row: dict) -> dict:
    """A line of the table, as soon as its course is over."""
    print(" ".join(f"{row[name]!s:>{width}}" for name, width in COLUMNS.items()), flush=True)
    return row


if __name__ == "__main__":
    main()
