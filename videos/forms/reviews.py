"""Forms for reviewing: comments, review links, and the agency's name and logo."""

import math
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from videos.forms.fields import Line, Lines, Typed
from videos.forms.frames import keep_upload
from videos.models import Clip, Comment
from videos.models.agency import LONGEST_AGENCY
from videos.models.review import LONGEST_AUTHOR, LONGEST_COMMENT, LONGEST_LABEL, Area

LONGEST_VIDEO = 24 * 3600  # seconds
LONGEST_LINK = timedelta(days=5 * 365)
SHORTEST_PASSWORD = 6
PERMISSIONS = ("may_approve", "may_comment", "may_download", "shows_prompts")
COVERS = [
    ("all", "All of the collection, and what is added later"),
    *((state, f"{name}, as it is now") for state, name in Clip.State.choices),
    ("chosen", "Those chosen below"),
]


class CommentForm(forms.Form):
    """A comment on a clip. An unreadable time or area is dropped, so that the text is never lost."""

    text = Lines(LONGEST_COMMENT, missing="Write a comment first.", label="Comment")
    at = Typed()
    area = Typed()
    parent = Typed()
    for_client = forms.BooleanField(required=False)

    def __init__(self, *arguments, clip: Clip | None = None, **options):
        super().__init__(*arguments, **options)
        self.clip = clip

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
        """A reply belongs to a comment of the same clip that is not a reply itself."""
        text = self.cleaned_data["parent"]
        if not (text.isascii() and text.isdigit() and len(text) < 18):
            return None
        parent = Comment.objects.filter(clip=self.clip, pk=int(text)).first()
        if parent is None:
            raise forms.ValidationError("That comment was removed. Send this as a new one.")
        return parent.parent or parent


class ClientCommentForm(CommentForm):
    """A client's comment: never a reply, and always visible to its author. `known` is the name that they gave before;
    the field may then be left out."""

    name = Line(LONGEST_AUTHOR, label="Your name")
    parent = for_client = None

    def __init__(self, *arguments, known: str = "", **options):
        super().__init__(*arguments, **options)
        self.known = known

    def clean_name(self) -> str:
        name = self.cleaned_data["name"] or self.known
        if not name:
            raise forms.ValidationError("Enter your name, so that the studio knows who answered.")
        return name


class LinkForm(forms.Form):
    """A new review link."""

    label = Line(LONGEST_LABEL, missing="Enter who the link is for.", label="For whom")
    ends = forms.DateField(
        required=False, label="Ends after (optional)", widget=forms.DateInput(attrs={"type": "date"})
    )
    password = forms.CharField(
        required=False,
        strip=False,
        max_length=128,
        label="Password (optional)",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    may_approve = forms.BooleanField(required=False, initial=True, label="Approve, or ask for a change")
    may_comment = forms.BooleanField(required=False, initial=True, label="Comment")
    may_download = forms.BooleanField(required=False, label="Download the videos")
    shows_prompts = forms.BooleanField(required=False, label="See prompts and models")
    covers = forms.ChoiceField(required=False, choices=COVERS, label="Which videos")

    def __init__(self, *arguments, clips: list[Clip], **options):
        super().__init__(*arguments, **options)
        self.clips = clips
        wanted = set(self.data.getlist("clips")) if self.is_bound else set()
        for clip in clips:
            clip.is_chosen = str(clip.public_id) in wanted

    @property
    def permissions(self) -> list:
        return [self[name] for name in PERMISSIONS]

    def clean_ends(self):
        day = self.cleaned_data["ends"]
        if day and not timezone.localdate() <= day < timezone.localdate() + LONGEST_LINK:
            raise forms.ValidationError("Choose today or a later day, at most five years from now.")
        return day

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        if password and len(password) < SHORTEST_PASSWORD:
            raise forms.ValidationError(f"Use at least {SHORTEST_PASSWORD} characters, or none.")
        return password

    def clean(self):
        cleaned = super().clean()
        if self.chosen() == []:
            self.add_error("covers", "Choose at least one video.")
        return cleaned

    def chosen(self) -> list[Clip] | None:
        """The clips that the link covers. None means the whole collection, including clips that are added later."""
        covers = self.cleaned_data.get("covers") or "all"
        if covers == "all":
            return None
        if covers == "chosen":
            return [clip for clip in self.clips if clip.is_chosen]
        return [clip for clip in self.clips if clip.state == covers]

    def fields_of_link(self) -> dict:
        data = self.cleaned_data
        names = ("label", "password", *PERMISSIONS)
        end = data["ends"] and timezone.make_aware(datetime.combine(data["ends"] + timedelta(days=1), time.min))
        return {name: data[name] for name in names} | {"expires_at": end, "clips": self.chosen()}


class AgencyForm(forms.Form):
    """The name and the logo that clients see."""

    name = Line(LONGEST_AGENCY, label="Name")
    mark = forms.FileField(required=False, label="Logo", widget=forms.FileInput(attrs={"accept": "image/*"}))
    without_mark = forms.BooleanField(required=False, label="Remove the logo")

    def __init__(self, *arguments, owner, **options):
        super().__init__(*arguments, **options)
        self.owner = owner

    def clean_mark(self):
        file = self.cleaned_data["mark"]
        return keep_upload(self.owner, file) if file else None

    def changes(self) -> dict[str, Any]:
        """The fields of Agency to store. Without a new logo, the present one stays unless it is to be removed."""
        changed = {"name": self.cleaned_data["name"]}
        if self.cleaned_data["mark"] or self.cleaned_data["without_mark"]:
            changed["mark"] = self.cleaned_data["mark"]
        return changed
