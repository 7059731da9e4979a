"""Configuration errors are reported with a hint, and a studio on PostgreSQL passes Django's own list for deployment.

Most cases read the settings file in this process, under an environment of the test's own: a Python for each takes a
second. Those about the command itself, or about Django, start one.
"""

import os
import runpy
import subprocess
import sys
from types import SimpleNamespace

import pytest
from django.core.checks.registry import registry
from django.db.utils import ConnectionHandler

from tests.parts.processes import ROOT, environment
from videos import checks

GROWN = {
    "DATABASE_URL": "postgresql://studio:secret@db.example.com/studio",
    "STUDIO_URL": "https://studio.example.com",
    "STUDIO_HOSTS": "studio.example.com,10.0.0.5",
    "STUDIO_BUCKET": "studio-videos",
    "AWS_ACCESS_KEY_ID": "an-id",
    "AWS_SECRET_ACCESS_KEY": "a-secret",
    "AWS_REGION": "eu-central-1",
    "SECRET_KEY": "mVx8-pQ2_nT6kR9wL3zY7bF1dH5jC0sG4aE8uI2oN6qW",
    "HEYGEN_API_KEY": "a-key",
    "HEYGEN_API_URL": None,
    "HEYGEN_UPLOAD_URL": None,
    "HOST": "0.0.0.0",
    "STUDIO_PROXIES": "1",
}


def check(tmp_path, *options, **changes):
    """What `manage.py check` says: its exit code, and everything it printed."""
    env = environment(**{"STUDIO_DATA": tmp_path, "DATABASE_URL": "", "HOST": None, **changes})
    return run("check", *options, env=env)


@pytest.fixture
def read(tmp_path, monkeypatch):
    """`read(NAME=value, …)`: the settings file as it is read under these variables."""

    def read_settings(**changes):
        env = environment(**{"STUDIO_DATA": tmp_path, "DATABASE_URL": "", "HOST": None, **changes})
        with monkeypatch.context() as inside:
            inside.setattr(os, "environ", env)
            return SimpleNamespace(**runpy.run_path(str(ROOT / "heygen_studio" / "settings.py")))

    return read_settings


