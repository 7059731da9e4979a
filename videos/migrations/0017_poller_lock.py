from django.db import migrations


def rename(apps, schema_editor):
    apps.get_model("videos", "ProcessLock").objects.filter(name="pump").update(name="poller")


class Migration(migrations.Migration):
    dependencies = [("videos", "0016_no_star_on_the_generation")]
    operations = [migrations.RunPython(rename, migrations.RunPython.noop)]
