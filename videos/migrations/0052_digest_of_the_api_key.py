from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0051_indexes_for_the_admin")]

    operations = [
        migrations.AddField(
            "generation", "key_digest", models.CharField(max_length=32, null=True, blank=True, editable=False)
        ),
    ]
