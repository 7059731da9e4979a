from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("videos", "0047_bounded_filters")]

    operations = [migrations.RenameField("generation", "followed_at", "polled_since")]
