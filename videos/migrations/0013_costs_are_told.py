"""A batch keeps what its form asked for, and a generation that it was retried."""

from django.db import migrations, models
from django.db.models import Max, OuterRef, Subquery


def mark_what_was_retried(apps, schema_editor):
    Generation = apps.get_model("videos", "Generation")
    newest = Generation.objects.filter(retry_of=OuterRef("pk")).order_by().values("retry_of")
    moment = newest.annotate(moment=Max("created_at")).values("moment")
    retried = Generation.objects.filter(retry_of__isnull=False).values("retry_of")
    Generation.objects.filter(pk__in=retried).update(retried_at=Subquery(moment))


class Migration(migrations.Migration):
    dependencies = [("videos", "0012_heygen_video_1")]

    operations = [
        migrations.AddField(
            model_name="batch",
            name="fingerprint",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="generation",
            name="retried_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.RunPython(mark_what_was_retried, migrations.RunPython.noop),
    ]
