"""While the database or the disk takes no writes, pages say so in a sentence, keep what was typed, and recover."""

import errno
import io
import resource
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager, suppress

import psycopg
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, ProgrammingError, connection
from django.test import Client
from django.utils.html import escape
from PIL import Image

from heygen_studio.database import with_time_limits
from tests.parts.people import make_member
from tests.parts.studio import PASSWORD
from videos.models import Batch, DatabaseLock, Generation, Picture
from videos.outages import Outage, outage_of
from videos.views import outage as page

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
PROMPT = "a lighthouse <in> fog"
TOKEN = "a-form-token-0123456789"
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
LOCK = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


def only_on_sqlite():
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has no file of its own here")


def pragma(words: str):
    with connection.cursor() as cursor:
        return cursor.execute(f"PRAGMA {words}").fetchone()


@contextmanager
def a_locked_database():
    """Another process holds the file."""
    only_on_sqlite()
    pragma("busy_timeout = 200")
    command = [sys.executable, "-c", LOCK, str(connection.settings_dict["NAME"])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"locked\n"
        try:
            yield Outage.LOCKED
        finally:
            other.stdin.close()
            other.wait(60)
            pragma("busy_timeout = 20000")


@contextmanager
def a_read_only_database():
    only_on_sqlite()
    pragma("query_only = ON")
    try:
        yield Outage.READ_ONLY
    finally:
        pragma("query_only = OFF")


@contextmanager
def a_disk_that_takes_no_byte():
    """The system refuses every byte in a file to this process, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield Outage.FULL
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def a_database_on_such_a_disk():
    """SQLite calls a file that may not grow an input/output error, and only a device without space full."""
    only_on_sqlite()
    with a_disk_that_takes_no_byte():
        yield Outage.UNREACHABLE


DATABASES = [a_locked_database, a_read_only_database, a_database_on_such_a_disk]
of_the_database = pytest.mark.parametrize("broken", DATABASES, ids=lambda broken: broken.__name__)


@pytest.fixture
def visitor():
    """Signed in, and answered like a browser is: an exception is a page. Its form tokens are checked."""
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.force_login(make_member())
    client.get("/")  # what is noted once for each session is noted now
    return client


def generate(client, headers=None, **fields):
    token = client.cookies["csrftoken"].value
    fields = {"prompt": PROMPT, "token": TOKEN, "csrfmiddlewaretoken": token, **fields}
    return client.post("/generate", fields, headers=headers or {})


def picture():
    data = io.BytesIO()
    Image.new("RGB", (64, 36), "teal").save(data, "PNG")
    return SimpleUploadedFile("frame.png", data.getvalue(), "image/png")


def add_frame(client):
    fields = {"reference_image": picture(), "csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    return client.post("/frame/start", fields, headers=HTMX)


@of_the_database
def test_generate_shows_its_form_again_with_what_was_typed_and_works_afterwards(visitor, broken):
    with broken() as outage:
        reply = generate(visitor)
        assert reply.status_code == 503
        assert escape(f"{outage} {page.NOT_SENT}") in reply.text
        assert f"{escape(PROMPT)}</textarea>" in reply.text
        assert f'value="{TOKEN}"' in reply.text, "the repetition is known as one"
        assert not Generation.objects.exists()
    assert generate(visitor).status_code == generate(visitor).status_code == 302
    assert Generation.objects.count() == 1


@of_the_database
def test_generate_with_scripts_gets_a_sentence_for_the_open_page(visitor, broken):
    with broken() as outage:
        reply = generate(visitor, HTMX)
        assert (reply.status_code, reply.text) == (503, f"{outage} {page.NOT_SENT}")
        assert (reply["Studio-Outage"], reply["Retry-After"]) == ("#error-prompt", "5")
    assert generate(visitor, HTMX).status_code == 200


@pytest.mark.parametrize("broken", [a_locked_database, a_read_only_database], ids=lambda broken: broken.__name__)
def test_a_frame_slot_says_that_the_picture_was_not_stored(visitor, broken):
    with broken() as outage:
        reply = add_frame(visitor)
        assert (reply.status_code, reply.text) == (503, f"{outage} {page.PICTURE}")
    assert add_frame(visitor).status_code == 200
    assert Picture.objects.count() == 1


def test_a_frame_slot_says_on_a_full_disk_that_the_picture_was_not_stored(visitor):
    with a_disk_that_takes_no_byte() as outage:
        reply = add_frame(visitor)
        assert (reply.status_code, reply.text) == (503, f"{outage} {page.PICTURE}")
    assert add_frame(visitor).status_code == 200
    assert Picture.objects.count() == 1


def test_a_form_with_a_picture_makes_nothing_on_a_full_disk(visitor):
    with a_disk_that_takes_no_byte() as outage:
        reply = generate(visitor, HTMX, reference_image=picture())
        assert (reply.status_code, reply.text) == (503, f"{outage} {page.NOT_SENT}")
    assert generate(visitor, HTMX, reference_image=picture()).status_code == 200


@of_the_database
def test_signing_in_says_that_it_failed_keeps_the_name_and_works_afterwards(broken):
    make_member()
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.get("/login")
    fields = {"username": "member", "password": PASSWORD, "next": "/usage"}

    def sign_in():
        return client.post("/login", fields | {"csrfmiddlewaretoken": client.cookies["csrftoken"].value})

    with broken() as outage:
        reply = sign_in()
        assert reply.status_code == 503
        assert escape(f"{outage} {page.SIGN_IN}") in reply.text
        assert 'value="member"' in reply.text
        assert 'value="/usage"' in reply.text
        assert PASSWORD not in reply.text
        assert client.get("/usage").status_code == 302, "it said that nobody is signed in"
    reply = sign_in()
    assert (reply.status_code, reply.headers.get("Location")) == (302, "/usage")


@of_the_database
def test_a_page_is_shown_even_if_its_visit_cannot_be_recorded(visitor, broken):
    session = visitor.session
    session["seen"] = 0
    session.save()
    with broken():
        assert visitor.get("/usage").status_code == 200
    assert visitor.get("/usage").status_code == 200
    assert Session.objects.get(session_key=session.session_key).get_decoded()["seen"] > 0


def test_a_batch_that_was_stored_before_something_failed_is_reported_as_stored(visitor, monkeypatch):
    """The form is answered after the order is kept, and that may fail."""
    only_on_sqlite()

    def locked(*arguments):
        raise OperationalError("database is locked") from sqlite_error()

    monkeypatch.setattr("videos.views.compose.made", locked)
    reply = generate(visitor, HTMX)
    assert (reply.status_code, reply.text) == (503, f"{Outage.LOCKED} {page.SENT_ALREADY}")
    assert Batch.objects.count() == 1


def sqlite_error():
    with closing(sqlite3.connect(":memory:", timeout=0)) as database:
        try:
            database.execute("SELECT * FROM nothing")
        except sqlite3.OperationalError as error:
            error.sqlite_errorname = "SQLITE_BUSY"
            return error


def only_on_postgresql():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks the whole file, and is never away")


@contextmanager
def a_table_that_another_holds(model):
    only_on_postgresql()
    database = connection.settings_dict
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    with psycopg.connect(**{name: database[key] for name, key in names.items() if database[key]}) as other:
        other.execute(f"LOCK TABLE {model._meta.db_table} IN ACCESS EXCLUSIVE MODE")
        with with_options(options="-c lock_timeout=200"):
            yield


@contextmanager
def with_options(port=None, **options):
    """A new connection to the database."""
    database = connection.settings_dict
    before = {name: database[name] for name in ("PORT", "OPTIONS")}
    connection.close()
    database["PORT"], database["OPTIONS"] = port or database["PORT"], database["OPTIONS"] | options
    try:
        yield
    finally:
        connection.close()
        database.update(before)


def test_a_page_that_fails_itself_leaves_the_usual_wait_to_the_connection(db):
    only_on_postgresql()
    with suppress(ValueError), page.shorter_lock_waits(Outage.LOCKED):
        raise ValueError
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() != (f"{page.LOCKED_FOR}ms",)


@contextmanager
def a_database_that_refuses():
    only_on_postgresql()
    with socket.socket() as kept:  # nobody listens at it, and nobody else gets it
        kept.bind(("127.0.0.1", 0))
        with with_options(port=kept.getsockname()[1]):
            yield


@contextmanager
def a_database_that_never_answers():
    """A host that takes the connection and says nothing."""
    only_on_postgresql()
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as listener,
        with_options(port=listener.getsockname()[1], connect_timeout=2),
    ):
        yield listener


def visitors(listener):
    """How many connections were made to it, of which it has taken none."""
    listener.setblocking(False)
    count = 0
    with suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()
            count += 1
    return count


absent = pytest.mark.parametrize(
    "broken", [a_database_that_refuses, a_database_that_never_answers], ids=lambda broken: broken.__name__
)


@pytest.mark.parametrize("model", [DatabaseLock, Generation], ids=["of the order", "of every page"])
def test_a_lock_that_postgresql_does_not_grant_is_reported(visitor, model):
    with a_table_that_another_holds(model):
        reply = generate(visitor, HTMX)
        assert (reply.status_code, reply.text) == (503, f"{Outage.LOCKED} {page.NOT_SENT}")
        reply = generate(visitor)
        assert reply.status_code == 503
        assert escape(f"{Outage.LOCKED} {page.NOT_SENT}") in reply.text
        assert f"{escape(PROMPT)}</textarea>" in reply.text
    assert generate(visitor, HTMX).status_code == generate(visitor, HTMX).status_code == 200
    assert Generation.objects.count() == 1


@absent
def test_a_postgresql_that_is_away_is_reported_without_asking_it_again(visitor, broken):
    with broken() as listener:
        reply = generate(visitor)
        assert listener is None or visitors(listener) == 1, "the answer did not ask it again"
        assert reply.status_code == 503
        assert escape(f"{Outage.ABSENT} {page.PERHAPS_SENT}") in reply.text
        assert f"{escape(PROMPT)}</textarea>" in reply.text
    assert generate(visitor).status_code == generate(visitor).status_code == 302
    assert Generation.objects.count() == 1


def test_pages_and_scripts_say_that_postgresql_is_away(visitor):
    with a_database_that_refuses():
        reply = visitor.get("/usage")
        assert (reply.status_code, escape(f"{Outage.ABSENT} {page.SHOWING}") in reply.text) == (503, True)
        reply = generate(visitor, HTMX)
        assert (reply.status_code, reply.text) == (503, f"{Outage.ABSENT} {page.PERHAPS_SENT}")
        reply = Client(raise_request_exception=False).post("/login", {"username": "member", "password": PASSWORD})
        assert (reply.status_code, escape(f"{Outage.ABSENT} {page.SIGN_IN}") in reply.text) == (503, True)
    assert visitor.get("/usage").status_code == 200


def test_a_database_that_cannot_grow_is_reported_as_full():
    only_on_sqlite()
    most = pragma("max_page_count")[0]
    pragma(f"max_page_count = {pragma('page_count')[0]}")
    try:
        with connection.cursor() as cursor, pytest.raises(OperationalError) as caught:
            cursor.execute("CREATE TABLE filler (words TEXT)")
            cursor.execute("INSERT INTO filler VALUES (%s)", ["x" * 10_000_000])
    finally:
        pragma(f"max_page_count = {most}")
    assert outage_of(caught.value) == Outage.FULL


def test_a_postgresql_that_refuses_the_connection_is_an_outage():
    error = OperationalError()
    error.__cause__ = psycopg.OperationalError("connection refused")
    assert outage_of(error) == Outage.ABSENT


def of_amazon(status, code="SlowDown"):
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject")


REFUSALS = {
    EndpointConnectionError(endpoint_url="http://bucket"): Outage.BUCKET,
    of_amazon(503): Outage.BUCKET,
    of_amazon(403, "InvalidAccessKeyId"): Outage.BUCKET,
    of_amazon(400, "InvalidArgument"): None,
    ParamValidationError(report="Bucket"): None,
    PermissionError(errno.EACCES, "Permission denied"): Outage.FORBIDDEN,
}


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: type(error).__name__)
def test_a_bucket_that_fails_and_a_folder_that_is_closed_are_outages(visitor, monkeypatch, error):
    monkeypatch.setattr("django.core.files.storage.FileSystemStorage.save", raises(error))
    reply = add_frame(visitor)
    if outage := REFUSALS[error]:
        assert (reply.status_code, reply.text) == (503, f"{outage} {page.PICTURE}")
    else:
        assert reply.status_code == 500, "a fault of our own"


def test_the_web_waits_for_postgresql_no_longer_than_a_person_does():
    limits = with_time_limits({"sslmode": "require", "options": "-c work_mem=8MB"}, wait=5, statement=20)
    assert limits == {
        "connect_timeout": 5,
        "tcp_user_timeout": 5000,
        "sslmode": "require",
        "options": "-c lock_timeout=5000 -c statement_timeout=20000 -c work_mem=8MB",
    }
    assert with_time_limits({"sslmode": "require"}, wait=0, statement=0) == {"sslmode": "require"}


def wrong_statement(*arguments):
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nothing_of_that_name")


def raises(error):
    def fail(*arguments, **named):
        raise error

    return fail


BUGS = [
    wrong_statement,
    raises(OSError("The request ended before its form did.")),
    raises(FileNotFoundError(2, "No such file")),
    raises(TypeError("full")),
]


@pytest.mark.parametrize("bug", BUGS, ids=["a wrong statement", "a stream", "a missing file", "a wrong type"])
def test_a_fault_of_our_own_is_not_reported_as_an_outage(visitor, monkeypatch, bug):
    monkeypatch.setattr("videos.views.compose.made", bug)
    reply = generate(visitor)
    assert reply.status_code == 500
    assert "This is an error in the studio" in reply.text


def test_an_exception_while_handling_an_outage_is_a_fault_of_our_own():
    try:
        try:
            raise OSError(28, "No space left on device")
        except OSError:
            raise ProgrammingError("and then this")  # noqa: B904
    except ProgrammingError as error:
        assert outage_of(error) is None
