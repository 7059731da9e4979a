"""One run on one database: forks a sender for every point, breaks it there, recovers, and reads the ledgers.

Run as a process of its own with DATABASE_URL, HEYGEN_API_URL and STUDIO_DATA in its environment; it prints its
findings as one line of JSON. The parent never opens a connection nor starts a thread, so that every child begins
like a fresh worker. A point is one executed line of our code, httpx or httpcore during `submit(pk)`.
"""

import argparse
import json
import os
import signal
import sys
import time
import traceback
import uuid
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import django
import httpcore
import httpx

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.files.base import ContentFile  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402
from PIL import Image  # noqa: E402

from tests.parts.processes import LOOPBACK, ROOT  # noqa: E402
from videos.engine.recovery import replay_accepted  # noqa: E402
from videos.engine.submit import submit  # noqa: E402
from videos.lifecycle import Status  # noqa: E402
from videos.models import Batch, Generation, Picture, Provider, RemoteAccount, RemoteCopy, Request  # noqa: E402
from videos.remotes import transport  # noqa: E402

PLACES = [ROOT / "videos", *map(Path, [*httpx.__path__, *httpcore.__path__])]
WATCHED = tuple(f"{path}/" for place in PLACES for path in (place, place.resolve()))  # .venv may be a link
MANY = 32_000  # the limit at the remote API: no point may wait for another
SECOND = 1.0
PROVIDERS = {"workflows": "veo_3_1", "models": "heygen_video_1"}  # one of each remote API


@dataclass
class Findings:
    """The result: `doubles` and `lost` must be 0; `needless` are unknown outcomes for which nothing was paid."""

    mode: str
    api: str = "workflows"
    lines: int = 0
    points: int = 0
    hits: int = 0
    doubles: int = 0
    lost: int = 0
    unknowns: int = 0
    needless: int = 0
    seconds: float = 0.0


class Breaker:
    """Counts executed lines of the submission path and sends this process a signal before the `at`-th."""

    def __init__(self, at: int, number: int):
        self.at, self.number, self.count = at, number, 0
        self.watched: dict[str, bool] = {}

    def trace(self, frame, event, argument):
        name = frame.f_code.co_filename
        if name not in self.watched:
            self.watched[name] = name.startswith(WATCHED)
        return self.trace_line if self.watched[name] else None

    def trace_line(self, frame, event, argument):
        if event == "line":
            self.count += 1
            if self.count == self.at:
                os.kill(os.getpid(), self.number)
        return self.trace_line

    def run(self, pk: int) -> int:
        """How many lines one submission executes."""
        sys.settrace(self.trace)
        try:
            submit(pk)
        finally:
            sys.settrace(None)
        return self.count


