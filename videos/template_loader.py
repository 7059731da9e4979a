"""Loads templates without their indentation, which would be a third of a page's bytes."""

import re

from django.template.loaders.filesystem import Loader as FilesystemLoader

INDENTATION = re.compile(r"\n\s+")
# A line that holds nothing but a tag which prints nothing by itself, or a template that ends its own last line; the
# line's end before it stays.
ALONE = "|".join(
    (
        r"\{% include\b(?:(?!%\}).)*%\}",
        r"\{% (?:if|elif|else|endif|for|empty|endfor|with|endwith|load)\b(?:(?!%\}).)*%\}",
        r"\{% url [^%]* as \w+ %\}",
        r"\{#(?:(?!#\}).)*#\}",
    )
)
TAG_ALONE = re.compile(rf"^({ALONE})\n", re.MULTILINE)
# A line that may print nothing at all: `{% if … %} … {% endif %}` without another branch. Its end goes inside.
MAY_BE_EMPTY = re.compile(
    r"^(\{% if (?:(?!%\}).)*%\}(?:(?!\{% (?:if|elif|else|endif)\b).)*)\{% endif %\}\n", re.MULTILINE
)


class Loader(FilesystemLoader):
    """A run of white space that holds a line's end becomes that line's end; a browser shows both alike.

    No template writes text inside `<pre>` or `<textarea>`, where it would not be alike.
    """

    def get_contents(self, origin) -> str:
        return without_indentation(super().get_contents(origin))


def without_indentation(text: str) -> str:
    text = TAG_ALONE.sub(r"\1", INDENTATION.sub("\n", text))
    return MAY_BE_EMPTY.sub(r"\1\n{% endif %}", text)
