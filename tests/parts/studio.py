"""A whole studio as a person runs it: `manage.py studio` with all its processes, on data of its own."""

import os
import re
import shutil
import signal
import sqlite3
import sys
import uuid
from contextlib import closing
from functools import cache
from pathlib import Path

import httpx
import psutil
import psycopg
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from tests.parts.once import made_once
from tests.parts.processes import (
    LOOPBACK,
    MARK,
    WAIT_SECONDS,
    environment,
    free_port,
    kill_marked,
    manage,
    marked,
    start,
    stop,
    wait_until,
)

PASSWORD = "a long enough password"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')

ADD_PERSON = """
INSERT INTO auth_user (username, password, email, first_name, last_name, is_superuser, is_staff, is_active, date_joined)
VALUES (:username, :password, '', '', '', :is_owner, :is_owner, :is_active, CURRENT_TIMESTAMP)
"""

# How each of the supervisor's children is told apart, by one whole word of its command line.
CHILDREN = {"web": "gunicorn", "worker": "worker", "standin": "standin"}


class Studio:
    """One studio with a data folder, a port and a database of its own.

    `env` is given to it on top of the tests' environment (None takes a name away). It is not started until `start()`.
    """

    def __init__(self, folder, env=None):
        self.folder = Path(folder)
        self.data = self.folder / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        self.log_file = self.folder / "studio.log"
        self.log_file.touch()
        self.mark = uuid.uuid4().hex
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.command = [sys.executable, "manage.py", "studio"]
        settings = {"STUDIO_DATA": self.data, "HOST": "127.0.0.1", "PORT": self.port, MARK: self.mark}
        self.env = environment(**{"STUDIO_POLL_SECONDS": "0.5", **settings, **(env or {})})

    @property
    def log(self):
        """Everything its processes have printed so far."""
        return self.log_file.read_text(errors="replace")

    def manage(self, *arguments, **env):
        """Runs a management command on this studio's data and returns what it printed."""
        return manage(*arguments, env={**self.env, **env})

    def prepare(self):
        """The steps of a first start that come before anything else."""
        self.manage("migrate", "--noinput", "-v", "0")
        self.manage("collectstatic", "--noinput", "-v", "0")

    def start(self, seconds=WAIT_SECONDS):
        """Starts it and waits until it has said where it is, and /healthz that all is well, the worker included."""
        self.process = start(self.command, self.env, self.log_file)
        try:
            wait_until(self.is_up, seconds, "a healthy studio", every=0.1)
        except BaseException:
            print(self.log, file=sys.stderr)
            self.destroy()
            raise
        return self

    def is_up(self):
        return self.healthy() and "HeyGen Studio is at" in self.log

    def healthy(self):
        assert self.process.poll() is None, f"The studio ended with code {self.process.returncode}"
        try:
            return httpx.get(f"{self.url}/healthz", timeout=30, **LOOPBACK).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self, seconds=WAIT_SECONDS):
        """Ctrl-C, as a terminal sends it; afterwards nothing may be left of it. Returns the supervisor's exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        code = self.process.wait(seconds)
        wait_until(lambda: not self.processes(), what=f"no orphans, but there are {self.processes()}")
        return code

    def restart(self):
        self.stop()
        return self.start()

    def destroy(self):
        """Ends all remaining processes, in any state."""
        if self.process:
            stop(self.process)
        kill_marked(self.mark)

    def processes(self):
        """Every live process of this studio, orphans included."""
        return marked(self.mark)

    def find_all(self, name):
        """Every live process of that kind, oldest first: web, worker, standin."""
        wanted = CHILDREN[name]
        return sorted(
            (one for one in self.processes() if any(Path(word).name == wanted for word in command_line(one))),
            key=started,
        )

    def find(self, name):
        """The oldest process of that kind, whose children the others are; None if there is none."""
        return next(iter(self.find_all(name)), None)

    def kill(self, name):
        """kill -9 of one process: web, worker, standin, or the supervisor itself. Returns its pid."""
        if name == "supervisor":
            self.process.kill()
            self.process.wait(WAIT_SECONDS)
            return self.process.pid
        child = wait_until(lambda: self.find(name), what=f"a process called {name}")
        child.kill()
        return child.pid

    def make_owner(self, username="owner", password=PASSWORD):
        self.add_people([username], password, is_owner=True)

    def make_members(self, *usernames, password=PASSWORD):
        self.add_people(usernames, password)

    def add_people(self, usernames, password, is_owner=False):
        """As management commands would add them, each of which takes a second to start."""
        common = {"password": hashed(password), "is_owner": is_owner, "is_active": True}
        people = [{"username": username, **common} for username in usernames]
        address = self.env.get("DATABASE_URL") or f"sqlite:///{self.env['STUDIO_DATA']}/studio.sqlite3"
        if address.startswith("sqlite:///"):
            with closing(sqlite3.connect(address.removeprefix("sqlite:///"), timeout=60)) as database, database:
                database.executemany(ADD_PERSON, people)
        else:
            with psycopg.connect(address) as database:
                database.cursor().executemany(re.sub(r":(\w+)", r"%(\1)s", ADD_PERSON), people)

    def stranger(self):
        """An httpx client that has signed in nowhere."""
        return httpx.Client(base_url=self.url, timeout=60, follow_redirects=True, **LOOPBACK)

    def client(self, username="owner", password=PASSWORD):
        """An httpx client that has signed in through /login."""
        client = self.stranger()
        fields = {"username": username, "password": password, "csrfmiddlewaretoken": csrf_token(client, "/login")}
        reply = client.post("/login", data=fields, headers={"Referer": f"{self.url}/login"})
        assert reply.url.path != "/login", f"{username} could not sign in"
        return client


@cache
def hashed(password):
    """The password as a studio stores it; to compute that is slow on purpose."""
    hasher = PBKDF2PasswordHasher()
    return hasher.encode(password, hasher.salt())


def csrf_token(client, path):
    """The token that the page at `path` would send with its form."""
    found = TOKEN.search(client.get(path).text)
    assert found, f"{path} has no form with a token"
    return found[1]


def started(process):
    """When it began; its number decides between two that began in the same tick."""
    try:
        return process.create_time(), process.pid
    except psutil.Error:
        return float("inf"), process.pid


def command_line(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def prepared(folder):
    """A studio that is ready to start, to be copied: migrating and collecting take seconds, copying does not."""
    template = Studio(folder, {"DATABASE_URL": ""})
    copy_sqlite(made_once("migrated", migrate), template.data)
    shutil.copytree(made_once("static", collect), template.data / "static")
    return template


def migrate(folder):
    Studio(folder, {"DATABASE_URL": "", "STUDIO_DATA": folder}).manage("migrate", "--noinput", "-v", "0")


def collect(folder):
    at = folder.with_name("collected")
    Studio(at, {"DATABASE_URL": ""}).manage("collectstatic", "--noinput", "-v", "0")
    (at / "data" / "static").rename(folder)


def use_copy_of(template, studio):
    """Gives `studio` the prepared static files and, unless it has another database, the empty SQLite one."""
    shutil.copytree(template.data / "static", studio.data / "static")
    if not studio.env.get("DATABASE_URL"):
        copy_sqlite(template.data, studio.data)


def copy_sqlite(source, folder):
    """Copies a studio's database with its journal files. Returns the copy's path."""
    for path in source.glob("studio.sqlite3*"):
        shutil.copy(path, folder / path.name)
    return folder / "studio.sqlite3"
