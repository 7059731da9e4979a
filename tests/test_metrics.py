"""/metrics: who may ask, and that its figures are those of the rows, from every process."""

import re
import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.parts.generations import complete, make_queued, make_ready, make_running, make_saving
from tests.parts.processes import ROOT, environment
from tests.parts.studio import copy_sqlite
from videos.engine.save import NoNewLink, try_later
from videos.models import Alarm, Budget, MetricValue, ProcessLock, RemoteAccount
from videos.models.metric_value import LATENESS, POLLS, Totals
from videos.monitoring import metrics
from videos.remotes.base import Progress, State
from videos.remotes.errors import Cause, RemoteError

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-the-test"


@pytest.fixture(autouse=True)
def token(settings):
    settings.METRICS_TOKEN = TOKEN
    metrics.figures.forget()


def asked(client, header=f"Bearer {TOKEN}"):
    return client.get("/metrics", headers={"Authorization": header} if header else {})


def shown(client):
    """Name and labels → value."""
    metrics.figures.forget()
    answer = asked(client)
    assert answer.status_code == 200
    lines = [line.rpartition(" ") for line in answer.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_without_a_token_in_the_settings_the_page_does_not_exist(client, settings):
    settings.METRICS_TOKEN = ""
    assert asked(client).status_code == 404
    assert asked(client, "Bearer ").status_code == 404


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer \xe9"]
)
def test_without_the_token_nothing_is_shown(client, header):
    answer = asked(client, header)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert b"studio_" not in answer.content


