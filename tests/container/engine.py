"""Runs containers with docker or podman, also where podman has no cgroups of version 2."""

import os
import re
import subprocess
import time

import yaml

from tests.parts.processes import ROOT

IMAGE = os.environ.get("IMAGE", "heygen-studio")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
LIMITS = ["--ulimit", "nofile=8192:8192", "--ulimit", "nproc=8192:8192"]
ENGINES = [
    (["docker"], []),
    (["podman"], ["--no-healthcheck"]),
    (["podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs"], ["--no-healthcheck", *LIMITS]),
]


class Engine:
    """`command` and the options that its `run` needs on this machine."""

    def __init__(self, command, options):
        self.command, self.options = command, options

    def __call__(self, *arguments, seconds=120):
        """Runs one of its commands; returns what it printed, errors too."""
        done = self.run(*arguments, seconds=seconds)
        assert done.returncode == 0, f"{' '.join(map(str, arguments))}\n{done.stdout}"
        return done.stdout.strip()

    def run(self, *arguments, seconds=120):
        return subprocess.run(
            [*self.command, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
        )

    def runs_images(self):
        """Whether it can start a container."""
        try:
            return self.run("run", "--rm", *self.options, IMAGE, "true").returncode == 0
        except (FileNotFoundError, subprocess.TimeoutExpired):
            return False


def working_engine():
    for command, options in ENGINES:
        engine = Engine(command, options)
        if engine.runs_images():
            return engine
    raise AssertionError(f"None of docker and podman can run the image {IMAGE} here.")


class Container:
    """One service of compose.yaml, with its options, on the host's network."""

    def __init__(self, engine, service, data, user, env):
        self.engine, self.service = engine, COMPOSE["services"][service]
        options = [*engine.options, "--detach", "--network", "host", "--user", user, "--volume", f"{data}:/data"]
        options += [word for name, value in env.items() for word in ("--env", f"{name}={value}")]
        self.id = engine("run", *options, *self.hardening(), IMAGE, *self.service.get("command", [])).split()[-1]

    def hardening(self):
        options = ["--read-only"] if self.service["read_only"] else []
        options += [word for path in self.service["tmpfs"] for word in ("--tmpfs", path)]
        options += [word for name in self.service["cap_drop"] for word in ("--cap-drop", name)]
        names = [re.sub(":true$", "", option) for option in self.service["security_opt"]]
        return options + [word for name in names for word in ("--security-opt", name)]

    @property
    def log(self):
        return self.engine("logs", self.id)

    def inside(self, *command):
        """Exit code and output of a command inside it."""
        done = self.engine.run("exec", self.id, *command)
        return done.returncode, done.stdout

    def is_healthy(self):
        return self.inside("python", "scripts/container/health.py") == (0, "Everything works.\n")

    def wait(self, seconds=120):
        """Waits until it ends, and returns its exit code."""
        return int(self.engine("wait", self.id, seconds=seconds))

    def stop(self):
        """Stops it by SIGTERM, as an engine does. Returns the exit code, and the seconds it took."""
        started = time.monotonic()
        self.engine("stop", "--time", "30", self.id)
        seconds = time.monotonic() - started
        return int(self.engine("inspect", "--format", "{{.State.ExitCode}}", self.id)), seconds

    def destroy(self):
        self.engine.run("rm", "--force", "--volumes", self.id)
