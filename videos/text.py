"""Text that people type: how it is stored, and the form in which it is searched; and lists in words."""

import unicodedata
from collections.abc import Iterable

# Marks that make another letter, not an accented one: Indic nukta, kana voicing, virama.
PART_OF_THE_LETTER = {7, 8, 9}


def with_line_feeds(text: str) -> str:
    """Browsers send the end of a line as CR LF, which would count as two characters."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def folded(text: str) -> str:
    """Folds case and accents, so that the same letters compare equal in any case and Unicode composition."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    letters = (letter for letter in decomposed if not is_accent(letter))
    return unicodedata.normalize("NFKC", "".join(letters))


def is_accent(letter: str) -> bool:
    kind = unicodedata.combining(letter)
    return bool(kind) and kind not in PART_OF_THE_LETTER


def listed(words: Iterable[object], last: str = "and") -> str:
    """ "4", "4 and 6" or "4, 6 and 8"."""
    *others, end = map(str, words)
    return f"{', '.join(others)} {last} {end}" if others else end
