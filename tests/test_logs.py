"""The log as JSON, and reports to Sentry: one object a line, about which generation, and never a secret."""

import gzip
import json
import logging
import logging.config
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.urls import get_resolver

from tests.parts.generations import make_queued, make_saving
from tests.parts.processes import ROOT, environment
from tests.parts.receiver import Receiver
from videos import encryption, logs
from videos.engine import save as saving
from videos.engine.submit import submit
from videos.management.commands.studio import Command
from videos.models import StudioSettings
from videos.models.studio_settings import current
from videos.remotes.keys import heygen_api_key

SECRET_VARIABLES = [
    *("SECRET_KEY", "HEYGEN_API_KEY", "STUDIO_METRICS_TOKEN", "STUDIO_WEBHOOK_SECRET", "STUDIO_OIDC_SECRET"),
    *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
]
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


LINK = "canary-link-0123456789"


def test_the_token_of_a_link_is_hidden_where_django_logs_a_refused_request():
    """A refused name or password on an invitation's page once left the invitation, still valid, in the log."""
    routes = [*walk_patterns(get_resolver().url_patterns)]
    with_token = [str(pattern) for pattern in routes if "token>" in str(pattern)]
    paths = [re.sub(r"\(\?P<token>[^)]*\)|<str:token>", LINK, pattern).strip("^$") for pattern in with_token]
    assert len(paths) > 12
    for path in paths:
        assert "canary" not in logs.scrubbed(f"Unprocessable Entity: /{path}"), path


def walk_patterns(patterns):
    for one in patterns:
        yield from walk_patterns(one.url_patterns) if hasattr(one, "url_patterns") else [one.pattern]


def test_a_row_that_the_database_refuses_is_not_quoted(written):
    try:
        raise ValueError("violates check\nDETAIL:  Failing row contains (1, canary prompt,\n\nof lines).\nCONTEXT: x")
    except ValueError:
        logging.getLogger("videos.test").exception("It failed")
    text = json.dumps(written)
    assert "violates check" in text and "canary" not in text and "of lines" not in text


STORED_KEY, TOPIC, BOT, PASSWORD = (
    "canary-stored-4",
    "canary-topic-of-ours-5",
    "123456789:canary-bot-6-of-thirty-letters",
    "canary-pass-7",
)
ADDRESSES = f"ntfys://ntfy.example.com/{TOPIC}\ntgram://{BOT}/42\nmailtos://maria:{PASSWORD}@mail.example.com"
TOLD = f"{STORED_KEY}, https://ntfy.example.com/{TOPIC}/json, https://api.telegram.org/bot{BOT}/send, {PASSWORD}"


@pytest.fixture
def stored(db, monkeypatch, settings):
    """Secrets on the page *Settings*, as a process knows them that has just started and used them once."""
    settings.HEYGEN_API_KEY = ""
    StudioSettings(heygen_api_key=STORED_KEY, notify_urls=ADDRESSES).save()
    monkeypatch.setattr(encryption, "_remembered", {})
    assert (heygen_api_key(), current().notify_urls) == (STORED_KEY, ADDRESSES)


@pytest.mark.parametrize("form", ["json", "text"])
def test_secrets_that_are_stored_encrypted_are_hidden_without_a_query_for_each_line(
    stored, form, settings, django_assert_num_queries
):
    formatter = logging.config.DictConfigurator(settings.LOGGING).configure_formatter(
        settings.LOGGING["formatters"][form]
    )
    record = logging.LogRecord("videos.test", logging.ERROR, __file__, 1, "Failed: %s", (TOLD,), None)
    with django_assert_num_queries(0):
        line = formatter.format(record)
    assert "Failed: …" in line and "ntfy.example.com" in line
    assert "canary" not in line


def test_of_many_secrets_the_last_used_are_remembered_whatever_other_threads_do(monkeypatch):
    monkeypatch.setattr(encryption, "_remembered", {})
    secrets = [f"canary-{number:04}" for number in range(2 * encryption.MAX_REMEMBERED)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(encryption.remember, secrets * 20))
    for secret in secrets[:3]:
        encryption.remember(secret)
    assert encryption.remembered()[-3:] == tuple(secrets[:3])
    assert len(encryption.remembered()) <= encryption.MAX_REMEMBERED


@pytest.mark.parametrize("form", ["json", "text"])
def test_output_that_bypasses_the_log_is_passed_on_without_secrets(stored, form, settings):
    settings.LOG_FORMAT = form
    for printed in (TOLD, json.dumps({"message": TOLD})):
        line = logs.line_of("web", printed)
        assert "ntfy.example.com" in line
        assert "canary" not in line


def test_every_secret_of_the_environment_is_hidden_in_lines_for_people(tmp_path):
    secrets = {name: f"canary-{name.lower()}" for name in SECRET_VARIABLES}
    script = "import logging, django, os; django.setup(); logging.getLogger('videos').error('%s', dict(os.environ))"
    env = environment(STUDIO_DATA=tmp_path, **secrets)
    done = subprocess.run([sys.executable, "-c", script], env=env, cwd=ROOT, capture_output=True, text=True)
    assert "ERROR videos: " in done.stderr
    assert {name for name, secret in secrets.items() if secret in done.stderr} == set()


@pytest.mark.django_db
def test_log_lines_of_saving_name_the_generation(written, owner, monkeypatch):
    generation = make_saving(owner)
    monkeypatch.setattr(saving.Saving, "work", lambda self: logging.getLogger("videos.test").warning("At work"))
    saving.save(generation.pk)
    [line] = [line for line in written if line["message"] == "At work"]
    assert line["generation"] == str(generation.public_id)
    logging.getLogger("videos.test").warning("After it")
    assert "generation" not in written[-1]


@pytest.mark.django_db
def test_log_lines_of_sending_name_the_generation(written, owner, settings):
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


def test_the_supervisors_own_lines_are_json_too(settings):
    said = []
    command = Command()
    command.pass_on = said.append
    for form in ("text", "json"):
        settings.LOG_FORMAT = form
        command.say("HeyGen Studio is at http://127.0.0.1:8000/")
    assert said[0] == "HeyGen Studio is at http://127.0.0.1:8000/"
    assert json.loads(said[1]) == {"logger": "studio", "message": said[0]}


# The words come from outside: a report has the lines of code, of such a script too from Python 3.13 on.
REPORT = """
import django, logging, os, sentry_sdk
django.setup()
from django.conf import settings
def fail(secret):
    raise ValueError(f"{secret} at {os.environ['WORDS']}")
try:
    fail(settings.HEYGEN_API_KEY)
except ValueError:
    logging.getLogger("videos.test").exception("It failed")
sentry_sdk.flush(5)
"""


def test_sentry_gets_an_error_without_personal_data(tmp_path):
    receiver = Receiver()
    try:
        dsn = receiver.url.replace("http://", "http://public@").replace("/hook", "/1")
        words = f"{SIGNED} for canary prompt"
        env = environment(SENTRY_DSN=dsn, HEYGEN_API_KEY="canary-key-3", STUDIO_DATA=tmp_path, WORDS=words)
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