# Children
def fork(work, *arguments) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        work(*arguments)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def wait(pid: int) -> int:
    """The child's exit code; minus a signal's number if one killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def in_child(work, *arguments):
    """The JSON-able value that `work` returned in a process of its own."""
    reader, writer = os.pipe()

    def report():
        value = json.dumps(work(*arguments)).encode()
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(value)

    pid = fork(report)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        value = pipe.read()
    assert wait(pid) == 0, "A child of the rig failed"
    return json.loads(value)


# Rows
def make_generations(count: int, with_frames: bool, api: str) -> list[int]:
    owner, _ = User.objects.get_or_create(username="crash")
    RemoteAccount.objects.make_all_active()
    RemoteAccount.objects.update(max_in_flight=MANY)
    provider = Provider.objects.get(value=PROVIDERS[api])
    # The demo server draws no video for a prompt that will fail.
    requests = [
        Request(f"it fails {uuid.uuid4()}", provider, start_frame=make_picture(owner, number) if with_frames else None)
        for number in range(count)
    ]
    batch = Batch.objects.make(owner, uuid.uuid4().hex, requests)
    return list(batch.generations.order_by("pk").values_list("pk", flat=True))


def make_picture(owner: User, number: int) -> Picture:
    data = BytesIO()
    Image.new("RGB", (16, 9), (number % 256, number // 256, 77)).save(data, "PNG")
    picture = Picture(owner=owner, sha256=uuid.uuid4().hex, width=16, height=9, size=len(data.getvalue()))
    picture.content_type = "image/png"
    picture.file.save("frame.png", ContentFile(data.getvalue()), save=False)
    picture.save()
    return picture


def end_leases(**which):
    """Lets every lease expire."""
    past = timezone.now() - timedelta(seconds=1)
    Generation.objects.filter(lease_until__isnull=False, **which).update(lease_until=past, due_at=past)


def recover() -> int:
    """Runs recovery after the leases expired; returns how often it ran until nothing was queued any more."""
    end_leases()
    RemoteCopy.objects.update(upload_until=None)
    for round_number in range(1, 4):
        replay_accepted()
        Generation.objects.give_up_lost_replies()
        RemoteAccount.objects.all().resume()
        waiting = Generation.objects.filter(status__in=[Status.QUEUED, Status.SENDING])
        waiting.update(due_at=timezone.now())
        waiting = list(waiting.values_list("pk", flat=True))
        if not waiting:
            return round_number
        for pk in waiting:
            submit(pk)
    raise AssertionError("Generations stay unsent though nothing keeps them")


# Ways to break a sender
def kill_at(point: int, pk: int) -> bool:
    return wait(fork(Breaker(point, signal.SIGKILL).run, pk)) == -signal.SIGKILL


def freeze_at(point: int, pk: int) -> bool:
    """Freezes a sender at the point until its lease has expired and another one has tried; then it continues."""
    pid = fork(Breaker(point, signal.SIGSTOP).run, pk)
    _, status = os.waitpid(pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        return False
    rival = fork(take_over, pk)
    wait_a_moment(rival)  # without success if the frozen one holds a lock: then it waits for it to wake
    os.kill(pid, signal.SIGCONT)
    wait(pid)
    return True


def take_over(pk: int):
    end_leases(pk=pk)
    Generation.objects.give_up_lost_replies()
    RemoteAccount.objects.all().resume()  # a person: several interruptions in a row pause sending
    submit(pk)


def wait_a_moment(pid: int):
    deadline = time.monotonic() + SECOND
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            LATE.append(pid)
            return
        time.sleep(0.005)


LATE: list[int] = []


def herd_of_five(point: int, pk: int) -> bool:
    """Five processes send the same generation at the same moment."""
    reader, writer = os.pipe()

    def run_when_told():
        connection.ensure_connection()
        os.close(writer)
        os.read(reader, 1)  # ends when the parent closes its end
        submit(pk)

    pids = [fork(run_when_told) for _ in range(5)]
    os.close(reader)
    os.close(writer)
    codes = [wait(pid) for pid in pids]
    assert codes == [0] * 5, "A sender failed because of another one"
    return True


MODES = {"kill": kill_at, "freeze": freeze_at, "herd": herd_of_five}


# The ledgers
def read_books(findings: Findings, pks: list[int]) -> dict:
    paid: dict[str, list[str]] = {}
    for row in heygen_ledger():
        paid.setdefault(row["input"]["prompt"], []).append(row["execution_id"])
    counts = Counter()
    for generation in Generation.objects.filter(pk__in=pks):
        ids = paid.get(generation.prompt, [])
        counts["doubles"] += len(ids) > 1
        counts["unknowns"] += generation.status == Status.UNKNOWN
        counts["needless"] += generation.status == Status.UNKNOWN and not ids
        counts["lost"] += generation.status != Status.UNKNOWN and [generation.remote_id] != ids
    return asdict(findings) | counts | {"database": connection.vendor}


def heygen_ledger() -> list[dict]:
    with httpx.Client(timeout=120, **LOOPBACK) as client:
        return client.get(f"{os.environ['HEYGEN_API_URL']}/control/ledger").json()


def count_lines(pk: int) -> int:
    return Breaker(0, 0).run(pk)


def run_all_points(mode: str, every: int, with_frames: bool, api: str, herds: int = 20) -> dict:
    started = time.monotonic()
    transport.certificates()
    lines = in_child(lambda: count_lines(make_generations(1, with_frames, api)[0]))
    points = range(1, lines + 1, every) if mode != "herd" else range(herds)
    pks = in_child(make_generations, len(points), with_frames, api)
    findings = Findings(mode, api, lines=lines, points=len(points))
    findings.hits = sum(MODES[mode](point, pk) for point, pk in zip(points, pks, strict=True))
    for pid in LATE:
        wait(pid)
    in_child(recover)
    findings.seconds = round(time.monotonic() - started, 1)
    return in_child(read_books, findings, pks)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--frames", action="store_true")
    parser.add_argument("--api", choices=PROVIDERS, default="workflows")
    options = parser.parse_args()
    findings = run_all_points(options.mode, options.every, options.frames, options.api)
    findings["mode"] += " with a frame" if options.frames else ""
    print(json.dumps(findings))


if __name__ == "__main__":
    main()
