"""Commands of `manage.py`, one after the other, each in a fork of one process: Django is loaded once and not each time.

python -m tests.parts.forked_commands < arguments, a JSON list for each command > results, a JSON object for each
"""

import json
import os
import subprocess
import sys
import tempfile
from types import SimpleNamespace

import django
from django.urls import get_resolver

import manage
from tests.parts.processes import ROOT


def run_forked(commands, env, seconds=400):
    """Runs each of `commands`, lists of arguments. Returns the returncode, stdout and stderr of each."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.parts.forked_commands"],
        cwd=ROOT,
        env=env,
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stderr
    return [SimpleNamespace(**result) for result in json.loads(done.stdout)]


def run(arguments):
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        pid = os.fork()
        if pid == 0:
            os.dup2(stdout.fileno(), 1)
            os.dup2(stderr.fileno(), 2)
            sys.argv = ["manage.py", *arguments]
            manage.main()
            sys.exit()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        written = [file.seek(0) or file.read() for file in (stdout, stderr)]
    return {"returncode": code, "stdout": written[0], "stderr": written[1]}


if __name__ == "__main__":
    django.setup()
    _ = get_resolver().url_patterns  # loads every view, which checks would load in each fork
    results = [run(arguments) for arguments in json.load(sys.stdin)]
    json.dump(results, sys.stdout)
