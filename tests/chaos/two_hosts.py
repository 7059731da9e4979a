"""Kills the processes of two worker hosts in turns while they process generations on one PostgreSQL and one bucket.

    python -m tests.chaos.two_hosts [--generations 60] [--seconds 60] [--every 0.6] [--seed N] [--folder F]

A host here is a data folder and a worker that is started again when it ends, as systemd would. Ends with 0 when nothing
was paid for twice or lost, every completed video is in the bucket as it was served, and no more than STALL seconds
passed without a video being saved.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import psutil

from tests.chaos.__main__ import FIND_UNKNOWN, RESUME, differences, is_settled, prompt_of
from tests.parts.bucket import Bucket
from tests.parts.postgres import Postgres
from tests.parts.processes import ROOT, start, wait_until
from tests.parts.standin import Standin
from tests.parts.studio import Studio
from tests.parts.worker_processes import processes_of, read, rows, run

STALL = 20.0  # seconds without a save
ROLES = ("sentinel", "pusher", "monitor", "idle", "poll", "submit", "save")
SETTLED_WITHIN = 240.0

GENERATE_EACH_LINE = """
import sys, uuid
import django
django.setup()
from django.contrib.auth import get_user_model
from videos.models import Batch, Provider, Request
from videos.tasks import enqueue_submit
owner = get_user_model().objects.create(username="chaos", is_superuser=True)
provider = Provider.objects.get(value="ltx_distilled")
for prompt in sys.stdin:
    batch = Batch.objects.make(owner, uuid.uuid4().hex, [Request(prompt=prompt.strip(), provider=provider)])
    enqueue_submit(batch.generations.get().pk)
