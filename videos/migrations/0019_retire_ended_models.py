"""The models that their makers have ended are retired: shown folded, with what to use instead, and not offered."""

from django.db import migrations

# As 0002 described them. What an administrator has written or changed since stays.
ENDED = {
    "veo3": "Google ended this model in June 2026.",
    "veo3_fast": "Google ended this model in June 2026.",
    "veo2": "Google ended this model in June 2026.",
    "sora_v2": "OpenAI shut this model down in September 2026.",
    "sora_v2_pro": "OpenAI shut this model down in September 2026.",
}


def retire(apps, schema_editor):
    Provider = apps.get_model("videos", "Provider")
    for value, note in ENDED.items():
        Provider.objects.filter(value=value, note=note, state="active").update(state="retired")


def offer_again(apps, schema_editor):
    Provider = apps.get_model("videos", "Provider")
    for value, note in ENDED.items():
        Provider.objects.filter(value=value, note=note, state="retired").update(state="active")


class Migration(migrations.Migration):
    dependencies = [("videos", "0018_poller_lock")]
    operations = [migrations.RunPython(retire, offer_again)]
