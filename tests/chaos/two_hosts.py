"""Kills the processes of worker and web hosts in turns while they process generations on one PostgreSQL and one bucket.

    python -m tests.chaos.two_hosts [--generations 60] [--seconds 60] [--every 0.6] [--web 2] [--deaths SECONDS]
        [--kills 1] [--stall SECONDS] [--seed N] [--folder F]

For half an hour, in which each minute another worker host loses its power for DOWN seconds:

    python -m tests.chaos.two_hosts --seconds 1800 --generations 1200 --every 5 --deaths 60

A host here is a data folder and a worker or a web server that is started again when it ends, as systemd would; there
are two with a worker. Ends with 0 when nothing was paid for twice or lost, every completed video is in the bucket as it
was served, each execution was polled once in an interval, schedules ran once, and no more than STALL seconds, or those
of --stall, passed in which something waited for a poll, or to be saved, and nothing was.
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
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import psutil

from tests.chaos.__main__ import FIND_UNKNOWN, RESUME, Visitor, differences, is_settled, prompt_of
from tests.parts.bucket import Bucket
from tests.parts.postgres import MIGRATED, migrated_server
from tests.parts.processes import ROOT, kill_marked, start, wait_until
from tests.parts.standin import Standin
from tests.parts.studio import Studio, prepared, use_copy_of
from tests.parts.worker_processes import processes_of, read, rows, run

STALL = 30.0  # seconds without a save or a poll
DOWN = 40.0  # seconds that a host without power stays away: longer than it may take until its work is taken over
POLL_SECONDS = 1.0
PROVIDERS = ("ltx_distilled", "veo_3_1_fast")  # one is made before its second poll, one takes many
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


PROBE_SCHEDULE = """
from django_q.models import Schedule
Schedule.objects.create(name="probe", func="time.time", schedule_type=Schedule.MINUTES, minutes=1)
"""


class Host:
    """A data folder of its own, and a worker that is kept running there until `stop`."""

    name = "worker"

    def __init__(self, folder, env):
        self.studio = Studio(folder, env)
        self.must_stop, self.is_down = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.keep_running, daemon=True)
        self.thread.start()

    def command(self):
        return [sys.executable, "manage.py", "worker"]

    def keep_running(self):
        while not self.must_stop.wait(0.1):
            if self.is_down.is_set():
                continue
            process = start(self.command(), self.studio.env, self.studio.log_file)
            while process.poll() is None and not self.must_stop.wait(0.05):
                pass
        process.terminate()
        process.wait(SETTLED_WITHIN)

    def lose_power(self):
        """Every process of it ends at once, and for DOWN seconds there is none."""
        self.is_down.set()
        kill_marked(self.studio.mark)
        threading.Timer(DOWN, self.is_down.clear).start()

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
        self.thread.join(SETTLED_WITHIN)
        self.studio.destroy()


class WebHost(Host):
    """A data folder of its own, and a web server that is kept running there until `stop`."""

    name = "web"

    def __init__(self, folder, env):
        super().__init__(folder, env)
        self.visitor = Visitor(self.studio)

    def command(self):
        address = f"127.0.0.1:{self.studio.port}"
        return [sys.executable, "-m", "gunicorn", "heygen_studio.wsgi", "--bind", address]

    def victim(self, draw):
        found = self.studio.find_all("web")
        return "web", draw.choice(found) if found else None


def two_hosts(folder, asked):
    standin = Standin(folder / "standin", options=("--control", "--draft", "--speed", "4"))
    postgres, bucket, hosts, webs = migrated_server(), Bucket(folder / "bucket"), [], []
    env = {
        "DATABASE_URL": postgres.new_database(MIGRATED),
        "HEYGEN_API_KEY": "test-key",
        "HEYGEN_API_URL": standin.url,
        "HEYGEN_UPLOAD_URL": standin.url,
        "SECRET_KEY": "both-hosts-sign-the-queue-with-the-same-key-0123456789abcdef",
        "STUDIO_POLL_SECONDS": str(POLL_SECONDS),
        "STUDIO_MAX_IN_FLIGHT": "20",
        "STUDIO_HOSTS": "127.0.0.1",
        **bucket.env,
    }
    try:
        first = Studio(folder / "migrated", env)
        use_copy_of(prepared(folder / "prepared"), first)
        first.make_owner()
        since = datetime.now(UTC)  # before the schedule is there, whose first minute begins then
        first.manage("shell", "-v", "0", "-c", PROBE_SCHEDULE)
        hosts += [Host(folder / name, env) for name in ("one", "two")]
        for number in range(asked.web):
            use_copy_of(first, web := Studio(folder / f"web-{number}", env))
            webs.append(WebHost(web.folder, env))
        kills = go(hosts, webs, asked)
        return report(hosts[0].studio, standin, bucket, asked, kills, since)
    finally:
        for host in hosts + webs:
            host.stop()
        standin.stop()
        bucket.stop()
        postgres.remove()


def go(hosts, webs, asked):
    """Generates one video after another and kills in turns until the time is over; returns the number of kills."""
    wait_until(lambda: all(processes_of(host.studio, "idle") for host in hosts), 60, "two workers")
    generator = threading.Thread(target=generate_all, args=(hosts[0].studio, webs, asked))
    generator.start()
    draw, kills, started, turn, deaths = random.Random(asked.seed), Counter(), time.monotonic(), 0, 0
    while (passed := time.monotonic() - started) < asked.seconds or kills.total() < asked.kills:
        assert passed < asked.seconds + SETTLED_WITHIN, f"Only {kills.total()} kills: there was nothing to kill"
        turn += 1
        if asked.deaths and passed > asked.deaths * (deaths + 1) and passed + DOWN < asked.seconds:
            hosts[deaths % 2].lose_power()
            deaths += 1
            kills["host"] += 1
        role, victim = draw.choice([hosts[turn % 2], *webs]).victim(draw)
        with suppress(psutil.NoSuchProcess):
            if victim:
                victim.kill()
                kills[role] += 1
        time.sleep(asked.every)
    generator.join(SETTLED_WITHIN)
    return kills


def generate_all(studio, webs, asked):
    """Through the web hosts in turns; where there is none, as they do it."""
    command = [sys.executable, "-c", GENERATE_EACH_LINE]
    script = None if webs else subprocess.Popen(command, cwd=ROOT, env=studio.env, stdin=subprocess.PIPE, text=True)
    started, pause = time.monotonic(), asked.seconds / asked.generations / 1.2
    for number in range(asked.generations):
        if script:
            print(f"two hosts {number}", file=script.stdin, flush=True)
        else:
            webs[number % len(webs)].visitor.generate(f"two hosts {number}", PROVIDERS[number % 3 > 1])
        time.sleep(max(0.0, started + pause * (number + 1) - time.monotonic()))
    if script:
        script.stdin.close()
        script.wait(SETTLED_WITHIN)


def report(studio, standin, bucket, asked, kills, since):
    wait_until(lambda: is_settled(studio), SETTLED_WITHIN, "everything to be settled", every=1)
    polls = polls_of(standin)
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
        "saved_after_s": [round((at - times[0][0]).total_seconds(), 1) for at in sorted(at for _, at in times)][-5:],
        "kills": sum(kills.values()),
        "kills_by_role": dict(kills),
        "longest_stall_s": round(stall, 1),
        **polls,
        "schedule_runs": len(probes := probe_runs(studio)),
        "schedule_runs_twice": max(0, len(probes) - minutes_until(probes, since)),
    }
    is_right = not (books["paid_twice"] or books["differences"] or books["not_equal"] or books["schedule_runs_twice"])
    is_right = is_right and books["longest_poll_gap_s"] < asked.stall and books["polls_in_an_interval"] < 1.2
    books["ok"] = is_right and books["generations"] == asked.generations and stall < asked.stall
    return books


def polls_of(standin):
    """How often executions were polled, in intervals of theirs, and the longest time between two polls of one."""
    times = {}
    for poll in standin.requests("poll"):
        times.setdefault(poll["path"], []).append(poll["at"])
    gaps = [later - earlier for polls in times.values() for earlier, later in pairwise(polls)]
    passed = sum(gaps) / POLL_SECONDS
    return {
        "polls": sum(map(len, times.values())),
        "polls_in_an_interval": round(len(gaps) / passed, 2) if passed else 0,
        "polls_too_soon": sum(gap < POLL_SECONDS / 2 for gap in gaps),
        "longest_poll_gap_s": round(max(gaps, default=0), 1),
    }


def minutes_until(probes, since):
    """How often a schedule of every minute is due until its last run. A late run is soon followed by the next one."""
    return int((probes[-1] - since).total_seconds() // 60) + 1 if probes else 0


def probe_runs(studio):
    """When the schedule of PROBE_SCHEDULE ran, once a minute."""
    return [at for (at,) in read(studio, "SELECT started FROM django_q_task WHERE func = 'time.time' ORDER BY started")]


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
    parser.add_argument("--web", type=int, default=2, help="web hosts")
    parser.add_argument("--deaths", type=float, metavar="SECONDS", help="a worker host dies so often")
    parser.add_argument("--kills", type=int, default=1, help="at the least, however long they take")
    parser.add_argument("--stall", type=float, default=STALL, metavar="SECONDS", help="without a save or a poll")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="studio-two-hosts-"))
    print(f"{asked.generations} generations in {asked.seconds:g} s, seed {asked.seed}", flush=True)
    books = two_hosts(folder, asked)
    print(json.dumps(books, indent=2))
    if books["ok"] and not asked.folder:
        shutil.rmtree(folder)
    return 0 if books["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