"""


class Host:
    """A data folder of its own, and a worker that is kept running there until `stop`."""

    def __init__(self, folder, env):
        self.studio = Studio(folder, env)
        self.must_stop = threading.Event()
        self.thread = threading.Thread(target=self.keep_running, daemon=True)
        self.thread.start()

    def keep_running(self):
        while not self.must_stop.wait(0.1):
            worker = start([sys.executable, "manage.py", "worker"], self.studio.env, self.studio.log_file)
            while worker.poll() is None and not self.must_stop.wait(0.05):
                pass
        worker.terminate()
        worker.wait(30)

    def victim(self, draw):
        """A process of this host and its role, or None while there is none: a worker that starts is left alone."""
        if draw.random() < 1 / (1 + len(ROLES)):
            return "worker", next(iter(self.studio.find_all("worker")), None)
        for role in draw.sample(ROLES, len(ROLES)):
            if found := processes_of(self.studio, role):
                return role, draw.choice(found)
        return None, None

    def stop(self):
        self.must_stop.set()
        self.thread.join(40)
        self.studio.destroy()


def two_hosts(folder, generations, seconds, every, seed):
    standin = Standin(folder / "standin", options=("--control", "--draft", "--speed", "4"))
    postgres, bucket, hosts = Postgres(), Bucket(folder / "bucket"), []
    env = {
        "DATABASE_URL": postgres.new_database(),
        "HEYGEN_API_KEY": "test-key",
        "HEYGEN_API_URL": standin.url,
        "HEYGEN_UPLOAD_URL": standin.url,
        "SECRET_KEY": "both-hosts-sign-the-queue-with-the-same-key-0123456789abcdef",
        "STUDIO_POLL_SECONDS": "1",
        "STUDIO_MAX_IN_FLIGHT": "20",
        **bucket.env,
    }
    try:
        Studio(folder / "migrated", env).manage("migrate", "--noinput", "-v", "0")
        hosts += [Host(folder / name, env) for name in ("one", "two")]
        kills = go([host.studio for host in hosts], hosts, generations, seconds, every, random.Random(seed))
        return report(hosts[0].studio, standin, bucket, generations, kills)
    finally:
        for host in hosts:
            host.stop()
        standin.stop()
        bucket.stop()
        postgres.remove()


def go(studios, hosts, generations, seconds, every, draw):
    """Generates one video after another and kills in turns until the time is over; returns the number of kills."""
    wait_until(lambda: all(processes_of(studio, "idle") for studio in studios), 60, "two workers")
    command = [sys.executable, "-c", GENERATE_EACH_LINE]
    generator = subprocess.Popen(command, cwd=ROOT, env=studios[0].env, stdin=subprocess.PIPE, text=True)
    kills, started, wanted_before, turn = Counter(), time.monotonic(), 0, 0
    while time.monotonic() - started < seconds:
        wanted = min(generations, 1 + int((time.monotonic() - started) / seconds * 1.2 * generations))
        for number in range(wanted_before, wanted):
            print(f"two hosts {number}", file=generator.stdin, flush=True)
        wanted_before, turn = max(wanted_before, wanted), turn + 1
        role, victim = hosts[turn % 2].victim(draw)
        with suppress(psutil.NoSuchProcess):
            if victim:
                victim.kill()
                kills[role] += 1
        time.sleep(every)
    generator.stdin.close()
    generator.wait(30)
    return kills


def report(studio, standin, bucket, generations, kills):
    wait_until(lambda: is_settled(studio), SETTLED_WITHIN, "everything to be settled", every=1)
    unknown = sum(row["status"] == "unknown" for row in rows(studio))
    paid = standin.ledger()
    times = read(studio, "SELECT created_at, saved_at FROM videos_generation WHERE saved_at IS NOT NULL ORDER BY id")
    stall = longest_stall(times)
    run(studio, FIND_UNKNOWN, said=json.dumps({prompt_of(entry): entry["execution_id"] for entry in paid}))
    studio.manage("shell", "-v", "0", "-c", RESUME)
    wait_until(lambda: is_settled(studio), SETTLED_WITHIN, "what was unknown to be saved", every=1)
    books = {
        "generations": len(rows(studio)),
        "paid": len(paid),
        "paid_twice": [prompt for prompt, times in Counter(map(prompt_of, paid)).items() if times > 1],
        "unknown_after_kills": unknown,
        "states": dict(Counter(row["status"] for row in rows(studio))),
        "differences": differences(rows(studio), paid),
        "not_equal": not_equal(studio, standin, bucket),
        "saved_after_s": [round((at - times[0][0]).total_seconds(), 1) for at in sorted(at for _, at in times)],
        "kills": sum(kills.values()),
        "kills_by_role": dict(kills),
        "longest_stall_s": round(stall, 1),
    }
    is_right = not (books["paid_twice"] or books["differences"] or books["not_equal"])
    books["ok"] = is_right and books["generations"] == generations and stall < STALL
    return books


def longest_stall(times):
    """The longest time, in seconds, in which something waited to be saved and nothing was."""
    saved = sorted(saved_at for _, saved_at in times)
    longest = timedelta(0)
    for before, after in pairwise([min(created for created, _ in times), *saved]):
        since = min(created for created, saved_at in times if saved_at >= after)
        longest = max(longest, after - max(before, since))
    return longest.total_seconds()


def not_equal(studio, standin, bucket):
    """Completed videos that are not in the bucket as they were served."""
    names = dict(
        read(
            studio,
            "SELECT remote_id, file FROM videos_savedvideo s JOIN videos_generation g ON g.id = s.generation_id",
        )
    )
    return [
        execution_id
        for execution_id, video in standin.videos().items()
        if execution_id not in names
        or sha256((bucket.content / names[execution_id]).read_bytes()).hexdigest() != video["sha256"]
    ]


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.two_hosts")
    parser.add_argument("--generations", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--every", type=float, default=0.6, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="studio-two-hosts-"))
    print(f"{asked.generations} generations in {asked.seconds:g} s, seed {asked.seed}", flush=True)
    books = two_hosts(folder, asked.generations, asked.seconds, asked.every, asked.seed)
    print(json.dumps(books, indent=2))
    if books["ok"] and not asked.folder:
        shutil.rmtree(folder)
    return 0 if books["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
