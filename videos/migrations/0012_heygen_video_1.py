"""HeyGen's own model, with its limits and list prices as data.

Backwards, it stays, because videos name it. Forwards again, its videos are again those of its API.
"""

from datetime import date

from django.db import migrations

BACKEND = "heygen_models"
WORKFLOWS = "heygen_workflows"
ONLY_WIDE_OR_TALL = ["16:9", "9:16"]
KEYS = [
    {"key": "duration", "label": "Seconds", "type": "integer", "min": 5, "max": 30, "default": 5},
    {
        "key": "resolution",
        "label": "Resolution",
        "type": "string",
        "choices": ["480p", "768p", "1080p", "2k"],
        "default": "768p",
        "ratios": {"1080p": ONLY_WIDE_OR_TALL, "2k": ONLY_WIDE_OR_TALL},
    },
    {"key": "seed", "label": "Seed", "type": "integer", "min": 0, "max": 2**32 - 1},
    {
        "key": "prompt_enhancement",
        "label": "Prompt enhancement",
        "type": "string",
        "choices": ["turbo", "quality", "ultraquality", "disabled"],
        "default": "quality",
    },
]
DESCRIPTION = "HeyGen's own model, from text or from a start frame"
SOURCE = "HeyGen's help article 17272995; 1080p and 2k derived there"
PRICES = {"480p": "0.02", "768p": "0.03", "1080p": "0.09", "2k": "0.09"}  # USD per second, from text or an image


def add_provider(apps, schema_editor):
    get = lambda name: apps.get_model("videos", name)  # noqa: E731
    provider, made = get("Provider").objects.get_or_create(
        value="heygen_video_1",
        defaults={
            "backend": BACKEND,
            "name": "HeyGen Video 1",
            "family": "HeyGen",
            "description": DESCRIPTION,
            "position": 140,
            "ratios": ["21:9", "16:9", "4:3", "1:1", "3:4", "9:16"],
            "seconds": list(range(5, 16)),
            "start_frame": "yes",
            "end_frame": "no",
            "sound": True,
            "prompt_limit": 16000,
            "config_keys": KEYS,
            "is_strict": True,
            "widest_picture": 4,
        },
    )
    if provider.description == DESCRIPTION and not made:  # by this migration, before somebody went back
        for prefix in ("", "demo:"):
            rows = get("Generation").objects.filter(provider=provider, backend=prefix + WORKFLOWS)
            rows.update(backend=prefix + BACKEND)
    if not made:  # an administrator was first, when no such API was known
        provider.backend, provider.is_strict, provider.config_keys = BACKEND, True, KEYS
        provider.end_frame, provider.widest_picture = "no", 4
        provider.save()
    for resolution, price in PRICES.items():
        facts = {"price": price, "source": SOURCE, "as_of": date(2026, 11, 25)}
        case = {"provider": provider, "resolution": resolution, "mode": "", "from_seconds": 0}
        get("ProviderPrice").objects.get_or_create(**case, defaults=facts)


def keep_what_people_paused(apps, schema_editor):
    """Whoever paused all sending meant this API too."""
    accounts = apps.get_model("videos", "RemoteAccount").objects
    for prefix in ("", "demo:"):
        known = accounts.filter(backend=prefix + WORKFLOWS).first()
        if known is None:
            continue
        paused = {}
        if known.paused and known.pause_cause in {"owner", "restored"}:
            names = ("paused", "pause_cause", "pause_sentence", "paused_at")
            paused = {name: getattr(known, name) for name in names}
        accounts.get_or_create(backend=prefix + BACKEND, defaults=paused)


class Migration(migrations.Migration):
    dependencies = [("videos", "0011_prices_limits_and_accounts")]

    operations = [
        migrations.RunPython(add_provider, migrations.RunPython.noop),
        migrations.RunPython(keep_what_people_paused, migrations.RunPython.noop),
    ]
