"""Every generation gets its day and whether it is settled from its ledger lines, and they the backend from it."""

from django.db import migrations
from django.db.models import Exists, OuterRef, Subquery
from django.db.models.functions import Coalesce, TruncDate


def fill(apps, schema_editor):
    Generation, LedgerEntry = apps.get_model("videos", "Generation"), apps.get_model("videos", "LedgerEntry")
    lines = LedgerEntry.objects.filter(generation=OuterRef("pk"))
    first_day = Subquery(lines.order_by("pk").values("day")[:1])
    Generation.objects.update(
        day=Coalesce(first_day, TruncDate("created_at")), settled=Exists(lines.filter(kind="settle"))
    )
    backend = Subquery(Generation.objects.filter(pk=OuterRef("generation")).values("backend")[:1])
    LedgerEntry.objects.filter(generation__isnull=False).update(backend=backend)


class Migration(migrations.Migration):
    dependencies = [("videos", "0032_kept_for_lists")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
