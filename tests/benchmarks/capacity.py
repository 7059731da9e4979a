"""`python -m tests.benchmarks.capacity`: the tables of docs/growing.md, from what `make bench` wrote to bench.json.

It needs the rows `click`, `submit_burst`, `poller_5000`, `saving`, `page_cpu` and `gallery_1m`, each of which
`make bench ROW=…` measures alone.
"""

import json
import math
import statistics

from tests.parts.processes import ROOT

VIDEO_SECONDS, VIDEO_BYTES, POLL_SECONDS = 120, 6e6, 10
A_DAY = 86400


def figures(results) -> dict:
    """CPU milliseconds of a click, a submission, a poll, saving a video and a page, how many seconds a worker host
    takes to send and to save one, and kilobytes of a video's rows: as exact as shown."""
    history = results["gallery_1m"]["many"]
    polls = statistics.median(run["cpu_s_per_1000"] for run in results["poller_5000"]["runs"])
    return {
        "click": round(results["click"]["many"]["median_ms"]["a click on Generate"], 1),
        "poll": round(polls, 2),  # seconds of a thousand are milliseconds of one
        "send": round(results["submit_burst"]["studio_cpu_ms_each"]),
        "save": round(results["saving"]["studio_cpu_ms_each"]),
        "send_s": round(statistics.median(results["submit_burst"]["studio_ms_each"]) / 1000, 2),
        "save_s": round(statistics.median(results["saving"]["studio_ms_each"]) / 1000, 2),
        "page": round(results["page_cpu"]["/"]),
        "row": round(history["database_bytes"] / history["rows"] / 1000, 1),
    }


def line(videos: int, cost: dict) -> list[str]:
    """The row for this many videos a day."""
    in_flight = videos * VIDEO_SECONDS / A_DAY
    polls = VIDEO_SECONDS / POLL_SECONDS * cost["poll"]
    cpu = videos * (cost["click"] + cost["send"] + polls + cost["save"]) / 1000 / A_DAY
    hosts = math.ceil(videos / A_DAY * max(cost["send_s"], cost["save_s"]))
    database = videos * cost["row"] * 1000
    return [
        f"{videos:,}",
        f"{in_flight:,.0f}",
        f"{in_flight / POLL_SECONDS:,.1f}",
        f"{cpu:.2f}" if cpu >= 0.005 else "under 0.01",
        f"{hosts}",
        f"{videos * VIDEO_BYTES / 1e9:,.0f} GB",
        f"{database / 1e6:,.0f} MB" if database < 1e9 else f"{database / 1e9:.1f} GB",
    ]


def tables(results) -> str:
    cost, machine = figures(results), results["machine"]
    head = ["Videos a day", "In flight at once", "Polls a second", "Busy cores", "Worker hosts", "Files", "Database"]
    rows = [head, *(line(10**power, cost) for power in range(3, 7))]
    host = {name: f"{cost[name]} ms of CPU, {cost[f'{name}_s']} s of a host" for name in ("send", "save")}
    measured = [
        ["Work", "Measured", "By"],
        ["a click on Generate", f"{cost['click']:.1f} ms of CPU", "`make bench ROW=click`"],
        ["sending a video", host["send"], "`make bench ROW=submit_burst`"],
        ["a poll", f"{cost['poll']:.2f} ms of CPU", "`make bench ROW=poller_5000`"],
        [
            "saving a video of 6 MB",
            host["save"],
            "`make bench ROW=saving`",
        ],
        ["a page of the gallery with 30 videos", f"{cost['page']:.0f} ms of CPU", "`make bench ROW=page_cpu`"],
        [
            "a video's rows and their indexes, without its timeline",
            f"{cost['row']:.1f} kB",
            "`make bench ROW=gallery_1m`",
        ],
    ]
    text = "\n\n".join(table_of(cells) for cells in (measured, rows))
    return f"{machine['cores']} cores of {machine['processor']}, Python {machine['python']}:\n\n{text}"


def table_of(lines: list[list[str]]) -> str:
    head, *others = [f"| {' | '.join(cells)} |" for cells in lines]
    return "\n".join([head, "|---" * len(lines[0]) + "|", *others])


if __name__ == "__main__":
    print(tables(json.loads((ROOT / "bench.json").read_text())))
