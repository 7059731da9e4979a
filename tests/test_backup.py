import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import uuid
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from django.db import connection, connections

from tests.parts.generations import completed
from tests.parts.postgres import MIGRATED, PACKAGE
from tests.parts.processes import ROOT, wait_until
from tests.parts.saving import save_until_ready
from tests.parts.studio import Studio, csrf_token
from tests.parts.worker_processes import rows
from videos.engine.recovery import write_side_file
from videos.storage.backup import back_up


@pytest.fixture
def fresh(tmp_path):
    """A studio that has nothing yet, not even tables."""
    made = []

    def make(like, **env):
        settings = {"HEYGEN_API_URL": like.env["HEYGEN_API_URL"], "DATABASE_URL": None, **env}
        made.append(Studio(tmp_path / f"fresh-{len(made)}", settings))
        return made[-1]

    yield make
    for studio in made:
        studio.destroy()


@pytest.fixture
def with_postgres_programs(monkeypatch):
    monkeypatch.setenv("PATH", f"{PACKAGE / 'pginstall' / 'bin'}{os.pathsep}{os.environ['PATH']}")


def generate(client, prompt):
    fields = {"prompt": prompt, "provider": "ltx_distilled", "aspect_ratio": "16:9", "config": "{}", "count": "1"}
    form = {**fields, "token": uuid.uuid4().hex, "csrfmiddlewaretoken": csrf_token(client, "/")}
    reply = client.post("/generate", data=form, headers={"Referer": str(client.base_url)})
    assert reply.status_code == 200, reply.text[:500]


def generations(studio):
    """{prompt: status}"""
    return {row["prompt"]: row["status"] for row in rows(studio)}


