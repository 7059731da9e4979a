"""The stars stand in a table of their own now."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("videos", "0015_keep_the_stars")]

    operations = [migrations.RemoveField(model_name="generation", name="favourite")]
