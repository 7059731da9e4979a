"""What a page, a click or a poll costs does not depend on how much was ever made: every query has an index to its
rows, and their number is the same with two videos and with fifty.
"""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.parts.exhibition import make, one_of_each
from tests.parts.history import History
from tests.parts.people import make_member, make_owner, signed_in
from videos.engine.recovery import recover
from videos.models import Batch, Budget, Generation, Provider, Request
from videos.models.bounded import MOST_COUNTED, Count, count

pytestmark = pytest.mark.django_db
LARGE = "videos_(?:generation|ledgerentry|savedvideo|batch|favourite)"
# These indexes hold only rows of interest: to go through one is no scan of the table.
PARTIAL = {"generation_shared", "generation_shared_tab", "generation_sharers", "generation_unsettled"}
SCAN = {
    "sqlite": re.compile(rf"\bSCAN {LARGE}(?: USING (?:COVERING )?INDEX (\w+))?"),
    "postgresql": re.compile(rf"Seq Scan on {LARGE}()"),
}


@pytest.fixture
def studio():
    owner = make_owner()
    one_of_each(owner)
    make(make_member(), "A shared dune", shared=True)
    Budget.objects.create(scope="studio", videos_per_month=1000, money_per_day=100, in_flight=1000)
    return owner


def plan_of(sql):
    """The plan of a query that was just made."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            return "\n".join(row[3] for row in cursor.fetchall())
        cursor.execute("SET LOCAL enable_seqscan = off")  # few rows: it would rather read all of them
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(row[0] for row in cursor.fetchall())


def scans(queries):
    """Queries that go through a whole large table, with their plans."""
    found = []
    for sql in {query["sql"] for query in queries if query["sql"].startswith("SELECT")}:
        plan = plan_of(sql.replace("%", "%%") if connection.vendor != "sqlite" else sql)
        if any(match[1] not in PARTIAL for match in SCAN[connection.vendor].finditer(plan)):
            found.append(f"{sql}\n{plan}")
    return found


PAGES = ["/", "/?state=running", "/?state=ready", "/?state=attention", "/?state=favourite", "/?state=trash"]
PAGES += [
    "/?sort=oldest",
    "/?sort=longest",
    "/?sort=provider",
    "/?provider=veo_3_1",
    "/?q=zzzz",
    "/?q=dusk",
    "/usage",
    "/compare",
    "/updates?since=",
]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_goes_through_all_videos(studio, path):
    client = signed_in(studio)
    with CaptureQueriesContext(
        connection,
    ) as made:
        assert client.get(path).status_code in {200, 204}
    assert not scans(made.captured_queries)


def test_the_viewer_finds_its_neighbours_by_an_index(studio):
    client, video = signed_in(studio), Generation.objects.filter(status="ready", owner=studio).first()
    with CaptureQueriesContext(connection) as made:
        assert client.get(f"/g/{video.public_id}").status_code == 200
    assert not scans(made.captured_queries)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_makes_as_many_queries_whatever_there_is(studio, path):
    client = signed_in(studio)

    def queries():
        client.get(path)  # what is remembered for a moment is not asked twice
        with CaptureQueriesContext(connection) as made:
            client.get(path)
        return len(made.captured_queries)

    make(studio, "More of them", count=2)
    before = queries()
    make(studio, "More of them", count=20)
    assert queries() <= before


# Money by member and collection on /usage sums one month of the ledger, whatever came before that month.
@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite counts its steps")
@pytest.mark.parametrize("path", [path for path in PAGES if path != "/usage"])
def test_a_page_takes_the_database_as_many_steps_with_four_times_the_history(studio, path, monkeypatch):
    monkeypatch.setattr("videos.models.bounded.MOST_COUNTED", 20)
    client = signed_in(studio)
    History(studio, 1600).make()
    before = steps(client, path)
    History(studio, 4800).make()
    assert steps(client, path) < 1.3 * before + 5


def steps(client, path):
    """Thousands of instructions that SQLite runs for a page; what it caches is asked before."""
    client.get(path)
    found = []
    connection.connection.set_progress_handler(lambda: found.append(1) and None, 1000)
    assert client.get(path).status_code in {200, 204}
    connection.connection.set_progress_handler(None, 0)
    return len(found)


def test_a_click_on_generate_goes_through_nothing(studio):
    request = Request("A lighthouse", Provider.objects.get(value="veo_3_1"))
    with CaptureQueriesContext(connection) as made:
        Batch.objects.make(studio, "form", [request])
    assert not scans(made.captured_queries)


def test_what_the_worker_asks_all_the_time_goes_through_nothing(studio):
    now = timezone.now()
    with CaptureQueriesContext(connection) as made:
        recover()
        Generation.objects.claim_due_polls(now + timedelta(seconds=1), 100)
        Generation.objects.sendable(now)
        list(Generation.objects.savable(now)[:5])
    assert not scans(made.captured_queries)


def test_a_count_is_exact_up_to_a_thousand_and_then_says_more():
    assert [str(Count(found)) for found in (0, 12, 1000, 1001)] == ["0", "12", "1,000", "1,000+"]
    assert count(Generation.objects.all()) == Count(0)
    assert not Count(0)
    assert MOST_COUNTED == 1000
