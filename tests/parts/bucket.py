"""An S3-compatible bucket of the tests' own; it refuses wrong secrets, tampered links and links that have expired."""

import shutil
import sys
from pathlib import Path

import httpx

from tests.parts.processes import LOOPBACK, environment, free_port, start, stop, wait_until

NAME = "studio-videos"
KEY, SECRET = "tests-access-key", "tests-secret-key-0123456789"


class Bucket:
    """A running bucket. `env` is what a studio needs in its environment to store there."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.content = self.folder / "buckets" / NAME
        self.content.mkdir(parents=True)  # a bucket is a folder
        self.log_file = self.folder / "bucket.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {
            "STUDIO_BUCKET": NAME,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }
        self.start()

    def start(self):
        command = [Path(sys.executable).parent / "nanio", "serve", "--data-dir", self.content.parent]
        command += ["--host", "127.0.0.1", "--port", self.port, "--log-level", "warning", "--no-access-log"]
        env = environment(NANIO_ACCESS_KEY=KEY, NANIO_SECRET_KEY=SECRET)
        self.process = start(command, env, self.log_file)
        wait_until(self.answers, 30, "a bucket that answers")

    def answers(self):
        assert self.process.poll() is None, f"The bucket ended:\n{self.log_file.read_text()}"
        try:
            return httpx.get(self.url, timeout=30, **LOOPBACK)
        except httpx.TransportError:
            return None

    def names(self):
        """The names of its files."""
        files = [path.relative_to(self.content) for path in self.content.rglob("*") if path.is_file()]
        return sorted(str(path) for path in files if not path.parts[0].startswith("."))

    def clear(self):
        """Empties it, and makes sure that it runs, whatever the last test did to it."""
        if self.process.poll() is not None:
            self.start()
        shutil.rmtree(self.content)
        self.content.mkdir()

    def stop(self):
        return stop(self.process)
