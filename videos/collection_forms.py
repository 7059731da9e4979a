"""Forms for the names and notes of collections, and for personal titles and ratings of videos."""

from django import forms

from videos.forms import Typed
from videos.models.collection import LONGEST_NAME, LONGEST_NOTE
from videos.models.personal_note import BEST, LONGEST_TITLE
from videos.text import with_line_feeds

NAME_TAKEN = "You already have a collection with this name."
LONGEST_SHOWN = "Keep it within {:,} characters; this has {:,}."


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


class NameForm(forms.Form):
    """The name of a new collection."""

    name = Line(LONGEST_NAME, missing="Give the collection a name.", label="Name")


class CollectionForm(NameForm):
    """A collection's name and note."""

    note = Lines(LONGEST_NOTE, label="Note")


class PersonalNoteForm(forms.Form):
    """A personal title and rating. Fields that are not sent stay unchanged."""

    title = Line(LONGEST_TITLE, label="Your own title")
    rating = forms.IntegerField(required=False, min_value=0, max_value=BEST)

    def changes(self) -> dict:
        data = self.cleaned_data
        return {
            name: data[name] or 0 if name == "rating" else data[name]
            for name in ("title", "rating")
            if name in self.data
        }
