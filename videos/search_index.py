"""The index that finds prompts by parts of words: by trigrams, in SQLite's FTS5 and in PostgreSQL's pg_trgm.

It is made after every `migrate`, and not by a migration: Django's SQLite rebuilds a whole table to change it, and the
triggers that keep the index are lost with the old one. Where a database cannot have it, search reads every prompt that
the person may see.
"""

import json
import logging

from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.db.models.expressions import RawSQL

logger = logging.getLogger(__name__)

NAME = "videos_search"
FEW_MATCHES = 5000  # more than these are found soon enough by reading the newest prompts
TRIGRAM = 3
SQLITE = (
    f"CREATE VIRTUAL TABLE IF NOT EXISTS {NAME} USING fts5(search_text, content='videos_generation', "
    "content_rowid='id', tokenize='trigram', detail='none')",
    f"CREATE TRIGGER {NAME}_insert AFTER INSERT ON videos_generation BEGIN "
    f"INSERT INTO {NAME}(rowid, search_text) VALUES (new.id, new.search_text); END",
    f"CREATE TRIGGER {NAME}_delete AFTER DELETE ON videos_generation BEGIN "
    f"INSERT INTO {NAME}({NAME}, rowid, search_text) VALUES ('delete', old.id, old.search_text); END",
    f"CREATE TRIGGER {NAME}_update AFTER UPDATE OF search_text ON videos_generation "
    "WHEN old.search_text IS NOT new.search_text BEGIN "
    f"INSERT INTO {NAME}({NAME}, rowid, search_text) VALUES ('delete', old.id, old.search_text); "
    f"INSERT INTO {NAME}(rowid, search_text) VALUES (new.id, new.search_text); END",
    f"INSERT INTO {NAME}({NAME}) VALUES ('rebuild')",
)
POSTGRES = (
    "SET CONSTRAINTS ALL IMMEDIATE",  # within a transaction that has written rows no index can be made otherwise
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    f"CREATE INDEX IF NOT EXISTS {NAME} ON videos_generation USING gin (search_text gin_trgm_ops)",
)


def make(**signal):
    """Makes the index where it, or what keeps it, is missing."""
    if exists() or "videos_generation" not in connection.introspection.table_names():
        return
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in SQLITE if connection.vendor == "sqlite" else POSTGRES:
                cursor.execute(statement)
    except DatabaseError as error:
        what = "the extension pg_trgm" if connection.vendor == "postgresql" else "SQLite's FTS5 with trigrams"
        logger.warning("Search has no index, so it reads every prompt: %s is not available here (%s)", what, error)


def drop():
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for event in ("insert", "delete", "update"):
                cursor.execute(f"DROP TRIGGER IF EXISTS {NAME}_{event}")
            cursor.execute(f"DROP TABLE IF EXISTS {NAME}")
        else:
            cursor.execute(f"DROP INDEX IF EXISTS {NAME}")


def exists() -> bool:
    """On SQLite: with what keeps it. The trigger is made last but one, in one transaction with the table."""
    sqlite = f"SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = '{NAME}_update'"
    postgres = f"SELECT 1 FROM pg_indexes WHERE schemaname = current_schema() AND indexname = '{NAME}'"
    with connection.cursor() as cursor:
        cursor.execute(sqlite if connection.vendor == "sqlite" else postgres)
        return cursor.fetchone() is not None


def condition_for(words: list[str]) -> tuple[Q, bool]:
    """The prompts that contain every one of these folded words, and whether an index leads to them. It does not where
    all words are too short, or where so many match that reading the newest prompts is quicker."""
    contains = Q()
    for word in words:
        contains &= Q(search_text__contains=word)
    query = trigrams_of(words)
    if not query or not exists():
        return contains, False
    if connection.vendor != "sqlite":  # takes its index by itself
        return contains, not is_expected_to_match_many(words)
    if matches_many(query):
        return contains, False
    return contains & Q(pk__in=RawSQL(f"SELECT rowid FROM {NAME} WHERE {NAME} MATCH %s", [query])), True


def trigrams_of(words: list[str]) -> str:
    """The trigrams to match in the index; "" for words that are too short."""
    parts = {word[at : at + TRIGRAM] for word in words for at in range(len(word) - TRIGRAM + 1)}
    return " AND ".join('"' + part.replace('"', '""') + '"' for part in sorted(parts))


def matches_many(query: str) -> bool:
    some = f"SELECT 1 FROM {NAME} WHERE {NAME} MATCH %s LIMIT %s"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM ({some})", [query, FEW_MATCHES + 1])
        return cursor.fetchone()[0] > FEW_MATCHES


def is_expected_to_match_many(words: list[str]) -> bool:
    """By the statistics of PostgreSQL, which then takes no index either."""
    conditions = " AND ".join(["search_text LIKE %s"] * len(words))
    patterns = [f"%{connection.ops.prep_for_like_query(word)}%" for word in words]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) SELECT 1 FROM videos_generation WHERE {conditions}", patterns)
        [[plan]] = cursor.fetchall()
    return (plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]["Plan Rows"] > FEW_MATCHES
