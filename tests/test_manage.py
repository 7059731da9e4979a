"""`./manage.py` finds the studio's own environment, or says what to do; every command says what it is for."""

import os
import re
import shutil
import subprocess
import sys
import venv

import pytest

from tests.parts.processes import ROOT, environment, manage

COMMANDS = sorted(path.stem for path in (ROOT / "videos" / "management" / "commands").glob("[a-z]*.py"))


def bare_python(folder):
    """A Python without any package."""
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"


def run(python, script, *arguments):
    command = [str(python), str(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment())


def test_a_python_without_packages_hands_over_to_the_studios_own(tmp_path):
    done = run(bare_python(tmp_path / "bare"), ROOT / "manage.py", "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("HeyGen Studio ")


def test_without_an_environment_it_says_what_to_run(tmp_path):
    script = shutil.copy(ROOT / "manage.py", tmp_path / "manage.py")
    done = run(bare_python(tmp_path / "bare"), script, "check")
    assert done.returncode == 1
    assert f"make -C {tmp_path} install" in done.stderr and "Traceback" not in done.stderr


def test_an_environment_without_a_package_does_not_loop_forever(tmp_path):
    shutil.copy(ROOT / "manage.py", tmp_path / "manage.py")
    done = run(bare_python(tmp_path / ".venv"), tmp_path / "manage.py", "check")
    assert done.returncode == 1 and "install" in done.stderr


def test_it_can_be_run_by_its_name():
    assert os.access(ROOT / "manage.py", os.X_OK)
    assert (ROOT / "manage.py").read_text().startswith("#!/usr/bin/env python3\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_is_for(name):
    env = environment(COLUMNS="200")
    command = [sys.executable, "manage.py", name, "--help"]
    said = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240).stdout
    _, purpose, *rest = said.split("\n\n")
    assert purpose.endswith(".") and purpose[0].isupper() and len(purpose) > 40, said
    own = "\n".join(rest).split("--version")[0]
    for line in own.splitlines():
        if re.match(r" {2}\S", line):
            assert len(line.split(None, 1)) == 2, f"{name}: {line.strip()} says nothing"


def printed_by_a_new_python(look, folder):
    """The words that `look` prints in a Python of its own, once Django is set up for a plain studio."""
    env = environment(STUDIO_DATA=folder, DATABASE_URL="", STUDIO_BUCKET=None, SENTRY_DSN=None)
    command = [sys.executable, "-c", f"import django; django.setup(); {look}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_studio_starts_without_large_libraries_that_it_does_not_use(tmp_path):
    """Those of a bucket, of PostgreSQL and of Sentry: a fifth of what each process takes to start."""
    loaded = printed_by_a_new_python("import heygen_studio.urls, sys; print(*sys.modules)", tmp_path)
    assert not {"boto3", "botocore", "storages", "psycopg", "sentry_sdk"} & set(loaded)


def test_garbage_is_collected_once_everything_is_imported(tmp_path):
    """In a Python of its own: a poller that ran in this one has undone it."""
    printed = printed_by_a_new_python("import gc; print(int(gc.isenabled()), gc.get_freeze_count())", tmp_path)
    is_enabled, frozen = map(int, printed)
    assert is_enabled
    assert frozen > 100_000, "what was imported is not looked through again"


def test_the_migrations_of_one_app_run_in_an_empty_database(tmp_path):
    """What follows every migration then finds no table of ours."""
    env = environment(STUDIO_DATA=tmp_path, DATABASE_URL="")
    assert "Applying auth.0001_initial... OK" in manage("migrate", "auth", "--no-color", env=env)
