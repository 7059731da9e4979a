"""`manage.py studio`: one command starts everything, keeps it running, and leaves nothing behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.parts.processes import LOOPBACK, ROOT, WAIT_SECONDS, wait_until
from tests.parts.studio import command_line
from tests.parts.worker_processes import generate, only, processes_of, rows

NO_KEY = {"HEYGEN_API_KEY": None, "HEYGEN_API_URL": None, "HEYGEN_UPLOAD_URL": None}
NOBODY = 65534


def test_without_a_key_the_demo_server_answers_for_heygen_also_when_checked_by_hand(start_studio):
    studio = start_studio(**NO_KEY)
    assert studio.find("standin")
    assert "No HEYGEN_API_KEY" in studio.log
    assert f"HeyGen Studio is at {studio.url}/" in studio.log
    generate(studio, ["a lighthouse"])
    wait_until(lambda: rows(studio)[0]["status"] == "ready", 90)
    [video] = (studio.data / "media" / "videos").rglob("*.mp4")
    video.unlink()
    assert "HeyGen still has it: it is fetched again" in studio.manage("checkstudio", "--repair")
    wait_until(lambda: video.exists() and rows(studio)[0]["status"] == "ready", 60)


def test_with_a_key_no_demo_server_runs_no_command_line_has_the_key_and_sigterm_ends_everything(start_studio):
    studio = start_studio(HEYGEN_API_KEY="canary-4711")
    assert studio.find("standin") is None
    lines = [" ".join(command_line(process)) for process in studio.processes()]
    assert lines
    assert not [line for line in lines if "canary" in line]
    assert "canary" not in studio.log
    studio.process.send_signal(signal.SIGTERM)
    assert studio.process.wait(WAIT_SECONDS) == 0
    wait_until(lambda: not studio.processes(), what="no orphans")


def test_with_an_address_of_another_api_no_demo_server_runs(start_studio):
    assert start_studio(HEYGEN_API_KEY="", HEYGEN_API_URL="http://127.0.0.1:9").find("standin") is None


def test_ctrl_c_ends_everything_the_stand_in_keeps_its_port_and_a_killed_supervisor_leaves_nothing(start_studio):
    studio = start_studio(**NO_KEY)
    port = (studio.data / "standin" / "port").read_text()
    assert studio.stop() == 0
    assert "Traceback" not in studio.log
    studio.start()
    assert (studio.data / "standin" / "port").read_text() == port
    assert f"127.0.0.1:{port}" in studio.log
    studio.kill("supervisor")
    wait_until(lambda: not studio.processes(), what="nothing left")


def test_a_part_that_is_killed_is_started_again_and_visitors_wait_meanwhile(start_studio):
    studio = start_studio(**NO_KEY)
    for name in ("web", "worker", "standin"):
        killed = studio.kill(name)
        if name == "web":
            visitors_wait(studio)
        wait_until(lambda: (found := studio.find(name)) and found.pid != killed, 20, f"another {name}")  # noqa: B023
        wait_until(studio.healthy, 30, "a healthy studio")
    generate(studio, ["a lighthouse"])
    wait_until(lambda: rows(studio)[0]["status"] == "ready", 90)
    assert studio.stop() == 0


def visitors_wait(studio):
    assert wait_until(lambda: answer(studio), what="an answer for a visitor").status_code == 200


def answer(studio):
    """None if a process that died had taken the request: a browser asks again. A refused one is an error."""
    with suppress(httpx.RemoteProtocolError, httpx.ReadError):
        return httpx.get(f"{studio.url}/login", timeout=60, follow_redirects=True, **LOOPBACK)


def test_killing_the_supervisor_and_the_worker_leaves_nothing_behind(start_studio):
    studio = start_studio(**NO_KEY)
    sentinel = wait_until(lambda: only(processes_of(studio, "sentinel")), what="one sentinel")
    worker = studio.find("worker")
    sentinel.suspend()
    studio.kill("supervisor")
    with suppress(psutil.NoSuchProcess):  # on a busy machine both may be gone already
        worker.kill()
        sentinel.resume()
    wait_until(lambda: not studio.processes(), what="nothing left")


def test_a_port_in_use_is_one_sentence(new_studio):
    studio = new_studio()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = studio_once(studio, PORT=port)
    assert done.returncode == 1
    assert f"Port {port} is in use" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_database_that_cannot_be_used_is_one_sentence(new_studio):
    done = studio_once(new_studio(DATABASE_URL="sqlite:////proc/nowhere/studio.sqlite3"))
    assert done.returncode == 1
    assert "Check DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_a_part_that_never_starts_stops_everything_with_a_sentence(new_studio):
    studio = new_studio()
    (studio.data / "leases").touch()  # a file where the worker needs a folder is odd, and no reason to stop
    (studio.data / "standin").touch()  # one where the demo server needs its own is
    done = studio_once(studio, **dict.fromkeys(NO_KEY, ""))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    wait_until(lambda: not studio.processes(), what="nothing left")


def test_an_empty_folder_is_made_ready_and_a_second_start_does_nothing_again(new_studio, tmp_path):
    empty = tmp_path / "empty"
    studio = new_studio(STUDIO_DATA=empty)
    studio.data = empty
    studio.start()
    manifest = (empty / "static" / "staticfiles.json").stat().st_mtime_ns
    studio.restart()
    assert (empty / "static" / "staticfiles.json").stat().st_mtime_ns == manifest


# Nobody may read this checkout and Python wherever they are, below /root for example; writing stays forbidden.
MAY_READ = "+dac_read_search"
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
AS_NOBODY += [f"--inh-caps={MAY_READ}", f"--ambient-caps={MAY_READ}"]


@pytest.fixture
def nobodys_folder():
    """Not below pytest's own folders, which only their owner may enter."""
    folder = Path(tempfile.mkdtemp(prefix="studio-nobody-"))
    os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root may become somebody else.")
def test_it_runs_as_somebody_who_is_not_root(new_studio, nobodys_folder):
    command = [*AS_NOBODY, "sh", "-c", f"ls {ROOT} && {sys.executable} -c 'import django'"]
    if subprocess.run(command, cwd="/", capture_output=True).returncode:
        pytest.skip("This root may not let nobody read the checkout and Python.")
    studio = new_studio(**NO_KEY, STUDIO_DATA=nobodys_folder, HOME=nobodys_folder)
    studio.command = [*AS_NOBODY, *studio.command]
    studio.start()
    assert {process.uids().real for process in studio.processes()} == {NOBODY}


def studio_once(studio, **env):
    """A studio that is expected to stop on its own."""
    return subprocess.run(
        studio.command, cwd=ROOT, env={**studio.env, **env}, capture_output=True, text=True, timeout=400
    )
