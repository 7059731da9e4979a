"""Samples of `make chaos` and of tests/chaos/two_hosts.py, which can run for any length of time.

Both draw the same here each time, and wait as long as a busy machine takes. What recovers in which time is measured by
those two, on a machine of their own.
"""

import json
import subprocess
import sys

import pytest

from tests.parts.processes import ROOT, environment

STALL = 100  # seconds: whoever waits for the lease of what was killed waits for 120


def books_of(module, options, folder):
    command = [sys.executable, "-m", module, "--seed", "11", "--folder", folder, *options.split()]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=880)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout[done.stdout.index("{") :])


def never_sent(books):
    """How many have an outcome that only a person can tell: their sender was killed just before the request left."""
    return books["states"].get("unknown", 0)


@pytest.mark.process
@pytest.mark.timeout(900)
def test_while_its_processes_are_killed_at_random_nothing_is_lost_and_nothing_paid_twice(tmp_path):
    books = books_of("tests.chaos", "--generations 20 --minutes 0.3 --every 1 3 --kills 3 --within 240", tmp_path)
    assert books["paid"] + never_sent(books) == 20
    assert sum(books["kills"].values()) >= 3


@pytest.mark.process
@pytest.mark.timeout(900)
def test_two_hosts_whose_workers_are_killed_in_turns_save_without_a_long_stall(tmp_path):
    options = f"--generations 10 --seconds 15 --every 1.5 --web 0 --kills 3 --stall {STALL}"
    books = books_of("tests.chaos.two_hosts", options, tmp_path)
    assert books["paid"] + never_sent(books) == 10
    assert books["kills"] >= 3
    assert books["longest_stall_s"] < STALL
