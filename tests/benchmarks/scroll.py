"""What a gallery costs a browser that has scrolled through many cards: `make bench ROW=scroll`, or with another number
of them `python -m tests.benchmarks.scroll 500`.

The memory of Chromium's process that shows the page and of all its processes together, and the work and the frames
while it is scrolled, beside those of a page of 30 cards. Where a page is full, its link to the next one is followed.
Each card has a poster of its own address. Decoded pictures
are kept by Chromium for five minutes after their last use as long as there is memory, up to 512 MB for all tabs
together, also those of images that are no longer on the page; so memory is measured once more after Chromium was told
that it is short. A process's share of what several share is counted: an empty page has 20 to 60 MB, the fewer the more
other Chromiums run. Canvases that are emptied once they are far away were tried in place of images: each is a layer,
which costs more than twice the main thread's time, late frames, and memory of the GPU's process. Frames are only worth
something on an idle machine; the processor time of the page's main thread hardly depends on other work.
"""

import json
import sys
import tempfile
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

from tests.benchmarks.files import ping
from tests.parts.chromium import launch_options
from tests.parts.processes import start, stop, wait_until
from tests.parts.studio import Studio

CARDS = 1000
FILL = """
from copy import copy
from uuid import uuid4
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from tests.parts.exhibition import PROMPTS
from tests.parts.generations import make
from tests.parts.people import make_owner, with_single_cards
from videos.models import Batch
owner = with_single_cards(make_owner())
ratios = ("16:9", "16:9", "9:16", "1:1")
drawn = [make(owner, words, ratio=ratio, draft=False)[0] for words, ratio in zip(PROMPTS.values(), ratios)]
for number in range({count} - len(drawn)):
    video, saved = copy(drawn[number % len(drawn)]), copy(drawn[number % len(drawn)].saved_video)
    video.pk, video.public_id, video.remote_id = None, uuid4(), uuid4().hex
    video.batch = Batch.objects.create(owner=owner, form_token=uuid4().hex)
    video.save(force_insert=True)
    saved.pk, saved.generation = None, video
    saved.save(force_insert=True)
session = SessionStore()
session[SESSION_KEY], session[HASH_SESSION_KEY] = str(owner.pk), owner.get_session_auth_hash()
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session.save()
print("made", session.session_key)
"""
RECORD_FRAMES = """
window.frames = []; let last;
const note = (now) => { if (last) window.frames.push(now - last); last = now; requestAnimationFrame(note); };
requestAnimationFrame(note);
"""
STEP = 300  # pixels of one turn of the wheel
TURNS = 5  # in one direction, less than a page of 30 cards is high
SWINGS = 6  # there and back
LONG_TASK = 50  # ms


def measure(folder, count=CARDS):
    studio = Studio(folder, {"DATABASE_URL": "", "HEYGEN_API_KEY": "bench"})
    studio.prepare()
    said = studio.manage("shell", "-v", "0", "-c", FILL.format(count=count))
    session = next(line for line in said.splitlines() if line.startswith("made ")).split()[1]
    command = [sys.executable, "-m", "gunicorn", "heygen_studio.wsgi", "--bind", f"127.0.0.1:{studio.port}"]
    process = start(command, studio.env, Path(folder) / "web.log")
    try:
        wait_until(lambda: ping(studio.port), 30, "a web part that answers")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(**launch_options())
            return {"cards": count} | scroll(browser, studio.url, session, count)
    finally:
        stop(process)


def scroll(browser, url, session, count):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
    page = context.new_page()
    page.goto(url)
    page.evaluate(RECORD_FRAMES)
    found, shown, used = {"few": memory(page) | swing(browser, page, 1)}, 0, []
    while True:
        shown += down(page, count - shown)
        used.append(memory(page))
        found["down"] = swing(browser, page, -1)
        up(page)
        found["up"] = frames(page)
        used.append(memory(page))
        if shown >= count:
            break
        page.locator("#more a").click()
        page.wait_for_url("**before=**")
        page.evaluate(RECORD_FRAMES)
    found |= {"most": {name: max(one[name] for one in used) for name in used[0]}, "last": used[-1]}
    page.context.new_cdp_session(page).send("Memory.simulatePressureNotification", {"level": "critical"})
    page.wait_for_timeout(2000)
    found["short"] = memory(page)
    browser.close()
    return found


