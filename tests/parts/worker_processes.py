"""The worker's processes, by the names they give themselves, and requests made without a browser."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime

import psutil
import psycopg

from tests.parts.processes import ROOT

GENERATE = """
import json, sys, uuid
import django
django.setup()
from django.contrib.auth import get_user_model
from videos.models import Provider, Request
from videos.views.compose import make_batch
owner, _ = get_user_model().objects.get_or_create(username="generator", defaults={"is_superuser": True})
provider = Provider.objects.get(value=sys.argv[1])
requests = [Request(prompt=prompt, provider=provider) for prompt in json.load(sys.stdin)]
make_batch(owner, uuid.uuid4().hex, requests)
"""
COLUMNS = ("prompt", "status", "remote_id", "status_note", "error_class", "created_at", "saved_at")


def generate(studio, prompts, provider="ltx_distilled"):
    """One batch with a video for each prompt, as a click of Generate makes it."""
    run(studio, GENERATE, provider, said=json.dumps(list(prompts)))


def rows(studio):
    """Every generation, oldest first: a dict of its COLUMNS, times as text."""
    found = read(studio, f"SELECT {', '.join(COLUMNS)} FROM videos_generation ORDER BY id")
    return [
        {name: str(value) if isinstance(value, datetime) else value for name, value in zip(COLUMNS, row, strict=True)}
        for row in found
    ]


def read(studio, select):
    """Straight from its database: starting a Django to look costs as much as many looks."""
    address = studio.env.get("DATABASE_URL") or f"sqlite:///{studio.data}/studio.sqlite3"
    if not address.startswith("sqlite:///"):
        with psycopg.connect(address) as database:
            return database.execute(select).fetchall()
    with closing(sqlite3.connect(address.removeprefix("sqlite:///"), timeout=60)) as database:
        return database.execute(select).fetchall()


def run(studio, program, *arguments, said=""):
    command = [sys.executable, "-c", program, *arguments]
    is_demo = not studio.env.get("HEYGEN_API_KEY") and not studio.env.get("HEYGEN_API_URL")
    env = {**studio.env, "STUDIO_DEMO": "1"} if is_demo else studio.env  # as its own processes have it
    done = subprocess.run(command, cwd=ROOT, env=env, input=said, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def heartbeat(studio):
    """When the poller was last seen, as the database has it; that it moves is what counts."""
    found = read(studio, "SELECT seen_at FROM videos_processlock WHERE name = 'poller'")
    return found and found[0][0]


def processes_of(studio, role):
    """Live processes of this studio in that role: sentinel, monitor, pusher, idle, poll, submit, save."""
    return [process for process in studio.processes() if role_of(process) == role]


def role_of(process):
    try:
        return process.name().removeprefix("studio:") if process.name().startswith("studio:") else ""
    except psutil.Error:
        return ""


def only(processes):
    """The one of that role, or None. One that was just forked still has the name of the one that it comes from, and a
    task that finds its work taken is there for a moment."""
    return processes[0] if len(processes) == 1 else None
