"""What belongs to a remote API names it: providers, generations, accounts and copies of pictures.

Everything that 0.1.0 stored is of HeyGen's workflow API, or was drawn by the demo server in its place. The one account
row becomes one for each of the two, so that whatever was paused stays paused in either mode.

Backwards, rows of demo mode are marked as such again, so that none is ever sent for real. 0.1.0 knows no other API than
the workflow API: rows of another one are counted as its, and 0012 gives those of HeyGen's own model back.
"""

import django.db.models.deletion
from django.db import migrations, models

WORKFLOWS = "heygen_workflows"
DEMO = f"demo:{WORKFLOWS}"


def name_the_backends(apps, schema_editor):
    get = lambda name: apps.get_model("videos", name)  # noqa: E731
    get("Provider").objects.update(backend=WORKFLOWS)
    get("Generation").objects.filter(demo=False).update(backend=WORKFLOWS)
    get("Generation").objects.filter(demo=True).update(backend=DEMO)
    account = get("RemoteAccount").objects.order_by("pk").first()
    if account:
        get("RemoteAccount").objects.exclude(pk=account.pk).delete()
        for backend in (WORKFLOWS, DEMO):
            account.backend = backend
            account.save()
            account.pk, account._state.adding = None, True
    copies = get("RemoteCopy").objects
    for picture in get("Picture").objects.exclude(remote_url="").iterator():
        copies.create(
            picture=picture,
            backend=DEMO if picture.remote_is_demo else WORKFLOWS,
            asset_id=picture.remote_asset_id,
            address=picture.remote_url,
            made_at=picture.remote_made_at,
        )


def mark_what_is_demo(apps, schema_editor):
    apps.get_model("videos", "Generation").objects.filter(backend__startswith="demo:").update(demo=True)
    accounts = apps.get_model("videos", "RemoteAccount").objects
    if accounts.filter(paused=True).exists():  # 0.1.0 has one account: what any of them stopped stays stopped
        accounts.update(paused=True)


class Migration(migrations.Migration):
    dependencies = [("videos", "0006_changes_in_commit_order")]

    operations = [
        migrations.CreateModel(
            name="DatabaseLock",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=32, unique=True)),
            ],
        ),
        migrations.CreateModel(
            name="RemoteCopy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("backend", models.CharField(max_length=64)),
                ("asset_id", models.CharField(blank=True, max_length=200)),
                ("address", models.TextField(blank=True, editable=False)),
                ("made_at", models.DateTimeField(blank=True, null=True)),
                ("upload_until", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "picture",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="remote_copies", to="videos.picture"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "remote copies",
                "constraints": [
                    models.UniqueConstraint(fields=("picture", "backend"), name="a_backend_has_a_picture_once")
                ],
            },
        ),
        migrations.AddField(
            "provider",
            "backend",
            models.CharField(default=WORKFLOWS, help_text="The remote API that makes its videos.", max_length=48),
        ),
        migrations.AddField(
            "generation",
            "backend",
            models.CharField(
                help_text="The remote API that makes it; demo: is drawn here.", max_length=64, default=WORKFLOWS
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "remoteaccount", "backend", models.CharField(max_length=64, default=""), preserve_default=False
        ),
        migrations.AddField(
            "generation",
            "repeat_key",
            models.CharField(blank=True, editable=False, max_length=64, default=""),
            preserve_default=False,
        ),
        migrations.AddField("generation", "first_sent_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("generation", "repeats", models.PositiveIntegerField(default=0)),
        migrations.AddField(
            "generation",
            "remote_facts",
            models.JSONField(blank=True, default=dict, help_text="Of the video: seed, width, height, seconds."),
        ),
        migrations.RunPython(name_the_backends, mark_what_is_demo),
    ]
