"""Fixtures for every test. Real parts are real: the remote API is the demo server over HTTP, PostgreSQL is PostgreSQL,
and a studio is `manage.py studio` with all of its processes.

    standin         a running demo server, cleared before each test: .url .ledger() .requests() .faults([...]) .clear()
    remote          the settings pointed at `standin`, for code called inside the test's own process
    owner           the owner's row in the test database
    made_for_all    for a module's own fixture: the rows that it makes once are there for all tests of the module
    postgres        a PostgreSQL server; .new_database() gives a DATABASE_URL of its own
    database_url    runs the test twice: on SQLite, and on PostgreSQL (both migrated)
    bucket          an S3-compatible bucket: start_studio(**bucket.env) stores there
    new_studio      makes a Studio that is not started: new_studio(STUDIO_MAX_IN_FLIGHT=3)
    start_studio    the same, started: web, worker, and the test's demo server as its remote API
    studio          one of them, with an owner to sign in as
    shared_studio   one studio for the whole session, with a demo server of its own (.standin): quick to use
    member          the name of a fresh member of it, with an empty gallery
    browser tests   see tests/browser/conftest.py

Tests that ask for real processes or a browser are marked `process` and `browser` automatically. A test has one try,
because a second one hides a race; only `@pytest.mark.retried("the reason")` gives it three. No test about money, or
about what may be lost, carries it.
"""

import shutil
import sqlite3
from contextlib import closing

import pytest
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import connection, connections, transaction
from django.test import TransactionTestCase, override_settings
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.parts.bucket import Bucket
from tests.parts.extent import EVERYTHING
from tests.parts.once import made_once
from tests.parts.people import make_owner
from tests.parts.postgres import MIGRATED, migrated_server
from tests.parts.standin import Standin
from tests.parts.studio import Studio, copy_sqlite, migrate, prepared, use_copy_of
from videos.models import StudioSettings
from videos.models.studio_settings import CACHE

PROCESS_FIXTURES = {"bucket", "postgres", "database_url", "new_studio", "start_studio", "studio", "shared_studio"}
# Seconds of the longest test in a file, where it is more than ten. Long ones begin first, so that no worker is left
# alone with one at the end. Only the order matters: a figure that is out of date breaks nothing.
LONGEST = {
    "test_chaos.py": 70,
    "test_worker.py": 70,
    "test_upgrade.py": 40,
    "test_docs_commands.py": 40,
    "test_backup.py": 35,
    "test_every_page.py": 33,
    "test_move.py": 30,
    "test_crash.py": 25,
    "test_updates_out_of_order.py": 20,
    "test_csp.py": 17,
    "test_generate.py": 17,
    "test_studio_command.py": 15,
    "test_secrets.py": 15,
    "test_two_workers.py": 15,
    "test_slow_clients.py": 15,
    "test_redraw_process.py": 13,
    "test_budgets.py": 12,
    "test_row_locks.py": 12,
    "test_poll_faults.py": 12,
    "test_poll.py": 12,
    "test_make_run.py": 11,
}
BROWSER_FIXTURES = {"browser", "new_page", "page", "phone_page", "owner_page", "member_page"}

MEMBERS = 60  # of the shared studio, made at once: each test that asks for one gets its own

# No test here is about speed, and every core may be busy with the other tests. `make test` draws the same each time, so
# that it fails for what was changed and not by chance; `make test-all` draws anew.
hypothesis_settings.register_profile(
    "studio",
    deadline=None,
    derandomize=not EVERYTHING,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
hypothesis_settings.load_profile("studio")


def shared_fixtures(item):
    """The names of the fixtures that it gets from a conftest, and not from its own file under the same name."""
    found = item._fixtureinfo.name2fixturedefs
    return {name for name, definitions in found.items() if definitions[-1].func.__module__.endswith("conftest")}


def has_module_fixture(item):
    names = item.fixturenames
    found = item._fixtureinfo.name2fixturedefs
    return any(found[name][-1].scope == "module" for name in names if name in found)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items):
    mark(items)
    yield  # pytest-django puts those that commit last; here every test leaves the database as it found it
    items.sort(key=lambda item: -LONGEST.get(item.path.name, 0))


