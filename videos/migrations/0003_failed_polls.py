from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("videos", "0002_the_contracts_providers"),
    ]

    operations = [
        migrations.AddField(
            model_name="generation",
            name="failed_polls",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
