"""`/metrics` for Prometheus: figures from the database, the same from every process.

They are read at most once in FIGURES_LAST in each process, and cost the same however long the history is: unfinished
generations are counted by an index, and what has ended is a running total (models/metric_value.py). Only requests are
counted by each web process; those of one host add up through small files (see `REQUESTS`).
"""

import os
import shutil
import threading
import time
from collections import Counter as Counts
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings
from django.db.models import Count
from django.utils import timezone
from prometheus_client import CollectorRegistry, Counter, Summary, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from heygen_studio import __version__
from videos.engine import enqueue
from videos.lifecycle import UNSETTLED, Status
from videos.models import (
    Alarm,
    Budget,
    Generation,
    MetricValue,
    ProcessLock,
    Provider,
    RemoteAccount,
    StudioFault,
    WebhookEvent,
)
from videos.models import metric_value as names
from videos.models.process_lock import POLLER
from videos.models.studio_settings import current
from videos.remotes import registry

FIGURES_LAST = 5.0  # seconds
FAULTS_COUNTED = 1000

REQUESTS = CollectorRegistry()
requests = Counter(
    "studio_http_requests",
    "Requests answered by the web processes of this host.",
    ["view", "method", "status"],
    registry=REQUESTS,
)
request_seconds = Summary(
    "studio_http_request_seconds",
    "Seconds until the web processes of this host had an answer.",
    ["view"],
    registry=REQUESTS,
)


METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})  # anything may be sent as one


def count_request(view: str, method: str, status: int, seconds: float):
    requests.labels(view, method if method in METHODS else "other", str(status)).inc()
    request_seconds.labels(view).observe(seconds)


