"""How fast the built-in server sends a 20 MB video, compared with nginx, and how slow clients affect others.

Whole files and 1 MB ranges alternately, then pings while other connections are slow or paused.
"""

import os
import socket
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager

import psutil

from tests.benchmarks.downloads import RANGE
from tests.parts import nginx
from tests.parts.processes import ROOT, environment, free_port, start, stop, wait_until
from tests.parts.studio import Studio

RANGES = 20
RUNS, SECONDS = 3, 1.5
CLIENTS = (1, 8, 64)
SLOW, PINGS, PAUSE = 300, 60, 0.05
FILL = """
import os
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.base import ContentFile
from tests.parts.people import make_member
from tests.parts.generations import make_ready
member = make_member()
saved = make_ready(member).saved_video
saved.file.save("whole.mp4", ContentFile(os.urandom(1024) * 1024 * %d), save=False)
saved.save()
session = SessionStore()
session[SESSION_KEY], session[HASH_SESSION_KEY] = str(member.pk), member.get_session_auth_hash()
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session["seen"] = 2**40
session.save()
print("made", f"/g/{saved.generation.public_id}/video.mp4", f"sessionid={session.session_key}")
"""
NGINX = """
daemon off;
{user}
worker_processes 2;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    server {{ listen 127.0.0.1:{port}; location / {{ root {root}; }} }}
}}
"""


class Place:
    """A studio's web part alone, with a video in it; `path` and `cookie` are a member's way to it."""

    def __init__(self, folder):
        self.studio = Studio(folder, {"DATABASE_URL": "", "HEYGEN_API_KEY": "bench"})
        self.studio.prepare()
        said = self.studio.manage("shell", "-v", "0", "-c", FILL % RANGES)
        _, self.path, self.cookie = next(line for line in said.splitlines() if line.startswith("made ")).split()
        self.port = self.studio.port
        command = [sys.executable, "-m", "gunicorn", "heygen_studio.wsgi", "--bind", f"127.0.0.1:{self.port}"]
        self.process = start(command, self.studio.env, folder / "web.log")
        wait_until(lambda: ping(self.port), 30, "a web part that answers")

    def memory_mb(self):
        return round(sum(process.memory_full_info().pss for process in tree(self.process)) / 1e6)


def tree(process):
    first = psutil.Process(process.pid)
    return [first, *first.children(recursive=True)]


def cpu_seconds(process):
    return sum(one.cpu_times().user + one.cpu_times().system for one in tree(process))


@contextmanager
def plain_nginx(folder, root):
    """An nginx that sends the same file to everybody: its port and its process."""
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, root=root, user=user))
    process = start([nginx.find(), "-c", folder / "nginx.conf"], environment(), folder / "nginx.log")
    try:
        time.sleep(1)
        yield port, process
    finally:
        stop(process)


def measure(folder):
    place = Place(folder)
    try:
        with plain_nginx(folder, place.studio.data / "media") as peer:
            rates = {kind: compared(place, *peer, count) for kind, count in (("whole", 0), ("ranges", RANGES - 1))}
        fresh = place.memory_mb()
        held = {kind: pings_beside(place, kind) for kind in HELD}
        return {
            "per_second": rates,
            "ping_ms": held,
            "memory_mb": {"before": fresh, "after": place.memory_mb()},
            "stop_s": stopped_within(place),
        }
    finally:
        stop(place.process)


# Throughput
def compared(place, port, peer, ranges):
    """For each number of clients: the rates of every run and the CPU of each answer, ours and nginx's by turns."""
    found = {}
    for clients in CLIENTS:
        ours, theirs = [], []
        for _ in range(RUNS):
            ours.append(rate(place.process, place.port, place.path, place.cookie, ranges, clients))
            theirs.append(rate(peer, port, "/whole.mp4", "none=none", ranges, clients))
        found[str(clients)] = {"studio": summary(ours), "nginx": summary(theirs)}
        medians = [found[str(clients)][name]["median"] for name in ("studio", "nginx")]
        found[str(clients)]["ratio"] = round(medians[0] / medians[1], 2)
    return found


