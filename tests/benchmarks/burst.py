"""Many submissions through the whole studio, beside a bare client that sends as many POSTs at the same limit.

The demo server takes ACCEPT_SECONDS for each, as an API far away does: without that, the bare client would measure
nothing but loopback.
"""

import statistics
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.parts.processes import LOOPBACK, wait_until
from tests.parts.standin import Standin
from tests.parts.studio import Studio
from tests.parts.worker_processes import generate, read
from videos.limits import SENDERS

PATH = "/v1/workflows/executions"
ACCEPT_SECONDS = 0.1


def measure(folder, count=500):
    standin = Standin(folder / "standin", options=("--control", "--speed", "0.01"))
    address = {"HEYGEN_API_KEY": "test-key", "HEYGEN_API_URL": standin.url, "HEYGEN_UPLOAD_URL": standin.url}
    studio = Studio(folder / "studio", {"DATABASE_URL": "", "STUDIO_MAX_IN_FLIGHT": str(2 * count), **address})
    try:
        studio.prepare()
        studio.start()
        standin.faults([{"call": "submit", "do": {"delay": ACCEPT_SECONDS}}])
        peer = [bare(standin.url, count)]
        took = through(studio, count)
        peer.append(bare(standin.url, count))
    finally:
        studio.destroy()
        standin.stop()
    ratio = round(took / statistics.median(peer), 2)
    return {
        "count": count,
        "at_once": SENDERS,
        "studio_s": took,
        "bare_client_s": peer,
        "accept_s": ACCEPT_SECONDS,
        "ratio": ratio,
    }


def through(studio, count):
    """From the first submission to the last one accepted; the click itself is not counted."""
    generate(studio, [f"A lighthouse, {number}" for number in range(count)], provider="veo_3_1")
    times = "SELECT COUNT(remote_id), MIN(sent_at), MAX(followed_at) FROM videos_generation"
    wait_until(lambda: read(studio, times)[0][0] == count, 170, "all of them to be sent", every=0.5)
    select = "SELECT (julianday(MAX(followed_at)) - julianday(MIN(sent_at))) * 86400 FROM videos_generation"
    return round(read(studio, select)[0][0], 2)


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
    label = f"{found['count']} submissions, {found['at_once']} at once, accepted after {found['accept_s']} s each"
    yield label, f"{found['studio_s']} s"
    yield "  the same POSTs by a bare client, before and after", f"{found['bare_client_s']} s"
    yield "  how many times as long we take", str(found["ratio"])
