import json
import subprocess
import sys

import pytest

from tests.parts.processes import ROOT, environment


@pytest.mark.process
@pytest.mark.timeout(600)
def test_while_its_processes_are_killed_at_random_nothing_is_lost_and_nothing_paid_twice(tmp_path):
    command = [sys.executable, "-m", "tests.chaos", "--generations", "30", "--minutes", "1", "--every", "3", "8"]
    done = subprocess.run(
        [*command, "--folder", tmp_path], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=580
    )
    assert done.returncode == 0, done.stdout + done.stderr
    books = json.loads(done.stdout[done.stdout.index("{") :])
    assert books["paid"] == 30
    assert sum(books["kills"].values()) >= 3
