"""The default was a function of the studio, which 0007 had to import. Provider.save() fills the field instead."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0055_models_that_the_remote_does_not_know")]

    operations = [
        migrations.AlterField(
            "provider", "backend", models.CharField(help_text="The remote API that makes its videos.", max_length=48)
        ),
    ]
