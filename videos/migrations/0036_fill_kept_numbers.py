"""The kept numbers of what there is already, computed from the rows once; the code of today keeps them from then on."""

from collections import defaultdict
from decimal import Decimal

from django.db import migrations
from django.db.models import Count, Q, Sum

AT_ONCE = 2000
NOT_ITS_FAULT = {"refused", "picture", "invalid", "credits", "plan", "key", "cancelled"}
SAMPLES = 20
COUNTS = ("made", "cancelled", "saved", "failed", "excused", "size")


def fill(apps, schema_editor):
    get = lambda name: apps.get_model("videos", name)  # noqa: E731
    fill_money(get("LedgerEntry"), get("SpendDay"), get("BudgetUse"))
    fill_usage(get("Generation"), get("UsageDay"))
    fill_storage(get("Generation"), get("OwnerStorage"))
    fill_records(get("Generation"), get("ProviderRecord"))


def fill_money(LedgerEntry, SpendDay, BudgetUse):
    names = ("user", "provider", "day", "backend", "currency")
    sums = LedgerEntry.objects.order_by().values_list(*names).annotate(videos=Sum("videos"), amount=Sum("amount"))
    days, uses = [], defaultdict(lambda: [0, Decimal(0)])
    for user, provider, day, backend, currency, videos, amount in sums.iterator(AT_ONCE):
        money = {"backend": backend, "currency": currency, "videos": videos, "amount": amount}
        days.append(SpendDay(owner_id=user, provider_id=provider, day=day, **money))
        for period, start in (("month", day.replace(day=1)), ("day", day)):
            for whose in (None, user):
                use = uses[whose, period, start, backend, currency]
                use[0], use[1] = use[0] + videos, use[1] + amount
    SpendDay.objects.bulk_create(days, batch_size=AT_ONCE)
    BudgetUse.objects.bulk_create(
        (
            BudgetUse(
                user_id=user,
                period=period,
                start=start,
                backend=backend,
                currency=currency,
                videos=videos,
                amount=amount,
            )
            for (user, period, start, backend, currency), (videos, amount) in uses.items()
        ),
        batch_size=AT_ONCE,
    )


def fill_usage(Generation, UsageDay):
    counts, waits = defaultdict(lambda: dict.fromkeys(COUNTS, 0)), defaultdict(lambda: defaultdict(int))
    names = ("owner_id", "provider_id", "day", "backend", "status", "error_class")
    rows = Generation.objects.order_by().values_list(*names, "sent_at", "completed_at", "saved_video__size")
    for *key, status, error_class, sent_at, completed_at, size in rows.iterator(AT_ONCE):
        row = counts[tuple(key)]
        row["made"] += 1
        row["cancelled"] += status == "cancelled"
        row["failed"] += status == "failed"
        row["excused"] += status == "failed" and error_class in NOT_ITS_FAULT
        row["saved"] += status == "ready"
        row["size"] += (size or 0) if status == "ready" else 0
        if status == "ready" and sent_at and completed_at:
            waits[tuple(key)][bucket((completed_at - sent_at).total_seconds())] += 1
    UsageDay.objects.bulk_create(
        (
            UsageDay(owner_id=key[0], provider_id=key[1], day=key[2], backend=key[3], waits=dict(waits[key]), **row)
            for key, row in counts.items()
        ),
        batch_size=AT_ONCE,
    )


def bucket(seconds):
    step = 1 if seconds < 100 else 5 if seconds < 600 else 60
    return str(round(seconds / step) * step)


def fill_storage(Generation, OwnerStorage):
    in_trash = Q(trashed_at__isnull=False)
    saved = Generation.objects.filter(saved_video__isnull=False).order_by().values_list("owner_id")
    sums = saved.annotate(
        videos=Count("pk"),
        size=Sum("saved_video__size"),
        trashed=Count("pk", filter=in_trash),
        trashed_size=Sum("saved_video__size", filter=in_trash, default=0),
    )
    for owner, videos, size, trashed, trashed_size in list(sums):
        OwnerStorage.objects.create(
            owner_id=owner, videos=videos, size=size, trashed=trashed, trashed_size=trashed_size
        )


def fill_records(Generation, ProviderRecord):
    accepted = Generation.objects.filter(remote_id__isnull=False, sent_at__isnull=False, ended_at__isnull=False)
    ended = accepted.filter(Q(status="ready") | Q(status="failed") & ~Q(error_class__in=NOT_ITS_FAULT))
    for provider, backend in list(ended.order_by().values_list("provider_id", "backend").distinct()):
        rows = ended.filter(provider=provider, backend=backend).order_by("-pk")
        rows = rows.values_list("status", "sent_at", "completed_at")[:SAMPLES]
        newest = [[took(sent, completed), status == "ready"] for status, sent, completed in rows]
        ProviderRecord.objects.create(provider_id=provider, backend=backend, newest=newest)


def took(sent_at, completed_at):
    return round((completed_at - sent_at).total_seconds(), 3) if completed_at else None


def forget(apps, schema_editor):
    for name in ("SpendDay", "BudgetUse", "UsageDay", "OwnerStorage", "ProviderRecord"):
        apps.get_model("videos", name).objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("videos", "0035_kept_numbers")]
    operations = [migrations.RunPython(fill, forget)]
