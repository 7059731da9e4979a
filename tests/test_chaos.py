"""Samples of `make chaos` and of tests/chaos/two_hosts.py, which run for as long as one wants."""

import json
import subprocess
import sys

import pytest

from tests.parts.processes import ROOT, environment


@pytest.mark.process
@pytest.mark.timeout(600)
def test_while_its_processes_are_killed_at_random_nothing_is_lost_and_nothing_paid_twice(tmp_path):
    command = [sys.executable, "-m", "tests.chaos", "--generations", "20", "--minutes", "0.4", "--every", "1", "3"]
    done = subprocess.run(
        [*command, "--folder", tmp_path], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=580
    )
    assert done.returncode == 0, done.stdout + done.stderr
    books = json.loads(done.stdout[done.stdout.index("{") :])
    assert books["paid"] == 20
    assert sum(books["kills"].values()) >= 2


@pytest.mark.process
@pytest.mark.timeout(500)
def test_two_hosts_whose_workers_are_killed_in_turns_save_without_a_long_stall(tmp_path):
    command = [
        sys.executable,
        "-m",
        "tests.chaos.two_hosts",
        "--generations",
        "10",
        "--seconds",
        "15",
        "--every",
        "1.5",
        "--web",
        "0",
    ]
    done = subprocess.run(
        [*command, "--folder", tmp_path], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=480
    )
    assert done.returncode == 0, done.stdout + done.stderr
    books = json.loads(done.stdout[done.stdout.index("{") :])
    assert books["paid"] == 10
    assert books["kills"] >= 3
    assert books["longest_stall_s"] < 20