def run(*arguments, env):
    """Exit code of a management command, and everything it printed."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_a_studio_without_settings_has_no_configuration_error(tmp_path):
    nothing = {"HEYGEN_API_KEY": None, "HEYGEN_API_URL": None, "HEYGEN_UPLOAD_URL": None, "SECRET_KEY": None}
    assert check(tmp_path, **nothing) == (0, "System check identified no issues (0 silenced).\n")


def test_a_grown_studio_is_clean_for_deployment(tmp_path):
    key = GROWN["SECRET_KEY"] * 2
    code, said = check(tmp_path, "--deploy", "--fail-level", "WARNING", **{**GROWN, "SECRET_KEY": key})
    assert code == 0, said
    assert said == "System check identified no issues (2 silenced).\n"


@pytest.mark.parametrize(
    ("changes", "code", "name", "hint"),
    [
        ({"STUDIO_URL": "https://studio.example.com"}, 0, "studio.W010", "Set STUDIO_PROXIES"),
        ({"STUDIO_DATA": "/proc/no-such-folder", "SECRET_KEY": None}, 1, "studio.E001", "set STUDIO_DATA"),
        ({"STUDIO_URL": "studio.example.com"}, 1, "studio.E002", "https://studio.example.com"),
        ({"HEYGEN_API_URL": "api.heygen.com"}, 1, "studio.E003", "Unset HEYGEN_API_URL"),
        ({"STUDIO_POLL_SECONDS": "0"}, 1, "studio.E004", "the default 10 seconds"),
        ({"HOST": "0.0.0.0"}, 0, "studio.W001", "Set STUDIO_HOSTS"),
        ({"HEYGEN_API_URL": "http://api.example.com"}, 0, "studio.W002", "begins with https://"),
        ({"STUDIO_URL": "http://studio.example.com"}, 0, "studio.W003", "a proxy with a certificate"),
        ({"HEYGEN_API_URL": "https://api.example.com", "HEYGEN_API_KEY": None}, 0, "studio.W004", "for the demo"),
        ({"HEYGEN_API_URL": None, "STUDIO_POLL_SECONDS": "1"}, 0, "studio.W005", "Below 5"),
        ({"HEYGEN_API_URL": None, "STUDIO_POLL_SECONDS": "600"}, 0, "studio.W005", "above 60"),
        ({"STUDIO_BUCKET": "videos", "AWS_ACCESS_KEY_ID": "only-half"}, 0, "studio.W006", "AWS_SECRET_ACCESS_KEY"),
        ({"STUDIO_URL": "https://example.com/studio"}, 1, "studio.E002", "https://studio.example.com"),
        ({"STUDIO_URL": "https://example.com?a=b"}, 1, "studio.E002", "https://studio.example.com"),
        ({"STUDIO_URL": "http://["}, 1, "studio.E002", "https://studio.example.com"),
        ({"STUDIO_URL": "https://example.com:port"}, 1, "studio.E002", "https://studio.example.com"),
        ({"HEYGEN_API_URL": "http://["}, 1, "studio.E003", "Unset HEYGEN_API_URL"),
        ({"STUDIO_BUCKET": "videos", "AWS_ENDPOINT_URL": "http://["}, 1, "studio.E007", "Unset AWS_ENDPOINT_URL"),
        ({"STUDIO_MAX_IN_FLIGHT": "0"}, 1, "studio.E004", "the default 10"),
        ({"STUDIO_LEASE_SECONDS": "-1"}, 1, "studio.E004", "the default 120"),
        ({"STUDIO_PROXIES": "-1"}, 1, "studio.E004", "the default 0"),
        ({"SECRET_KEY": "x"}, 1, "studio.E005", "Unset it"),
        ({"SECRET_KEY": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, 1, "studio.E005", "Unset it"),
        ({"TZ": "CET-1CEST"}, 0, "studio.W008", "Europe/Berlin"),
        ({"TZ": "Mars/Olympus"}, 0, "studio.W008", "Europe/Berlin"),
        ({"TZ": "/no/such/file"}, 0, "studio.W008", "Europe/Berlin"),
        ({"STUDIO_BACKUP_KEEP": "0"}, 1, "studio.E004", "the default 7"),
        ({"STUDIO_WEBHOOK_URL": "http://[", "STUDIO_WEBHOOK_SECRET": "s"}, 1, "studio.E008", "full address"),
        ({"STUDIO_WEBHOOK_URL": "https://example.com/"}, 0, "studio.W011", "STUDIO_WEBHOOK_SECRET"),
        ({"STUDIO_WEBHOOK_URL": "http://example.com/", "STUDIO_WEBHOOK_SECRET": "s"}, 0, "studio.W012", "https://"),
        ({"STUDIO_HOSTS": "https://studio.example.com"}, 0, "studio.W009", "studio.example.com"),
    ],
)
def test_a_configuration_error_is_reported_with_a_hint(read, monkeypatch, changes, code, name, hint):
    monkeypatch.setattr(checks, "settings", read(**changes))
    ours = [check for check in registry.get_checks() if check.__module__ == checks.__name__]
    [found] = [fault for check in ours for fault in check(app_configs=None) if fault.id == name]
    assert hint in found.hint or hint in found.msg
    assert found.is_serious() == bool(code)


@pytest.mark.parametrize(
    ("changes", "code", "name"), [({"STUDIO_POLL_SECONDS": "0"}, 1, "E004"), ({"TZ": "Mars/Olympus"}, 0, "W008")]
)
def test_an_error_ends_the_command_and_a_warning_does_not(tmp_path, changes, code, name):
    ended, said = check(tmp_path, **changes)
    assert f"studio.{name}" in said and "HINT" in said and "Traceback" not in said
    assert ended == code


def test_several_hosts_need_one_secret(tmp_path):
    said = check(tmp_path, "--deploy", **{**GROWN, "SECRET_KEY": None})[1]
    assert "studio.W007" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STUDIO_POLL_SECONDS", "often"),
        ("STUDIO_POLL_SECONDS", "nan"),
        ("PORT", "eighty"),
        ("PORT", "99999"),
        ("PORT", "-1"),
        ("STUDIO_LOG_LEVEL", "LOUD"),
        ("HEYGEN_UPLOAD_CALL", "carrier pigeon"),
        ("DEBUG", "perhaps"),
        ("DATABASE_URL", "nonsense://user:hush@example.com"),
        ("DATABASE_URL", "postgres://user:hush@example.com:port/name"),
    ],
)
def test_an_unreadable_value_gives_one_sentence_and_no_traceback(tmp_path, name, value):
    code, said = check(tmp_path, **{name: value})
    assert code == 1
    assert name in said and len(said.splitlines()) == 1
    assert "hush" not in said


def test_the_studio_accepts_the_address_it_is_bound_to_as_its_host(tmp_path):
    code, said = check(tmp_path, HOST="192.0.2.7")
    assert (code, "W001" in said) == (0, False)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["a#b", "a?b", "a%20b", "a b", "a%b", "ä:@;&=b", "?#", "a\\b", "$HOME"])
def test_a_data_folder_is_a_path_and_not_a_url(read, tmp_path, name):
    folder = tmp_path / name
    settings = read(STUDIO_DATA=folder)
    assert (settings.DATA, settings.DATABASES["default"]["NAME"]) == (folder, str(folder / "studio.sqlite3"))
    database = ConnectionHandler(settings.DATABASES)["default"]
    database.ensure_connection()
    database.close()
    assert (folder / "studio.sqlite3").is_file()
    assert sorted(tmp_path.iterdir()) == [folder], "nothing lies elsewhere"


@pytest.mark.parametrize("secret", [None, ""])
def test_a_data_folder_that_is_a_file_is_reported(tmp_path, secret):
    file = tmp_path / "data"
    file.write_text("a letter to keep")
    for command in (["check"], ["studio"]):
        code, said = run(*command, env=environment(STUDIO_DATA=file, DATABASE_URL="", SECRET_KEY=secret))
        assert code == 1 and "studio.E001" in said and "is a file" in said
        assert "Traceback" not in said
    assert file.read_text() == "a letter to keep"


def test_a_data_folder_whose_name_is_too_long_is_reported(tmp_path):
    code, said = check(tmp_path, STUDIO_DATA=tmp_path / ("a" * 300), SECRET_KEY=None)
    assert code == 1 and "studio.E001" in said and "Traceback" not in said


def test_a_secret_key_that_cannot_be_stored_is_reported(tmp_path):
    (tmp_path / "secret-key").mkdir()
    code, said = check(tmp_path, SECRET_KEY=None)
    assert code == 1 and "studio.E006" in said and "Traceback" not in said


def test_an_invalid_port_is_reported_before_anything_starts(tmp_path):
    code, said = run("studio", env=environment(STUDIO_DATA=tmp_path, DATABASE_URL="", PORT="70000"))
    assert code == 1 and "PORT" in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("tz", "zone"),
    [
        (None, "UTC"),
        ("", "UTC"),
        (":", "UTC"),
        ("Europe/Berlin", "Europe/Berlin"),
        (":Europe/Berlin", "Europe/Berlin"),
        ("/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
        (":/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
        ("UTC0", "UTC"),
        ("<+03>-3", "UTC"),
        ("EST5EDT", "EST5EDT"),
        ("Europe", "UTC"),
        ("../etc/passwd", "UTC"),
    ],
)
def test_every_time_zone_that_systems_have_can_be_read(read, tz, zone):
    assert zone == read(TZ=tz).TIME_ZONE


def test_the_systems_own_time_zone_is_found_through_its_link(read, tmp_path):
    link = tmp_path / "localtime"
    link.symlink_to("/usr/share/zoneinfo/Asia/Tokyo")
    assert read(TZ=f":{link}").TIME_ZONE == "Asia/Tokyo"
