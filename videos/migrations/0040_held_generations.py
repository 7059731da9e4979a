from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0039_outgoing_notices")]

    operations = [
        migrations.AddField(
            model_name="generation",
            name="held_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
