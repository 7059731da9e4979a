"""Real processes for tests: starting them, waiting for them, and checking that none is left."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
# For httpx where all is on loopback: nothing speaks TLS there, and reading the certificates outlasts the request.
LOOPBACK = {"trust_env": False, "verify": False}
WAIT_SECONDS = 120  # generous, because other tests may keep every core busy; no test measures speed
MARK = "STUDIO_TEST_MARK"  # an environment variable that names the test's process tree, orphans included
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def wait_until(condition, seconds=WAIT_SECONDS, what="", every=0.1):
    """What `condition()` returned once it was true; AssertionError naming `what` when `seconds` are over.

    It never gives up before WAIT_SECONDS has passed: a test that fails because the machine is busy says nothing.
    """
    seconds = max(seconds, WAIT_SECONDS)
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {seconds} s in vain: {what or condition}")
        time.sleep(every)
    return found


KEPT = []  # sockets that keep the ports of `free_port` for whoever asked for them


def free_port():
    """A TCP port on loopback that nobody else will get while the tests run, though nobody listens there yet.

    Its server must bind with SO_REUSEADDR, as ours all do. Prefer port 0 wherever it can be asked for its own.
    """
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    KEPT.append(keeper)
    return keeper.getsockname()[1]


def start(command, env, log, cwd=ROOT, **options):
    """Popen of `command` from the checkout, output to the file `log`; it gets SIGTERM if the tests die."""
    with Path(log).open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent,
            **options,
        )


def end_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def stop(process, seconds=WAIT_SECONDS):
    """SIGTERM, wait, and SIGKILL only if that had no effect. Returns the exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait(seconds)


def marked(mark):
    """Every live process whose environment contains `mark`, with any parent."""
    return [process for process in psutil.process_iter() if mark_of(process) == mark and alive(process)]


def mark_of(process):
    try:
        return process.environ().get(MARK)
    except (psutil.Error, OSError):
        return None


def alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def kill_marked(mark):
    for process in marked(mark):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def environment(**changes):
    """This process's environment with `changes`; None removes a name. Never what is meant for the tests alone."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "heygen_studio.settings", "PYTHONUNBUFFERED": "1"}
    env.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
    env.update({name: str(value) for name, value in changes.items() if value is not None})
    return {name: value for name, value in env.items() if changes.get(name, "") is not None}


def manage(*arguments, env, seconds=600):
    """Runs `manage.py` with `arguments` in `env` and returns what it printed; fails with all of it."""
    done = subprocess.run(
        [sys.executable, "manage.py", *map(str, arguments)],
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, f"manage.py {' '.join(map(str, arguments))}\n{done.stdout}\n{done.stderr}"
    return done.stdout
