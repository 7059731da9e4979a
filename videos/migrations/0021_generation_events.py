"""Every step of a generation is kept, and every poll counted. Generations made before have none: their times stay."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("videos", "0020_metric_values"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="generation",
            name="polls",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.CreateModel(
            name="GenerationEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("step", models.CharField(max_length=16)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("sending", "Sending"),
                            ("running", "Rendering"),
                            ("saving", "Saving"),
                            ("ready", "Ready"),
                            ("failed", "Failed"),
                            ("unknown", "Unknown outcome"),
                            ("stopped", "Stopped waiting"),
                            ("cancelled", "Cancelled"),
                        ],
                        help_text="Where the generation stood after it.",
                        max_length=10,
                    ),
                ),
                ("host", models.CharField(blank=True, help_text="The machine whose process wrote it.", max_length=64)),
                (
                    "code",
                    models.CharField(blank=True, help_text="situation.cause, see videos/wording.py.", max_length=100),
                ),
                ("note", models.TextField(blank=True, help_text="What the card said at that moment.")),
                ("words", models.TextField(blank=True, help_text="The remote's own words.")),
                ("polls", models.PositiveIntegerField(default=0, help_text="How often it had been polled by then.")),
                ("times", models.PositiveIntegerField(default=1, help_text="How often the same happened in a row.")),
                ("last_at", models.DateTimeField(blank=True, null=True)),
                (
                    "by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "generation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="videos.generation",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["generation", "id"], name="event_timeline")],
            },
        ),
    ]
