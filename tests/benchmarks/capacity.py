"""`python -m tests.benchmarks.capacity`: the tables of docs/growing.md, from what `make bench` wrote to bench.json.

It needs the rows `click`, `page_cpu`, `poller_1000` and `gallery_1m`, each of which `make bench ROW=…` measures alone.
"""

import json

from tests.parts.processes import ROOT

VIDEO_SECONDS, VIDEO_BYTES, POLL_SECONDS = 120, 6e6, 10
A_DAY = 86400


def figures(results) -> dict:
    """CPU seconds of a click, a poll and a page, and bytes of the database for one video."""
    history = results["gallery_1m"]["many"]
    return {
        "click": results["click"]["many"]["median_ms"]["a click on Generate"] / 1000,
        "poll": results["poller_1000"]["median"]["cpu_s_per_1000"] / 1000,
        "page": results["page_cpu"]["/"] / 1000,
        "row": history["database_bytes"] / history["rows"],
    }


def line(videos: int, cost: dict) -> list[str]:
    """Of so many videos a day."""
    in_flight = videos * VIDEO_SECONDS / A_DAY
    cpu = videos * (cost["click"] + VIDEO_SECONDS / POLL_SECONDS * cost["poll"]) / A_DAY
    database = videos * cost["row"]
    return [
        f"{videos:,}",
        f"{in_flight:,.0f}",
        f"{in_flight / POLL_SECONDS:,.1f}",
        f"{100 * cpu:.2g} % of a core",
        f"{videos * VIDEO_BYTES / 1e9:,.0f} GB",
        f"{database / 1e6:,.0f} MB" if database < 1e9 else f"{database / 1e9:.1f} GB",
    ]


def tables(results) -> str:
    cost, machine = figures(results), results["machine"]
    head = ["Videos a day", "At once in flight", "Polls a second", "CPU of clicks and polls", "Files", "Database"]
    rows = [head, ["---"] * len(head), *(line(10**power, cost) for power in range(3, 7))]
    measured = [
        ["Work", "Measured", "By"],
        ["---"] * 3,
        ["a click on Generate", f"{1000 * cost['click']:.1f} ms of CPU", "`make bench ROW=click`"],
        ["a poll", f"{1000 * cost['poll']:.2f} ms of CPU", "`make bench ROW=poller_1000`"],
        ["a page of the gallery with 30 videos", f"{1000 * cost['page']:.0f} ms of CPU", "`make bench ROW=page_cpu`"],
        ["a video's rows, indexes included", f"{cost['row'] / 1000:.1f} kB", "`make bench ROW=gallery_1m`"],
    ]
    text = ["\n".join(f"| {' | '.join(cells)} |" for cells in table) for table in (measured, rows)]
    return f"{machine['cores']} cores of {machine['processor']}, Python {machine['python']}:\n\n" + "\n\n".join(text)


if __name__ == "__main__":
    print(tables(json.loads((ROOT / "bench.json").read_text())))
