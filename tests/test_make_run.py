import re
import shutil
import subprocess

import pytest

from tests.parts.processes import ROOT, WAIT_SECONDS, wait_until


@pytest.fixture
def by_make(new_studio):
    """A studio without a key, started by `make run`."""
    studio = new_studio(HEYGEN_API_KEY=None, HEYGEN_API_URL=None, HEYGEN_UPLOAD_URL=None)
    studio.command = ["make", "--no-print-directory", "-C", ROOT, "run"]
    return studio


@pytest.fixture
def made(by_make):
    return by_make.start(120)


def test_one_command_starts_everything_in_an_empty_folder_and_says_where(by_make):
    shutil.rmtree(by_make.data)
    made = by_make.start(120)
    wait_until(lambda: f"http://127.0.0.1:{made.port}" in made.log, what="the line that names the address")
    assert (made.data / "studio.sqlite3").exists()
    assert made.find_all("web")
    assert made.find_all("worker")
    assert made.find_all("standin")


def test_ctrl_c_ends_everything_without_an_error_message(made):
    made.stop()
    assert "Traceback" not in made.log
    assert not re.search(r"make.*Error", made.log)


def test_killing_make_leaves_nothing_running(made):
    made.process.terminate()
    made.process.wait(WAIT_SECONDS)
    wait_until(lambda: not made.processes(), what="nothing left of the studio")


def test_a_second_start_installs_nothing():
    done = subprocess.run(["make", "--silent", "install"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
