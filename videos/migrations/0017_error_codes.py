"""Rows keep a code instead of a sentence; what fits no sentence of 0.1.0 is kept as it is, and told as it is."""

from django.db import migrations, models

# The sentences that 0.1.0 stored, and the code for each. Not taken from the code of today, whose words may change.
CODES = {
    "The provider refused the prompt or a picture, so there is no video. HeyGen may have charged for it; Retry makes a new video, which costs again. Reword it first.": "failure.refused",
    "The start or end frame could not be used, so there is no video. HeyGen may have charged for it; Retry makes a new video, which costs again.": "failure.picture",
    "The HeyGen account ran out of credits, so there is no video. Top it up, then retry.": "failure.credits",
    "The HeyGen account's plan does not allow this, so there is no video. Try another provider.": "failure.plan",
    "The provider did not accept this request, so there is no video. HeyGen may have charged for it; Retry makes a new video, which costs again. Edit it first.": "failure.invalid",
    "HeyGen no longer knows this execution, so there is no video to fetch. HeyGen may have charged for it; Retry makes a new video, which costs again.": "failure.not_found",
    "The provider could not make this video. HeyGen may have charged for it; Retry makes a new video, which costs again.": "failure.other",
    "The connection to HeyGen broke before its answer came.": "lost.network",
    "HeyGen answered with a fault of its own.": "lost.fault",
    "HeyGen's answer could not be read.": "lost.unreadable",
    "The studio was interrupted while it was sending.": "lost.interrupted",
    "The studio lost HeyGen's answer.": "lost.studio",
    "HeyGen answered with an execution that belongs to another generation of this studio.": "lost.repeated",
    "HeyGen's answer does not say whether it took this request.": "lost.other",
    "HeyGen did not accept the start or end frame. Nothing was made; try another picture.": "frame.invalid",
    "HeyGen refused the start or end frame. Nothing was made; try another picture.": "frame.refused",
    "The HeyGen account's plan takes no pictures. Nothing was made; give the frame's web address instead.": "frame.plan",
    "HeyGen no longer takes pictures this way. Nothing was made; give the frame's web address instead.": "frame.retired",
    "The start or end frame's file is missing in the studio. Nothing was made; add the picture again.": "frame.missing",
    "HeyGen did not accept the API key. Nothing was made and nothing was charged; retry once the key is right.": "refusal.key",
    "The HeyGen account had run out of credits. Nothing was made and nothing was charged; retry once it is topped up.": "refusal.credits",
    "HeyGen no longer offered this call. Nothing was made and nothing was charged; retry once it does.": "refusal.retired",
    "HeyGen was too busy to take this. Nothing was made and nothing was charged; Retry sends it again.": "refusal.busy",
    "HeyGen did not accept this request as it stands. Nothing was made; edit it and try again.": "refusal.invalid",
    "HeyGen could not fetch the start or end frame. Nothing was made; try another picture.": "refusal.picture",
    "The prompt or a picture was refused by the provider. Nothing was saved; reword it and try again.": "refusal.refused",
    "HeyGen did not accept the API key. Nothing is sent until the key is put right.": "refusal.key",
    "The HeyGen account has run out of credits. Nothing is sent until it is topped up.": "refusal.credits",
    "The HeyGen account's plan does not allow this. Nothing was made.": "refusal.plan",
    "HeyGen no longer offers this call. Nothing was made, and nothing more is sent.": "refusal.retired",
    "HeyGen does not know this execution.": "refusal.not_found",
    "HeyGen says the request is too large. Nothing was made; use a smaller picture or shorter prompt.": "refusal.too_large",
    "HeyGen is busy. This waits for its turn and is sent by itself; nothing was charged.": "refusal.busy",
    "HeyGen could not be reached.": "refusal.network",
}


def turn_sentences_into_codes(apps, schema_editor):
    rows = apps.get_model("videos", "Generation").objects.exclude(error_code="")
    for words in list(rows.values_list("error_code", flat=True).order_by().distinct()):
        if words in CODES:
            rows.filter(error_code=words).update(error_code=CODES[words])


class Migration(migrations.Migration):
    dependencies = [("videos", "0016_no_star_on_the_generation")]

    operations = [
        migrations.RenameField("generation", "error_message", "error_code"),
        migrations.AlterField(
            "generation",
            "error_code",
            models.TextField(blank=True, help_text="situation.cause, see videos/wording.py; or older words."),
        ),
        migrations.RunPython(turn_sentences_into_codes, migrations.RunPython.noop),
    ]
