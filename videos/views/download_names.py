"""The names of downloaded files: the words of the prompt in any script, as a name that every system accepts."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from django.utils import timezone

from videos.models import Collection, Generation

MAX_CHARACTERS = 60
MAX_BYTES = 180  # of the 255 that file systems allow: provider, ratio, seed, time and a number follow
MAX_IN_PATTERN = 150
FIELD = re.compile(r"\{(?P<name>\w+)(?::(?P<width>\d{1,3}))?\}", re.ASCII)
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(10))}
NOTHING = MappingProxyType({})
VIRAMA = 9  # the combining class of the character that joins two Indic consonants
JOINERS = "\u200c\u200d"  # part of words in Persian and Indic scripts


def collections_in_names(
    rows: list[Generation], user, pattern: str, collection: Collection | None = None
) -> Mapping[int, str]:
    """Id of a video → the name of this collection, or else of the first one with it that this person sees. Empty if the
    pattern does not ask for it."""
    if "{collection" not in pattern:
        return NOTHING
    return {row.pk: collection.name for row in rows} if collection else Collection.objects.names_of(rows, user)


class BadPattern(ValueError):
    """An invalid pattern; the message says why."""


def download_name(generation: Generation, pattern: str = "", collection: str = "") -> str:
    """Named by the person's pattern, or by prompt and time: "a drone shot over a coastal city 2026-03-01 1402.mp4"."""
    if pattern:
        return f"{named(pattern, generation, 1, {'collection': collection_words(collection)})}.mp4"
    return f"{words_of(generation.prompt)} {moment_of(generation)}.mp4"


def name_of_download(user, generation: Generation, pattern: str) -> str:
    """The name of this video in a download by this person, whose pattern this is."""
    collections = collections_in_names([generation], user, pattern)
    return download_name(generation, pattern, collections.get(generation.pk, ""))


def archive_names(
    generations: Iterable[Generation],
    pattern: str = "",
    collections: Mapping[int, str] = NOTHING,
    first: int = 1,
    taken: set[str] | None = None,
) -> list[str]:
    """Names inside one archive: also provider, ratio and seed, by which the videos of one batch differ. `collections`
    are from `collections_in_names`. `first` is the place of the first one, and `taken` are the names before it."""
    stems = (
        named(pattern, generation, place, {"collection": collection_words(collections.get(generation.pk, ""))})
        if pattern
        else archive_stem(generation)
        for place, generation in enumerate(generations, start=first)
    )
    return numbered(stems, taken)


def numbered(stems: Iterable[str], taken: set[str] | None = None) -> list[str]:
    """Equal names are numbered, and so are those that differ only where some file systems see no difference. Adds them
    to `taken`."""
    taken = set() if taken is None else taken
    names = []
    for stem in stems:
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem} ({number})"
        taken.add(name.casefold())
        names.append(f"{name}.mp4")
    return names


def check_pattern(pattern: str):
    """Raises BadPattern."""
    for found in FIELD.finditer(pattern):
        if found["name"] not in FIELDS:
            raise BadPattern(f"There is no {{{found['name']}}}. There are: {', '.join(FIELDS)}.")
    if set(FIELD.sub("", pattern)) & {"{", "}"}:
        raise BadPattern("Each field is a word in braces, such as {prompt:40} or {n:02}.")
    if pattern and not FIELD.search(pattern):
        raise BadPattern("Name at least one field, such as {prompt}; otherwise all files would have the same name.")


def named(pattern: str, generation: Generation, place: int, instead: Mapping[str, str] = NOTHING) -> str:
    """The pattern filled in, safe for every file system. `place`: which file of the archive it is, from 1 on.
    `instead`: field → its words, where the video does not have them or they are not to be shown."""
    name = FIELD.sub(lambda found: filled(found, generation, place, instead), pattern)
    name = "".join(char if belongs_to_word(char) or char in " -_.,()+" else " " for char in name)
    name = re.sub(r"([ _-])(?:[ _-]*[ _-])", r"\1", name)  # separators around an empty field
    name = cut(" ".join(name.split()), MAX_IN_PATTERN).strip(f" .-_{JOINERS}")
    return f"{name or 'video'}_" if name.split(".")[0].upper() in RESERVED else name or "video"


def filled(found: re.Match, generation: Generation, place: int, instead: Mapping[str, str]) -> str:
    field, width = found["name"], found["width"]
    value = instead[field] if field in instead else FIELDS[field](generation, place)
    if found["name"] == "n":
        return value.zfill(min(9, int(width or 1)))
    return cut(value, int(width)).strip() if width else value


def archive_stem(generation: Generation) -> str:
    """ "a drone shot VEO 3.1 16x9 seed 7 2026-03-01 1402"."""
    seed = generation.config.get("seed")
    parts = [
        words_of(generation.prompt),
        words_of(generation.provider.name, also=".", limit=40),
        generation.aspect_ratio.replace(":", "x"),
        f"seed {seed}" if isinstance(seed, int) else "",
        moment_of(generation),
    ]
    return " ".join(filter(None, parts))


def moment_of(generation: Generation) -> str:
    return timezone.localtime(generation.created_at).strftime("%Y-%m-%d %H%M")


def words_of(text: str, also: str = "", limit: int = MAX_CHARACTERS) -> str:
    """Letters, digits and their combining marks; everything else becomes a space. Composed, so that a decomposed é is
    one letter, and never cut inside of what a reader sees as one letter."""
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(char if belongs_to_word(char) or char in f"-_{also}" else " " for char in composed)
    return cut(" ".join(kept.split()), limit).strip(f" -{JOINERS}") or "video"


def belongs_to_word(char: str) -> bool:
    return unicodedata.category(char)[0] in "LNM" or char in JOINERS


def cut(text: str, limit: int) -> str:
    end = min(limit, len(text))
    while end and (len(text[:end].encode()) > MAX_BYTES or is_inside_letter(text, end)):
        end -= 1
    return text[:end]


def is_inside_letter(text: str, at: int) -> bool:
    """Whether a cut here would take marks, a joiner or the rest of a conjunct away from their letter."""
    if at >= len(text):
        return False
    before, after = text[at - 1], text[at]
    joins = before in JOINERS or after in JOINERS or unicodedata.combining(before) == VIRAMA
    return joins or unicodedata.category(after)[0] == "M"


def seed_words(generation: Generation) -> str:
    seed = generation.config.get("seed", generation.remote_facts.get("seed"))
    return str(seed) if isinstance(seed, int) else ""


def collection_words(name: str) -> str:
    return words_of(name, limit=60) if name else ""


# The fields of a pattern: the text of each in the name of the file.
FIELDS: dict[str, Callable[[Generation, int], str]] = {
    "n": lambda generation, place: str(place),
    "collection": lambda generation, place: "",  # given by `instead`: a video may be in several
    "prompt": lambda generation, place: words_of(generation.prompt, limit=150),
    "provider": lambda generation, place: words_of(generation.provider.name, also=".", limit=40),
    "ratio": lambda generation, place: generation.aspect_ratio.replace(":", "x"),
    "seed": lambda generation, place: seed_words(generation),
    "date": lambda generation, place: f"{timezone.localtime(generation.created_at):%Y-%m-%d}",
    "time": lambda generation, place: f"{timezone.localtime(generation.created_at):%H%M}",
    "id": lambda generation, place: generation.public_id.hex[:8],
}
