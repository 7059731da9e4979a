"""The stand-in as a process of its own, with its control route, for tests that need the remote side."""

import re
import sys
from pathlib import Path

import httpx

from tests.parts.processes import environment, start, stop, wait_until

READY = re.compile(r"stand-in ready on (http://127\.0\.0\.1:\d+)")
MODULE = "videos.standin.server"


class Standin:
    """A running stand-in. Its address is `url`; give it as HEYGEN_API_URL and HEYGEN_UPLOAD_URL."""

    def __init__(self, folder, port=0, options=("--control", "--draft", "--speed", "50"), env=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.options = options
        self.env = environment(**(env or {}))
        self.log_file = self.folder / "standin.log"
        self.url = None
        self.start(port)

    @property
    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def start(self, port=0):
        self.log_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", MODULE, "--port", port, "--folder", self.folder, *self.options]
        self.process = start(command, self.env, self.log_file)
        self.url = wait_until(self.ready, 30, "a stand-in")[1]

    def ready(self):
        assert self.process.poll() is None, f"The stand-in ended:\n{self.log}"
        return READY.search(self.log)

    def kill(self):
        """kill -9; its folder and its port stay, so `restart()` goes on where it was."""
        self.process.kill()
        self.process.wait(10)

    def restart(self):
        if self.process.poll() is None:
            self.kill()
        self.start(self.url.rsplit(":", 1)[1])

    def stop(self):
        return stop(self.process)

    def ask(self, method, name, **request):
        with httpx.Client(timeout=10, trust_env=False) as client:
            reply = client.request(method, f"{self.url}/control/{name}", **request)
        reply.raise_for_status()
        return reply.json() if reply.content else None

    def ledger(self):
        """Every accepted submission, oldest first: what would have been paid for."""
        return self.ask("GET", "ledger")

    def requests(self):
        """Every request it received since the last `clear()`, oldest first."""
        return self.ask("GET", "requests")

    def faults(self, faults):
        """Replaces the faults it plays; the vocabulary is in videos/standin/faults.py."""
        return self.ask("POST", "faults", json=faults)

    def clear(self):
        """No faults, no requests, no ledger."""
        return self.ask("POST", "clear")
