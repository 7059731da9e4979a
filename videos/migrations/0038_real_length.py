"""What is priced by the second counts at its real length: a new kind of ledger entry. No row changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("videos", "0037_review"),
    ]

    operations = [
        migrations.AlterField(
            model_name="ledgerentry",
            name="kind",
            field=models.CharField(
                choices=[("hold", "Hold"), ("settle", "Settle"), ("release", "Release"), ("length", "Real length")],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="videos",
            field=models.SmallIntegerField(help_text="1 for a hold, -1 for a release, else 0."),
        ),
    ]
