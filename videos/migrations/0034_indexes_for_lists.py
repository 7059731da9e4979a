"""Each list of the gallery and each question of the engine has its index."""

from django.db import migrations, models
from django.db.models import Q

KEPT = Q(("trashed_at__isnull", True))
SHARED = Q(("shared", True), ("trashed_at__isnull", True))


def index(name, *fields, condition=None):
    return migrations.AddIndex("generation", models.Index(fields=fields, name=name, condition=condition))


class Migration(migrations.Migration):
    dependencies = [("videos", "0033_fill_what_lists_need")]

    operations = [
        index("generation_lease", "lease_token", condition=Q(("lease_token__isnull", False))),
        index("generation_unsettled", "id", condition=Q(("remote_id__isnull", False), ("settled", False))),
        index("generation_kept", "owner", "-id", condition=KEPT),
        index("generation_tab", "owner", "tab", "-id"),
        index("generation_of_provider", "owner", "provider", "-id", condition=KEPT),
        index("generation_shared", "-id", condition=SHARED),
        index("generation_shared_tab", "tab", "-id", condition=SHARED),
        index("generation_provider_tab", "owner", "provider", "tab"),
        index("generation_shared_provider", "provider", "-id", condition=SHARED),
        index("generation_sharers", "owner", condition=SHARED),
        index("generation_ended", "provider", "-id", condition=Q(("ended_at__isnull", False))),
        migrations.AddConstraint(
            "generation",
            models.UniqueConstraint(fields=("remote_id", "backend"), name="one_row_for_each_remote_id"),
        ),
    ]
