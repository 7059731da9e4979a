"""The cost of a page, a click or a poll does not depend on history: every query has an index to its
rows, and their number is the same with two videos and with fifty.
"""

import json
import re
from datetime import timedelta
from functools import partial

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.cache import cache
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.parts.exhibition import one_of_each
from tests.parts.generations import make
from tests.parts.history import History
from tests.parts.people import make_member, make_owner, signed_in
from videos.admin.lists import LongList, StudioAdmin
from videos.engine.recovery import recover
from videos.models import Batch, Budget, Collection, Generation, LedgerEntry, Picture, Provider, Request, Verdict
from videos.models.bounded import MAX_COUNTED, Count, count
from videos.models.changes import current_moment
from videos.models.whole_gallery import counting_tabs
from videos.storage.consistency import check_stored_totals

pytestmark = pytest.mark.django_db
MODELS = list(admin.site._registry)
LARGE = "videos_(?:generation|ledgerentry|savedvideo|batch|favourite)"
# These indexes hold only rows of interest: to go through one is no scan of the table.
PARTIAL = {"generation_shared", "generation_shared_tab", "generation_sharers", "generation_unsettled"}
SCAN = {
    "sqlite": re.compile(rf"\bSCAN {LARGE}(?: USING (?:COVERING )?INDEX (\w+))?"),
    "postgresql": re.compile(rf"Seq Scan on {LARGE}()"),
}
# PostgreSQL reads a table of a few thousand rows whole, because that is cheaper. Its plans are looked at in the other
# tests of this file, and `make bench ROW=gallery_100k_postgres` measures its pages.
ON_SQLITE = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL reads small tables whole")


@pytest.fixture(scope="module")
def kept(made_for_all):
    owner = make_owner()
    one_of_each(owner)
    make(make_member(), "A shared dune", shared=True)
    Budget.objects.create(scope="studio", videos_per_month=1000, money_per_day=100, in_flight=1000)
    Collection.objects.make(owner, "Film").add(owner.generations.all(), owner)
    return owner


@pytest.fixture
def studio(kept):
    """Its owner. There is one of each, and a shared video of a member."""
    return type(kept).objects.get(pk=kept.pk)


@pytest.fixture(autouse=True)
def own_limits():
    """The query that counts tabs is kept with the limits that held when it was made, and these tests have their own."""
    counting_tabs.cache_clear()
    yield
    counting_tabs.cache_clear()


@pytest.fixture(autouse=True)
def no_statistics(db):
    """SQLite plans without statistics, as it does in a new studio, unless the test makes some.

    It keeps them in memory although their transaction is undone: those of an earlier test would decide about plans.
    """
    forget_statistics()
    yield
    forget_statistics()


def forget_statistics():
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # makes the table that it keeps them in
        cursor.execute("DELETE FROM sqlite_stat1")
        cursor.execute("ANALYZE sqlite_schema")  # reads them anew


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


PAGES = ["/", "/usage", "/usage?who=me", "/compare", "/updates?since=", "/members"]
PAGES += [f"/?state={state}" for state in ("running", "ready", "attention", "favourite", "trash")]
PAGES += [f"/?sort={sort}" for sort in ("oldest", "longest", "provider")]
PAGES += [f"/?sort=longest&state={state}" for state in ("running", "attention", "favourite", "trash")]
PAGES += ["/?provider=veo_3_1", "/?provider=veo_3_1&state=attention", "/?provider=kling_pro&state=trash&sort=oldest"]
PAGES += ["/?q=zzzz", "/?q=dusk", "/?q=zz", "/?q=d", "/?q=dusk&state=attention&ratio=1:1", "/?q=zz&provider=kling_pro"]
PAGES += ["/?cards=300", "/?cards=300&q=dusk&sort=provider"]
PAGES += ["/?ratio=1:1", "/?ratio=16:9&state=ready", "/?ratio=1:1&provider=veo_3_1&sort=longest", "/?rating=4"]
PAGES += ["/?whose=mine", "/?whose=mine&state=attention", "/?whose=team", "/?whose=team&q=dusk"]
PAGES += ["/?when=today", "/?when=month&state=attention", "/?from=2020-01-01&to=2020-12-31", "/?to=2020-12-31&q=zz"]
PAGES += ["/?collection={collection}", "/?collection={collection}&q=zz&ratio=1:1", "/?batch={batch}"]
PAGES += ["/c/{collection}", "/collections", "/g/{video}", "/g/{video}?state=attention&q=zz", "/compare?batch={batch}"]


