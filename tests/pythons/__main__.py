"""`make test-pythons`: every promised Python installs the lock, saves a demo video and passes the quick tests.

    python -m tests.pythons [3.12 3.13 …]

Each version has an environment of its own in `.pythons/`. A version that this machine does not have is said aloud, at
its turn and in the table at the end; the exit code is 1 only when a version that is here has failed.
"""

import subprocess
import sys
import time

from tests.parts.processes import ROOT
from tests.parts.pythons import PROMISED, TEST, TRIED, CannotInstall, environment_of, find, missing

VIDEO = "tests/test_pythons.py::test_every_promised_python_saves_a_demo_video"


def main(versions: list[str]) -> int:
    results = {version: result_of(version) for version in versions}
    print("\nPython  result")
    for version, result in results.items():
        print(f"{version:<8}{result}")
    return int(any(result.startswith("FAILED") for result in results.values()))


def result_of(version: str) -> str:
    print(f"\n== Python {version}", flush=True)
    interpreter = find(version)
    if interpreter is None:
        print(missing(version), flush=True)
        return "NOT TESTED: it is not on this machine"
    started = time.monotonic()
    try:
        python = environment_of(version, interpreter, TEST)
    except CannotInstall as error:
        print(error, file=sys.stderr)
        return "FAILED: the lock could not be installed"
    failed = [name for name, arguments in STEPS.items() if not passes(python, arguments, version)]
    seconds = f"{time.monotonic() - started:.0f} s, {interpreter}"
    return f"FAILED: {', '.join(failed)} ({seconds})" if failed else f"passed: {', '.join(STEPS)} ({seconds})"


STEPS = {
    "a demo video was saved": [VIDEO + "[{version}]"],
    "quick tests": ["-n", "4", "--dist", "worksteal", "-m", "not process and not browser"],
}


def passes(python, arguments: list[str], version: str) -> bool:
    command = [python, "-m", "pytest", "-q", *(argument.format(version=version) for argument in arguments)]
    return subprocess.run([str(part) for part in command], cwd=ROOT).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or [*PROMISED, *TRIED]))
