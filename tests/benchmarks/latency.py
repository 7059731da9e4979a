"""From the click of Generate to a saved, playable video, compared with the demo server's own time."""

from datetime import datetime

from tests.parts.processes import wait_until
from tests.parts.standin import Standin
from tests.parts.studio import Studio
from tests.parts.worker_processes import generate, rows

POLL_SECONDS = 10


def measure(folder, generations):
    standin = Standin(folder / "standin", options=("--control",))
    address = {"HEYGEN_API_KEY": "demo", "HEYGEN_API_URL": standin.url, "HEYGEN_UPLOAD_URL": standin.url}
    studio = Studio(folder / "studio", {"DATABASE_URL": "", "STUDIO_POLL_SECONDS": str(POLL_SECONDS), **address})
    try:
        studio.prepare()
        studio.start()
        generate(studio, [f"A drone shot of a coastal city, {number}" for number in range(generations)])
        wait_until(lambda: all(row["status"] == "ready" for row in rows(studio)), 120, "saved videos", every=1)
        return summary(rows(studio), standin.ledger())
    finally:
        studio.destroy()
        standin.stop()


def summary(generations, ledger):
    own = {entry["execution_id"]: entry["ready_at"] - entry["at"] for entry in ledger}
    took = [(seconds_between(row["created_at"], row["saved_at"]), own[row["remote_id"]]) for row in generations]
    return {
        "generations": len(took),
        "poll_seconds": POLL_SECONDS,
        "click_to_playable_s": [round(whole, 2) for whole, _ in took],
        "stand_in_s": [round(alone, 2) for _, alone in took],
        "over_stand_in_and_one_poll_s": round(max(whole - alone - POLL_SECONDS for whole, alone in took), 2),
    }


def seconds_between(start, end):
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
