"""`make bench`: measures, prints a table, and writes bench.json. About six minutes; only loopback is used.

`make bench ROW=files` measures that row alone.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import files, latency
from tests.parts.processes import ROOT, environment, manage, start, stop, wait_until

ANSWER_SECONDS = 0.3  # how long the imitated remote side takes for a poll


def main(row=""):
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        results = {"machine": machine(), **(measure_row(row, Path(folder)) if row else measure(Path(folder)))}
    (ROOT / "bench.json").write_text(json.dumps(results, indent=2) + "\n")
    for name, value in lines(results):
        print(f"{name:<66}{value:>22}")


def machine():
    load = os.getloadavg()[0]
    return {"cores": os.cpu_count(), "python": platform.python_version(), "load_before": round(load, 2)}


ROWS = {"files": files.measure, "latency": lambda folder: latency.measure(folder, 4)}


def measure_row(row, folder):
    assert row in ROWS, f"Rows by name: {', '.join(ROWS)}"
    return {row: ROWS[row](folder / row)}


def measure(folder):
    remote = start([sys.executable, "-m", "tests.benchmarks.remote", ANSWER_SECONDS], environment(), folder / "remote")
    try:
        port = wait_until(lambda: (folder / "remote").read_text().strip(), 20, "the imitated remote side")
        env = environment(
            STUDIO_DATA=folder / "data",
            DATABASE_URL="",
            HEYGEN_API_KEY="bench",
            HEYGEN_API_URL=f"http://127.0.0.1:{port}",
        )
        manage("migrate", "-v", "0", env=env)
        manage("collectstatic", "--noinput", "-v", "0", env=env)
        return {
            "transport": {str(count): module("transport", count, 2, 3, env=env) for count in (200, 1000)},
            "poller": [fresh_poller(folder, count, seconds, env) for count, seconds in ((1000, 12), (5000, 22))],
            "latency": latency.measure(folder / "latency", 4),
            "page_ms": module("page", 30, 40, env=env),
            "files": files.measure(folder / "files"),
        }
    finally:
        stop(remote)


def fresh_poller(folder, count, seconds, env):
    """Each with a database of its own, so that the rows of one are not polled in the next."""
    env = {**env, "DATABASE_URL": f"sqlite:///{folder}/poller-{count}.sqlite3"}
    manage("migrate", "-v", "0", env=env)
    return module("poller", count, seconds, env=env)


def module(name, *arguments, env):
    command = [sys.executable, "-m", f"tests.benchmarks.{name}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def lines(results):
    for name, written in LINES.items():
        if name in results:
            yield from written(results[name])


def transport_lines(counts):
    for count, found in counts.items():
        for name, values in found.items():
            label = f"Polls a second, {count} in flight, {name}, median of {len(values['runs'])}"
            yield label, f"{values['median']:,.0f}"


def poller_lines(runs):
    for found in runs:
        label = f"The poller with {found['in_flight']:,} running, polls a second"
        yield label, f"{found['polls_per_second']:,.0f}"
        yield f"  lateness of a poll, median / 99 % / worst of {found['polls']:,}", lateness(found)


def latency_lines(found):
    yield f"Click to playable, worst of {found['generations']}", f"{max(found['click_to_playable_s']):.1f} s"
    label = f"  beyond the stand-in's own time and one poll interval of {found['poll_seconds']} s"
    yield label, f"{found['over_stand_in_and_one_poll_s']:.1f} s"


def page_lines(found):
    yield f"The gallery's page with 30 videos, median of {found['runs']}", f"{found['/']:.1f} ms"
    yield "  an update that finds nothing new", f"{found['/updates']:.1f} ms"
    yield "  the floor: a view that says one word behind the same middleware", f"{found['/floor']:.1f} ms"


def lateness(found):
    return " / ".join(f"{found[f'lateness_{name}_s']:.2f}" for name in ("p50", "p99", "max")) + " s"


LINES = {
    "transport": transport_lines,
    "poller": poller_lines,
    "latency": latency_lines,
    "page_ms": page_lines,
    "files": files.lines,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
