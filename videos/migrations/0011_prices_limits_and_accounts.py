import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("videos", "0010_password_links_end_with_the_password"),
    ]

    operations = [
        migrations.AddField(
            model_name="provider",
            name="is_strict",
            field=models.BooleanField(
                default=False,
                help_text="Refuse what is not listed above, before anything is sent, instead of advising only.",
            ),
        ),
        migrations.AddField(
            model_name="provider",
            name="widest_picture",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="A start frame may be so many times wider than high, or higher than wide.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="remoteaccount",
            name="balance",
            field=models.DecimalField(blank=True, decimal_places=4, max_digits=16, null=True),
        ),
        migrations.AddField(
            model_name="remoteaccount",
            name="balance_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="remoteaccount",
            name="balance_unit",
            field=models.CharField(blank=True, help_text="A currency, or credits.", max_length=12),
        ),
        migrations.AddField(
            model_name="remoteaccount",
            name="end_noticed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="remoteaccount",
            name="end_was_accepted",
            field=models.BooleanField(default=False, help_text="Somebody resumed in spite of the notice."),
        ),
        migrations.AddField(
            model_name="remoteaccount",
            name="end_words",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="remoteaccount",
            name="ends_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="remoteaccount",
            name="plan",
            field=models.CharField(blank=True, max_length=60),
        ),
        migrations.AddField(
            model_name="remoteaccount",
            name="trusts_repeats",
            field=models.BooleanField(
                default=True,
                help_text="Where the API documents that the same request under the same key is made once: a lost reply is asked for again by itself. Without it, a lost reply is an unknown outcome that a person resolves.",
                verbose_name="trust safe repetition",
            ),
        ),
        migrations.CreateModel(
            name="ProviderPrice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "resolution",
                    models.CharField(
                        blank=True, help_text="As in its setting, such as 768p; empty: any.", max_length=16
                    ),
                ),
                (
                    "mode",
                    models.CharField(
                        blank=True,
                        choices=[("", "Any"), ("text", "From text alone"), ("image", "From a start frame")],
                        default="",
                        max_length=8,
                    ),
                ),
                (
                    "from_seconds",
                    models.PositiveSmallIntegerField(default=0, help_text="For videos of this length or longer."),
                ),
                ("price", models.DecimalField(decimal_places=4, max_digits=9)),
                (
                    "unit",
                    models.CharField(
                        choices=[("video", "per video"), ("second", "per second")], default="second", max_length=8
                    ),
                ),
                ("source", models.CharField(blank=True, help_text="Where this price was read.", max_length=200)),
                ("as_of", models.DateField(blank=True, help_text="The day on which it was read.", null=True)),
                (
                    "provider",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="prices", to="videos.provider"
                    ),
                ),
            ],
            options={
                "ordering": ["provider", "resolution", "mode", "from_seconds"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("provider", "resolution", "mode", "from_seconds"), name="one_price_for_each_case"
                    )
                ],
            },
        ),
    ]
