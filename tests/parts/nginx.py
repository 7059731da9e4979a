"""A private nginx before a studio, set up by the very example in docs/nginx.md."""

import os
import re
import subprocess
from pathlib import Path

import httpx

from tests.parts.processes import LOOPBACK, ROOT, environment, free_port, start, stop, wait_until

EXAMPLE = re.compile(r"```nginx\n(.*?)```", re.DOTALL)
AROUND = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr info;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


def find():
    """The path of nginx, installed where that may be done. Fails with the line to type where it may not."""
    done = subprocess.run(["sh", "scripts/nginx.sh"], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[0]


class Nginx:
    """Answers at `url` on a free port of loopback, without TLS; all that it writes lies in `folder`."""

    def __init__(self, folder, upstream, media):
        self.folder, self.port = Path(folder), free_port()
        self.folder.mkdir()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = self.folder / "nginx.log"
        user = "user root;" if os.geteuid() == 0 else ""
        config = self.folder / "nginx.conf"
        config.write_text(AROUND.format(user=user, folder=self.folder, server=self.server(upstream, media)))
        command = [find(), "-p", self.folder, "-e", "stderr", "-c", config]
        self.process = start(command, environment(), self.log_file)
        wait_until(self.answers, 20, "an nginx that answers")

    def server(self, upstream, media):
        """The example with this test's addresses: each of them must stand in it, or nothing is tested."""
        text = EXAMPLE.search((ROOT / "docs" / "nginx.md").read_text())[1]
        text = re.sub(r" *ssl_certificate.*\n", "", text)
        for old, new in (
            ("listen 443 ssl;", f"listen 127.0.0.1:{self.port};"),
            ("http://127.0.0.1:8000", upstream),
            ("/var/lib/studio/media/", f"{media}/"),
        ):
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        return text

    def answers(self):
        assert self.process.poll() is None, f"nginx ended:\n{self.log_file.read_text()}"
        try:
            return httpx.get(f"{self.url}/login", timeout=30, **LOOPBACK).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self):
        return stop(self.process)
