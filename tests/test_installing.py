import os
import re
import stat
import subprocess

import pytest

from tests.parts.processes import ROOT

LOCKS = [ROOT / "requirements" / "run.txt", ROOT / "requirements" / "test.txt"]
REQUIREMENT = re.compile(r"^([a-z0-9][\w.-]*)(\[[\w,-]+\])?==\S+", re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_place_to_download_from(lock):
    lines = [line for line in lock.read_text().splitlines() if not line.lstrip().startswith("#")]
    assert not [line for line in lines if "://" in line or "file:" in line or line.startswith("-")]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_requirement_of_a_lock_has_a_hash(lock):
    entries = re.split(r"\n(?=\S)", lock.read_text())
    pinned = [entry for entry in entries if REQUIREMENT.match(entry)]
    assert len(pinned) > 20
    assert not [entry for entry in pinned if "--hash=sha256:" not in entry]


def test_the_tests_use_the_same_versions_as_the_studio():
    run, test = (dict(re.findall(r"^([a-z0-9][\w.-]*)==(\S+)", lock.read_text(), re.MULTILINE)) for lock in LOCKS)
    assert run.items() <= test.items()


def test_a_python_without_ensurepip_prints_the_command_to_run(tmp_path):
    script(tmp_path / "bin" / "id", "echo 1000")
    script(tmp_path / "bin" / "python3", 'case "$1 $2" in "-m venv") mkdir -p .venv/bin; exit 1;; esac; exit 0')
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", str(ROOT / "scripts" / "venv.sh")],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode != 0
    assert "sudo apt-get install python3-venv" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_a_python_that_is_too_old_is_named(tmp_path):
    script(tmp_path / "bin" / "python3", 'case "$1" in -V) echo Python 3.9.2;; esac; [ "$1" = -V ]')
    done = subprocess.run(
        ["sh", str(ROOT / "scripts" / "venv.sh"), str(tmp_path / "bin" / "python3")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode != 0
    assert "Python 3.11 or newer" in done.stderr
    assert "Python 3.9.2" in done.stderr


def script(path, body):
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
