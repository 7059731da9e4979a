"""What is made once for all workers of a test run: a migrated database takes seconds of a processor, a copy none."""

import fcntl
import os
from pathlib import Path

SHARED = "STUDIO_TEST_SHARED"  # an environment variable: the folder of the process that started the workers


def made_once(name, make):
    """The path `name` in the run's shared folder. `make(path)` makes it; other workers wait for the first one."""
    path = Path(os.environ[SHARED]) / name
    done = path.with_name(f"{name}.done")
    with path.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            make(path)
            done.touch()
    return path
