"""The contract's own examples run unchanged, except for the address."""

import json
import os
import subprocess
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).with_name("examples")
ADDRESS = "https://api.heygen.com"


def example(name, standin):
    return (EXAMPLES / name).read_text().replace(ADDRESS, standin.url)


def shell(script):
    run = subprocess.run(
        ["sh", "-c", script],
        capture_output=True,
        env={**os.environ, "HEYGEN_API_KEY": "any-key"},
        timeout=120,
        check=True,
    )
    return json.loads(run.stdout)


@pytest.mark.parametrize("name", ["simple", "submit", "text_to_video"])
def test_the_curl_examples_submit(standin, name):
    reply = shell(example(f"{name}.sh.txt", standin))
    assert reply["data"]["status"] == "submitted"
    assert reply["data"]["execution_id"].startswith("node-gw-")
    assert [row["execution_id"] for row in standin.ledger()] == [reply["data"]["execution_id"]]


def test_the_curl_example_of_a_poll_reads_a_status(standin, api):
    execution_id = api.submitted(provider="ltx_distilled")
    script = example("status.sh.txt", standin)
    assert shell(script)["error"]["code"] == "execution_not_found"
    assert shell(script.replace("node-gw-v1d2e3o4", execution_id))["data"]["execution_id"] == execution_id


def test_the_python_example_submits_with_and_without_frames(standin, monkeypatch):
    monkeypatch.setenv("HEYGEN_API_KEY", "any-key")
    names = {}
    exec(compile(example("generate_video.py.txt", standin), "example", "exec"), names)
    frame = "https://example.com/frame.png"
    ids = [
        names["generate_video"]("A harbour"),
        names["generate_video"]("A harbour", "kling_pro", "9:16", frame, frame),
    ]
    rows = standin.ledger()
    assert [row["execution_id"] for row in rows] == ids
    assert rows[1]["body"]["input"]["tail_image_url"] == frame


@pytest.mark.parametrize("name", ["image_to_video", "vertical", "fast"])
def test_the_json_examples_are_accepted_and_kept_word_for_word(standin, api, name):
    body = json.loads((EXAMPLES / f"{name}.json").read_text())
    reply = api.http.post("/v1/workflows/executions", json=body)
    assert reply.status_code == 200
    assert standin.ledger()[0]["body"] == body


def test_a_completed_execution_has_the_contracts_shape(api):
    execution_id = api.submitted(provider="ltx_distilled")
    data = api.ended(execution_id)
    assert set(data) == {"execution_id", "status", "output"}
    assert set(data["output"]) == {"video", "asset_id"}
    assert set(data["output"]["video"]) == {"video_url", "video_id"}
