import hashlib

from django.db import migrations, models
from django.utils import timezone


def fill_open_links(apps, schema_editor):
    """Links that were open before this column existed hold for the password of today."""
    rows = apps.get_model("videos", "OneTimeLink").objects.filter(purpose="password", used_at=None)
    for link in rows.filter(expires_at__gt=timezone.now()).select_related("for_user"):
        link.password_state = hashlib.sha256(link.for_user.password.encode()).hexdigest()
        link.save(update_fields=["password_state"])


class Migration(migrations.Migration):
    dependencies = [("videos", "0009_codecs")]
    operations = [
        migrations.AddField(
            "onetimelink", "password_state", models.CharField(blank=True, editable=False, max_length=64)
        ),
        migrations.RunPython(fill_open_links, migrations.RunPython.noop),
    ]
