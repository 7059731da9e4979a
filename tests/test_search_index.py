"""Search is answered by an index that follows the rows, and works without one too."""

import pytest
from django.db import connection

from tests.parts.generations import make_queued
from tests.parts.people import make_member
from videos import search_index
from videos.models import Generation

pytestmark = pytest.mark.django_db
PROMPTS = {
    "lighthouse": "A lighthouse in fog, slow dolly in",
    "house": "The HOUSE of a “lamp” maker, 50% dark",
    "cafe": "Crème brûlée at the café",
    "kanji": "東京の夜景、雨",
}


@pytest.fixture
def made():
    member = make_member()
    return {name: make_queued(member, prompt, token=name) for name, prompt in PROMPTS.items()}


def found(words):
    return [PROMPT_OF[row.prompt] for row in Generation.objects.search(words).order_by("pk")]


PROMPT_OF = {prompt: name for name, prompt in PROMPTS.items()}
CASES = [
    ("house", ["lighthouse", "house"]),
    ("HOUSE light", ["lighthouse"]),
    ("thous", ["lighthouse"]),
    ("ho", ["lighthouse", "house"]),
    ("creme brulee", ["cafe"]),
    ("夜景", ["kanji"]),
    ("東京の夜", ["kanji"]),
    ("“lamp”", ["house"]),
    ('"lamp" OR NOT', []),
    ("50%", ["house"]),
    ("housefog", []),
    ("fog AND house", []),
    ("*", []),
    ("", ["lighthouse", "house", "cafe", "kanji"]),
]


@pytest.mark.parametrize(("words", "names"), CASES)
def test_every_word_is_found_anywhere_in_a_prompt(made, words, names):
    assert found(words) == names


@pytest.mark.parametrize(("words", "names"), CASES)
def test_without_the_index_the_same_is_found(made, words, names):
    search_index.drop()
    assert not search_index.exists()
    assert found(words) == names


def test_the_index_follows_every_insert_change_and_delete(made):
    assert search_index.exists()
    Generation.objects.filter(pk=made["cafe"].pk).update(search_text="a lighthouse keeper")
    made["lighthouse"].ledger.all().delete()
    made["lighthouse"].delete()
    assert [row.pk for row in Generation.objects.search("lighthouse")] == [made["cafe"].pk]
    assert not Generation.objects.search("brulee").exists()


def test_an_index_that_a_migration_dropped_is_made_again(made):
    search_index.drop()
    search_index.make()
    search_index.make()
    assert search_index.exists()
    assert found("house") == ["lighthouse", "house"]


def test_a_word_of_many_prompts_is_found_by_reading_the_newest(made, monkeypatch):
    monkeypatch.setattr(search_index, "FEW_MATCHES", 1)
    assert found("house") == ["lighthouse", "house"]


def test_a_database_without_the_index_says_so(made, monkeypatch, caplog):
    search_index.drop()
    statements = ("CREATE EXTENSION of_nothing",)
    monkeypatch.setattr(search_index, "SQLITE" if connection.vendor == "sqlite" else "POSTGRES", statements)
    search_index.make()
    assert "Search has no index" in caplog.text
    assert found("house") == ["lighthouse", "house"]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="its own way to explain")
def test_postgresql_uses_the_index(made):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Generation.objects.search("lighthouse").order_by().explain()
    assert search_index.NAME in plan
