"""Reads templates without their indentation: it is for whoever edits them, and would be a third of a page's bytes."""

import re

from django.template.loaders.filesystem import Loader as FilesystemLoader

INDENTATION = re.compile(r"\n\s+")


class Loader(FilesystemLoader):
    """A run of white space that holds a line's end becomes that line's end; a browser shows both alike.

    No template writes text inside `<pre>` or `<textarea>`, where it would not be alike.
    """

    def get_contents(self, origin) -> str:
        return INDENTATION.sub("\n", super().get_contents(origin))