def forget_ended_processes():
    """Removes the counts of earlier processes, when the web server starts."""
    settings.METRICS_FOLDER.mkdir(exist_ok=True)
    for file in settings.METRICS_FOLDER.glob("*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            file.unlink(missing_ok=True)


class Figures:
    """The collector for prometheus-client: figures that were read a moment ago, or are read now."""

    def __init__(self):
        self.lock = threading.Lock()
        self.found: list[Metric] = []
        self.read_at = float("-inf")

    def collect(self) -> list[Metric]:
        with self.lock:
            if time.monotonic() - self.read_at > FIGURES_LAST:
                self.found, self.read_at = list(read_figures()), time.monotonic()
            return self.found

    def forget(self):
        self.read_at = float("-inf")


figures = Figures()


def text() -> bytes:
    """All metrics, in the text format 0.0.4."""
    everything = CollectorRegistry()
    everything.register(figures)
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(everything, folder)
    return generate_latest(everything) + (b"" if folder else generate_latest(REQUESTS))


def read_figures() -> Iterator[Metric]:
    totals: dict[str, dict[tuple[str, str], float]] = defaultdict(dict)
    for name, subject, label, value in MetricValue.objects.values_list("name", "subject", "label", "value"):
        totals[name][subject, label] = value
    providers = {str(pk): value for pk, value in Provider.objects.values_list("pk", "value")}
    yield gauge("studio_info", "The version that runs.", ["version"], [([__version__], 1)])
    yield from of_generations(totals, providers)
    yield from of_downloads(totals, providers)
    yield from of_polls(totals)
    yield from of_queue()
    yield from of_accounts()
    yield from of_budget()
    yield from of_host()


def of_generations(totals, providers: dict[str, str]) -> Iterator[Metric]:
    unsettled = Generation.objects.filter(status__in=UNSETTLED, backend__in=registry.active_keys()).order_by()
    rows = unsettled.values_list("status", "provider__value").annotate(count=Count("pk"))
    yield gauge(
        "studio_generations",
        "Generations that have not ended, or whose outcome is unknown.",
        ["state", "provider"],
        [([status, provider], count) for status, provider, count in rows],
    )
    yield counter(
        "studio_generations_ended",
        "Generations that entered this state.",
        ["provider", "state"],
        ((by_provider(key, providers), value) for key, value in totals[names.ENDED].items()),
    )
    yield histogram(
        "studio_generation_seconds",
        "Seconds from sending to the remote API's completion.",
        "provider",
        names.SECONDS,
        totals,
        providers,
    )


def of_downloads(totals, providers: dict[str, str]) -> Iterator[Metric]:
    yield counter(
        "studio_saved_bytes",
        "Bytes of saved videos.",
        ["provider"],
        ((by_provider(key, providers)[:1], value) for key, value in totals[names.SAVED_BYTES].items()),
    )
    yield counter(
        "studio_downloads_put_off",
        "Downloads that will be tried again, by reason.",
        ["reason"],
        (([label], value) for (_, label), value in totals[names.PUT_OFF].items()),
    )


def by_provider(key: tuple[str, str], providers: dict[str, str]) -> list[str]:
    subject, label = key
    return [providers.get(subject, subject), label]


def of_polls(totals) -> Iterator[Metric]:
    yield counter(
        "studio_polls",
        "Polls, by result.",
        ["backend", "result"],
        ((list(key), value) for key, value in totals[names.POLLS].items()),
    )
    help_text = "Seconds by which polls were later than their time."
    yield histogram("studio_poll_lateness_seconds", help_text, "backend", names.LATENESS, totals, {})
    seen = ProcessLock.objects.seconds_since(POLLER)
    rows = [] if seen is None else [([], seen)]
    yield gauge("studio_worker_seen_seconds", "Seconds since the worker was last seen.", [], rows)


def of_queue() -> Iterator[Metric]:
    yield gauge("studio_tasks_waiting", "Tasks that no worker process has taken.", [], [([], enqueue.waiting())])
    due = Generation.objects.due(Status.QUEUED, timezone.now()).values_list("due_at", flat=True).first()
    waits = max(0.0, (timezone.now() - due).total_seconds()) if due else 0.0
    yield gauge("studio_queue_seconds", "How long the next generation to be sent has been waiting.", [], [([], waits)])
    faults = StudioFault.objects.open()[:FAULTS_COUNTED].count()
    events = WebhookEvent.objects.waiting()[:FAULTS_COUNTED].count()
    yield gauge("studio_webhooks_waiting", "Webhook events that are not delivered yet.", [], [([], events)])
    standing = Counts(Alarm.objects.open().values_list("kind", flat=True))
    kinds = [([kind], standing[kind]) for kind in Alarm.Kind.values if kind != Alarm.Kind.OWN_BUDGET]
    yield gauge("studio_alarms", "What needs a person: disk, backup, sending, budget, worker.", ["kind"], kinds)
    yield gauge("studio_faults", "Faults of the studio itself that are open.", [], [([], faults)])


def of_accounts() -> Iterator[Metric]:
    accounts = RemoteAccount.objects.all_active()
    paused = [([account.backend], int(account.paused)) for account in accounts]
    yield gauge("studio_sending_paused", "1 if nothing is sent to this remote API.", ["backend"], paused)
    known = [account for account in accounts if account.balance is not None]
    balances = [([account.backend, account.balance_unit], float(account.balance)) for account in known]
    yield gauge("studio_account_balance", "The balance that the remote API reports.", ["backend", "unit"], balances)


def of_budget() -> Iterator[Metric]:
    labels, shared = ["period", "unit"], Budget.objects.filter(scope=Budget.Scope.STUDIO).first()
    rows = shared.left(None) if shared else []
    limits = [([row.period, row.unit], float(row.limit)) for row in rows]
    left = [([row.period, row.unit], float(row.left)) for row in rows]
    yield gauge("studio_budget_limit", "The budget for everyone together.", labels, limits)
    yield gauge("studio_budget_left", "What is left of the budget for everyone together.", labels, left)


def of_host() -> Iterator[Metric]:
    disk = shutil.disk_usage(settings.DATA)
    rows = [(["free"], disk.free), (["total"], disk.total), (["kept_free"], current().min_free_bytes)]
    yield gauge("studio_disk_bytes", "The disk of this host's data folder.", ["kind"], rows)


# In prometheus-client's words
def gauge(name: str, help_text: str, labels: list[str], rows: Iterable) -> Metric:
    return filled(GaugeMetricFamily(name, help_text, labels=labels), rows)


def counter(name: str, help_text: str, labels: list[str], rows: Iterable) -> Metric:
    return filled(CounterMetricFamily(name, help_text, labels=labels), rows)


def filled(family, rows: Iterable) -> Metric:
    for labels, value in rows:
        family.add_metric(labels, value)
    return family


def histogram(name: str, help_text: str, label: str, kind: str, totals, shown: dict[str, str]) -> Metric:
    family = HistogramMetricFamily(name, help_text, labels=[label])
    for subject in sorted({subject for subject, _ in totals[kind]}):
        found = {label: value for (of, label), value in totals[kind].items() if of == subject}
        count, buckets = 0.0, []
        for bound in [*(f"{bound:g}" for bound in names.BOUNDS[kind]), names.BEYOND]:
            count += found.get(bound, 0)
            buckets.append((bound, count))
        family.add_metric([shown.get(subject, subject)], buckets, sum_value=found.get(names.SUM, 0))
    return family