def summary(runs):
    rates, cpu = zip(*runs, strict=True)
    return {"runs": rates, "median": statistics.median(rates), "cpu_ms_each": round(statistics.median(cpu), 2)}


def rate(process, port, path, cookie, ranges, clients):
    """Answers per second, and the server's CPU milliseconds for each."""
    command = [sys.executable, "-m", "tests.benchmarks.downloads", port, path, cookie, ranges, clients, SECONDS]
    before = cpu_seconds(process)
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    per_second, count = map(float, done.stdout.split())
    return per_second, 1000 * (cpu_seconds(process) - before) / count


# The effect of slow clients
HELD = {
    "idle": b"",
    "half a header": b"GET /login HTTP/1.1\r\nHost: localhost\r\nX-Half: ",
    "slow body": b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nusername=",
    "slow download": None,
    "paused player": None,
}


def pings_beside(place, kind):
    """The time of a sign-in page while 300 clients of that kind are held: median and worst, in milliseconds."""
    head = HELD[kind]
    if head is None:
        head = f"GET {place.path} HTTP/1.1\r\nHost: localhost\r\nCookie: {place.cookie}\r\nRange: bytes=0-\r\n\r\n"
        head = head.encode()
    clients = [held_client(place.port, head) for _ in range(SLOW)]
    if HELD[kind] is None:
        wait_for_answers(clients)  # pings stand beside clients that are slow, not beside 300 that arrive at once
    times = []
    for number in range(PINGS):
        times.append(ping(place.port))
        time.sleep(PAUSE)
        if not number % 10:
            for client in clients:
                trickle(client, kind)
    for client in clients:
        client.close()
    answered = [found for found in times if found is not None]
    assert len(answered) == PINGS, f"{kind}: {len(answered)} of {PINGS} answered"
    return {"median": round(statistics.median(answered), 1), "worst": round(max(answered), 1)}


def held_client(port, head):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
    client.connect(("127.0.0.1", port))
    client.sendall(head)
    client.setblocking(False)
    return client


def wait_for_answers(clients):
    for client in clients:
        client.settimeout(10)
        assert client.recv(1, socket.MSG_PEEK)
        client.setblocking(False)


def trickle(client, kind):
    try:
        if kind == "slow body":
            client.send(b"x")
        elif kind == "slow download":
            client.recv(4096)
    except BlockingIOError:
        pass


def ping(port):
    """How long the sign-in page takes, in milliseconds; None if it takes more than ten seconds."""
    started = time.perf_counter()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(b"GET /login HTTP/1.0\r\nHost: localhost\r\n\r\n")
            if b" 200 " in client.recv(4096)[:13]:
                return 1000 * (time.perf_counter() - started)
    except OSError:
        pass
    return None


def stopped_within(place):
    """Seconds from SIGTERM to the end, with 300 paused players."""
    head = f"GET {place.path} HTTP/1.1\r\nHost: localhost\r\nCookie: {place.cookie}\r\n\r\n".encode()
    clients = [held_client(place.port, head) for _ in range(SLOW)]
    time.sleep(1)
    started = time.perf_counter()
    stop(place.process)
    took = time.perf_counter() - started
    for client in clients:
        client.close()
    return round(took, 2)


def lines(found):
    megabytes = RANGES * RANGE // 1024**2
    for kind, label in (("whole", f"Whole files of {megabytes} MB"), ("ranges", "Ranges of 1 MB")):
        for clients, rates in found["per_second"][kind].items():
            studio, theirs = rates["studio"], rates["nginx"]
            values = f"{studio['median']:,.0f} / {theirs['median']:,.0f} = {rates['ratio']}"
            yield f"{label} a second, {clients} clients, beside nginx", values
            yield "  CPU of the server for each", f"{studio['cpu_ms_each']} / {theirs['cpu_ms_each']} ms"
    for kind, times in found["ping_ms"].items():
        yield f"  ping beside {SLOW} × {kind}, median / worst", f"{times['median']} / {times['worst']} ms"
    yield "  memory before and after them", f"{found['memory_mb']['before']} / {found['memory_mb']['after']} MB"
    yield f"  stopped, with {SLOW} paused players", f"{found['stop_s']} s"
