"""From `manage.py studio` to a healthy studio, compared with a Python that only loads Django and the studio's code."""

import statistics
import subprocess
import sys
import time

from tests.parts.processes import ROOT
from tests.parts.studio import Studio

LOAD = "import django; django.setup(); import heygen_studio.wsgi"


def measure(folder, runs=3):
    studio = Studio(folder, {"DATABASE_URL": "", "HEYGEN_API_KEY": None, "HEYGEN_API_URL": None})
    studio.prepare()
    ours, floor = [], []
    try:
        for _ in range(runs):
            floor.append(
                seconds(lambda: subprocess.run([sys.executable, "-c", LOAD], cwd=ROOT, env=studio.env, check=True))
            )
            ours.append(seconds(studio.start))
            studio.stop()
    finally:
        studio.destroy()
    return {"runs": ours, "median_s": statistics.median(ours), "floor_s": statistics.median(floor)}


def seconds(do):
    started = time.perf_counter()
    do()
    return round(time.perf_counter() - started, 2)


def lines(found):
    yield f"From the command to a healthy studio, median of {len(found['runs'])}", f"{found['median_s']} s"
    yield "  the floor: a Python that loads Django and our code once", f"{found['floor_s']} s"
