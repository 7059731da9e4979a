"""Stars of each person's own, and a folded text to search in."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from videos import search_index


def drop_search_index(apps, schema_editor):
    """Backwards: SQLite removes no column that a trigger reads, and the index is made after every `migrate`."""
    search_index.drop()


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
