"""`make bench`: measures, prints a table, and writes bench.json. About ten minutes; only loopback is used.

`make bench ROW=click` measures that row alone, and leaves the others in bench.json as they were. Every row is compared
with a peer or a lower bound from the same run.
"""

import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks import burst, cold, files, latency, restart, saving, scroll
from tests.parts.once import made_once
from tests.parts.postgres import MIGRATED, Postgres, migrated_server
from tests.parts.processes import ROOT, environment, manage, start, stop, wait_until

ANSWER_SECONDS = 0.3  # how long the imitated remote API takes for a poll
POLL_SECONDS = 10
FLOOR_SECONDS = 6


def main(row=""):
    rows = ROWS | MORE_ROWS
    assert not row or row in rows, f"Rows by name: {', '.join(rows)}"
    path = ROOT / "bench.json"
    results = (json.loads(path.read_text()) if row and path.exists() else {}) | {"machine": machine()}
    for name in [row] if row else ROWS:
        load, started = os.getloadavg()[0], time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
            found = rows[name](Path(folder))
        results[name] = found | {"load_before": round(load, 2), "took_s": round(time.perf_counter() - started)}
        print(f"{name} (load {load:.1f} before, {results[name]['took_s']} s)")
        for label, value in LINES[name](found):
            print(f"  {label:<70}{value:>26}", flush=True)
    path.write_text(json.dumps(results, indent=2) + "\n")


def machine():
    described = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    found = re.search(r"model name\s*: (.*)", described)
    processor = found[1] if found else platform.processor()
    return {"cores": os.cpu_count(), "processor": processor, "python": platform.python_version()}


# Rows that need a studio's database and no more
def fresh(folder, name, **env):
    """The environment of a migrated studio of its own, with its static files collected."""
    shutil.copytree(made_once("studio", make_studio), folder / name)
    env = environment_of(folder / name, **env)
    if env["DATABASE_URL"]:
        manage("migrate", "-v", "0", env=env)
    return env


def make_studio(folder):
    env = environment_of(folder)
    manage("migrate", "-v", "0", env=env)
    manage("collectstatic", "--noinput", "-v", "0", env=env)


def environment_of(folder, **env):
    return environment(**{"STUDIO_DATA": folder, "DATABASE_URL": "", "HEYGEN_API_KEY": "bench", **env})


