"""What was accepted is still known after a kill -9, and a stop leaves no process behind."""

import signal
import socket

import httpx
import psutil

from tests.parts.processes import wait_until
from tests.parts.standin import Standin


def test_executions_links_and_pictures_outlive_kill_9(start_standin, png):
    standin = start_standin("--draft", "--speed", "50")
    api, picture = standin.api, png("navy")
    url = api.upload(picture).json()["data"]["url"]
    done = api.submitted("A lighthouse", reference_image_url=url, config={"seed": 3})
    link = api.ended(done)["output"]["video"]["video_url"]
    ledger, body = standin.ledger(), httpx.get(link, timeout=60).content
    standin.kill()
    standin.restart()
    assert standin.ledger() == [{**row, "bytes_sent": 0} for row in ledger]
    assert httpx.get(link, timeout=60).content == body
    assert httpx.get(url, timeout=60).content == picture
    assert api.ended(done)["status"] == "completed"


def test_what_was_accepted_just_before_kill_9_is_drawn_after_the_restart(start_standin):
    standin = start_standin("--speed", "50")
    ids = [standin.api.submitted("A lighthouse", config={"duration": 2}) for _ in range(4)]
    standin.kill()
    standin.restart()
    assert [row["execution_id"] for row in standin.ledger()] == ids
    for execution_id in ids:
        assert standin.api.ended(execution_id)["status"] == "completed"


def test_a_stop_is_clean_and_leaves_no_drawing_process_behind(start_standin):
    standin = start_standin("--speed", "50")
    standin.api.submitted("A lighthouse")
    drawers = wait_until(psutil.Process(standin.process.pid).children, 20, "a drawing process")
    standin.process.send_signal(signal.SIGTERM)
    assert standin.process.wait(60) == 0
    wait_until(lambda: not any(drawer.is_running() for drawer in drawers), 10, "the drawers' end")


def test_drawing_processes_end_with_a_server_that_was_killed(start_standin):
    standin = start_standin("--speed", "50")
    standin.api.submitted("A lighthouse", config={"duration": 12})
    drawers = wait_until(psutil.Process(standin.process.pid).children, 20, "a drawing process")
    standin.kill()
    wait_until(lambda: not any(drawer.is_running() for drawer in drawers), 30, "the drawers' end")


def test_the_control_route_is_not_there_unless_asked_for(tmp_path):
    plain = Standin(tmp_path, options=("--draft",))
    try:
        assert httpx.get(f"{plain.url}/control/ledger", timeout=60).status_code == 404
        assert httpx.post(f"{plain.url}/control/faults", json=[], timeout=60).status_code == 404
    finally:
        plain.stop()


def test_the_key_is_on_no_disk_and_in_no_log(start_standin):
    standin = start_standin("--draft", "--speed", "50")
    standin.api.http.headers["X-Api-Key"] = "canary-7f3a"
    standin.api.link(provider="ltx_distilled")
    standin.stop()
    for path in standin.folder.rglob("*"):
        assert path.is_dir() or b"canary-7f3a" not in path.read_bytes(), path


def test_hundreds_of_idle_connections_do_not_keep_it_from_answering(standin, api):
    address = ("127.0.0.1", int(standin.url.rsplit(":", 1)[1]))
    lines = [socket.create_connection(address) for _ in range(400)]
    try:
        assert api.http.get("/v3/users/me").status_code == 200
        assert standin.ask("GET", "connections")["open"] > 400
    finally:
        for line in lines:
            line.close()


def test_bytes_that_are_not_a_request_are_a_400(standin):
    address = ("127.0.0.1", int(standin.url.rsplit(":", 1)[1]))
    for line in (b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"):
        with socket.create_connection(address, timeout=60) as peer:
            peer.sendall(line)
            assert peer.recv(100).startswith(b"HTTP/1.1 400")
