"""Fields of typed text, which refuse what no database stores, and the reading of ids."""

import uuid

from django import forms

from videos.text import with_line_feeds

LONGEST_SHOWN = "Keep it within {:,} characters; this has {:,}."


class Typed(forms.CharField):
    """Text as it was typed. Refuses characters that no database stores, and those that could not be decoded (�)."""

    def __init__(self, **options):
        super().__init__(strip=False, required=False, **options)
        self.validators = []

    def to_python(self, value):
        value = super().to_python(value)
        if "\0" in value or "\ufffd" in value or not is_whole(value):
            raise forms.ValidationError("This contains a character that cannot be stored; remove it.")
        return value


class Written(Typed):
    """Text of limited length. `missing` is the error if it is empty; with "", it may be empty."""

    def __init__(self, longest: int, missing: str = "", **options):
        self.longest, self.missing = longest, missing
        super().__init__(**options)

    def clean(self, value):
        value = super().clean(value)
        if self.missing and not value:
            raise forms.ValidationError(self.missing)
        return value


class Line(Written):
    """A single line, stripped of surrounding spaces."""

    def __init__(self, longest: int, *arguments, **options):
        widget = forms.TextInput(attrs={"maxlength": longest, "dir": "auto"})
        super().__init__(longest, *arguments, widget=widget, **options)

    def to_python(self, value):
        return check_length(" ".join(super().to_python(value).split()), self.longest)


class Lines(Written):
    """Several lines."""

    def __init__(self, longest: int, *arguments, **options):
        widget = forms.Textarea(attrs={"maxlength": longest, "rows": 3, "dir": "auto"})
        super().__init__(longest, *arguments, widget=widget, **options)

    def to_python(self, value):
        return check_length(with_line_feeds(super().to_python(value)).strip(), self.longest)


def check_length(text: str, longest: int) -> str:
    if len(text) > longest:
        raise forms.ValidationError(LONGEST_SHOWN.format(longest, len(text)))
    return text


def is_whole(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def read_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
