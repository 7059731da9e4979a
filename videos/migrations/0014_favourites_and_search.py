"""Stars of each person's own, and a folded text to search in."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# The names that videos/search_index.py had when this was written.
INDEX = "videos_search"
TRIGGERS = ("insert", "delete", "update")


def drop_search_index(apps, schema_editor):
    """Backwards: SQLite removes no column that a trigger reads, and the index is made after every `migrate`."""
    if schema_editor.connection.vendor != "sqlite":
        schema_editor.execute(f"DROP INDEX IF EXISTS {INDEX}")
        return
    for event in TRIGGERS:
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {INDEX}_{event}")
    schema_editor.execute(f"DROP TABLE IF EXISTS {INDEX}")


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("videos", "0013_costs_are_told"),
    ]

    operations = [
        migrations.AddField(
            model_name="generation",
            name="search_text",
            field=models.TextField(blank=True, default="", editable=False),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name="Favourite",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "generation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="favourites",
                        to="videos.generation",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="favourites",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "generation"), name="one_star_for_each_person")
                ],
            },
        ),
        migrations.RunPython(migrations.RunPython.noop, drop_search_index),
    ]
