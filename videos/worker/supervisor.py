"""`manage.py studio`: starts and stops web, worker and, without an API key, the demo server.

A part that dies is started again. No part outlives the supervisor: it adopts orphans and ends them, and the kernel
signals its children if it is killed itself. The supervisor owns the listening socket, so a visitor who comes while the
web server is being replaced waits a moment instead of being refused.
"""

import errno
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType

from django.conf import settings
from django.core.management import call_command
from django.db import Error, connections
from django.db.migrations.executor import MigrationExecutor

from videos import logs
from videos.encryption import decrypt
from videos.models.studio_settings import current
from videos.monitoring import release
from videos.remotes import keys
from videos.storage.private import make_data_folder_private
from videos.worker import linux
from videos.worker.static_files import collect_static_files

KEY_EVERY = 3.0  # seconds between two checks for a stored or removed key
STEP = 0.1  # seconds between two checks
WATCH_WORKER_EVERY = 120.0  # seconds
STOP_WITHIN = 10.0  # seconds until a part that does not stop is killed
SHORTEST_LIFE = 5.0  # seconds; a part that ended sooner counts as failed
TRIES = 5
LONGEST_WAIT = 2.0  # seconds before a part that was killed again and again is started once more
MANAGE = str(settings.BASE_DIR / "manage.py")
BACKLOG = 2048


class CannotStart(Exception):
    """`str(error)` is a sentence for the person who started the studio."""


class Part:
    """One child process: how to start it, its output, and how often it failed."""

    def __init__(self, name: str, command: list[str], env: dict[str, str], pass_fds: tuple[int, ...] = ()):
        self.name, self.command, self.env, self.pass_fds = name, command, env, pass_fds
        self.process: subprocess.Popen | None = None
        self.failures = 0
        self.start_at = 0.0
        self.started_at = 0.0
        self.unfinished_line = b""

    def start(self):
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            env=self.env,
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=self.pass_fds,
            start_new_session=True,
            preexec_fn=partial(linux.die_with, os.getpid(), signal.SIGTERM),
        )
        os.set_blocking(self.process.stdout.fileno(), False)

    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def terminate(self):
        if self.is_running():
            self.process.terminate()

    def kill(self):
        """Kills the part and everything in its process group."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def plan_restart(self):
        """Plans the next start of a part that ended by itself. Raises CannotStart when it fails again and again."""
        did_start = time.monotonic() - self.started_at > SHORTEST_LIFE
        self.failures = 0 if did_start else self.failures + 1
        if self.failures >= TRIES and self.process.returncode != -signal.SIGKILL:
            raise CannotStart(f"The {self.name} process cannot be started; its output is above.")
        self.start_at = time.monotonic() + min(0.2 * self.failures, LONGEST_WAIT)

    def lines(self) -> list[str]:
        """The complete lines that it has printed since the last call."""
        try:
            text = self.process.stdout.read() or b""
        except ValueError:
            return []
        *lines, self.unfinished_line = (self.unfinished_line + text).split(b"\n")
        return [line.decode(errors="replace") for line in lines]


class FirstAnswer:
    """Waits for the web server's first answer. The socket listens before the server runs, so one request is enough."""

    def __init__(self, listener: socket.socket):
        self.listener = listener
        self.connection: socket.socket | None = None

    def has_come(self) -> bool:
        try:
            if self.connection is None:
                self.ask()
            return self.is_answer(self.connection.recv(1))
        except BlockingIOError:
            return False
        except OSError:
            return self.is_answer(b"")

    def ask(self):
        host, port = self.listener.getsockname()[:2]
        self.connection = socket.create_connection((reachable(host), port), timeout=1)
        self.connection.sendall(b"GET /login HTTP/1.0\r\nHost: localhost\r\n\r\n")
        self.connection.setblocking(False)

    def is_answer(self, received: bytes) -> bool:
        if self.connection:
            self.connection.close()
        self.connection = None
        return bool(received)


