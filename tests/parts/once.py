"""Makes things once for all workers of a test run: migrating a database takes seconds of CPU, copying it none."""

import atexit
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

SHARED = "STUDIO_TEST_SHARED"  # an environment variable: the folder of the process that started the workers


def folder_of_the_run():
    """Runs other than tests, such as `make chaos`, have no such folder, and make everything themselves."""
    if SHARED not in os.environ:
        os.environ[SHARED] = tempfile.mkdtemp(prefix="studio-shared-")
        atexit.register(shutil.rmtree, os.environ[SHARED], ignore_errors=True)
    return Path(os.environ[SHARED])


def made_once(name, make):
    """The path `name` in the run's shared folder. `make(path)` makes it; other workers wait for the first one."""
    path = folder_of_the_run() / name
    done = path.with_name(f"{name}.done")
    with path.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            make(path)
            done.touch()
    return path
