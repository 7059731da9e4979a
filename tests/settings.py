"""The studio's own settings, with an environment of the test run's own.

pytest reads them before any conftest, so this is the one place early enough to decide where the data lies and to
make sure that no test can reach the real API. Every xdist worker gets its own data folder; processes that a test
starts inherit their worker's, unless they are told otherwise.

`TEST_DATABASE=postgres pytest` runs the tests of one process on PostgreSQL, which is started for them. All workers of a
run share that server, and the migrated database (tests/parts/once.py), of which each has a copy.
"""

import atexit
import os
import shutil
import tempfile

from tests.parts.once import SHARED
from tests.parts.postgres import migrated_server

OWNER = os.environ.get("PYTEST_XDIST_WORKER", "main")


def prepare_environment():
    folder = tempfile.mkdtemp(prefix=f"studio-tests-{OWNER}-")
    atexit.register(remove_folder, folder, os.getpid())
    os.environ["STUDIO_TEST_OWNER"] = OWNER
    os.environ["STUDIO_DATA"] = folder
    os.environ.setdefault(SHARED, folder)  # `make test` gives one to all of its rounds
    os.environ["SECRET_KEY"] = "not-secret-only-for-tests-0123456789abcdefghijklmnop"
    os.environ["HEYGEN_API_KEY"] = "test-key"
    # Nothing answers at port 9: a test that forgets its demo server fails, and never reaches the real API.
    os.environ["HEYGEN_API_URL"] = os.environ["HEYGEN_UPLOAD_URL"] = "http://127.0.0.1:9"
    os.environ.setdefault("STUDIO_MIN_FREE_BYTES", "0")
    if os.environ.get("TEST_DATABASE") == "postgres" and OWNER == "main":
        server = migrated_server()
        atexit.register(server.remove)
        os.environ["DATABASE_URL"] = server.url("postgres")
    for name in ("STUDIO_URL", "STUDIO_HOSTS", "STUDIO_BUCKET", "STUDIO_DEMO", "HOST", "PORT", "DEBUG", "TZ"):
        os.environ.pop(name, None)


def remove_folder(folder, made_by):
    if os.getpid() == made_by:  # a forked child leaves it standing
        shutil.rmtree(folder, ignore_errors=True)


if os.environ.get("STUDIO_TEST_OWNER") != OWNER:
    prepare_environment()

from heygen_studio.settings import *  # noqa: E402, F403

ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
# A file, not memory: threads of one test then lock each other out just as they do when the studio runs.
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    DATABASES["default"]["TEST"] = {"NAME": DATA / "test.sqlite3"}  # noqa: F405
    # Nobody cuts the power of a test run. Studios that tests start have the settings that people have.
    started_with = DATABASES["default"]["OPTIONS"]["init_command"]  # noqa: F405
    DATABASES["default"]["OPTIONS"]["init_command"] = started_with.replace("synchronous=FULL", "synchronous=OFF")  # noqa: F405
# Hashed passwords and hashed names of static files are slow, and no test is about them.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    **STORAGES,  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