def test_it_is_the_text_that_prometheus_reads(client):
    answer = asked(client)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "no-store" in answer.headers["Cache-Control"]
    for line in answer.content.decode().splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) studio_.+|studio_\w+(\{(\w+="[^"]*",?)+\})? [0-9.e+-]+', line), line


def test_generations_are_counted_by_state_and_provider(client, owner):
    make_queued(owner, token="first")
    make_queued(owner, token="second")
    make_running(owner, "node-gw-1", token="third")
    found = shown(client)
    assert found['studio_generations{provider="veo_3_1",state="queued"}'] == 2
    assert found['studio_generations{provider="veo_3_1",state="running"}'] == 1


def test_a_saved_video_is_counted_with_its_bytes_and_its_seconds(client, owner, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        make_ready(owner)
    found = shown(client)
    assert found['studio_generations_ended_total{provider="veo_3_1",state="ready"}'] == 1
    assert found['studio_saved_bytes_total{provider="veo_3_1"}'] == 20
    assert found['studio_generation_seconds_count{provider="veo_3_1"}'] == 1
    assert found['studio_generation_seconds_bucket{le="15",provider="veo_3_1"}'] == 1
    assert 'studio_generations{provider="veo_3_1",state="ready"}' not in found, "what has ended costs no count"


def test_a_failure_that_a_poll_found_is_counted(client, owner, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        complete(make_running(owner), Progress(State.FAILED, "failed", failure=RemoteError(Cause.REFUSED)))
    assert shown(client)['studio_generations_ended_total{provider="veo_3_1",state="failed"}'] == 1


def test_a_lost_reply_and_a_cancellation_are_counted(client, owner, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        sending = make_queued(owner, token="first")
        sending = type(sending).objects.claim_to_send(sending.pk)
        assert sending.mark_sending(sending.lease_token) and sending.lose_reply("lost.network")
        assert make_queued(owner, token="second").cancel()
    found = shown(client)
    for state in ("unknown", "cancelled"):
        assert found[f'studio_generations_ended_total{{provider="veo_3_1",state="{state}"}}'] == 1


def test_a_postponed_download_is_counted_by_its_reason(client, owner):
    generation = type(make_saving(owner)).objects.get()
    try_later(generation, NoNewLink("saving.no_new_link", remote_cause="network"), timedelta(minutes=1))
    assert shown(client)['studio_downloads_put_off_total{reason="no_new_link"}'] == 1


def test_polls_are_shown_with_their_results_and_their_lateness(client):
    totals = Totals({(POLLS, "heygen", "answered"): 3, (POLLS, "heygen", "network"): 1})
    for late in (0.02, 0.7, 400):
        totals.measure(LATENESS, "heygen", late)
    MetricValue.objects.add(totals)
    MetricValue.objects.add(totals)
    found = shown(client)
    assert found['studio_polls_total{backend="heygen",result="answered"}'] == 6
    assert found['studio_poll_lateness_seconds_bucket{backend="heygen",le="0.1"}'] == 2
    assert found['studio_poll_lateness_seconds_bucket{backend="heygen",le="1"}'] == 4
    assert found['studio_poll_lateness_seconds_bucket{backend="heygen",le="60"}'] == 4
    assert found['studio_poll_lateness_seconds_bucket{backend="heygen",le="+Inf"}'] == 6
    assert found['studio_poll_lateness_seconds_sum{backend="heygen"}'] == pytest.approx(801.44)


def test_queue_worker_accounts_budget_and_disk_are_shown(client, owner):
    ProcessLock.objects.acquire("poller", 30)
    waiting = make_queued(owner)
    type(waiting).objects.update(due_at=timezone.now() - timedelta(seconds=30))
    RemoteAccount.objects.of("heygen_models").pause("owner", person="owner")
    Budget.objects.create(scope="studio", videos_per_day=5)
    Alarm.objects.set_off(Alarm.Kind.BACKUP, "", "The nightly backup failed.", True)
    found = shown(client)
    assert 30 <= found["studio_queue_seconds"] < 60
    assert found["studio_worker_seen_seconds"] < 30
    assert found['studio_sending_paused{backend="heygen_models"}'] == 1
    assert found['studio_budget_left{period="today",unit="videos"}'] == 4
    assert found['studio_disk_bytes{kind="free"}'] > 0
    assert found['studio_alarms{kind="backup"}'] == 1 and found['studio_alarms{kind="disk"}'] == 0
    assert found["studio_webhooks_waiting"] == 0


def test_figures_are_cached_for_a_few_seconds(client, owner, django_assert_num_queries, monkeypatch):
    assert metrics.FIGURES_LAST <= 5
    monkeypatch.setattr(metrics, "FIGURES_LAST", 600)
    asked(client)
    make_queued(owner)
    with django_assert_num_queries(0):
        assert b'state="queued"' not in asked(client).content


def test_the_cost_does_not_grow_with_what_has_ended(owner, django_assert_max_num_queries):
    for number in range(3):
        make_ready(owner, f"node-gw-{number}", token=f"token-{number}")
    with django_assert_max_num_queries(14):
        list(metrics.read_figures())


TWO_PROCESSES = f"""
import os, django
django.setup()
from django.test import Client
from django.core.handlers.wsgi import WSGIHandler
client = Client()
client.get("/healthz")  # the middleware stands, as it does when gunicorn loads the application before it forks
pid = os.fork()
for path in ("/login", "/login?token=secret", "/no/such/page"):
    client.get(path)
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)
print(client.get("/metrics", headers={{"Authorization": "Bearer {TOKEN}"}}).content.decode())
"""


def test_requests_of_all_web_processes_of_a_host_add_up(template, tmp_path):
    env = environment(STUDIO_METRICS_TOKEN=TOKEN, STUDIO_DATA=tmp_path, DATABASE_URL="")
    env["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    copy_sqlite(template.data, tmp_path)
    done = subprocess.run([sys.executable, "-c", TWO_PROCESSES], env=env, cwd=ROOT, capture_output=True, text=True)
    assert 'studio_http_requests_total{method="GET",status="302",view="login"} 4.0' in done.stdout, done.stderr
    assert 'studio_http_requests_total{method="GET",status="404",view="none"} 2.0' in done.stdout
    assert 'studio_http_request_seconds_count{view="login"} 4.0' in done.stdout
    assert "secret" not in done.stdout and "/no/such" not in done.stdout
