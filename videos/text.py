"""Text that people type: how it is stored, and the form in which it is searched. Lists and sizes in words."""

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


def bytes_in_words(size: int) -> str:
    """Such as "3.1 MB", in powers of ten, or "17 bytes"."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} bytes"
