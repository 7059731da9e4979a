"""Every filter of the gallery has its index, and the page of usage reads kept numbers alone."""

from collections import Counter

from django.db import migrations, models
from django.db.models import Q, Sum

AT_ONCE = 2000
SHARED = Q(("shared", True), ("trashed_at__isnull", True))
HELD = Q(("ended_at__isnull", True), ("settled", False))


def index(name, *fields, condition=None):
    return migrations.AddIndex("generation", models.Index(fields=fields, name=name, condition=condition))


def fill(apps, schema_editor):
    LedgerEntry, BudgetUse = apps.get_model("videos", "LedgerEntry"), apps.get_model("videos", "BudgetUse")
    lines = LedgerEntry.objects.filter(amount=0).order_by().values_list("user", "day", "backend", "currency")
    unpriced = Counter()
    for user, day, *money, videos in lines.annotate(videos=Sum("videos")).iterator(AT_ONCE):
        for period, start in (("month", day.replace(day=1)), ("day", day)):
            for whose in (None, user):
                unpriced[whose, period, start, *money] += videos
    for (user, period, start, backend, currency), videos in unpriced.items():
        if videos:
            uses = BudgetUse.objects.filter(user=user, period=period, start=start, backend=backend, currency=currency)
            uses.update(unpriced=videos)


class Migration(migrations.Migration):
    dependencies = [("videos", "0046_notice_choices")]

    operations = [
        migrations.AddField(
            "budgetuse",
            "unpriced",
            models.IntegerField(default=0, help_text="Of the videos: those without a price."),
        ),
        migrations.RemoveIndex("generation", "generation_provider_tab"),
        index("generation_provider_tab", "owner", "provider", "tab", "-id"),
        index("generation_shared_kind", "provider", "tab", "-id", condition=SHARED),
        index("generation_held", "day", "owner", condition=HELD),
        index("generation_made", "created_at", "id"),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