def mark(items):
    for item in items:
        names = shared_fixtures(item)
        if names & BROWSER_FIXTURES:
            item.add_marker(pytest.mark.browser)
        elif names & PROCESS_FIXTURES:
            item.add_marker(pytest.mark.process)
        if retried := item.get_closest_marker("retried"):
            [reason] = retried.args
            item.add_marker(pytest.mark.flaky(reruns=2, reason=reason))
        if has_module_fixture(item):  # which would be made anew by each worker that has a test of the module
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session")
def django_db_keepdb():
    """The test database is there already, see below, and goes with its folder or its server."""
    return True


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix):
    """The test database begins as a copy of one that is migrated once for all workers."""
    test = settings.DATABASES["default"].setdefault("TEST", {})
    if settings.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
        shutil.copy(made_once("migrated", migrate) / "studio.sqlite3", test["NAME"])
    else:
        test["TEMPLATE"] = MIGRATED


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """A test that commits leaves the database as it found it: emptied by Django, and then filled again.

    Django would fill it only before the next test that asks for it, and one that asks for no such thing would find it
    empty. Every connection knows that there are first rows, which keeps Django from making some of its own: under a
    browser's event loop it makes a connection anew.
    """
    with django_db_blocker.unblock():
        contents = getattr(connection, "_test_serialized_contents", None)
        if contents is None:  # no test of this run commits
            yield
            return
        type(connections["default"])._test_serialized_contents = contents
        type(connection.creation).deserialize_db_from_string = lambda self, contents: None
        rows = FirstRowsOfSqlite() if connection.vendor == "sqlite" else FirstRowsOfPostgres()
    empty = TransactionTestCase._fixture_teardown

    def empty_and_fill(test):
        empty(test)
        rows.restore()

    TransactionTestCase._fixture_teardown = empty_and_fill
    yield
    TransactionTestCase._fixture_teardown = empty


def tables_of_models():
    return connection.introspection.django_table_names(only_existing=True, include_views=False)


class FirstRowsOfSqlite:
    """The rows that migrations made, as SQLite gives them. They go back in a hundredth of the time that Django takes
    to read them from JSON and save them one by one."""

    def __init__(self):
        with closing(sqlite3.connect(connection.settings_dict["NAME"])) as plain:  # nothing becomes a Python object
            self.rows = {table: plain.execute(f'SELECT * FROM "{table}"').fetchall() for table in tables_of_models()}

    def restore(self):
        with transaction.atomic(), connection.constraint_checks_disabled(), connection.cursor() as cursor:
            for table, rows in self.rows.items():
                if rows:
                    places = ", ".join(["%s"] * len(rows[0]))
                    cursor.executemany(f'INSERT OR REPLACE INTO "{table}" VALUES ({places})', rows)


class FirstRowsOfPostgres:
    """The same for PostgreSQL, as COPY gives them."""

    def __init__(self):
        with connection.cursor() as cursor:
            self.rows = {table: self.copied(cursor, table) for table in tables_of_models()}

    def copied(self, cursor, table):
        with cursor.copy(f'COPY "{table}" TO STDOUT') as copy:
            return b"".join(bytes(part) for part in copy)

    def restore(self):
        with transaction.atomic(), connection.cursor() as cursor:  # references are checked at its end
            if ContentType.objects.exists():  # Django itself has made some rows
                cursor.execute(f"TRUNCATE {', '.join(self.rows)}")
            for table, rows in self.rows.items():
                if rows:
                    with cursor.copy(f'COPY "{table}" FROM STDIN') as copy:
                        copy.write(rows)


def places_of_files(folder):
    """The settings with which the studio keeps its files in `folder`."""
    places = {
        "DATA": folder,
        "MEDIA_ROOT": folder / "media",
        "ACCEPTED_FOLDER": folder / "accepted",
        "PARTIAL_FOLDER": folder / "partial",
    }
    default = settings.STORAGES["default"]
    if "FileSystemStorage" in default["BACKEND"]:
        options = {**default.get("OPTIONS", {}), "location": folder / "media"}
        places["STORAGES"] = {**settings.STORAGES, "default": {**default, "OPTIONS": options}}
    return places


