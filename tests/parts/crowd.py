"""Many processes that do one thing at the same moment, on a database of the test's own.

    crowd("tests.test_budgets:generate_often", database_url, folder, processes=20)

calls `generate_often(number)` in each of 20 processes, all at once, and returns their results (JSON). Run as a module
it is their parent: it sets Django up once, touches no database, and forks them.
"""

import json
import multiprocessing
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import django
from django.conf import settings
from django.db import connections

from tests.parts.processes import ROOT, environment


def crowd(function, database_url, folder, processes, threads=1, seconds=560):
    done = subprocess.run(
        [sys.executable, "-m", "tests.parts.crowd", function, str(processes), str(threads)],
        cwd=ROOT,
        # A dozen processes on a few busy cores queue for a lock for longer than people would be kept waiting.
        env=environment(DATABASE_URL=database_url, STUDIO_DATA=folder, STUDIO_DATABASE_WAIT="120"),
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def main(function, processes, threads):
    django.setup()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow on purpose
    settings.ALLOWED_HOSTS = ["*"]
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    module, name = function.split(":")
    act = getattr(import_module(module), name)
    system = multiprocessing.get_context("fork")
    answers, start = system.SimpleQueue(), system.Barrier(processes)
    members = [
        system.Process(target=take_part, args=(act, range(first, first + threads), start, answers), daemon=True)
        for first in range(0, processes * threads, threads)
    ]
    for member in members:
        member.start()
    results = [answers.get() for _ in range(processes * threads)]
    print(json.dumps(results))


def take_part(act, numbers, start, answers):
    start.wait()
    with ThreadPoolExecutor(len(numbers)) as pool:
        for result in pool.map(lambda number: once(act, number), numbers):
            answers.put(result)


def once(act, number):
    try:
        return act(number)
    except Exception as error:  # an answer must come, or the parent waits for ever
        return f"{type(error).__name__}: {error}"
    finally:
        connections.close_all()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
