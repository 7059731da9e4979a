"""Faults of configuration are said with a hint, and a grown studio passes Django's own list for deployment."""

import subprocess
import sys

import pytest

from tests.parts.processes import ROOT, environment

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
    done = subprocess.run(
        [sys.executable, "manage.py", "check", *options],
        cwd=ROOT,
        env=environment(**{"STUDIO_DATA": tmp_path, "DATABASE_URL": "", "HOST": None, **changes}),
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_studio_with_nothing_set_has_no_fault(tmp_path):
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
        ({"STUDIO_URL": "https://studio.example.com"}, 0, "studio.W008", "Set STUDIO_PROXIES"),
        ({"STUDIO_DATA": "/proc/no-such-folder", "SECRET_KEY": None}, 1, "studio.E001", "set STUDIO_DATA"),
        ({"STUDIO_URL": "studio.example.com"}, 1, "studio.E002", "https://studio.example.com"),
        ({"HEYGEN_API_URL": "api.heygen.com"}, 1, "studio.E003", "Unset HEYGEN_API_URL"),
        ({"STUDIO_POLL_SECONDS": "0"}, 1, "studio.E004", "the usual 10 seconds"),
        ({"HOST": "0.0.0.0"}, 0, "studio.W001", "Set STUDIO_HOSTS"),
        ({"HEYGEN_API_URL": "http://api.example.com"}, 0, "studio.W002", "begins with https://"),
        ({"STUDIO_URL": "http://studio.example.com"}, 0, "studio.W003", "a proxy with a certificate"),
        ({"HEYGEN_API_URL": "https://api.example.com", "HEYGEN_API_KEY": None}, 0, "studio.W004", "for the demo"),
        ({"HEYGEN_API_URL": None, "STUDIO_POLL_SECONDS": "1"}, 0, "studio.W005", "Below 5"),
        ({"HEYGEN_API_URL": None, "STUDIO_POLL_SECONDS": "600"}, 0, "studio.W005", "above 60"),
        ({"STUDIO_BUCKET": "videos", "AWS_ACCESS_KEY_ID": "only-half"}, 0, "studio.W006", "AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_a_fault_is_said_with_a_hint(tmp_path, changes, code, name, hint):
    ended, said = check(tmp_path, **changes)
    assert name in said, said
    assert hint in said
    assert ended == code
    assert "Traceback" not in said


def test_several_hosts_need_one_secret(tmp_path):
    said = check(tmp_path, "--deploy", **{**GROWN, "SECRET_KEY": None})[1]
    assert "studio.W007" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STUDIO_POLL_SECONDS", "often"),
        ("PORT", "eighty"),
        ("DEBUG", "perhaps"),
        ("DATABASE_URL", "nonsense://user:hush@example.com"),
        ("DATABASE_URL", "postgres://user:hush@example.com:port/name"),
    ],
)
def test_a_value_that_cannot_be_read_is_one_sentence_and_no_traceback(tmp_path, name, value):
    code, said = check(tmp_path, **{name: value})
    assert code == 1
    assert name in said and len(said.splitlines()) == 1
    assert "hush" not in said


def test_an_address_the_studio_is_bound_to_is_one_it_answers_to(tmp_path):
    code, said = check(tmp_path, HOST="192.0.2.7")
    assert (code, "W001" in said) == (0, False)