def address(path):
    """With what its names in braces stand for."""
    video = Generation.objects.filter(tab="ready").earliest("pk")
    names = {"collection": Collection.objects.get().public_id, "batch": video.batch.public_id}
    return path.format(**names, video=video.public_id)


@pytest.mark.parametrize("path", PAGES)
def test_no_page_goes_through_all_videos(studio, path):
    client, path = signed_in(studio), address(path)
    with CaptureQueriesContext(connection) as made:
        assert client.get(path).status_code in {200, 204}
    assert not scans(made.captured_queries)


def test_a_page_makes_the_same_number_of_queries_with_any_content(studio):
    client, paths = signed_in(studio), {path: address(path) for path in PAGES}
    make(studio, "More of them", count=2)
    before = {page: queries(client, path) for page, path in paths.items()}
    make(studio, "More of them", count=20)
    after = {page: queries(client, path) for page, path in paths.items()}
    assert {page: (before[page], after[page]) for page in PAGES if after[page] > before[page]} == {}


def queries(client, path):
    """How many the page makes, with what is kept for a moment asked just before."""
    cache.clear()
    client.get(path)
    with CaptureQueriesContext(connection) as made:
        assert client.get(path).status_code in {200, 204}
    return len(made.captured_queries)


@ON_SQLITE
def test_no_page_costs_the_database_more_with_four_times_the_history(studio, monkeypatch):
    monkeypatch.setattr("videos.models.bounded.MAX_COUNTED", 20)
    monkeypatch.setattr("videos.views.gallery_page.MAX_COUNTED", 20)
    monkeypatch.setattr("videos.views.stacks.CHUNKS", (40, 300))
    for name in ("LOOKED_THROUGH", "OUT_OF_ORDER"):
        monkeypatch.setattr(f"videos.models.generation_queryset.{name}", 50)
    monkeypatch.setattr("videos.search_index.FEW_MATCHES", 50)
    monkeypatch.setattr("videos.views.compare.LOOKED_THROUGH", 50)
    client, paths = signed_in(studio), {path: address(path) for path in PAGES}
    Generation.objects.update(created_at=F("created_at") - timedelta(days=30))  # they were made first
    before, after = (work_for(client, paths, studio, count) for count in (1600, 4800))
    assert costlier(client, paths, before, after, 8) == {}


def costlier(client, paths, before, after, allowance):
    """Page → its cost before and after, of those that cost more. Those are asked for twice more, because what is kept
    for a moment may have run out just before."""
    limits = {page: 1.3 * cost + allowance for page, cost in before.items()}
    suspects = [page for page, limit in limits.items() if after[page] > limit]
    again = {page: min(after[page], *(work(client, paths[page]) for _ in range(2))) for page in suspects}
    return {page: (before[page], again[page]) for page in suspects if again[page] > limits[page]}


def work_for(client, paths, studio, count, spacing=30):
    """Page → thousands of instructions that SQLite runs for it, once so many more videos are there."""
    History(studio, count, spacing).make()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client.get("/")  # what is kept for a moment is asked
    return {page: steps(client, path) for page, path in paths.items()}


STARRED = ["", "&sort=oldest", "&sort=longest", "&q=dusk", "&rating=4", "&whose=mine"]
STARRED += ["&when=month", "&when=month&sort=longest", "&collection={collection}", "&batch={batch}"]
# For these PostgreSQL plans differently with few rows. `make bench ROW=gallery_100k_postgres` measures some of them.
if connection.vendor == "sqlite":
    STARRED += ["&before={far_back}", "&sort=oldest&before={far_back}", "&sort=longest&before={far_back}"]
    STARRED += ["&provider=veo_3_1", "&provider=veo_3_1&before={far_back}", "&q=zz", "&q=redwood", "&ratio=1:1"]
    STARRED += ["&sort=provider"]
