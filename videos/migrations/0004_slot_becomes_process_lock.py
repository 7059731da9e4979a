from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("videos", "0003_failed_polls"),
    ]

    operations = [
        migrations.RenameModel(old_name="Slot", new_name="ProcessLock"),
    ]
