"""The nightly backup: made once a night, verified by restoring it, older ones removed, failures shown to people."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from tests.parts.bucket import KEY, NAME, SECRET
from tests.parts.generations import make_ready
from tests.parts.people import signed_in
from videos.models import Alarm
from videos.storage import verified_backup
from videos.storage.backup import BackupError, back_up
from videos.storage.verified_backup import back_up_tonight, destinations, verify

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def folder(settings, tmp_path):
    if connection.vendor != "sqlite":
        pytest.skip("pg_dump is tried in test_backup.py")
    settings.BACKUP_FOLDER = str(tmp_path / "backups")
    return tmp_path / "backups"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def make_backup_of(folder, ago):
    """One that stands already, of some time ago."""
    made = folder / f"studio-{timezone.now() - ago:%Y-%m-%dT%H%M%S}"
    made.mkdir(parents=True)
    (made / "verified.json").write_text("{}")
    return made.name


def test_without_a_destination_no_backup_is_made(owner, settings, tmp_path):
    back_up_tonight()
    assert list(tmp_path.iterdir()) == []


def test_the_nights_backup_is_restored_and_read_before_it_counts(folder, owner):
    make_ready(owner)
    back_up_tonight()
    [name] = names(folder)
    proof = json.loads((folder / name / "verified.json").read_text())
    assert (proof["users"], proof["generations"], proof["videos"]) == (1, 1, 1)
    assert not Alarm.objects.open().exists()


def test_a_second_run_in_one_night_makes_no_second_backup(folder, owner):
    back_up_tonight()
    back_up_tonight()
    assert len(names(folder)) == 1


def test_only_the_newest_are_kept_and_nothing_else_in_the_folder_is_touched(folder, owner, settings):
    settings.BACKUP_KEEP = 2
    oldest, older = make_backup_of(folder, timedelta(days=3)), make_backup_of(folder, timedelta(days=2))
    (folder / "letters").mkdir()
    back_up_tonight()
    assert oldest not in names(folder) and {older, "letters"} <= set(names(folder))
    assert len(names(folder)) == 3


def test_a_backup_without_a_video_does_not_count_and_everybody_is_notified(folder, owner, monkeypatch):
    make_ready(owner)

    def lossy(target):
        manifest = back_up(target)
        next((target / "media").rglob("*.mp4")).unlink()
        return manifest

    older = make_backup_of(folder, timedelta(days=9))
    monkeypatch.setattr(verified_backup, "back_up", lossy)
    back_up_tonight()
    assert "lacks 1 of the saved videos" in Alarm.objects.open().get().sentence
    assert "The backup failed." in signed_in(owner).get("/").content.decode()
    assert older in names(folder), "the last good ones stay"
    monkeypatch.undo()
    back_up_tonight()
    assert not Alarm.objects.open().exists()
    assert not [name for name in names(folder) if name.endswith(".failed")]


def test_a_damaged_database_is_detected(folder, owner):
    back_up_tonight()
    [name] = names(folder)
    (folder / name / "database.sqlite3").write_bytes(b"not a database" * 1000)
    with pytest.raises(BackupError, match="cannot be read"):
        verify(folder / name)


def test_verifying_does_not_touch_the_studios_own_database(folder, owner):
    back_up_tonight()
    [name] = names(folder)
    with closing(sqlite3.connect(folder / name / "database.sqlite3")) as database:
        database.execute("DELETE FROM videos_savedvideo")
        database.commit()
    make_ready(owner)
    assert verify(folder / name)["videos"] == 0
    assert verify(folder / name)["users"] == 1


def test_the_command_makes_it_now_or_says_what_is_missing(folder, owner, settings, capsys):
    call_command("backupstudio")
    assert "restored into a scratch database" in capsys.readouterr().out
    call_command("verifybackup", folder / names(folder)[0])
    assert "can be restored: 1 users" in capsys.readouterr().out
    settings.BACKUP_FOLDER = ""
    with pytest.raises(CommandError, match="STUDIO_BACKUP_FOLDER"):
        call_command("backupstudio")


def test_a_bucket_keeps_media_once_for_all_backups(owner, settings, bucket, monkeypatch):
    if connection.vendor != "sqlite":
        pytest.skip("pg_dump is tried in test_backup.py")
    settings.BACKUP_BUCKET = NAME
    access = {"endpoint_url": bucket.url, "region_name": "us-east-1", "access_key": KEY, "secret_key": SECRET}
    options = {**settings.BUCKET_STORAGE["OPTIONS"], **access}
    settings.BUCKET_STORAGE = {**settings.BUCKET_STORAGE, "OPTIONS": options}
    settings.BACKUP_KEEP = 1
    make_ready(owner)
    back_up_tonight()
    assert not Alarm.objects.open().exists(), Alarm.objects.get()
    [destination] = destinations()
    [first] = destination.names()
    media = [name for name in bucket.names() if name.startswith("media/")]
    assert len(media) == 3
    monkeypatch.setattr(verified_backup, "new_name", lambda: "studio-2099-01-01T000000")
    verified_backup.make_in(destination)
    assert destination.names() == ["studio-2099-01-01T000000"]
    left = bucket.names()
    assert [name for name in left if name.startswith("media/")] == media
    assert not [name for name in left if name.startswith(first)]