NO_PLANS_FOR_FEW = ["seqscan", "bitmapscan", "hashjoin", "mergejoin"]


def test_no_page_of_favourites_costs_the_database_more_with_four_times_the_stars(studio, monkeypatch):
    monkeypatch.setattr("videos.models.bounded.MAX_COUNTED", 20)
    monkeypatch.setattr("videos.views.gallery_page.MAX_COUNTED", 20)
    monkeypatch.setattr("videos.views.stacks.CHUNKS", (40, 300))
    for name in ("LOOKED_THROUGH", "OUT_OF_ORDER", "MAX_STARS"):
        monkeypatch.setattr(f"videos.models.generation_queryset.{name}", 50)
    monkeypatch.setattr("videos.search_index.FEW_MATCHES", 50)
    Generation.objects.update(created_at=F("created_at") - timedelta(days=30))
    client, found = signed_in(studio), []
    for videos in (800, 2400):
        History(studio, videos, starred=2).make()
        far_back = Generation.objects.newest_first()[videos // 2].pk
        paths = {also: address("/?state=favourite" + also.replace("{far_back}", str(far_back))) for also in STARRED}
        client.get("/")  # what is kept for a moment is asked
        found.append({also: work(client, path) for also, path in paths.items()})
    assert costlier(client, paths, *found, 8) == {}


def work(client, path):
    """Of the database: thousands of instructions of SQLite, tens of rows that PostgreSQL reads."""
    return steps(client, path) if connection.vendor == "sqlite" else rows_read(client, path) // 10


def rows_read(client, path):
    with CaptureQueriesContext(connection) as made:
        assert client.get(path).status_code in {200, 204}
    selects = [query["sql"] for query in made.captured_queries if query["sql"].startswith("SELECT")]
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET LOCAL enable_{one} = off" for one in NO_PLANS_FOR_FEW))
        return sum(rows_in(plan_in_numbers(cursor, sql)) for sql in selects)


def plan_in_numbers(cursor, sql):
    cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}")
    [[found]] = cursor.fetchall()
    return (found if isinstance(found, list) else json.loads(found))[0]["Plan"]


def rows_in(plan):
    """Rows that its scans looked at."""
    looked_at = (
        plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    )
    own = looked_at * plan["Actual Loops"] if "Relation Name" in plan else 0
    return own + sum(map(rows_in, plan.get("Plans", [])))


LISTS = {model: "/admin/{}/{}/".format(*model._meta.label_lower.split(".")) for model in MODELS}


def admin_pages(*members):
    """The front page, every list, each search of a long one, and the filters."""
    yield from (reverse("admin:index"), *LISTS.values())
    long = [model for model in MODELS if isinstance(admin.site._registry[model], LongList)]
    yield from (f"{LISTS[model]}?q={words}" for model in long for words in ("unicorn", "dusk"))
    for member in members:
        yield from filtered(member)


def filtered(member):
    lists, veo, states = LISTS, Provider.objects.get(value="veo_3_1").pk, ("ready", "failed", "queued")
    yield from (f"{lists[Generation]}?status__exact={state}" for state in states)
    for query in ("status__in=unknown,stopped", "cause=fault", "cause=refused", "shared=yes", f"q={member}"):
        yield f"{lists[Generation]}?{query}"
    yield f"{lists[Generation]}?owner={member.pk}"
    yield f"{lists[LedgerEntry]}?day__gte=2020-01-01"
    yield from (f"{lists[model]}?provider__id__exact={veo}" for model in (Generation, LedgerEntry))
    yield from (f"{lists[model]}?user__id__exact={member.pk}" for model in (LedgerEntry, LogEntry, Verdict))
    yield from (f"{lists[model]}?owner__id__exact={member.pk}" for model in (Batch, Picture))


