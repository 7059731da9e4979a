"""What a downloaded file is called: the prompt's own words in any script, and a name that every system can keep."""

import unicodedata
from collections.abc import Iterable

from django.utils import timezone

from videos.models import Generation

MOST_CHARACTERS = 60
MOST_BYTES = 180  # of the 255 that file systems allow: provider, ratio, seed, time and a number follow
VIRAMA = 9  # the combining class of what joins two Indic consonants
JOINERS = "\u200c\u200d"  # part of words in Persian and Indic scripts


def download_name(generation: Generation) -> str:
    """Named by prompt and time: "a drone shot over a coastal city 2026-03-01 1402.mp4"."""
    return f"{words_of(generation.prompt)} {moment_of(generation)}.mp4"


def archive_names(generations: Iterable[Generation]) -> list[str]:
    """Names inside one archive: also provider, ratio and seed, by which the videos of one batch differ. Equal names are
    numbered, and so are those that differ only where some file systems see no difference."""
    taken: set[str] = set()
    names = []
    for generation in generations:
        stem = name = archive_stem(generation)
        number = 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem} ({number})"
        taken.add(name.casefold())
        names.append(f"{name}.mp4")
    return names


def archive_stem(generation: Generation) -> str:
    """ "a drone shot VEO 3.1 16x9 seed 7 2026-03-01 1402"."""
    seed = generation.config.get("seed")
    parts = [
        words_of(generation.prompt),
        words_of(generation.provider.name, also=".", most=40),
        generation.aspect_ratio.replace(":", "x"),
        f"seed {seed}" if isinstance(seed, int) else "",
        moment_of(generation),
    ]
    return " ".join(filter(None, parts))


def moment_of(generation: Generation) -> str:
    return timezone.localtime(generation.created_at).strftime("%Y-%m-%d %H%M")


def words_of(text: str, also: str = "", most: int = MOST_CHARACTERS) -> str:
    """Letters, digits and their combining marks; everything else becomes a space. Composed, so that a decomposed é is
    one letter, and never cut inside of what a reader sees as one letter."""
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(char if belongs_to_word(char) or char in f"-_{also}" else " " for char in composed)
    return cut(" ".join(kept.split()), most).strip(f" -{JOINERS}") or "video"


def belongs_to_word(char: str) -> bool:
    return unicodedata.category(char)[0] in "LNM" or char in JOINERS


def cut(text: str, most: int) -> str:
    end = min(most, len(text))
    while end and (len(text[:end].encode()) > MOST_BYTES or is_inside_letter(text, end)):
        end -= 1
    return text[:end]


def is_inside_letter(text: str, at: int) -> bool:
    """Whether a cut here would take marks, a joiner or the rest of a conjunct away from their letter."""
    if at >= len(text):
        return False
    before, after = text[at - 1], text[at]
    joins = before in JOINERS or after in JOINERS or unicodedata.combining(before) == VIRAMA
    return joins or unicodedata.category(after)[0] == "M"
