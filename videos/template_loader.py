"""Loads templates without their indentation, which would be a third of a page's bytes."""

import re

from django.template.loaders.filesystem import Loader as FilesystemLoader

INDENTATION = re.compile(r"\n\s+")
# A line that holds nothing but a tag which prints nothing by itself; the line's end before it stays.
ALONE = "|".join(
    (
        r"\{% (?:if|elif|else|endif|for|empty|endfor|with|endwith|load)\b(?:(?!%\}).)*%\}",
        r"\{% url [^%]* as \w+ %\}",
        r"\{#(?:(?!#\}).)*#\}",
    )
)
TAG_ALONE = re.compile(rf"^({ALONE})\n", re.MULTILINE)


class Loader(FilesystemLoader):
    """A run of white space that holds a line's end becomes that line's end; a browser shows both alike.

    No template writes text inside `<pre>` or `<textarea>`, where it would not be alike.
    """

    def get_contents(self, origin) -> str:
        return without_indentation(super().get_contents(origin))


def without_indentation(text: str) -> str:
    return TAG_ALONE.sub(r"\1", INDENTATION.sub("\n", text))