@ON_SQLITE
def test_no_list_of_the_admin_costs_the_database_more_with_four_times_the_history(studio, monkeypatch):
    monkeypatch.setattr("videos.models.bounded.MAX_COUNTED", 20)
    monkeypatch.setattr("videos.search_index.FEW_MATCHES", 1000)
    monkeypatch.setattr("videos.admin.lists.MAX_FOUND", 20)
    monkeypatch.setattr(StudioAdmin, "list_per_page", 10)
    client, paths = signed_in(studio), {path: path for path in admin_pages(studio, make_member("another"))}
    before, after = (work_for(client, paths, studio, count, spacing=3600) for count in (1600, 4800))
    assert costlier(client, paths, before, after, 5) == {}


def steps(client, path):
    found = []
    connection.connection.set_progress_handler(lambda: found.append(1) and None, 1000)
    assert client.get(path).status_code in {200, 204}
    connection.connection.set_progress_handler(None, 0)
    return len(found)


def test_the_nightly_job_and_migrations_refresh_the_databases_statistics(monkeypatch):
    monkeypatch.setattr("videos.planner_statistics.MIN_ROWS", 1)
    known = {"sqlite": "sqlite_stat1 WHERE tbl", "postgresql": "pg_stats WHERE tablename"}[connection.vendor]
    forget = {"sqlite": "DELETE FROM sqlite_stat1", "postgresql": "DELETE FROM pg_statistic"}[connection.vendor]
    after_migrations = partial(emit_post_migrate_signal, 0, interactive=False, db="default", plan=["a migration"])
    for work in (check_stored_totals, after_migrations):
        with connection.cursor() as cursor:
            cursor.execute(forget)
            work()
            cursor.execute(f"SELECT COUNT(*) FROM {known} = 'videos_generation'")
            assert cursor.fetchone()[0] > 10


@ON_SQLITE
def test_a_small_studio_is_planned_for_as_if_it_were_large():
    """It may have a hundred times the rows by the next night, and plans for few rows read all of them."""
    check_stored_totals()
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM sqlite_stat1")
        assert cursor.fetchone()[0] == 0


def test_an_update_sorts_nothing_even_if_everything_changed_at_the_same_moment(studio):
    """As after a move to PostgreSQL: every page that was open asks from the beginning."""
    with CaptureQueriesContext(connection) as made:
        list(Generation.objects.visible_to(studio).changed_between("", current_moment()).values_list("pk")[:101])
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # few rows: it would rather sort them
            cursor.execute("SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
    plan = plan_of(made.captured_queries[-1]["sql"])
    assert not re.search("Sort|TEMP B-TREE", plan), plan


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no plans that are kept")
def test_postgresql_makes_every_plan_for_the_values_of_its_query():
    """A kept plan is made for any owner and any tab, and reads a large table whole for a newcomer."""
    connection.ensure_connection()
    assert connection.connection.prepare_threshold is None


def test_a_click_on_generate_scans_no_table(studio):
    request = Request("A lighthouse", Provider.objects.get(value="veo_3_1"))
    with CaptureQueriesContext(connection) as made:
        Batch.objects.make(studio, "form", [request])
    assert not scans(made.captured_queries)


def test_the_workers_frequent_queries_scan_no_table(studio):
    now = timezone.now()
    with CaptureQueriesContext(connection) as made:
        recover()
        Generation.objects.claim_due_polls(now + timedelta(seconds=1), 100)
        Generation.objects.sendable(now)
        list(Generation.objects.savable(now)[:5])
    assert not scans(made.captured_queries)


def test_a_count_is_exact_up_to_a_thousand_and_then_says_more():
    assert [str(Count(found)) for found in (0, 12, 1000, 1001)] == ["0", "12", "1,000", "1,000+"]
    assert count(Generation.objects.filter(prompt="")) == Count(0)
    assert not Count(0)
    assert MAX_COUNTED == 1000
