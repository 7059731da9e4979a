"""What people write while they review: comments, and links for others to take part by."""

import math

from django import forms

from videos.collection_forms import Lines
from videos.forms import Typed
from videos.models import Clip, Comment
from videos.models.review import LONGEST_COMMENT, Area

LONGEST_VIDEO = 24 * 3600  # seconds


class CommentForm(forms.Form):
    """A comment on a clip. What cannot be read of its place is left out; its text is what counts."""

    text = Lines(LONGEST_COMMENT, label="Comment")
    at = Typed()
    area = Typed()
    parent = Typed()
    for_client = forms.BooleanField(required=False)

    def __init__(self, *arguments, clip: Clip | None = None, **options):
        super().__init__(*arguments, **options)
        self.clip = clip

    def clean_text(self) -> str:
        if not self.cleaned_data["text"]:
            raise forms.ValidationError("Write a comment first.")
        return self.cleaned_data["text"]

    def clean_at(self) -> float | None:
        try:
            seconds = float(self.cleaned_data["at"])
        except ValueError:
            return None
        return round(seconds, 3) if math.isfinite(seconds) and 0 <= seconds <= LONGEST_VIDEO else None

    def clean_area(self) -> str:
        area = Area.read(self.cleaned_data["area"])
        return str(area) if area else ""

    def clean_parent(self) -> Comment | None:
        """A reply belongs to a comment of the same clip that is no reply itself."""
        text = self.cleaned_data["parent"]
        if not (text.isascii() and text.isdigit() and len(text) < 18):
            return None
        parent = Comment.objects.filter(clip=self.clip, pk=int(text)).first()
        if parent is None:
            raise forms.ValidationError("That comment was removed. Send this as a new one.")
        return parent.parent or parent
