"""A client for tests of the demo server itself: plain httpx, which knows only the contract's addresses."""

import io

import httpx
import pytest
from PIL import Image

from tests.parts.processes import LOOPBACK, wait_until
from tests.parts.standin import Standin

EXECUTIONS = "/v1/workflows/executions"


class Api:
    """The contract's calls against one demo server; each returns httpx's Response unless noted otherwise."""

    def __init__(self, url):
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=60, headers={"X-Api-Key": "any-key"}, **LOOPBACK)

    def submit(self, prompt="A lighthouse in the fog", **given):
        body = {"workflow_type": "GenerateVideoNode", "input": {"prompt": prompt, **given}}
        return self.http.post(EXECUTIONS, json=body)

    def submitted(self, *args, **given):
        """Submit; the execution id."""
        reply = self.submit(*args, **given)
        assert reply.status_code == 200, reply.text
        return reply.json()["data"]["execution_id"]

    def poll(self, execution_id):
        return self.http.get(f"{EXECUTIONS}/{execution_id}")

    def state(self, execution_id):
        """`data` of a poll."""
        return self.poll(execution_id).json()["data"]

    def ended(self, execution_id):
        """`data` once it is completed or failed."""
        return wait_until(lambda: self._end(execution_id), 60, "the execution's end")

    def _end(self, execution_id):
        data = self.state(execution_id)
        return data if data["status"] in ("completed", "failed") else None

    def link(self, *args, **given):
        """Submit, wait, and give the video's link."""
        return self.ended(self.submitted(*args, **given))["output"]["video"]["video_url"]

    def upload(self, data, mime="image/png"):
        return self.http.post("/v3/assets", files={"file": ("picture", data, mime)})


@pytest.fixture
def api(standin):
    """The calls against the session's demo server, which is cleared before each test."""
    return Api(standin.url)


@pytest.fixture
def start_standin(tmp_path):
    """`start_standin("--speed", "9")`: the test's own demo server, with the control route and its calls at `.api`."""
    started = []

    def start(*options):
        standin = Standin(tmp_path / f"standin-{len(started)}", options=("--control", *options))
        standin.api = Api(standin.url)
        started.append(standin)
        return standin

    yield start
    for standin in started:
        standin.stop()


@pytest.fixture
def png():
    """`png("red")` or `png("red", (400, 300))`: the bytes of a plain picture."""

    def make(colour, size=(640, 480), kind="PNG"):
        file = io.BytesIO()
        Image.new("RGB", size, colour).save(file, kind)
        return file.getvalue()

    return make
