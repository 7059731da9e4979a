"""Many processes that do one thing at the same moment, on a database of the test's own.

    crowd("tests.test_budgets:press", database_url, folder, processes=20)

calls `press(number)` in each of 20 fresh processes, all at once, and returns what each returned (JSON). Run as a module
it is one of the processes.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import django
from django.conf import settings
from django.db import connections

from tests.parts.processes import ROOT, environment


def crowd(function, database_url, folder, processes, threads=1, seconds=150, **env):
    command = [sys.executable, "-m", "tests.parts.crowd", function, str(threads)]
    settings_of_all = environment(DATABASE_URL=database_url, STUDIO_DATA=folder, **env)
    members = [
        subprocess.Popen(
            [*command, str(number * threads)],
            cwd=ROOT,
            env=settings_of_all,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    try:
        for member in members:
            assert member.stdout.readline() == "ready\n", "A process of the crowd could not start"
        for member in members:
            member.stdin.write("go\n")
            member.stdin.flush()
        answers = [member.communicate(timeout=seconds)[0] for member in members]
    finally:
        for member in members:
            member.kill()
    assert all(member.returncode == 0 for member in members), "A process of the crowd failed"
    return [result for answer in answers for result in json.loads(answer)]


def main(function, threads, first):
    django.setup()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow on purpose
    settings.ALLOWED_HOSTS = ["*"]
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    module, name = function.split(":")
    act = getattr(import_module(module), name)
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(int(threads)) as pool:
        results = list(pool.map(lambda number: once(act, number), range(int(first), int(first) + int(threads))))
    print(json.dumps(results))


def once(act, number):
    try:
        return act(number)
    finally:
        connections.close_all()


if __name__ == "__main__":
    main(*sys.argv[1:])
