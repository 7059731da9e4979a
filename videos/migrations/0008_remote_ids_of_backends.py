"""Remote ids are unique within their backend; what 0007 has moved elsewhere goes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0007_backends")]

    operations = [
        migrations.AlterModelOptions("remoteaccount", {"verbose_name": "remote account"}),
        migrations.RemoveConstraint("generation", "what_runs_has_an_execution"),
        migrations.RenameField("generation", "execution_id", "remote_id"),
        migrations.AlterField("generation", "remote_id", models.CharField(blank=True, max_length=200, null=True)),
        migrations.AlterField("remoteaccount", "backend", models.CharField(max_length=64, unique=True)),
        migrations.AddConstraint(
            "generation",
            models.CheckConstraint(
                condition=~models.Q(status__in=["running", "saving", "ready"]) | models.Q(remote_id__isnull=False),
                name="what_runs_has_a_remote_id",
            ),
        ),
        migrations.AddConstraint(
            "generation",
            models.UniqueConstraint(fields=("backend", "remote_id"), name="a_remote_id_is_kept_once"),
        ),
        migrations.RemoveField("generation", "demo"),
        *(
            migrations.RemoveField("picture", name)
            for name in ("remote_asset_id", "remote_url", "remote_made_at", "remote_is_demo", "upload_until")
        ),
    ]
