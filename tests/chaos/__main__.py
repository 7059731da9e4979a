"""Kills processes of a studio under load at random, and compares the ledgers afterwards.

    python -m tests.chaos [--generations 1000] [--minutes 30] [--seed N] [--every 5 40] [--kills 1] [--within 90]
        [--folder F]

Requests go through the page's own form. Ends with 0 if the demo server's ledger and the studio's rows match one to one,
every completed video is saved, playable and equal by hash to what was served, and the studio recovered by itself from
each kill. What a kill left unknown is settled as its owner would, with the execution's id from the ledger.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from contextlib import suppress
from pathlib import Path

import httpx
import psutil

from tests.parts.processes import wait_until
from tests.parts.standin import Standin
from tests.parts.studio import Studio, csrf_token, prepared, use_copy_of
from tests.parts.worker_processes import heartbeat, processes_of, rows, run

ROLES = ("web", "web worker", "worker", "sentinel", "pusher", "monitor", "idle", "poll", "submit", "save")
RECOVERED_WITHIN = 90.0  # seconds, the promise for the worst of them, a frozen queue, where nothing else runs
SETTLED_WITHIN = 240.0  # seconds: a lease, and whatever is queued behind it
ANSWERED_WITHIN = 240.0  # seconds, for one form that is sent again until it is accepted
PROVIDERS = ("ltx_distilled", "veo_3_1", "kling_pro", "sora_v2")

FIND_UNKNOWN = """
import json, sys
import django
django.setup()
from videos.models import Generation
for prompt, execution_id in json.load(sys.stdin).items():
    generation = Generation.objects.get(prompt=prompt)
    if generation.status == "unknown":
        assert generation.resolve_as_found(execution_id)
"""
PROBE = """
import json
import django
django.setup()
from hashlib import sha256
from pathlib import Path
from videos.storage import probe
from videos.models import SavedVideo
found = {}
for saved in SavedVideo.objects.select_related("generation"):
    path = Path(saved.file.path)
    probe.check_video(path)
    found[saved.generation.prompt] = sha256(path.read_bytes()).hexdigest()