@pytest.fixture(autouse=True)
def own_files(request, settings, tmp_path_factory):
    """Every test stores files in a folder of its own, removed with it; or among those that its module has made."""
    is_shared = "made_for_all" in request.fixturenames
    folder = request.getfixturevalue("made_for_all") if is_shared else tmp_path_factory.mktemp("data", numbered=True)
    for name, value in places_of_files(folder).items():
        setattr(settings, name, value)
    yield folder
    if not is_shared:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def made_for_all(django_db_setup, django_db_blocker, tmp_path_factory):
    """A transaction around all tests of a module, for rows that each of them begins with. Make them in a fixture of the
    module that asks for this one. What a test changes is undone at its end, as ever; it may not commit."""
    folder = tmp_path_factory.mktemp("data", numbered=True)
    with django_db_blocker.unblock(), override_settings(**places_of_files(folder)), transaction.atomic():
        yield folder
        transaction.set_rollback(True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def no_settings_of_owners():
    """No test asks the database for an owner's settings, unless it stores some: saving them makes them count."""
    CACHE.hold(StudioSettings(), seconds=3600)
    yield
    CACHE.forget()


@pytest.fixture(autouse=True)
def nothing_cached():
    """Pages keep the providers' records for half a minute: those of another test are of other rows, and count as a
    query less."""
    cache.clear()


@pytest.fixture(scope="session")
def running_standin(tmp_path_factory):
    standin = Standin(tmp_path_factory.mktemp("standin"))
    yield standin
    standin.stop()


@pytest.fixture
def standin(running_standin):
    """The demo server with an empty ledger and no faults. It speaks the remote contract and draws small videos fast."""
    if running_standin.process.poll() is not None:
        running_standin.restart()
    running_standin.clear()
    return running_standin


@pytest.fixture
def remote(standin, settings):
    """The settings pointed at the demo server, with the key that it takes."""
    settings.HEYGEN_API_KEY = "test-key"
    settings.HEYGEN_API_URL = settings.HEYGEN_UPLOAD_URL = standin.url
    return standin


@pytest.fixture
def owner(db):
    """The studio's owner in the test database."""
    return make_owner()


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server for the session; ask `new_database()` for a DATABASE_URL of the test's own."""
    server = migrated_server()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def running_bucket(tmp_path_factory):
    running = Bucket(tmp_path_factory.mktemp("bucket"))
    yield running
    running.stop()


@pytest.fixture
def bucket(running_bucket):
    """An empty S3-compatible bucket."""
    running_bucket.clear()
    return running_bucket


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A prepared studio that is only copied."""
    return prepared(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request, tmp_path):
    """The DATABASE_URL of a migrated, empty database: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        folder = tmp_path / "database"
        folder.mkdir()
        return f"sqlite:///{copy_sqlite(request.getfixturevalue('template').data, folder)}"
    return request.getfixturevalue("postgres").new_database(MIGRATED)


@pytest.fixture
def new_studio(request, template, tmp_path):
    """Makes studios of the test's own, migrated and not started: `new_studio(NAME=value, …)`.

    A name whose value is None is taken out of the environment: `new_studio(HEYGEN_API_KEY=None)` is the demo, with a
    demo server of its own. Without HEYGEN_API_URL the remote API is the test's `standin`. If the test also asks for
    `database_url`, that is its database.
    """
    made = []

    def make(**env):
        if "HEYGEN_API_URL" not in env and env.get("HEYGEN_API_KEY", "") is not None:
            url = request.getfixturevalue("standin").url
            env = {"HEYGEN_API_URL": url, "HEYGEN_UPLOAD_URL": url, **env}
        if "database_url" in request.fixturenames:
            env.setdefault("DATABASE_URL", request.getfixturevalue("database_url"))
        studio = Studio(tmp_path / f"studio-{len(made) + 1}", env)
        use_copy_of(template, studio)
        made.append(studio)
        return studio

    yield make
    for studio in made:
        studio.destroy()


@pytest.fixture
def start_studio(new_studio):
    """`start_studio(NAME=value, …)`: a running studio, healthy before it is returned."""
    return lambda **env: new_studio(**env).start()


@pytest.fixture
def studio(start_studio):
    """A running studio with an owner: sign in with `studio.client()` or as owner / PASSWORD."""
    running = start_studio()
    running.make_owner()
    return running


@pytest.fixture(scope="session")
def shared_studio(template, tmp_path_factory):
    """A running studio with an owner, for tests that only need one to look at. Make a `member` and use that."""
    folder = tmp_path_factory.mktemp("shared")
    standin = Standin(folder / "standin")
    studio = Studio(folder, {"DATABASE_URL": "", "HEYGEN_API_URL": standin.url, "HEYGEN_UPLOAD_URL": standin.url})
    studio.standin = standin
    use_copy_of(template, studio)
    studio.start()
    studio.make_owner()
    studio.fresh_members = [f"member-{number}" for number in range(MEMBERS)]
    studio.make_members(*studio.fresh_members)
    yield studio
    studio.destroy()
    standin.stop()


@pytest.fixture
def member(shared_studio):
    """The username of a fresh member of `shared_studio`, with the usual PASSWORD."""
    return shared_studio.fresh_members.pop()
