"""Migrations depend on no code that may change, and can be undone and made again without losing a row."""

import ast
import json
from pathlib import Path

import pytest

from tests.parts.processes import ROOT, environment, manage

MIGRATIONS = Path(ROOT) / "videos" / "migrations"
# Functions that fields of today's models name: Django compares them, so these have to be the same.
NAMED_BY_FIELDS = {"videos.models.picture", "videos.models.saved_video"}


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def test_no_migration_imports_code_of_the_studio():
    ours = {
        path.name: {name for name in imports_of(path) if name.startswith(("videos", "heygen_studio", "."))}
        for path in MIGRATIONS.glob("*.py")
    }
    ours["0001_initial.py"] -= NAMED_BY_FIELDS
    assert {name: found for name, found in ours.items() if found} == {}


BACK_AND_UP_AGAIN = """
import json
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

LATER, FIRST = "0012_heygen_video_1", "0001_initial"

def migrate(name):
    call_command("migrate", "videos", name, "--noinput", "-v", "0")

migrate(LATER)
state = MigrationLoader(connection).project_state([("videos", LATER), ("auth", "0001_initial")])
names = ("Provider", "ProviderPrice", "Generation", "Batch")
Provider, Price, Generation, Batch = (state.apps.get_model("videos", name) for name in names)
owner = state.apps.get_model("auth", "User").objects.create(username="olga")
batch = Batch.objects.create(owner=owner, form_token="one")
Provider.objects.filter(value="kling_v2").update(name="Ours", note="Ask Olga", price="0.5")
Provider.objects.filter(value="veo2").update(alternative=None)
for prompt, value, backend in (
    ("a pier", "kling_v2", "heygen_workflows"),
    ("a demo", "kling_v2", "demo:heygen_workflows"),
    ("a fox", "heygen_video_1", "heygen_models"),
):
    fields = {"provider": Provider.objects.get(value=value), "backend": backend, "owner": owner, "batch": batch}
    Generation.objects.create(prompt=prompt, status="queued", due_at=timezone.now(), **fields)

def describe():
    names = ("value", "name", "note", "price", "alternative__value", "backend", "is_strict")
    return {
        "providers": list(Provider.objects.order_by("pk").values_list("pk", *names)),
        "prices": list(Price.objects.order_by("resolution").values_list("provider__value", "resolution", "price")),
        "generations": list(Generation.objects.order_by("pk").values_list("pk", "prompt", "backend", "provider")),
    }

before = describe()
migrate("0011")
migrate(LATER)
assert describe() == before, "up from 0011"
migrate(FIRST)
migrate(LATER)
print(json.dumps([before, describe()], default=str))
"""


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_going_back_to_the_first_version_and_up_again_keeps_what_people_changed(database, request, tmp_path):
    url = request.getfixturevalue("postgres").new_database() if database == "postgres" else ""
    env = environment(STUDIO_DATA=tmp_path, DATABASE_URL=url)
    said = manage("shell", "-v", "0", "-c", BACK_AND_UP_AGAIN, env=env)
    before, after = json.loads(said.splitlines()[-1])
    assert after == before
