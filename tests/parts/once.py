"""What is made once for all workers of a test run: a migrated database takes seconds of a processor, a copy none."""

import atexit
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

SHARED = "STUDIO_TEST_SHARED"  # an environment variable: the folder of the process that started the workers


def folder_of_the_run():
    """What is no test, such as `make chaos`, has no such folder, and makes all of it for itself."""
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
