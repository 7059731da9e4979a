"""What lists, counts and sums need of each generation, kept in its row: its tab, its day, whether it is settled."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models
from django.db.models import Case, Q, Value, When

TAB = Case(
    When(trashed_at__isnull=False, then=Value("trash")),
    When(status__in=["queued", "running", "saving", "sending"], then=Value("running")),
    When(status="ready", then=Value("ready")),
    When(
        Q(status__in=["failed", "stopped", "unknown"]) & (Q(retried_at=None) | Q(status="unknown")),
        then=Value("attention"),
    ),
    default=Value("other"),
)


class Migration(migrations.Migration):
    dependencies = [("videos", "0031_presets")]

    operations = [
        migrations.RemoveConstraint("generation", "a_remote_id_is_kept_once"),
        migrations.RemoveIndex("generation", "generation_gallery"),
        migrations.RemoveIndex("generation", "generation_lease"),
        migrations.AddField(
            "generation",
            "day",
            models.DateField(
                default=django.utils.timezone.localdate, editable=False, help_text="On which it counts, here."
            ),
        ),
        migrations.AddField(
            "generation",
            "settled",
            models.BooleanField(default=False, editable=False, help_text="Its ledger says that it was accepted."),
        ),
        migrations.AddField(
            "generation",
            "tab",
            models.GeneratedField(expression=TAB, output_field=models.CharField(max_length=10), db_persist=True),
        ),
        migrations.AlterField(
            "generation",
            "owner",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="generations",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            "generation",
            "provider",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="generations",
                to="videos.provider",
            ),
        ),
        migrations.AddField(
            "ledgerentry",
            "backend",
            models.CharField(blank=True, help_text="Empty where its generation was gone in 0.1.0.", max_length=64),
        ),
    ]
