"""Whether a person's gallery shows batches as stacks, and a third size of its cards."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0027_alarms")]
    operations = [
        migrations.AddField("preferences", "stacks", models.BooleanField(default=True)),
        migrations.AlterField(
            "preferences",
            "density",
            models.CharField(
                choices=[
                    ("comfortable", "Comfortable"),
                    ("compact", "Compact: smaller cards, more of them"),
                    ("large", "Large: larger cards, fewer of them"),
                ],
                default="comfortable",
                max_length=12,
            ),
        ),
    ]
