"""The demo server as a process of its own, with its control route, for tests that need the remote API."""

import re
import sys
from pathlib import Path

import httpx

from tests.parts.processes import LOOPBACK, ROOT, WAIT_SECONDS, environment, start, stop, wait_until

READY = re.compile(r"stand-in ready on (http://127\.0\.0\.1:\d+)")
MODULE = "videos.standin.server"


class Standin:
    """A running demo server. Its address is `url`; give it as HEYGEN_API_URL and HEYGEN_UPLOAD_URL."""

    def __init__(self, folder, port=0, options=("--control", "--draft", "--speed", "50"), env=None, cwd=ROOT):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.options, self.cwd = options, cwd
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
        self.process = start(command, self.env, self.log_file, self.cwd)
        self.url = wait_until(self.ready, 30, "a demo server")[1]

    def ready(self):
        assert self.process.poll() is None, f"The demo server ended:\n{self.log}"
        return READY.search(self.log)

    def kill(self):
        """kill -9; its folder and its port stay, so `restart()` continues where it was."""
        self.process.kill()
        self.process.wait(WAIT_SECONDS)

    def restart(self):
        if self.process.poll() is None:
            self.kill()
        self.start(self.url.rsplit(":", 1)[1])

    def stop(self):
        return stop(self.process)

    def ask(self, method, name, **request):
        """One request to the control route (videos/standin/control.py); its JSON."""
        with httpx.Client(timeout=60, **LOOPBACK) as client:
            reply = client.request(method, f"{self.url}/control/{name}", **request)
        assert reply.is_success, f"The demo server refused {method} {name}: {reply.text}"
        return reply.json()

    def ledger(self):
        """Every submission accepted since the last `clear()`, oldest first: what would have been paid for."""
        return self.ask("GET", "ledger")

    def assets(self):
        """Every picture uploaded since the last `clear()`."""
        return self.ask("GET", "assets")

    def videos(self):
        """{execution_id: {sha256, size, bytes_sent, status}} of every video it drew."""
        return self.ask("GET", "videos")

    def requests(self, call=None):
        """Every request since the last `clear()`, oldest first; or those of one call: submit, poll, upload, …"""
        return self.ask("GET", "requests", params={"call": call} if call else None)

    def faults(self, rules):
        """Plays these faults and no others; the vocabulary is in videos/standin/fault_rules.py."""
        return self.ask("POST", "faults", json=rules)

    def expire_links(self):
        """Expires every video link issued until now."""
        self.ask("POST", "expire")

    def finish(self):
        """Completes every execution now."""
        self.ask("POST", "finish")

    def advance(self, seconds):
        """Moves its clock forward."""
        self.ask("POST", "clock", json={"advance": seconds})

    def clear(self):
        """No faults, no requests, no ledger, no pictures, and the true time."""
        self.ask("GET", "connections")  # by the time it answers, every earlier request has arrived and is cleared
        self.ask("POST", "clear")