class Supervisor:
    """Starts the parts, keeps them running, prints their output, and stops them all."""

    def __init__(self, say: Callable[[str], None]):
        self.say = say
        self.listener = listen(settings.HOST, settings.PORT)
        self.selector = selectors.DefaultSelector()
        self.must_stop = False
        self.look_at_key = 0.0
        self.watched_at = time.monotonic()
        self.watcher: subprocess.Popen | None = None
        self.parts = self.make_parts()

    def make_parts(self) -> list[Part]:
        env = dict(os.environ, PYTHONUNBUFFERED="1")
        load_stored_secrets()
        parts = []
        self.is_demo = needs_standin()
        if self.is_demo:
            port = standin_port(kept_port())
            env |= demo_environment(port)
            parts.append(Part("standin", [sys.executable, MANAGE, "standin", "--port", str(port)], env))
        web = Part("web", web_command(self.listener.fileno()), env, (self.listener.fileno(),))
        worker = [sys.executable, MANAGE, "worker", "--skip-checks"]  # this process has made the checks
        return [*parts, web, Part("worker", worker, env)]

    def run(self, when_up: Callable[[str], None]):
        """Runs until SIGTERM or SIGINT. Calls `when_up` once with the address, when the web server answers."""
        linux.adopt_orphans()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.stop)
        try:
            for part in self.parts:
                self.start(part)
            self.wait_for_web(when_up)
            while not self.must_stop:
                self.check_parts()
                self.watch_key()
        finally:
            self.stop_parts()

    def stop(self, number: int, frame: FrameType | None):
        self.must_stop = True

    def wait_for_web(self, when_up: Callable[[str], None]):
        first = FirstAnswer(self.listener)
        while not self.must_stop:
            self.check_parts()
            if first.has_come():
                return when_up(address_of(self.listener))
        return None

    def check_parts(self):
        self.pass_on_output(STEP)
        self.watch_worker()
        for part in self.parts:
            if part.has_ended():
                self.handle_end(part)
            if part.process is None and time.monotonic() >= part.start_at and not self.must_stop:
                self.start(part)
        reap(linux.children() - {part.process.pid for part in self.parts if part.process})

    def watch_worker(self):
        """A dead worker cannot report itself. A separate process checks, so a slow database delays nothing here."""
        is_too_soon = time.monotonic() < self.watched_at + WATCH_WORKER_EVERY
        if is_too_soon or (self.watcher and self.watcher.poll() is None):
            return
        self.watched_at = time.monotonic()
        if current().notify_urls:
            self.watcher = subprocess.Popen(
                [sys.executable, MANAGE, "sendnotices"], cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL
            )

    def start(self, part: Part):
        part.start()
        self.selector.register(part.process.stdout, selectors.EVENT_READ, part)

    def handle_end(self, part: Part):
        self.pass_on_output(0)
        self.close_output(part)
        if part.name == "web":  # the worker's processes end by themselves, once their requests are answered
            part.kill()
        part.plan_restart()
        part.process = None
        if not self.must_stop:
            self.say(logs.sentence(f"The {part.name} process ended; starting it again."))

    def watch_key(self):
        """Begins or ends demo mode when an owner has stored or removed the key on the Settings page."""
        if time.monotonic() < self.look_at_key:
            return
        self.look_at_key = time.monotonic() + KEY_EVERY
        if needs_standin() != self.is_demo:
            self.say(logs.sentence("An API key was stored or removed: starting again with it."))
            self.end_parts()
            self.parts = self.make_parts()
            for part in self.parts:
                self.start(part)
        connections.close_all()

    def pass_on_output(self, seconds: float):
        for key, _ in self.selector.select(seconds):
            for line in key.data.lines():
                self.say(logs.line_of(key.data.name, line))

    def end_parts(self):
        """Asks every part to stop, and kills those that do not."""
        for part in self.parts:
            part.terminate()
        deadline = time.monotonic() + STOP_WITHIN
        while any(part.is_running() for part in self.parts) and time.monotonic() < deadline:
            self.pass_on_output(STEP / 2)
        for part in self.parts:
            part.kill()
            self.close_output(part)

    def close_output(self, part: Part):
        if part.process and not part.process.stdout.closed:
            self.selector.unregister(part.process.stdout)
            part.process.stdout.close()

    def stop_parts(self):
        self.end_parts()
        while left := linux.children():
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            reap(left)
            time.sleep(STEP / 10)
        self.listener.close()


# Sockets and addresses
def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the system choose. Raises CannotStart."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise CannotStart(why_not(error, host, port)) from error
    listener.listen(BACKLOG)
    return listener


def why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use by another program. Stop that one, or choose another port: PORT={port + 1}"
    if error.errno == errno.EACCES:
        return f"Port {port} needs rights that this user does not have. Choose one above 1023: PORT=8000"
    return f"The studio cannot listen on {host}, port {port}: {error.strerror}. Check HOST and PORT."


def address_of(listener: socket.socket) -> str:
    """The address to open in a browser."""
    if settings.STUDIO_URL:
        return f"{settings.STUDIO_URL}/"
    host, port = listener.getsockname()[:2]
    host = reachable(host)
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def web_command(descriptor: int) -> list[str]:
    """gunicorn with our own worker; gunicorn.conf.py has the rest."""
    return [sys.executable, "-m", "gunicorn", "heygen_studio.wsgi:application", "--bind", f"fd://{descriptor}"]


def load_stored_secrets():
    """Reads them once, so that they can be hidden in the output of the parts: videos/logs.py."""
    row = current().row
    for stored in (row.heygen_api_key_stored, row.notify_urls_stored):
        decrypt(stored)


# The demo server
def needs_standin() -> bool:
    """Whether the demo server answers for HeyGen: there is neither an API key nor an address of another API."""
    return not settings.HEYGEN_API_URL_IS_GIVEN and not keys.heygen_api_key()


def kept_port() -> Path:
    return settings.DATA / "standin" / "port"


def demo_environment(port: int) -> dict[str, str]:
    url = f"http://127.0.0.1:{port}"
    return {
        "STUDIO_DEMO": "1",
        "STUDIO_DEMO_URL": url,
        "HEYGEN_API_URL": url,
        "HEYGEN_UPLOAD_URL": url,
        "HEYGEN_API_KEY": "demo",
    }


def environment_beside_a_demo() -> dict[str, str]:
    """The environment that lets a command started by hand use the demo server of a running studio; {} without one."""
    with suppress(OSError, ValueError):
        port = int(kept_port().read_text())
        if needs_standin() and not is_free(port):
            return demo_environment(port)
    return {}


def standin_port(kept: Path) -> int:
    """The port it had before, so that links of videos not yet saved stay valid; or else a free one."""
    with suppress(OSError, ValueError):
        port = int(kept.read_text())
        if is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(str(port))
    return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


# Processes
def reap(pids: set[int]):
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


# Before the first start, and after an update
def prepare():
    """Closes the data folder to others, migrates the database, collects static files, and records which version runs.

    Raises CannotStart.
    """
    make_data_folder_private()
    try:
        migrate()
    except Error as error:
        raise CannotStart(f"The database cannot be used ({str(error).strip()}). Check DATABASE_URL.") from error
    collect_static_files()
    release.record_start()


def migrate():
    executor = MigrationExecutor(connections["default"])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)
    connections.close_all()
