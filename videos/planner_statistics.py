"""Refreshes the statistics by which the database chooses between its indexes.

Without them, or with those of a nearly empty table, pages of a large studio cost up to sixteen times as much.
PostgreSQL also refreshes them itself, a minute after many changes; SQLite never does.
"""

from django.db import connection

ROWS_LOOKED_AT = 1000  # of each index of SQLite
MIN_ROWS = 1000  # generations: without statistics, SQLite plans for large tables, which suits a studio that grows


def refresh():
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT COUNT(*) FROM (SELECT 1 FROM videos_generation LIMIT %s)", [MIN_ROWS])
            if cursor.fetchone()[0] < MIN_ROWS:
                return
            cursor.execute(f"PRAGMA analysis_limit = {ROWS_LOOKED_AT}")
            cursor.execute("ANALYZE")
        else:
            tables = sorted(connection.introspection.django_table_names(only_existing=True))
            cursor.execute(f"ANALYZE {', '.join(map(connection.ops.quote_name, tables))}")


def refresh_after_migrations(plan=(), **signal):
    """Migrations add columns and indexes, and fill them. Those of another app may run before there is a table."""
    if plan and "videos_generation" in connection.introspection.table_names():
        refresh()
