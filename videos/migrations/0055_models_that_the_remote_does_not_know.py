from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0054_seconds_of_the_held_price")]

    operations = [
        migrations.AddField("provider", "unknown_since", models.DateTimeField(null=True, blank=True, editable=False)),
    ]
