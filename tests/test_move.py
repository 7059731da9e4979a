"""A studio moves from SQLite to PostgreSQL and from a folder to a bucket, completely, even after an interruption."""

import hashlib
import json
import shutil

import psycopg
import pytest

from tests.parts.once import made_once
from tests.parts.postgres import MIGRATED
from tests.parts.studio import Studio
from tests.test_upgrade import DESCRIBE
from tests.upgrade.load import Old

VERIFY = """
import hashlib, json
from django.core.files.storage import default_storage
from videos.models import Picture, SavedVideo

def digest(name):
    with default_storage.open(name) as file:
        return hashlib.sha256(b"".join(file.chunks())).hexdigest()

rows = [*SavedVideo.objects.all(), *Picture.objects.all()]
print("files", json.dumps({file.name: digest(file.name) for row in rows for file in row.files()}))
"""


@pytest.fixture
def old_studio(new_studio):
    """What 0.1.0 left, with a generation in every state, on today's code; it is not running."""
    studio = new_studio(SECRET_KEY=None, HEYGEN_API_URL="http://127.0.0.1:9")
    shutil.rmtree(studio.data)
    shutil.copytree(made_once("upgraded-0.1.0", upgrade) / "data", studio.data)
    return studio


def upgrade(folder):
    studio = Studio(folder, {"SECRET_KEY": None, "DATABASE_URL": "", "HEYGEN_API_URL": "http://127.0.0.1:9"})
    Old("0.1.0").load(studio)
    studio.manage("migrate", "--noinput", "-v", "0")
    studio.manage("recount")


def described(studio, **env):
    return json.loads(studio.manage("shell", "-v", "0", "-c", DESCRIBE, **env))


def test_every_row_moves_to_postgresql_also_in_two_runs(old_studio, postgres):
    source, address = old_studio.data / "studio.sqlite3", postgres.new_database()
    before = described(old_studio)
    said = old_studio.manage("movedatabase", source, DATABASE_URL=address)
    assert "rows were moved and compared" in said
    assert described(old_studio, DATABASE_URL=address) == before
    assert "agree with the rows" in old_studio.manage("recount", "--check", DATABASE_URL=address)
    with psycopg.connect(address) as database:  # a second one into it would mix two studios
        [columns] = database.execute("SELECT COUNT(*) FROM pg_stats WHERE tablename = 'videos_generation'").fetchone()
        [references] = database.execute("SELECT COUNT(*) FROM pg_constraint WHERE contype = 'f'").fetchone()
        database.execute("INSERT INTO videos_databaselock (name) VALUES ('new')")
    assert references > 20
    assert columns > 40  # whose values the planner knows at once
    with pytest.raises(AssertionError, match="in use already"):
        old_studio.manage("movedatabase", source, DATABASE_URL=address)


def test_a_stopped_move_continues_where_it_was(old_studio, postgres):
    source, address = old_studio.data / "studio.sqlite3", postgres.new_database(MIGRATED)
    begin = "from videos.storage.move_database import *; open_source(Path({!r})); begin()"
    begin += "; [copy_table(model) for model in all_models()[:12]]"
    old_studio.manage("shell", "-v", "0", "-c", begin.format(str(source)), DATABASE_URL=address)
    with psycopg.connect(address) as database:
        database.execute("DELETE FROM videos_generation WHERE id > 3")
    old_studio.manage("movedatabase", source, DATABASE_URL=address)
    assert described(old_studio, DATABASE_URL=address) == described(old_studio)


def test_every_file_moves_to_the_bucket_and_only_once(old_studio, bucket):
    def files(**env):
        said = old_studio.manage("shell", "-v", "0", "-c", VERIFY, **env)
        return json.loads(next(line for line in said.splitlines() if line.startswith("files"))[6:])

    before, folder = files(), old_studio.data / "media"
    first = old_studio.manage("movefiles", folder, **bucket.env)
    assert f"{len(before)} files" in first and "0 were before" in first
    assert files(**bucket.env) == before
    again = old_studio.manage("movefiles", folder, **bucket.env)
    assert f"{len(before)} were before" in again
    assert all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == value for name, value in before.items())
