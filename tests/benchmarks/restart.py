"""How long nothing is polled after the poller's process was killed."""

import statistics
import time

from tests.parts.processes import wait_until
from tests.parts.standin import Standin
from tests.parts.studio import Studio
from tests.parts.worker_processes import generate, processes_of


def measure(folder, runs=5):
    standin = Standin(folder / "standin", options=("--control", "--speed", "0.01"))
    address = {"HEYGEN_API_KEY": "test-key", "HEYGEN_API_URL": standin.url, "HEYGEN_UPLOAD_URL": standin.url}
    studio = Studio(folder / "studio", {"DATABASE_URL": "", "STUDIO_POLL_SECONDS": "1", **address})
    try:
        studio.prepare()
        studio.start()
        generate(studio, [f"A lighthouse, {number}" for number in range(8)])
        return {"runs": [silence(studio, standin) for _ in range(runs)]}
    finally:
        studio.destroy()
        standin.stop()


def silence(studio, standin):
    """Seconds from the kill of a poller that works to the next poll."""
    seen = len(standin.requests("poll"))
    wait_until(lambda: len(standin.requests("poll")) > seen + 8, 30, "polls")
    [poller] = processes_of(studio, "poll")
    poller.kill()
    killed = time.perf_counter()
    poller.wait(5)
    seen = len(standin.requests("poll"))
    wait_until(lambda: len(standin.requests("poll")) > seen, 60, "polls by another poller", every=0.02)
    return round(time.perf_counter() - killed, 2)


def lines(found):
    label = f"From the kill of the poller to the next poll, worst of {len(found['runs'])}"
    yield f"{label} (median {statistics.median(found['runs'])} s)", f"{max(found['runs'])} s"
