"""Owners and each person choose the kinds of their notices one by one, and whether a notice quotes prompts."""

from django.db import migrations, models

FINISHED, PROBLEMS = ["finished"], ["failed", "needs_person", "budget"]


def to_kinds(apps, schema_editor):
    preferences = apps.get_model("videos", "Preferences").objects.exclude(notify_urls_stored="")
    for finished in (True, False):
        for problems in (True, False):
            kinds = FINISHED * finished + PROBLEMS * problems
            preferences.filter(notify_finished=finished, notify_problems=problems).update(notify_kinds=kinds)


def to_two_switches(apps, schema_editor):
    for row in apps.get_model("videos", "Preferences").objects.exclude(notify_urls_stored=""):
        row.notify_finished = row.notify_kinds is None or "finished" in row.notify_kinds
        row.notify_problems = row.notify_kinds is None or bool(set(PROBLEMS) & set(row.notify_kinds))
        row.save(update_fields=["notify_finished", "notify_problems"])


class Migration(migrations.Migration):
    dependencies = [
        ("videos", "0045_review_news"),
    ]

    operations = [
        *[
            migrations.AddField(model_name=model, name=name, field=field)
            for model in ("preferences", "studiosettings")
            for name, field in (
                ("notify_kinds", models.JSONField(blank=True, editable=False, null=True)),
                ("notify_prompts", models.BooleanField(blank=True, editable=False, null=True)),
            )
        ],
        migrations.RunPython(to_kinds, to_two_switches),
        migrations.RemoveField(model_name="preferences", name="notify_finished"),
        migrations.RemoveField(model_name="preferences", name="notify_problems"),
        migrations.AlterField(
            model_name="alarm",
            name="kind",
            field=models.CharField(
                choices=[
                    ("disk", "The disk is nearly full"),
                    ("backup", "The backup failed"),
                    ("sending", "Sending is paused"),
                    ("budget", "The budget is used up"),
                    ("own_budget", "Your budget is used up"),
                    ("worker", "The worker is not running"),
                ],
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="alarm",
            name="subject",
            field=models.CharField(
                blank=True, help_text="The host, the API or the member that it is about.", max_length=64
            ),
        ),
    ]
