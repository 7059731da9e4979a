"""`manage.py doctor` says in words what is wrong, part by part, and what to do."""

from datetime import timedelta

import httpx
import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection
from django.utils import timezone

from tests.parts.generations import make_queued, make_ready
from tests.parts.people import make_member
from tests.parts.processes import environment
from tests.parts.receiver import Receiver
from tests.test_configuration import run
from videos.engine import webhooks
from videos.models import Alarm, Generation, Job, ProcessLock, RemoteAccount, StudioFault, StudioSettings
from videos.monitoring import diagnosis
from videos.monitoring.diagnosis import Level, diagnose

# The look at the database writes by a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def said(part, online=False):
    """What the doctor says of one part: [(level, words and advice)]."""
    found = [finding for name, finding in diagnose(online) if name == part]
    return [(finding.level, f"{finding.words} {finding.advice}") for finding in found]


def is_bad(part, *words, online=False):
    level, text = said(part, online)[0]
    assert level == Level.BAD, text
    assert all(word in text for word in words), text


def test_a_studio_at_work_has_nothing_bad(owner, settings):
    ProcessLock.objects.acquire("poller", 30)
    settings.DATA.chmod(0o700)
    assert [(name, finding) for name, finding in diagnose(online=False) if finding.level == Level.BAD] == []


def test_every_part_is_reported_independently_of_the_others(owner, monkeypatch):
    def fail():
        raise RuntimeError("with a secret inside")

    monkeypatch.setitem(diagnosis.LOOKS, "Storage", fail)
    parts = dict(diagnose(online=False))
    assert parts["Storage"].level == Level.BAD and "secret" not in parts["Storage"].words
    assert "People" in parts and "Backups" in parts


def test_a_database_that_cannot_be_used_says_why_and_what_to_do(owner, monkeypatch):
    def fail():
        raise DatabaseError("file is not a database\nmore")

    monkeypatch.setattr(diagnosis, "write_to_database", fail)
    advice = "restore a backup" if connection.vendor == "sqlite" else "Check DATABASE_URL"
    is_bad("Database", "The database cannot be used: file is not a database.", advice)


def test_a_key_that_was_stored_under_another_secret_key(owner, settings):
    StudioSettings(heygen_api_key="a-stored-key").save()
    assert said("Secrets") == []
    settings.SECRET_KEY = "another-secret-key-0123456789abcdefghij"
    is_bad("Secrets", "The stored API key cannot be read", "Restore the old SECRET_KEY")


def test_a_worker_that_is_down_or_never_ran(owner):
    is_bad("Worker", "No worker has ever run", "make run")
    ProcessLock.objects.acquire("poller", 30)
    ProcessLock.objects.update(seen_at=timezone.now() - timedelta(hours=3))
    is_bad("Worker", "3:00:0")


def test_a_data_folder_that_others_can_read(owner, settings):
    settings.DATA.chmod(0o755)
    assert any("can read" in words for _, words in said("Data folder"))


def test_a_full_disk(owner, monkeypatch, settings):
    settings.MIN_FREE_BYTES = 512 * 1024**2
    monkeypatch.setattr("videos.storage.space.free", lambda: 1024**2)
    is_bad("Disk", "nothing new is sent", "STUDIO_KEEP_DAYS")


def test_a_storage_that_cannot_be_written(owner, settings):
    settings.MEDIA_ROOT = settings.DATA / "media"
    settings.MEDIA_ROOT.write_text("a file where the folder should be")
    is_bad("Storage", "could not be checked", "written to")


def test_paused_sending_is_reported_with_its_reason(owner):
    RemoteAccount.objects.of("heygen_models").pause("owner", person="owner")
    assert any(level == Level.BAD and "is paused" in words for level, words in said("Sending"))


def test_a_key_that_is_refused(owner, remote, settings):
    settings.HEYGEN_API_KEY = "wrong"
    remote.faults([{"call": "account", "do": {"status": 401, "json": {"error": {"code": "unauthorized"}}}}])
    is_bad("API key", "did not accept the API key", "HEYGEN_API_KEY", online=True)


def test_a_clock_that_is_wrong(owner, settings, monkeypatch):
    reply = httpx.Response(200, headers={"Date": "Wed, 25 Nov 2020 20:00:00 GMT"})
    monkeypatch.setattr(diagnosis.httpx, "head", lambda *arguments, **named: reply)
    is_bad("Clock", "differs by", "timedatectl", online=True)


def test_faults_alarms_and_paid_videos_without_a_generation(owner, settings):
    StudioFault.objects.record(Job.SAVING, ValueError("odd"))
    Alarm.objects.set_off(Alarm.Kind.BACKUP, "", "The nightly backup failed.", True)
    (settings.ACCEPTED_FOLDER / "unclaimed").mkdir(parents=True)
    (settings.ACCEPTED_FOLDER / "unclaimed" / "an-id").write_text("node-gw-9")
    found = " ".join(words for _, words in said("Faults"))
    assert "ValueError" in found and "nightly backup failed" in found and "an-id" in found


def test_unknown_outcomes_ask_for_a_person(owner):
    Generation.objects.filter(pk=make_queued(owner).pk).update(status="unknown")
    assert "1 video has an unknown outcome" in said("Videos")[0][1]


def test_webhooks_that_are_not_delivered(owner, settings):
    receiver = Receiver(500)
    try:
        settings.WEBHOOK_URL = receiver.url
        make_ready(owner)
        webhooks.deliver()
    finally:
        receiver.close()
    is_bad("Webhooks", "HTTP 500", "docs/webhooks.md")


def test_a_backup_that_is_old(owner, settings, tmp_path):
    assert said("Backups")[0][0] == Level.REMARK
    settings.BACKUP_FOLDER = str(tmp_path)
    is_bad("Backups", "no verified backup", "backupstudio")
    stands = tmp_path / f"studio-{timezone.now():%Y-%m-%dT%H%M%S}"
    stands.mkdir()
    (stands / "verified.json").write_text("{}")
    assert said("Backups")[0][0] == Level.FINE


def test_no_owner_who_can_sign_in(db):
    make_member()
    assert not get_user_model().objects.filter(is_superuser=True).exists()
    assert "No owner can sign in" in said("People")[0][1]


def test_the_command_ends_with_1_and_a_database_without_tables_is_one_sentence(tmp_path):
    (tmp_path / "data").mkdir(mode=0o700)
    code, text = run("doctor", "--offline", env=environment(STUDIO_DATA=tmp_path / "data", DATABASE_URL=""))
    assert code == 1, text
    assert "migrations are not applied" in text and "make run" in text
    assert "Traceback" not in text and "Worker" not in text
