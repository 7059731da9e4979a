"""Many videos that are finished at once, saved through the whole studio, compared with a bare client that only
downloads the same files, as many at a time.

A saver also asks for the link, checks the file, decodes it for its pictures, waits for the disk and writes its row, so
this says how many videos a day one worker host can save. The demo server draws nothing meanwhile: its drafts of one
ratio share one film.
"""

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import httpx

from tests.benchmarks.burst import cpu_of, running
from tests.parts.processes import LOOPBACK, wait_until
from tests.parts.worker_processes import generate, read
from videos.limits import SAVERS

PATH = "/v1/workflows/executions"
MEGABYTES = 6
PART = 20  # videos of one of our runs
SAVED = "SELECT julianday(saved_at) FROM videos_generation WHERE status = 'ready' ORDER BY saved_at"


def measure(folder, count=80):
    limits = {"STUDIO_MAX_IN_FLIGHT": str(count), "STUDIO_POLL_SECONDS": "2"}
    with running(folder, limits, "--weight", str(MEGABYTES * 10**6)) as (standin, studio):
        generate(studio, [f"A lighthouse, {number}" for number in range(count)], provider="veo_3_1")
        wait_until(lambda: len(standin.videos()) == count, 120, "all of them to be drawn", every=1)
        took, cpu = through(studio, standin, count)
        peer = bare(standin, count)
    ours = [round(1000 * seconds / PART) for seconds in took]
    asked = {"count": count, "at_once": SAVERS, "megabytes": MEGABYTES, "studio_cpu_ms_each": cpu}
    return asked | {"studio_ms_each": ours, "bare_client_ms_each": peer}


def through(studio, standin, count):
    """Seconds for each PART of the videos, in the order in which they were saved, and milliseconds of CPU of all the
    studio's processes for each. The first ones only say when the savers were all at work."""
    before = cpu_of(studio)
    standin.finish()
    wait_until(lambda: len(read(studio, SAVED)) == count, 300, "all of them to be saved", every=0.5)
    cpu = round(1000 * (cpu_of(studio) - before) / count)
    ends = [86400 * moment for [moment] in read(studio, SAVED)]
    return [end - begin for begin, end in pairwise(ends[SAVERS - 1 :: PART])], cpu


def bare(standin, count):
    """Milliseconds for each of the same videos."""
    polls = [f"{PATH}/{entry['execution_id']}" for entry in standin.ledger()[:count]]
    with (
        httpx.Client(base_url=standin.url, headers={"X-Api-Key": "test-key"}, timeout=60, **LOOPBACK) as client,
        tempfile.TemporaryFile() as file,
    ):

        def download(poll):
            link = client.get(poll).json()["data"]["output"]["video"]["video_url"]
            with client.stream("GET", link) as reply:
                for chunk in reply.iter_bytes():
                    file.write(chunk)

        started = time.perf_counter()
        with ThreadPoolExecutor(SAVERS) as pool:
            list(pool.map(download, polls))
    return round(1000 * (time.perf_counter() - started) / count)


def lines(found):
    ours = found["studio_ms_each"]
    label = f"{found['count']} videos of {found['megabytes']} MB, {found['at_once']} at once"
    yield label, f"{statistics.median(ours)} ms each ({min(ours)}–{max(ours)})"
    yield "  a bare client that only downloads them", f"{found['bare_client_ms_each']} ms each"
    yield "  CPU of all the studio's processes, their checks included", f"{found['studio_cpu_ms_each']} ms each"