def module(name, *arguments, env):
    command = [sys.executable, "-m", f"tests.benchmarks.{name}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def new_databases(on_postgres):
    """A function that gives the variables of a new, migrated database each time."""
    server = migrated_server() if on_postgres else None
    try:
        yield lambda: {"DATABASE_URL": server.new_database(MIGRATED) if server else ""}
    finally:
        if server:
            server.remove()


def history(what, few, many, runs, on_postgres=False, memory=()):
    def measure(folder):
        with new_databases(on_postgres) as new_database:
            env = {count: fresh(folder, f"data-{count}", **new_database()) for count in (few, many)}
            found = dict(zip(("few", "many"), in_turns(what, env, runs), strict=True))
            return found | {"memory": {work: module("memory", work, env=env[many]) for work in memory}}

    return measure


def in_turns(what, env, runs):
    """For each number of rows what `history` says of it. Both do the same thing right after each other, `runs` times,
    so that whatever else the machine does meanwhile slows down both."""
    with ExitStack() as stack:
        asked = [stack.enter_context(asking(what, count, env[count])) for count in env]
        found = [json.loads(process.stdout.readline()) for process in asked]
        times = [{name: [] for name in one.pop("names")} for one in found]
        for name in times[0]:
            for _ in range(runs):
                for process, measured in zip(asked, times, strict=True):
                    measured[name].append(ask(process, name))
    return [one | summary(measured) for one, measured in zip(found, times, strict=True)]


@contextmanager
def asking(what, count, env):
    command = [sys.executable, "-m", "tests.benchmarks.history", what, str(count)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=env, **pipes) as process:
        yield process
        process.stdin.close()  # which ends it


def ask(process, name):
    process.stdin.write(f"{name}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def summary(times):
    medians = {name: round(statistics.median(values), 1) for name, values in times.items()}
    return {"median_ms": medians, "spread_ms": {name: [min(values), max(values)] for name, values in times.items()}}


def history_lines(found):
    few, many = found["few"], found["many"]
    yield (
        f"Seeding {many['rows']:,} rows, their search index included",
        f"{many['seed_s']} s, {many['seed_cpu_s']} s of CPU",
    )
    yield "  counting the stored totals anew", f"{many['recount_s']} s"
    yield "  the database for each video", f"{many['database_bytes'] / many['rows'] / 1000:.1f} kB"
    for name, took in found["memory"].items():
        megabytes = f"{took['before_mb']} → {took['most_mb']} MB"
        yield f"{name}: memory of its process before and at the most", f"{megabytes} in {took['seconds']} s"
    for name, median in many["median_ms"].items():
        low, high = many["spread_ms"][name]
        before = few["median_ms"][name]
        label = f"{name}: CPU ms with {few['rows']:,} and {many['rows']:,}"
        yield label, f"{before} → {median} ({low}–{high}), {median / before:.2f} ×"


def page_cpu(folder):
    env = fresh(folder, "data")
    return module("page", 30, 40, env=env)


def page_lines(found):
    low, high = found["spread"]["/"]
    yield f"CPU of the gallery's page with 30 videos, median of {found['runs']}", f"{found['/']} ms ({low}–{high})"
    yield "  of it, compared with an empty gallery: the cards", f"{round(found['/'] - found['empty'], 2)} ms"
    yield "  its HTML before compression", f"{found['html_bytes']:,} bytes"
    yield "  an update that finds nothing new", f"{found['/updates']} ms"
    yield "  the floor: a view that says one word behind the same middleware", f"{found['/floor']} ms"


# The poller
@contextmanager
def imitated_remote(folder):
    remote = start([sys.executable, "-m", "tests.benchmarks.remote", ANSWER_SECONDS], environment(), folder / "remote")
    try:
        yield wait_until(lambda: (folder / "remote").read_text().strip(), 20, "the imitated remote API")
    finally:
        stop(remote)


def poller(count, start, seconds, on_postgres=False, busy=0):
    """After `start` seconds three runs of so many seconds each; the floor is measured before and after. `busy`
    processes do nothing but use up CPU meanwhile."""

    def measure(folder):
        with imitated_remote(folder) as port, a_database(on_postgres) as address:
            env = fresh(folder, "data", HEYGEN_API_URL=f"http://127.0.0.1:{port}", **address)
            made = module("running", count, env=env)
            floor = [module("floor", port, count, POLL_SECONDS, FLOOR_SECONDS, env=env)]
            with hogs(busy):
                found = module("poller", start, seconds, env=env)
            floor.append(module("floor", port, count, POLL_SECONDS, FLOOR_SECONDS, env=env))
        return made | found | {"floor": floor, "busy": busy}

    return measure


@contextmanager
def a_database(on_postgres):
    """What names it in the environment; nothing for SQLite."""
    server = Postgres() if on_postgres else None
    try:
        yield {"DATABASE_URL": server.new_database()} if server else {}
    finally:
        if server:
            server.remove()


@contextmanager
def hogs(count):
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def poller_lines(found):
    runs, every = found["runs"], found["all"]
    wanted, beside = found["in_flight"] / POLL_SECONDS, f", {found['busy']} busy processes beside" * bool(found["busy"])
    rates = ", ".join(f"{run['per_second']:,.0f}" for run in runs)
    yield f"{found['in_flight']:,} running: polls a second of {wanted:,.0f} wanted{beside}", rates
    late = " / ".join(f"{every[f'late_{name}_s']:.3f}" for name in ("p50", "p99", "max"))
    yield f"  lateness in steady state, median / 99 % / worst of {every['polls']:,}", f"{late} s"
    yield "  99 % of each run", ", ".join(f"{run['late_p99_s']:.3f}" for run in runs) + " s"
    yield "  the start with all of them due: seconds until none was late", f"{found['caught_up_s']:.1f} s"
    costs, floor = [[run["cpu_s_per_1000"] for run in each] for each in (runs, found["floor"])]
    ratio = statistics.median(costs) / statistics.mean(floor)
    yield "  CPU s per 1,000 polls", f"{statistics.median(costs)} ({min(costs)}–{max(costs)})"
    yield "  the floor: a bare aiohttp loop that only GETs, before and after", f"{floor[0]}, {floor[1]}: {ratio:.2f} ×"
    yield "  memory at most", f"{found['memory_mb']} MB"


def latency_lines(found):
    worst, all_of_them = max(found["click_to_playable_s"]), found["click_to_playable_s"]
    label = f"Click to playable, worst of {found['generations']} (median {statistics.median(all_of_them):.1f} s)"
    yield label, f"{worst:.1f} s"
    label = f"  beyond the demo server's own time and one poll interval of {found['poll_seconds']} s"
    yield label, f"{found['over_stand_in_and_one_poll_s']:.1f} s"


ROWS = {
    "gallery_1m": history("pages", 1000, 1_000_000, 5, memory=("stored totals", "backup", "usage as CSV")),
    "gallery_100k_postgres": history("pages", 1000, 100_000, 5, on_postgres=True),
    "click": history("clicks", 1000, 100_000, 30),
    "page_cpu": page_cpu,
    "poller_1000": poller(1000, 12, 5),
    "poller_5000": poller(5000, 18, 10),
    "poller_10000_postgres": poller(10_000, 35, 10, on_postgres=True),
    "ready_lag": lambda folder: latency.measure(folder, 4),
    "submit_burst": burst.measure,
    "saving": saving.measure,
    "files": files.measure,
    "cold_start": cold.measure,
}
# By name only: they take long, need a browser, or say what the rows above say already.
MORE_ROWS = {
    "nightly_1m": history("seed", 1000, 1_000_000, 0, memory=("stored totals", "storage", "backup", "usage as CSV")),
    "poller_10000": poller(10_000, 40, 20),
    "poller_20000_postgres": poller(20_000, 90, 20, on_postgres=True),
    "poller_5000_busy": poller(5000, 30, 20, busy=2),
    "poller_killed": restart.measure,
    "scroll": scroll.measure,
}
LINES = {
    "nightly_1m": history_lines,
    "gallery_1m": history_lines,
    "gallery_100k_postgres": history_lines,
    "click": history_lines,
    "page_cpu": page_lines,
    "poller_1000": poller_lines,
    "poller_5000": poller_lines,
    "poller_10000_postgres": poller_lines,
    "poller_10000": poller_lines,
    "poller_20000_postgres": poller_lines,
    "poller_5000_busy": poller_lines,
    "poller_killed": restart.lines,
    "scroll": scroll.lines,
    "ready_lag": latency_lines,
    "submit_burst": burst.lines,
    "saving": saving.lines,
    "files": files.lines,
    "cold_start": cold.lines,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
