"""The form of the page *Settings*. Values set by the environment are not part of it; the page shows them as fixed."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from videos.models import StudioSettings
from videos.models.studio_settings import VARIABLES, current, is_fixed
from videos.remotes.transport import SENDABLE_KEY

WHOLE = 100  # from here on, fractions are not shown
EMPTY = {  # an empty field without a default
    "keep_days": "Leave empty to keep them.",
    "keep_bytes": "Leave empty to keep them.",
    "ask_above_videos": "For one click. Leave empty to never ask.",
    "ask_above_price": "For one click, in any currency. Leave empty to never ask.",
}
MEGABYTES, GIGABYTES, MINUTES = 1_000_000, 1_000_000_000, 60
LARGEST = 1_000_000  # of any unit
LONGEST_KEY = 500


class InUnits(forms.FloatField):
    """A number that is stored as whole bytes or seconds, and typed in a unit that people use."""

    def __init__(self, unit: int, **options):
        super().__init__(required=False, min_value=0, max_value=LARGEST, **options)
        self.unit = unit

    def prepare_value(self, value: Any) -> Any:
        return value if value is None or isinstance(value, str) else f"{self.in_units(value):g}"

    def in_units(self, value: float) -> float:
        return value / self.unit

    def clean(self, value: Any) -> int | None:
        number = super().clean(value)
        return None if number is None else round(number * self.unit)


@dataclass(frozen=True)
class Row:
    """One line of the page: a field, or a value set by the environment."""

    label: str
    field: BoundField | None = None
    value: str = ""
    variable: str = ""


class StudioForm(forms.ModelForm):
    overdue_seconds = InUnits(MINUTES, label="Minutes until overdue")
    max_video_bytes = InUnits(MEGABYTES, label="Largest video (MB)")
    min_free_bytes = InUnits(MEGABYTES, label="Disk space to keep free (MB)")
    keep_bytes = InUnits(GIGABYTES, label="Move the oldest to the trash above (GB)")

    class Meta:
        model = StudioSettings
        fields = [
            "poll_seconds",
            "overdue_seconds",
            "max_in_flight",
            "max_video_bytes",
            "min_free_bytes",
            "trash_days",
            "keep_days",
            "keep_bytes",
            "ask_above_videos",
            "ask_above_price",
            "second_factor",
        ]
        labels = {
            "poll_seconds": "Seconds between polls",
            "max_in_flight": "Videos in progress at once, per API",
            "trash_days": "Days in the trash",
            "keep_days": "Move to the trash after (days)",
            "ask_above_videos": "Ask above this many videos",
            "ask_above_price": "Ask above this price",
            "second_factor": "Second factor",
        }
        help_texts = {"second_factor": "Members without one must set it up before they can continue."}
        widgets = {"second_factor": forms.RadioSelect}

    SECTIONS = {
        "Polling and limits": ("poll_seconds", "overdue_seconds", "max_in_flight", "max_video_bytes", "min_free_bytes"),
        "Retention": ("trash_days", "keep_days", "keep_bytes"),
        "Confirmation before spending": ("ask_above_videos", "ask_above_price"),
    }

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.fixed = {}
        for name in [name for name in self.fields if name in VARIABLES]:
            self.describe(name)
            if is_fixed(name):
                self.fixed[name] = self.fields.pop(name)

    def describe(self, name: str):
        field, default = self.fields[name], current().default(name)
        shown = shown_as(field, default)
        field.help_text = f"Leave empty for {shown}." if shown else EMPTY[name]

    def values(self) -> dict[str, Any]:
        """The settings to store: those that the environment does not fix."""
        return {name: self.cleaned_data[name] for name in self.fields}

    def rows(self) -> list[tuple[str, list[Row]]]:
        return [(title, [self.row(name) for name in names]) for title, names in self.SECTIONS.items()]

    def row(self, name: str) -> Row:
        if name not in self.fixed:
            return Row(self[name].label, field=self[name])
        field = self.fixed[name]
        return Row(field.label, value=shown_as(field, current().value(name)), variable=VARIABLES[name])


def shown_as(field: forms.Field, value: Any) -> str:
    """The value as it may be typed, without trailing zeros, and without a fraction if that is negligible."""
    if value is None:
        return ""
    number = field.in_units(value) if isinstance(field, InUnits) else value
    if isinstance(number, float):
        return f"{number:.0f}" if number >= WHOLE else f"{number:g}"
    return str(number)


class KeyForm(forms.Form):
    heygen_api_key = forms.CharField(
        label="API key",
        max_length=LONGEST_KEY,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_heygen_api_key(self) -> str:
        key = self.cleaned_data["heygen_api_key"]
        if not SENDABLE_KEY.fullmatch(key):
            raise forms.ValidationError("This contains spaces or characters that no key has.")
        return key