def fails(studio, *arguments):
    """What the command said when it refused."""
    command = [sys.executable, "manage.py", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=studio.env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def backed_up_while_running(studio, tmp_path):
    """A running studio with one saved video, and its backup made while the next one is under way."""
    client = studio.client()
    generate(client, "saved before")
    wait_until(lambda: generations(studio).get("saved before") == "ready", 60, "a saved video")
    generate(client, "under way")
    said = studio.manage("backupstudio", tmp_path / "backup")
    assert "Keep it as safe as the studio" in said
    return tmp_path / "backup"


def test_a_backup_made_while_the_studio_runs_restores_to_a_healthy_studio(start_studio, fresh, tmp_path):
    studio = start_studio()
    studio.make_owner()
    backup = backed_up_while_running(studio, tmp_path)
    studio.stop()
    other = fresh(studio)
    assert "Restored as of" in other.manage("restorestudio", backup)
    assert "All is well" in other.manage("checkstudio", "--deep")
    assert generations(other)["saved before"] == "ready"
    assert files(backup / "media").items() <= files(other.data / "media").items()
    assert files(other.data / "media").items() <= files(studio.data / "media").items()
    other.start()
    assert "saved before" in other.client().get("/").text
    assert "All is well" in other.manage("checkstudio", "--deep")


def test_on_postgresql_the_same_is_done_by_its_own_programs(
    with_postgres_programs, postgres, start_studio, fresh, tmp_path
):
    empty = postgres.new_database()
    studio = start_studio(DATABASE_URL=postgres.new_database(MIGRATED))
    studio.make_owner()
    backup = backed_up_while_running(studio, tmp_path)
    studio.stop()
    other = fresh(studio, DATABASE_URL=empty)
    other.manage("restorestudio", backup)
    with psycopg.connect(empty) as database:
        found = database.execute("SELECT COUNT(*) FROM pg_stats WHERE tablename = 'videos_generation'").fetchone()
    assert found[0] > 40  # columns whose values the planner knows at once
    assert "All is well" in other.manage("checkstudio", "--deep")
    assert generations(other)["saved before"] == "ready"


def test_on_postgresql_the_nights_backup_is_restored_into_a_scratch_database_and_counted(
    with_postgres_programs, postgres, new_studio, tmp_path
):
    postgres.execute("CREATE ROLE plain LOGIN")
    postgres.execute(f"CREATE DATABASE of_plain OWNER plain TEMPLATE {MIGRATED}")
    postgres.execute(GIVE_TABLES_TO_PLAIN, "of_plain")
    url = postgres.url("of_plain").replace("studio@", "plain@")
    studio = new_studio(DATABASE_URL=url, STUDIO_BACKUP_FOLDER=tmp_path / "nightly")
    studio.make_owner()
    studio.manage("shell", "-v", "0", "-c", MAKE_ONE)
    assert "ALTER ROLE plain CREATEDB" in fails(studio, "backupstudio"), "it is not verified, and says what is missing"
    postgres.execute("ALTER ROLE plain CREATEDB")
    assert "restored into a scratch database" in studio.manage("backupstudio")
    [backup] = [path for path in (tmp_path / "nightly").iterdir() if not path.name.endswith(".failed")]
    proof = json.loads((backup / "verified.json").read_text())
    assert (proof["users"], proof["generations"], proof["videos"]) == (1, 1, 1)
    with psycopg.connect(postgres.url("postgres")) as server:
        assert server.execute("SELECT datname FROM pg_database WHERE datname LIKE 'studio_verify%'").fetchall() == []
    whole = (backup / "database.dump").read_bytes()
    (backup / "database.dump").write_bytes(whole[: len(whole) // 2])
    assert "pg_restore failed" in fails(studio, "verifybackup", backup)
    (backup / "database.dump").write_bytes(whole)
    next((backup / "media").rglob("*.mp4")).unlink()
    assert "lacks 1 of the saved videos" in fails(studio, "verifybackup", backup)


GIVE_TABLES_TO_PLAIN = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER TABLE %I OWNER TO plain', name);
    END LOOP;
END $$
"""
MAKE_ONE = """
from django.contrib.auth import get_user_model
from tests.parts.generations import make
make(get_user_model().objects.get())
"""


def test_a_restored_studio_sends_nothing_that_waited_until_an_owner_resumes(new_studio, fresh, standin, tmp_path):
    """It may have been sent since: sending it again would cost again."""
    studio = new_studio(HEYGEN_API_KEY="test-key", STUDIO_MAX_IN_FLIGHT=1)
    studio.make_owner()
    studio.manage("shell", "-c", GENERATE)
    studio.manage("backupstudio", tmp_path / "backup")
    other = fresh(studio)
    other.manage("restorestudio", tmp_path / "backup")
    other.start()
    assert generations(other) == {"waiting": "queued"}
    account = "RemoteAccount.objects.get(backend='heygen_workflows')"
    pause = f"from videos.models import *; a = {account}; print(a.paused, a.pause_reason)"
    said = other.manage("shell", "-v", "0", "-c", pause)
    assert said.startswith("True This studio was restored from a backup of ")
    assert standin.ledger() == []


GENERATE = """
from django.contrib.auth import get_user_model
from videos.models import *
owner = get_user_model().objects.get()
Batch.objects.make(owner, "token", [Request("waiting", Provider.objects.get(value="veo_3_1"))])
"""


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_files_that_appear_while_the_database_is_copied_are_in_the_backup(remote, owner, settings, tmp_path):
    """A video that has just got its name, and an id whose commit failed; the links to another disk are followed."""
    generation = save_until_ready(completed(remote, owner)[0])
    saved = generation.saved_video.file.name
    videos = settings.MEDIA_ROOT / "videos"
    shutil.move(videos, tmp_path / "bigger")
    videos.symlink_to(tmp_path / "bigger")
    (videos / "lost+found" / "of root alone").mkdir(parents=True)
    with locked_database():
        backup = threading.Thread(target=back_up, args=(tmp_path / "backup",))
        backup.start()
        wait_until((tmp_path / ".backup.part" / "database.sqlite3").exists, 30, "the copy of the database to begin")
        (videos / "late.mp4").write_bytes(b"late")
        write_side_file(generation.public_id, "node-gw-late")
    backup.join(60)
    media = tmp_path / "backup" / "media"
    assert (media / saved).stat().st_size > 0
    assert (media / "videos" / "late.mp4").read_bytes() == b"late"
    assert not (media / "videos" / "lost+found").exists()
    assert (tmp_path / "backup" / "accepted" / str(generation.public_id)).read_text() == "node-gw-late"


@contextmanager
def locked_database():
    """Nobody else can even read it, so that its copy waits."""
    address = connection.settings_dict["NAME"]
    connections.close_all()
    with closing(sqlite3.connect(address, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        yield
        holder.execute("ROLLBACK")


def test_a_backup_never_overwrites_and_is_closed_to_others(new_studio, tmp_path):
    studio = new_studio()
    studio.manage("backupstudio", tmp_path / "backup")
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o700
    before = files(tmp_path / "backup")
    assert "already exists" in fails(studio, "backupstudio", tmp_path / "backup")
    assert files(tmp_path / "backup") == before


def test_a_studio_in_use_is_never_restored_over(new_studio, tmp_path):
    studio = new_studio()
    studio.make_owner()
    studio.manage("backupstudio", tmp_path / "backup")
    assert "in use already" in fails(studio, "restorestudio", tmp_path / "backup")


def test_an_incomplete_backup_is_refused(new_studio, fresh, tmp_path):
    (tmp_path / "half").mkdir()
    assert "not a complete backup" in fails(fresh(new_studio()), "restorestudio", tmp_path / "half")
    assert "not a complete backup" in fails(fresh(new_studio()), "restorestudio", tmp_path / "nothing")


def test_the_studios_own_media_do_not_change_when_a_linked_backup_does(start_studio, tmp_path, standin):
    studio = start_studio()
    studio.make_owner()
    backup = backed_up_while_running(studio, tmp_path)
    before = files(backup / "media")
    video = next((backup / "media").rglob("*.mp4"))
    original = studio.data / video.relative_to(backup)
    original.unlink()
    assert files(backup / "media") == before
    assert "fetched again" in studio.manage("checkstudio", "--repair")
    wait_until(lambda: original.exists(), 60, "the copy fetched again")
    wait_until(lambda: generations(studio)["saved before"] == "ready", 60, "the row of it")
    assert files(backup / "media") == before
    assert original.read_bytes() == before[str(video.relative_to(backup / "media"))]
