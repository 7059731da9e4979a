"""Forms for the names and notes of collections, and for personal titles and ratings of videos."""

from django import forms

from videos.forms.fields import Line, Lines
from videos.models.collection import LONGEST_NAME, LONGEST_NOTE
from videos.models.personal_note import BEST, LONGEST_TITLE

NAME_TAKEN = "You already have a collection with this name."


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
