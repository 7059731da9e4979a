"""The contract's thirteen providers, with what their vendors document as advice.

A provider whose vendor has ended the model upstream stays offered: the remote side maps names as it likes. It
bears a note, and an administrator can pause or retire it. Backwards, providers stay, because videos name them; forwards
again, those that are there stay as they are.
"""

from django.db import migrations

DURATION = "duration"
COMMON = ["16:9", "9:16"]
SQUARE = ["16:9", "9:16", "1:1"]
WIDE = ["16:9", "9:16", "1:1", "4:3", "3:4", "21:9"]
ENDED_JUNE = "Google ended this model in June 2026."
ENDED_SEPTEMBER = "OpenAI shut this model down in September 2026."

# value, name, family, description, ratios, seconds, start frame, end frame, sound, prompt limit, note
PROVIDERS = [
    ("veo_3_1", "VEO 3.1", "VEO", "Google VEO 3.1 (default, highest quality)", COMMON, [4, 6, 8], "yes", "yes", True, None, ""),
    ("veo_3_1_fast", "VEO 3.1 Fast", "VEO", "Faster VEO 3.1 variant", COMMON, [4, 6, 8], "yes", "yes", True, None, ""),
    ("veo3", "VEO 3", "VEO", "Google VEO 3", COMMON, [4, 6, 8], "yes", "no", True, None, ENDED_JUNE),
    ("veo3_fast", "VEO 3 Fast", "VEO", "Faster VEO 3 variant", COMMON, [4, 6, 8], "yes", "no", True, None, ENDED_JUNE),
    ("veo2", "VEO 2", "VEO", "Google VEO 2", COMMON, [5, 6, 7, 8], "yes", "no", False, None, ENDED_JUNE),
    ("kling_pro", "Kling Pro", "Kling", "Kling Pro model", SQUARE, [5, 10], "yes", "yes", False, 2500, ""),
    ("kling_v2", "Kling V2", "Kling", "Kling V2 model", SQUARE, [5, 10], "yes", "unknown", False, 2500, ""),
    ("sora_v2", "Sora V2", "Sora", "OpenAI Sora V2", COMMON, [4, 8, 12], "yes", "no", True, None, ENDED_SEPTEMBER),
    ("sora_v2_pro", "Sora V2 Pro", "Sora", "OpenAI Sora V2 Pro", COMMON, [4, 8, 12], "yes", "no", True, None, ENDED_SEPTEMBER),
    ("runway_gen4", "Runway Gen-4", "Runway", "Runway Gen-4", WIDE, [5, 10], "needed", "no", False, 1000, ""),
    ("seedance_lite", "Seedance Lite", "Seedance", "Seedance Lite", WIDE, list(range(2, 13)), "yes", "yes", False, None, ""),
    ("seedance_pro", "Seedance Pro", "Seedance", "Seedance Pro", WIDE, list(range(2, 13)), "yes", "yes", False, None, ""),
    ("ltx_distilled", "LTX Distilled", "LTX", "LTX Distilled (fastest)", SQUARE, [5], "yes", "unknown", False, None, ""),
]  # fmt: skip

FAMILY_KEYS = {
    "VEO": [{"key": "generate_audio", "label": "Sound", "type": "boolean"}],
    "Kling": [{"key": "cfg_scale", "label": "How closely to follow the prompt (0 to 1)", "type": "number"}],
    "Seedance": [{"key": "camera_fixed", "label": "Fixed camera", "type": "boolean"}],
    "LTX": [{"key": "num_frames", "label": "Frames", "type": "integer"}],
}
ALTERNATIVES = {"veo3": "veo_3_1", "veo3_fast": "veo_3_1_fast", "veo2": "veo_3_1", "sora_v2": "veo_3_1", "sora_v2_pro": "veo_3_1"}  # fmt: skip


def config_keys(family, seconds):
    return [
        {"key": DURATION, "label": "Seconds", "type": "integer", "choices": seconds},
        {"key": "resolution", "label": "Resolution", "type": "string", "choices": ["480p", "720p", "1080p"]},
        {"key": "seed", "label": "Seed", "type": "integer"},
        {"key": "negative_prompt", "label": "What to avoid", "type": "string"},
        *FAMILY_KEYS.get(family, []),
    ]


def add_providers(apps, schema_editor):
    Provider = apps.get_model("videos", "Provider")
    added = set()
    for position, row in enumerate(PROVIDERS, start=1):
        value, name, family, description, ratios, seconds, start, end, sound, limit, note = row
        facts = {
            "name": name,
            "family": family,
            "description": description,
            "position": position * 10,
            "ratios": ratios,
            "seconds": seconds,
            "start_frame": start,
            "end_frame": end,
            "sound": sound,
            "prompt_limit": limit,
            "note": note,
            "config_keys": config_keys(family, seconds),
        }
        if Provider.objects.get_or_create(value=value, defaults=facts)[1]:
            added.add(value)
    for value, other in ALTERNATIVES.items():
        if value not in added:
            continue
        Provider.objects.filter(value=value).update(alternative=Provider.objects.get(value=other))


class Migration(migrations.Migration):
    dependencies = [("videos", "0001_initial")]
    operations = [migrations.RunPython(add_providers, migrations.RunPython.noop)]