print(json.dumps(found))
"""


class Visitor:
    """A person who clicks Generate, and sends the same form again if no answer came."""

    def __init__(self, studio):
        self.studio = studio
        self.client = None

    def generate(self, prompt, provider):
        token = None
        until = time.monotonic() + ANSWERED_WITHIN
        while time.monotonic() < until:
            try:
                if self.client is None:
                    self.client = self.studio.client()
                token = token or uuid.uuid4().hex
                if self.send(prompt, provider, token):
                    return
            except (httpx.TransportError, AssertionError):
                self.client = None
            time.sleep(0.2)
        raise AssertionError(f"{prompt} could not be generated")

    def send(self, prompt, provider, token):
        fields = {"prompt": prompt, "provider": provider, "aspect_ratio": "16:9", "config": "{}", "count": "1"}
        fields |= {"token": token, "csrfmiddlewaretoken": csrf_token(self.client, "/")}
        reply = self.client.post("/generate", data=fields, headers={"Referer": f"{self.studio.url}/"})
        if reply.status_code >= 500:
            return False
        assert reply.status_code == 200, f"{reply.status_code}: {reply.text[:2000]}"
        return True


class Killer:
    """Kills one process of the studio after another, and checks that the studio recovers on its own each time."""

    def __init__(self, studio, asked):
        self.studio, self.every, self.within = studio, asked.every, asked.within
        self.random = random.Random(asked.seed)
        self.kills = Counter()
        self.recoveries = []
        self.stopped = threading.Event()
        self.error = None

    def run(self):
        try:
            while not self.stopped.wait(self.random.uniform(*self.every)):
                with suppress(psutil.NoSuchProcess):  # the one that was drawn has ended by itself
                    self.kill_one()
        except BaseException as error:
            self.error = error

    def kill_one(self):
        role, victim = self.victim()
        before = self.heartbeat()
        started = time.monotonic()
        victim.kill()
        wait_until(lambda: self.heartbeat() != before, self.within, f"the heartbeat after a kill of {role}")
        wait_until(self.studio.healthy, self.within, f"health after a kill of {role}")
        self.kills[role] += 1
        self.recoveries.append(time.monotonic() - started)
        print(f"  killed {role:<11} back after {self.recoveries[-1]:.1f} s", flush=True)

    def victim(self):
        for role in self.random.sample(ROLES, len(ROLES)):
            found = self.find(role)
            if found:
                return role, self.random.choice(found)
        raise AssertionError("There is nothing left to kill")

    def find(self, role):
        if role in {"web", "web worker"}:
            web = self.studio.find("web")
            return ([web] if role == "web" else web.children()) if web else []
        if role == "worker":
            return [process for process in [self.studio.find("worker")] if process]
        return processes_of(self.studio, role)

    def heartbeat(self):
        return heartbeat(self.studio)

    def has_killed(self, number):
        return self.error or sum(self.kills.values()) >= number


def chaos(folder, asked):
    standin = Standin(folder / "standin", options=("--control", "--draft", "--speed", "4"))
    studio = Studio(
        folder / "studio",
        {
            "DATABASE_URL": "",
            "HEYGEN_API_KEY": "test-key",
            "HEYGEN_API_URL": standin.url,
            "HEYGEN_UPLOAD_URL": standin.url,
            "STUDIO_POLL_SECONDS": "1",
            "STUDIO_LEASE_SECONDS": "20",
            "STUDIO_MAX_IN_FLIGHT": "20",
            "STUDIO_MIN_FREE_BYTES": "0",
        },
    )
    try:
        use_copy_of(prepared(folder / "prepared"), studio)
        studio.start()
        studio.make_owner()
        return go(studio, standin, asked)
    finally:
        studio.destroy()
        standin.stop()


def go(studio, standin, asked):
    killer = Killer(studio, asked)
    thread = threading.Thread(target=killer.run)
    thread.start()
    try:
        generate_all(studio, asked.generations, asked.minutes * 60, asked.seed)
        wait_until(
            lambda: killer.has_killed(asked.kills), asked.within * asked.kills, f"{asked.kills} kills", every=0.5
        )
    finally:
        killer.stopped.set()
        thread.join(asked.within * 2)
    if killer.error:
        raise killer.error
    return report(studio, standin, killer, asked.generations)


def generate_all(studio, generations, seconds, seed):
    visitor, draw = Visitor(studio), random.Random(seed)
    started = time.monotonic()
    for number in range(generations):
        visitor.generate(f"chaos {seed} {number}", draw.choice(PROVIDERS))
        pause = started + seconds * (number + 1) / generations - time.monotonic()
        time.sleep(max(0.0, pause))


def report(studio, standin, killer, generations):
    wait_until(lambda: is_settled(studio), SETTLED_WITHIN, "everything to be settled", every=1)
    unknown = sum(row["status"] == "unknown" for row in rows(studio))
    paid = standin.ledger()
    twice = [prompt for prompt, times in Counter(prompt_of(entry) for entry in paid).items() if times > 1]
    run(studio, FIND_UNKNOWN, said=json.dumps({prompt_of(entry): entry["execution_id"] for entry in paid}))
    studio.manage("shell", "-v", "0", "-c", RESUME)
    wait_until(lambda: is_settled(studio), SETTLED_WITHIN, "what was unknown to be saved", every=1)
    books = {
        "generations": generations,
        "paid": len(paid),
        "paid_twice": twice,
        "unknown_after_kills": unknown,
        "states": dict(Counter(row["status"] for row in rows(studio))),
        "differences": differences(rows(studio), paid),
        "not_equal": not_equal(studio, standin),
        "kills": dict(killer.kills),
        "slowest_recovery_s": round(max(killer.recoveries, default=0), 1),
    }
    books["ok"] = not (books["paid_twice"] or books["differences"] or books["not_equal"]) and sum(killer.kills.values())
    return books


RESUME = "from videos.models import RemoteAccount; RemoteAccount.objects.all().resume()"


def is_settled(studio):
    """Waits until nothing is in progress. Sending that several unknowns paused is resumed, as an owner would do."""
    studio_rows = rows(studio)
    if any(row["status"] == "queued" for row in studio_rows):
        studio.manage("shell", "-v", "0", "-c", RESUME)
    return all(row["status"] not in {"queued", "sending", "running", "saving"} for row in studio_rows)


def prompt_of(entry):
    return entry["body"]["input"]["prompt"]


def differences(generations, paid):
    """The differences between the two ledgers."""
    ours = {(row["prompt"], row["remote_id"]) for row in generations if row["remote_id"]}
    theirs = {(prompt_of(entry), entry["execution_id"]) for entry in paid}
    return sorted(map(list, ours ^ theirs))


def not_equal(studio, standin):
    """Completed videos that are not saved, or whose bytes differ from what was served."""
    served = {entry["execution_id"]: prompt_of(entry) for entry in standin.ledger()}
    kept = json.loads(run(studio, PROBE))
    return [
        served[execution_id]
        for execution_id, video in standin.videos().items()
        if kept.get(served[execution_id]) != video["sha256"]
    ]


def main():
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--generations", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--every", type=float, nargs=2, default=(5, 40), metavar="SECONDS")
    parser.add_argument("--kills", type=int, default=1, help="at the least, however long they take")
    parser.add_argument("--within", type=float, default=RECOVERED_WITHIN, metavar="SECONDS", help="back from a kill")
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="studio-chaos-"))
    print(f"{asked.generations} generations in {asked.minutes:g} minutes, seed {asked.seed}", flush=True)
    books = chaos(folder, asked)
    print(json.dumps(books, indent=2))
    if books["ok"] and not asked.folder:
        shutil.rmtree(folder)
    return 0 if books["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
