"""What a gallery costs a browser that has scrolled through many cards: `python -m tests.benchmarks.scroll`.

The memory of Chromium's process that shows the page, its JavaScript heap, and the frames while it is scrolled from one
end to the other. Each card has a poster of its own address. Figures are only worth something on an idle machine.
"""

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
from tests.parts.exhibition import PROMPTS, make
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


def main(count):
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(folder, {"DATABASE_URL": "", "HEYGEN_API_KEY": "bench"})
        studio.prepare()
        said = studio.manage("shell", "-v", "0", "-c", FILL.format(count=count))
        session = next(line for line in said.splitlines() if line.startswith("made ")).split()[1]
        command = [sys.executable, "-m", "gunicorn", "heygen_studio.wsgi", "--bind", f"127.0.0.1:{studio.port}"]
        process = start(command, studio.env, Path(folder) / "web.log")
        try:
            wait_until(lambda: ping(studio.port), 30, "a web part that answers")
            with sync_playwright() as playwright:
                scroll(playwright, studio.url, session, count)
        finally:
            stop(process)


def scroll(playwright, url, session, count):
    browser = playwright.chromium.launch(**launch_options())
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
    page = context.new_page()
    page.goto(url)
    say("a page of 30 cards", page)
    while (shown := page.locator("#cards > .card").count()) < count:
        page.mouse.wheel(0, 4000)
        page.wait_for_function(f"() => document.querySelectorAll('#cards > .card').length >= {min(count, shown + 1)}")
    say(f"{count} cards, scrolled down", page)
    page.evaluate(RECORD_FRAMES)
    while page.evaluate("scrollY") > 0:
        page.mouse.wheel(0, -400)
        page.wait_for_timeout(16)
    frames = sorted(page.evaluate("window.frames"))
    say("scrolled up again", page)
    late = sum(frame > 50 for frame in frames)
    print(f"{len(frames)} frames: median {frames[len(frames) // 2]:.0f} ms, 99 % within", end=" ")
    print(f"{frames[int(len(frames) * 0.99)]:.0f} ms, longest {frames[-1]:.0f} ms, {late} over 50 ms")
    browser.close()


def say(what, page):
    measure = page.context.new_cdp_session(page)
    measure.send("Performance.enable")
    found = {one["name"]: one["value"] for one in measure.send("Performance.getMetrics")["metrics"]}
    renderers = [one for one in psutil.Process().children(recursive=True) if "--type=renderer" in one.cmdline()]
    memory = max(one.memory_full_info().pss for one in renderers) / 1e6
    heap, nodes = found["JSHeapUsedSize"] / 1e6, found["Nodes"]
    print(f"{what}: {memory:.0f} MB, of it JavaScript {heap:.0f} MB, {nodes:.0f} nodes", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else CARDS)
