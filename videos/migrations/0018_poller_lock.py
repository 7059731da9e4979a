from django.db import migrations


def rename(apps, schema_editor):
    apps.get_model("videos", "ProcessLock").objects.filter(name="pump").update(name="poller")


class Migration(migrations.Migration):
    dependencies = [("videos", "0017_error_codes")]
    operations = [migrations.RunPython(rename, migrations.RunPython.noop)]