def down(page, wanted):
    """Scrolls until the page has so many cards, or as many as it takes; returns how many it has."""
    while (shown := page.locator("#cards > .card").count()) < wanted and page.locator("#more [hx-get]").count():
        page.mouse.wheel(0, 4000)
        page.wait_for_function(f"() => document.querySelectorAll('#cards > .card').length > {shown}")
    return shown


def up(page):
    while page.evaluate("scrollY") > 0:
        page.mouse.wheel(0, -STEP)
        page.wait_for_timeout(16)


def swing(browser, page, direction):
    """Scrolls there and back; what the page's main thread had to do for it."""
    page.wait_for_timeout(1000)
    frames(page)
    browser.start_tracing(categories=["toplevel"])
    for turn in range(SWINGS * TURNS * 2):
        page.mouse.wheel(0, direction * STEP * (1 if turn // TURNS % 2 == 0 else -1))
        page.wait_for_timeout(16)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    main = {(event["pid"], event["tid"]) for event in events if event.get("args", {}).get("name") == "CrRendererMain"}
    tasks = [event for event in events if event["name"].endswith("RunTask") and (event["pid"], event["tid"]) in main]
    times = [event.get("tdur", 0) / 1000 for event in tasks]
    long = sum(time > LONG_TASK for time in times)
    per_1000_px = sum(times) * 1000 / (SWINGS * TURNS * 2 * STEP)
    return {"cpu_ms": round(per_1000_px, 1), "longest_ms": round(max(times)), "long_tasks": long} | frames(page)


def frames(page):
    """The frames since they were looked at last."""
    times = sorted(page.evaluate("window.frames.splice(0)")) or [0]
    late = sum(time > LONG_TASK for time in times)
    return {"frames": len(times), "frame_ms": round(times[len(times) // 2]), "late_frames": late}


def memory(page):
    counters = page.context.new_cdp_session(page).send("Memory.getDOMCounters")
    used = dict.fromkeys(("page", "all"), 0)
    for process in chromium():
        share = process.memory_full_info().pss / 1e6
        used["all"] += share
        if "--type=renderer" in process.cmdline():
            used["page"] = max(used["page"], share)
    return {"page_mb": round(used["page"]), "all_mb": round(used["all"]), "nodes": counters["nodes"]}


def chromium():
    """Its processes: those below the driver that Playwright runs."""
    drivers = psutil.Process().children()
    return [one for driver in drivers for one in driver.children(recursive=True) if "chrom" in one.name()]


def megabytes(used):
    return f"{used['page_mb']}, {used['all_mb']} MB"


def lines(found):
    count, few, down, up = found["cards"], found["few"], found["down"], found["up"]
    yield "Memory of the page's process, of all of Chromium's, with 30 cards", megabytes(few)
    yield f"  at most while {count:,} were scrolled, down and up on each page", megabytes(found["most"])
    yield "  at the end, and when memory is short", f"{megabytes(found['last'])}; {megabytes(found['short'])}"
    yield "  nodes", f"{few['nodes']:,}, {found['most']['nodes']:,}"
    yield "Scrolling 1,000 pixels with 30 cards and a full page: CPU", f"{few['cpu_ms']}, {down['cpu_ms']} ms"
    yield "  longest task", f"{few['longest_ms']}, {down['longest_ms']} ms of CPU"
    yield f"  tasks over {LONG_TASK} ms of CPU", f"{few['long_tasks']}, {down['long_tasks']}"
    yield "  median frame", f"{few['frame_ms']}, {down['frame_ms']} ms"
    yield f"  frames over {LONG_TASK} ms", f"{few['late_frames']}, {down['late_frames']} of {down['frames']}"
    yield "  and from the last card to the first", f"{up['late_frames']} of {up['frames']}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for label, value in lines(measure(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else CARDS)):
            print(f"{label:<70}{value:>26}")
