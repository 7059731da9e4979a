"""The image, run for real: both profiles of compose.yaml, each making a video. Run by `make container-test` alone."""

import os
import re
import secrets
import shutil
import tempfile
from pathlib import Path

import httpx
import pytest

from tests.container.engine import Container, working_engine
from tests.parts.bucket import Bucket
from tests.parts.postgres import Postgres
from tests.parts.processes import LOOPBACK, free_port, wait_until
from tests.parts.studio import PASSWORD, csrf_token

NO_KEY = {"HEYGEN_API_KEY": "", "STUDIO_POLL_SECONDS": "1"}
SAVED = "from videos.models import SavedVideo; print('saved', SavedVideo.objects.count())"


@pytest.fixture(scope="session")
def engine():
    return working_engine()


@pytest.fixture
def volume():
    """A folder like a fresh named volume: it takes the mode of /data in the image."""
    folder = Path(tempfile.mkdtemp(prefix="studio-volume-"))
    folder.chmod(0o1777)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start(engine):
    """start(service, data, user, **env) → a running container; all are removed afterwards."""
    started = []

    def start_one(service, data, user="10001:10001", **env):
        started.append(Container(engine, service, data, user, env))
        return started[-1]

    yield start_one
    for container in started:
        print(container.log)
        container.destroy()


def client_of(port):
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, follow_redirects=True, **LOOPBACK)


def post(client, page, address, **fields):
    fields["csrfmiddlewaretoken"] = csrf_token(client, page)
    reply = client.post(address, data=fields, headers={"Referer": str(client.base_url)})
    assert reply.status_code == 200, reply.text
    return reply


def make_owner(client, log):
    token = re.search(r"one-time token: (\S+)", log)[1]
    post(client, "/setup", "/setup", username="owner", password=PASSWORD, token=token)


def sign_in(client):
    reply = post(client, "/login", "/login", username="owner", password=PASSWORD)
    assert reply.url.path != "/login"


def generate(client):
    fields = {"prompt": "a lighthouse in a container", "provider": "ltx_distilled", "aspect_ratio": "16:9"}
    post(client, "/", "/generate", count="1", token=secrets.token_urlsafe(24), **fields)


def wait_for_saved_video(container, client):
    """The bytes of the one video of the gallery, once it is saved."""
    wait_until(lambda: "saved 1" in container.inside("python", "manage.py", "shell", "-v", "0", "-c", SAVED)[1], 120)
    [path] = set(re.findall(r"/g/[0-9a-f-]{36}", client.get("/?state=ready").text))
    return client.get(f"{path}/video.mp4").content


def test_the_image_contains_the_studio_and_nothing_else(engine):
    run = ["run", "--rm", *engine.options, os.environ.get("IMAGE", "heygen-studio")]
    names = set(engine(*run, "ls", "-A", "/srv/studio").split())
    assert names >= {".venv", "manage.py", "heygen_studio", "videos", "templates", "static", "LICENSE"}
    assert names <= {".venv", "manage.py", "heygen_studio", "videos", "templates", "static", "LICENSE"} | {
        "CHANGELOG.md",
        "docs",
        "gunicorn.conf.py",
        "requirements",
        "scripts",
    }
    writable = "find / -xdev -writable -not -path '/proc*' -not -path '/dev*' -not -type l"
    assert set(engine.run(*run, "sh", "-c", writable + " 2>/dev/null").stdout.split()) <= {
        "/data",
        "/tmp",
        "/var/tmp",
        "/run/lock",
    }


@pytest.mark.timeout(400)
@pytest.mark.parametrize("user", ["10001:10001", "4711:815"])
def test_one_service_makes_a_video_as_any_user_on_a_read_only_root(start, volume, user):
    env = {**NO_KEY, "PORT": free_port()}
    studio = start("studio", volume, user, **env)
    wait_until(studio.is_healthy, 90, "a healthy container")
    assert "ead-only file system" in studio.inside("touch", "/srv/studio/x")[1]
    assert {path.stat().st_uid for path in (volume / "studio").rglob("*")} == {int(user.split(":")[0])}
    assert (volume / "studio").stat().st_mode & 0o777 == 0o700
    assert "may be readable" not in studio.log
    with client_of(env["PORT"]) as client:
        make_owner(client, studio.log)
        generate(client)
        video = wait_for_saved_video(studio, client)
        assert video[4:8] == b"ftyp"
    code, seconds = studio.stop()
    assert (code, seconds < 8) == (0, True), seconds
    again = start("studio", volume, user, **env)
    wait_until(again.is_healthy, 90, "a healthy container on the volume of before")
    with client_of(env["PORT"]) as client:
        sign_in(client)
        assert wait_for_saved_video(again, client) == video
    assert again.stop()[0] == 0


def test_the_health_check_names_what_does_not_work(start, volume):
    studio = start("web", volume, PORT=free_port(), **NO_KEY)
    wait_until(lambda: "no such table" in studio.log or studio.inside("true")[0] == 0, 60)
    code, said = wait_until(lambda: health_once_it_answers(studio), 60)
    assert code == 1
    assert re.match("Not working: .*worker", said), said


def health_once_it_answers(studio):
    code, said = studio.inside("python", "scripts/container/health.py")
    return None if "No answer" in said else (code, said)


@pytest.mark.timeout(400)
def test_a_grown_studio_prepares_itself_and_makes_a_video(start, volume, tmp_path):
    postgres, bucket = Postgres(), Bucket(tmp_path)
    try:
        shutil.rmtree(bucket.content)
        env = {**NO_KEY, **bucket.env, "DATABASE_URL": postgres.new_database(), "SECRET_KEY": secrets.token_urlsafe(48)}
        standin, env["PORT"] = free_port(), free_port()
        env |= {"HEYGEN_API_URL": f"http://127.0.0.1:{standin}", "HEYGEN_API_KEY": "demo", "STUDIO_DEMO": "1"}
        env |= {"HEYGEN_UPLOAD_URL": env["HEYGEN_API_URL"]}
        assert start("prepare", folder(volume, "prepare"), **env).wait() == 0
        assert bucket.content.is_dir()
        web = start("web", folder(volume, "web"), **env)
        worker = start("worker", folder(volume, "worker"), **env)
        wait_until(web.is_healthy, 90, "a healthy web service that has seen the worker")
        owner = "from django.contrib.auth import get_user_model as users; users().objects.create_superuser"
        web.inside("python", "manage.py", "shell", "-v", "0", "-c", f"{owner}('owner', password='{PASSWORD}')")
        demo = web.engine.run("exec", "--detach", worker.id, "python", "manage.py", "standin", "--port", str(standin))
        assert demo.returncode == 0, demo.stdout
        with client_of(env["PORT"]) as client:
            sign_in(client)
            generate(client)
            assert wait_for_saved_video(web, client)[4:8] == b"ftyp"
        assert [name for name in bucket.names() if name.endswith(".mp4")]
        for container in (web, worker):
            code, seconds = container.stop()
            assert (code, seconds < 8) == (0, True), (container.service, seconds)
    finally:
        bucket.stop()
        postgres.stop()


def test_a_grown_studio_without_its_secrets_says_which_is_missing(start, volume):
    prepare = start("prepare", volume, DATABASE_URL="postgres://studio:secret@127.0.0.1/studio")
    assert prepare.wait() == 1
    assert "SECRET_KEY is not set" in prepare.log


def folder(volume, name):
    path = volume / name
    path.mkdir()
    path.chmod(0o1777)
    return path
