"""The Python versions that the README promises: finding them on this machine, and an environment for each.

Environments are kept in `.pythons/`, one folder for each version, and are installed from the lock with its hashes. pip
runs again only when the lock has changed. `make clean` removes them.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.parts.processes import ROOT

PROMISED = ("3.11", "3.12", "3.13")
TRIED = ("3.14",)  # where it is on the machine; it is promised once it has passed
RUN, TEST = ROOT / "requirements" / "run.txt", ROOT / "requirements" / "test.txt"
OURS = f"{sys.version_info.major}.{sys.version_info.minor}"
INSTALL = ["-m", "pip", "--disable-pip-version-check", "--python"]


class CannotInstall(Exception):
    """`str(error)` is what pip or venv printed."""


def find(version: str) -> Path | None:
    """An interpreter of that version: pyenv's, Debian's, or any other on the PATH; None if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [*sorted(pyenv.glob(f"{version}.*/bin/python{version}")), Path("/usr/bin") / f"python{version}"]
    if on_path := shutil.which(f"python{version}"):
        candidates.append(Path(on_path))
    return next((path for path in candidates if is_version(path, version)), None)


def is_version(path: Path, version: str) -> bool:
    """Whether it runs and is what its name says: pyenv's shims exist for versions that are not active."""
    if not path.exists():
        return False
    asked = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(asked, capture_output=True, text=True, timeout=120).stdout.strip() == version


def missing(version: str) -> str:
    is_promised = "is promised and" if version in PROMISED else "is not promised, and was"
    return f"Python {version} {is_promised} NOT TESTED: this machine has no python{version} (pyenv, /usr/bin, PATH)"


def environment_of(version: str, interpreter: Path, lock: Path = RUN) -> Path:
    """The Python of an environment of that version with all of `lock` installed. Raises CannotInstall."""
    folder = ROOT / ".pythons" / version
    python, stamp = folder / "bin" / "python", folder / lock.name
    if not python.exists():
        run([interpreter, "-m", "venv", "--clear", "--without-pip", folder])
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        run([sys.executable, *INSTALL, python, "install", "--quiet", "--require-hashes", "-r", lock])
        shutil.copy(lock, stamp)
    return python


def run(command):
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise CannotInstall(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
