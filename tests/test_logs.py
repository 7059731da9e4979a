"""The log as JSON, and reports to Sentry: one object a line, about which generation, and never a secret."""

import gzip
import json
import logging
import subprocess
import sys

import pytest

from tests.parts.generations import make_queued, make_saving
from tests.parts.processes import ROOT, environment
from tests.parts.receiver import Receiver
from videos import logs
from videos.engine import save as saving
from videos.engine.submit import submit

SIGNED = "https://files.example.com/a.mp4?Signature=canary-signature&Expires=1"


@pytest.fixture
def written(settings):
    """The lines that were logged, each read as JSON."""
    lines = []

    class Handler(logging.Handler):
        def emit(self, record):
            lines.append(json.loads(self.format(record)))

    handler = Handler()
    handler.setFormatter(logs.JsonFormatter())
    logger = logging.getLogger("videos")
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)


def test_a_line_is_one_object_with_time_level_and_message(written):
    logging.getLogger("videos.test").warning("Two lines\nof %s", "text")
    [line] = written
    assert line["message"] == "Two lines\nof text"
    assert (line["level"], line["logger"]) == ("WARNING", "videos.test")
    assert line["time"].endswith("+00:00")


def test_secrets_and_signatures_are_hidden_also_in_a_traceback(written, settings):
    settings.HEYGEN_API_KEY, settings.WEBHOOK_SECRET = "canary-key-1", "canary-secret-2"
    try:
        raise ValueError(f"canary-key-1 at {SIGNED}")
    except ValueError:
        logging.getLogger("videos.test").exception("With canary-secret-2 and %s", SIGNED)
    text = json.dumps(written)
    assert "ValueError" in text
    assert "canary" not in text


@pytest.mark.django_db
def test_what_is_logged_while_saving_names_the_generation(written, owner, monkeypatch):
    generation = make_saving(owner)
    monkeypatch.setattr(saving.Saving, "work", lambda self: logging.getLogger("videos.test").warning("At work"))
    saving.save(generation.pk)
    [line] = [line for line in written if line["message"] == "At work"]
    assert line["generation"] == str(generation.public_id)
    logging.getLogger("videos.test").warning("After it")
    assert "generation" not in written[-1]


@pytest.mark.django_db
def test_what_is_logged_while_sending_names_the_generation(written, owner, settings):
    settings.HEYGEN_API_URL = "http://127.0.0.1:9"
    generation = make_queued(owner)
    with logs.about(generation):
        logging.getLogger("videos.test").warning("On its way")
    submit(generation.pk)
    assert {line["generation"] for line in written if "generation" in line} == {str(generation.public_id)}


def test_the_supervisor_passes_json_on_and_puts_other_lines_into_json(settings):
    assert logs.line_of("web", "hello") == "web     | hello"
    settings.LOG_FORMAT = "json"
    assert logs.line_of("web", '{"message": "hello"}') == '{"message": "hello"}'
    assert json.loads(logs.line_of("web", "hello")) == {"logger": "web", "message": "hello"}


REPORT = f"""
import django, logging, sentry_sdk
django.setup()
from django.conf import settings
def fail(secret):
    raise ValueError(f"{{secret}} at {SIGNED}")
try:
    fail(settings.HEYGEN_API_KEY)
except ValueError:
    logging.getLogger("videos.test").exception("It failed")
sentry_sdk.flush(5)
"""


def test_sentry_gets_an_error_and_nobodys_data(tmp_path):
    receiver = Receiver()
    try:
        dsn = receiver.url.replace("http://", "http://public@").replace("/hook", "/1")
        env = environment(SENTRY_DSN=dsn, HEYGEN_API_KEY="canary-key-3", STUDIO_DATA=tmp_path)
        done = subprocess.run([sys.executable, "-c", REPORT], env=env, cwd=ROOT, capture_output=True, text=True)
        assert len(receiver.taken) == 1, done.stderr
        [(_, headers, body)] = receiver.taken
    finally:
        receiver.close()
    told = gzip_text(body) if headers.get("Content-Encoding") == "gzip" else body.decode()
    assert "It failed" in told and "ValueError" in told
    assert "canary" not in told


def gzip_text(body):
    return gzip.decompress(body).decode()
