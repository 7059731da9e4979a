from django.db import migrations, models
from django.utils import timezone

HELP = "Somebody resumed after the announced end, which pauses nothing again."


def keep_moment(apps, schema_editor):
    """The moment was not kept: now, because no notice that was accepted may pause sending again."""
    accounts = apps.get_model("videos", "RemoteAccount").objects
    accounts.filter(end_was_accepted=True).update(end_accepted_at=timezone.now())


def keep_answer(apps, schema_editor):
    apps.get_model("videos", "RemoteAccount").objects.filter(end_accepted_at__isnull=False).update(
        end_was_accepted=True
    )


class Migration(migrations.Migration):
    dependencies = [("videos", "0052_digest_of_the_api_key")]

    operations = [
        migrations.AddField(
            "remoteaccount", "end_accepted_at", models.DateTimeField(null=True, blank=True, help_text=HELP)
        ),
        migrations.RunPython(keep_moment, keep_answer),
        migrations.RemoveField("remoteaccount", "end_was_accepted"),
    ]
