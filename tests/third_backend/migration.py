"""Goes to videos/migrations/, after the last one."""

from django.db import migrations


def add_provider(apps, schema_editor):
    apps.get_model("videos", "Provider").objects.create(
        value="dream_1", name="Dream 1", family="Dreamlane", backend="dreamlane", ratios=["16:9"], seconds=[5]
    )


class Migration(migrations.Migration):
    dependencies = [("videos", "LAST")]
    operations = [migrations.RunPython(add_provider, migrations.RunPython.noop)]
