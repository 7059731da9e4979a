"""Many submissions through the whole studio, compared with a bare client that sends as many POSTs at the same limit.

The demo server takes ACCEPT_SECONDS for each, as an API far away does: without that, the bare client would measure
nothing but loopback. Both wait for the same server, so their wall time hardly depends on what else the machine does as
long as a core is free; their CPU time says what each submission costs on any machine. The demo server draws tiny
videos: a remote API does not use this machine's cores to make its own.
"""

import statistics
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import pairwise

import httpx
import psutil

from tests.parts.processes import LOOPBACK, wait_until
from tests.parts.standin import Standin
from tests.parts.studio import Studio
from tests.parts.worker_processes import generate, read
from videos.limits import SENDERS

PATH = "/v1/workflows/executions"
ACCEPT_SECONDS = 0.2
POLL_SECONDS = 10  # as shipped; the tests' studios poll twice a second
PART = 100  # submissions of one of our runs
BARE = 100  # POSTs of the bare client, before and after ours


def measure(folder, count=500):
    limits = {"STUDIO_MAX_IN_FLIGHT": str(2 * count), "STUDIO_POLL_SECONDS": str(POLL_SECONDS)}
    with running(folder, limits) as (standin, studio):
        standin.faults([{"call": "submit", "do": {"delay": ACCEPT_SECONDS}}])
        peer = [bare(standin.url, BARE)]
        took, cpu = through(studio, count)
        peer.append(bare(standin.url, BARE))
    each, ours = [round(1000 * seconds / BARE) for seconds in peer], [round(1000 * seconds / PART) for seconds in took]
    ratio = round(statistics.median(ours) / statistics.mean(each), 2)
    asked = {"count": count, "at_once": SENDERS, "accept_s": ACCEPT_SECONDS, "studio_cpu_ms_each": cpu}
    return asked | {"studio_ms_each": ours, "bare_client_ms_each": each, "ratio": ratio}


@contextmanager
def running(folder, limits, *options):
    """A demo server that finishes nothing by itself, and a whole studio on SQLite that takes it for the remote API."""
    standin = Standin(folder / "standin", options=("--control", "--speed", "0.01", "--draft", *options))
    address = {"HEYGEN_API_KEY": "test-key", "HEYGEN_API_URL": standin.url, "HEYGEN_UPLOAD_URL": standin.url}
    studio = Studio(folder / "studio", {"DATABASE_URL": "", **limits, **address})
    try:
        studio.prepare()
        studio.start()
        yield standin, studio
    finally:
        studio.destroy()
        standin.stop()


def through(studio, count):
    """Seconds for each PART of the submissions, in the order in which they were accepted, and milliseconds of CPU of
    all the studio's processes for each submission. The click is not counted."""
    before = cpu_of(studio)
    generate(studio, [f"A lighthouse, {number}" for number in range(count)], provider="veo_3_1")
    accepted = "SELECT COUNT(remote_id) FROM videos_generation"
    wait_until(lambda: read(studio, accepted)[0][0] == count, 300, "all of them to be sent", every=0.5)
    cpu = round(1000 * (cpu_of(studio) - before) / count, 1)
    [[begun]] = read(studio, "SELECT julianday(MIN(sent_at)) FROM videos_generation")
    ends = read(studio, "SELECT julianday(polled_since) FROM videos_generation ORDER BY polled_since")
    marks = [begun, *(moment for [moment] in ends[PART - 1 :: PART])]
    return [86400 * (end - begin) for begin, end in pairwise(marks)], cpu


def cpu_of(studio):
    """Seconds that its processes have used, those included that have ended. The one that clicks is none of them."""
    found = 0
    for process in studio.processes():
        with suppress(psutil.Error):
            found += sum(process.cpu_times()[:4])  # its own, and those of the children that it has waited for
    return found


def bare(url, count):
    started = time.perf_counter()
    with httpx.Client(base_url=url, headers={"X-Api-Key": "test-key"}, timeout=30, **LOOPBACK) as client:

        def send(number):
            body = {"workflow_type": "GenerateVideoNode", "input": {"prompt": f"bare {number} {uuid.uuid4()}"}}
            assert client.post(PATH, json=body).is_success

        with ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(send, range(count)))
    return round(time.perf_counter() - started, 2)


def lines(found):
    ours = found["studio_ms_each"]
    label = f"{found['count']} submissions, {found['at_once']} at once, accepted after {found['accept_s']} s each"
    yield label, f"{statistics.median(ours)} ms each ({min(ours)}–{max(ours)})"
    yield "  the same POSTs by a bare client, before and after", f"{found['bare_client_ms_each']} ms each"
    yield "  CPU of all the studio's processes, which also poll them", f"{found['studio_cpu_ms_each']} ms each"
    yield "  how many times as long we take", str(found["ratio"])
