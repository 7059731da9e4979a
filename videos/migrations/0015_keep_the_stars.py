"""Every owner keeps their stars; every prompt gets its searchable text, and line feeds at the ends of its lines."""

import unicodedata

from django.db import migrations

AT_ONCE = 1000
PART_OF_THE_LETTER = {7, 8, 9}


# As videos/text.py had these when this was written.
def with_line_feeds(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")


def folded(text):
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFKC", "".join(letter for letter in decomposed if not is_accent(letter)))


def is_accent(letter):
    kind = unicodedata.combining(letter)
    return bool(kind) and kind not in PART_OF_THE_LETTER


def keep_the_stars(apps, schema_editor):
    Generation, Favourite = apps.get_model("videos", "Generation"), apps.get_model("videos", "Favourite")
    starred = Generation.objects.filter(favourite=True).values_list("owner_id", "pk")
    stars = (Favourite(user_id=owner, generation_id=pk) for owner, pk in starred.iterator(AT_ONCE))
    Favourite.objects.bulk_create(stars, batch_size=AT_ONCE)


def fold_the_prompts(apps, schema_editor):
    Generation = apps.get_model("videos", "Generation")
    last = 0
    while rows := list(Generation.objects.filter(pk__gt=last).order_by("pk").only("pk", "prompt")[:AT_ONCE]):
        for row in rows:
            row.prompt = with_line_feeds(row.prompt)
            row.search_text = folded(row.prompt)
        Generation.objects.bulk_update(rows, ["prompt", "search_text"], batch_size=200)
        last = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [("videos", "0014_favourites_and_search")]

    operations = [
        migrations.RunPython(keep_the_stars, migrations.RunPython.noop),
        migrations.RunPython(fold_the_prompts, migrations.RunPython.noop),
    ]
