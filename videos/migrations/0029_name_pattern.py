"""The pattern by which a person's downloaded files are named."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0028_stacks")]
    operations = [
        migrations.AddField("preferences", "name_pattern", models.CharField(blank=True, default="", max_length=200))
    ]
