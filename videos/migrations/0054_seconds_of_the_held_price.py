from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0053_when_an_end_was_accepted")]

    operations = [
        migrations.AddField("generation", "held_seconds", models.FloatField(null=True, blank=True, editable=False)),
    ]
