"""Runs the saver as the worker does, and inspects the results."""

import hashlib
import subprocess
import sys
import time
from io import StringIO
from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from tests.parts.generations import completed, finished  # noqa: F401
from tests.parts.processes import ROOT, environment
from videos.engine.save import save
from videos.models import Generation


def save_until_ready(generation, seconds=240, impatient=False):
    """Calls the saver as the worker would until the copy is saved. `impatient` skips its delays."""
    deadline = time.monotonic() + seconds
    while True:
        save(generation.pk)
        generation.refresh_from_db()
        if generation.status == "ready":
            return generation
        assert time.monotonic() < deadline, f"Not saved: {generation.status_message}"
        if impatient:
            make_due(generation)
        else:
            time.sleep(0.05)


def make_due(generation):
    Generation.objects.filter(pk=generation.pk, status="saving").update(due_at=timezone.now())


def stored_sha256(generation):
    with default_storage.open(generation.saved_video.file.name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def true_sha256(standin, generation):
    return standin.videos()[generation.remote_id]["sha256"]


def checkstudio(*arguments):
    """(exit code, what was printed) of `manage.py checkstudio`."""
    output = StringIO()
    try:
        call_command("checkstudio", *arguments, stdout=output, stderr=output)
    except SystemExit as end:
        return end.code, output.getvalue()
    return 0, output.getvalue()


# A saver in a process of its own, on the test's own database and folders. DIE_IN names the method that kills it.
SAVER = """
import os, resource, sys
import django
from django.conf import settings
django.setup()
from videos.models import Generation
from videos.engine.save import save
if os.environ.get("DIE_IN"):
    setattr(Generation, os.environ["DIE_IN"], lambda *arguments: os.kill(os.getpid(), 9))
if limit := int(os.environ.get("FILE_LIMIT", 0)):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
waiting = [int(pk) for pk in sys.argv[1:]]
while waiting:
    for pk in waiting:
        save(pk)
    if not os.environ.get("UNTIL_READY"):
        break
    waiting = [pk for pk in waiting if Generation.objects.get(pk=pk).status != "ready"]
"""


def start_saver(*generations, standin, file_limit=0, until_ready=False, **env):
    """Popen of a process that saves these generations: one slice of each, or until all are ready."""
    env = environment(
        DATABASE_URL=database_address(),
        STUDIO_DATA=settings.DATA,
        HEYGEN_API_URL=standin.url,
        FILE_LIMIT=file_limit,
        UNTIL_READY="1" if until_ready else "",
        **env,
    )
    pks = [str(generation.pk) for generation in generations]
    return subprocess.Popen([sys.executable, "-c", SAVER, *pks], env=env, cwd=ROOT)


def database_address():
    """The test database's own, for another process."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    who = f"{quote(database['USER'])}:{quote(database['PASSWORD'])}"
    return f"postgres://{who}@{quote(database['HOST'], safe='')}:{database['PORT']}/{database['NAME']}"
