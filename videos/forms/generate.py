"""The form of one click of Generate, and its error messages.

Every error is one sentence next to its field. A request that is only unusual, such as a ratio that a provider does not
list, gets advice and is not refused.
"""

import re

from django import forms
from django.forms.utils import ErrorDict
from django.http import QueryDict

from videos.forms.fields import Typed, read_uuid
from videos.forms.frames import check_address, find_picture, keep_last_frame, keep_upload
from videos.forms.settings_json import SettingsRefused, read_config
from videos.models import Collection, Picture, Provider, RemoteAccount, Request
from videos.models.provider_limits import Asked, refusals
from videos.remotes import registry
from videos.text import with_line_feeds

DEFAULT_PROVIDER = "veo_3_1"
DEFAULT_RATIO = "16:9"
LONGEST_PROMPT = 10_000
MAX_AT_ONCE = 8
MAX_PROVIDERS = 4
LONGEST_SIDE_RATIO = 10
RATIO = re.compile(r"\s*([0-9]{1,5})\s*[:x×/]\s*([0-9]{1,5})\s*")
FRAMES = {"start": "reference_image", "end": "tail_image"}  # the contract's names
COLLECTION_GONE = "The collection that is open was removed. Open another one, or the gallery, then press Generate."
TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")


def first_offer() -> str:
    """The provider selected in an empty composer: the contract's default, unless its API has ended."""
    ended = {registry.plain_key(account.backend) for account in RemoteAccount.objects.all_active() if account.has_ended}
    values = [value for value, backend in Provider.objects.active() if backend not in ended]
    return DEFAULT_PROVIDER if DEFAULT_PROVIDER in values or not values else values[0]


class GenerateForm(forms.Form):
    """One click of Generate: the request, the providers, and how many of each.

    `requests()` gives one Request for each video. An uploaded frame that is accepted is kept at once and is then
    in `frames`, so that it is not lost when another field has an error.
    """

    prompt = Typed()
    provider = Typed()
    aspect_ratio = Typed()
    reference_image = forms.FileField(required=False)
    reference_image_url = Typed()
    start_picture = Typed()
    start_from = Typed()
    tail_image = forms.FileField(required=False)
    tail_image_url = Typed()
    end_picture = Typed()
    end_from = Typed()
    config = Typed()
    count = Typed()
    collection = Typed()
    token = Typed()

    def __init__(self, data=None, files=None, *, owner, initial=None):
        super().__init__(with_plain_lines(data), files, initial=initial, auto_id=False)
        self.owner = owner
        self.frames: dict[str, Picture] = {}
        for name in FRAMES.values():
            messages = self.fields[name].error_messages
            messages.update(
                dict.fromkeys(("invalid", "missing"), "That file did not arrive; add it again."),
                empty="That file is empty; choose another picture.",
                max_length="That file's name is too long; rename it and add it again.",
            )

    # The contents of the fields, valid or not
    def value(self, name: str) -> str:
        if self.is_bound:
            return self.data.get(name, "")
        return self.initial.get(name, "")

    def chosen_providers(self) -> list[str]:
        """The values of the selected models, each once. Earlier versions called all but the first `also`."""
        if not self.is_bound:
            return self.initial.get("providers") if "providers" in self.initial else [first_offer()]
        values = [value.strip() for value in self.data.getlist("provider") if value.strip()]
        if not values and not self.has_picker:
            values = [first_offer()]
        return list(dict.fromkeys(values + self.data.getlist("also")))

    @property
    def has_picker(self) -> bool:
        """Whether it was sent by the page, whose list of models has no retired ones."""
        return "picker" in self.data

    def has_frame(self, which: str) -> bool:
        address = f"{FRAMES[which]}_url"
        return any(self.value(name).strip() for name in (address, f"{which}_picture", f"{which}_from"))

    def frame_errors(self, which: str) -> list[str]:
        name = FRAMES[which]
        return [
            error for part in (name, f"{name}_url", f"{which}_picture", f"{which}_from") for error in self[part].errors
        ]

    def refuse_unchecked(self, sentence: str):
        """Prepares the form to be shown again with what was typed. Nothing is checked or stored."""
        self._errors, self.cleaned_data = ErrorDict(), {}
        self.add_error(None, sentence)

    def clean_prompt(self):
        prompt = self.cleaned_data["prompt"]
        if not prompt.strip():
            raise forms.ValidationError("Enter a prompt.")
        if len(prompt) > LONGEST_PROMPT:
            raise forms.ValidationError(
                f"The prompt has {len(prompt):,} characters; keep it within {LONGEST_PROMPT:,}."
            )
        return prompt

    def clean_provider(self):
        """The chosen models, one to MAX_PROVIDERS of them."""
        values = self.chosen_providers()
        if not values:
            raise forms.ValidationError("Choose a model.")
        if len(values) > MAX_PROVIDERS:
            raise forms.ValidationError(f"You can choose up to {MAX_PROVIDERS} models.")
        return [self.find_provider(value) for value in values]

    def find_provider(self, value: str) -> Provider:
        provider = find_provider(value)
        if self.has_picker and not provider.is_active:
            raise forms.ValidationError(why_not_offered(provider))
        return provider

    def clean_aspect_ratio(self):
        text = self.cleaned_data["aspect_ratio"].strip() or DEFAULT_RATIO
        found = RATIO.fullmatch(text)
        if not found:
            raise forms.ValidationError("Write the ratio as width:height in whole numbers, such as 16:9.")
        width, height = int(found[1]), int(found[2])
        if not width or not height or max(width, height) > LONGEST_SIDE_RATIO * min(width, height):
            raise forms.ValidationError("One side can be at most ten times the other; try 21:9 or 9:21.")
        return f"{width}:{height}"

    def clean_config(self):
        try:
            return read_config(self.cleaned_data["config"])
        except SettingsRefused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean_count(self):
        text = self.cleaned_data["count"].strip() or "1"
        if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MAX_AT_ONCE):
            raise forms.ValidationError(f"Ask for 1 to {MAX_AT_ONCE} videos at once.")
        return int(text)

    def clean_collection(self) -> Collection | None:
        """The collection that is open on the page: new videos are added to it."""
        text = self.cleaned_data["collection"].strip()
        found = Collection.objects.visible_to(self.owner).filter(public_id=read_uuid(text)).first() if text else None
        if text and not found:
            self.add_error(None, COLLECTION_GONE)  # the page has no field for it
        return found

    def clean_token(self):
        if not TOKEN.fullmatch(self.cleaned_data["token"]):
            raise forms.ValidationError("This page is out of date. Reload it and press Generate again.")
        return self.cleaned_data["token"]

    def clean(self):
        cleaned = super().clean()
        for which, name in FRAMES.items():
            self.clean_frame(which, name)
        if not self.errors:
            self.clean_limits()
        return cleaned

    def clean_limits(self):
        """Adds an error for everything that a provider's contract certainly refuses, before anything is sent."""
        for provider in self.cleaned_data["provider"]:
            asked = Asked(
                aspect_ratio=self.cleaned_data["aspect_ratio"],
                settings=self.cleaned_data["config"],
                start_frame=self.frames.get("start"),
                has_start=self.has_frame("start") or bool(self.frames.get("start")),
                has_end=self.has_frame("end") or bool(self.frames.get("end")),
            )
            for field, sentence in refusals(provider, asked):
                self.add_error(FRAMES.get(field, field), sentence)

    def clean_frame(self, which: str, name: str):
        """A frame is at most one of: a file, an address, an earlier upload, or a saved video's last frame.

        A new file or address replaces an earlier choice.
        """
        file = self.cleaned_data.get(name)
        address = (self.cleaned_data.get(f"{name}_url") or "").strip()
        if file and address:
            self.add_error(name, f"Choose one {which} frame: a file or an address, not both.")
        if len(self.files.getlist(name)) > 1:
            self.add_error(name, f"Choose one {which} frame: two files arrived for it.")
        if self.data.get(name):  # a form that was not sent as multipart has the file's name alone
            self.add_error(name, "That file did not arrive; add it again.")
        try:
            if file:
                self.frames[which] = keep_upload(self.owner, file)
            elif address:
                self.cleaned_data[f"{name}_url"] = check_address(address)
            elif name not in self.errors:
                self.frames[which] = self.earlier_frame(which)
        except forms.ValidationError as error:
            self.add_error(name, error)

    def earlier_frame(self, which: str) -> Picture | None:
        picture, generation = (self.cleaned_data.get(f"{which}_{name}") or "" for name in ("picture", "from"))
        if picture.strip():
            return find_picture(self.owner, picture.strip())
        if generation.strip():
            return keep_last_frame(self.owner, generation.strip())
        return None

    def place(self) -> dict:
        """The collection that the videos are added to, as a Request names it."""
        return {"collection": self.cleaned_data["collection"]}

    def requests(self) -> list[Request]:
        data = self.cleaned_data
        return [
            Request(
                prompt=data["prompt"],
                provider=provider,
                aspect_ratio=data["aspect_ratio"],
                start_frame=self.frames.get("start"),
                start_frame_url="" if self.frames.get("start") else data["reference_image_url"].strip(),
                end_frame=self.frames.get("end"),
                end_frame_url="" if self.frames.get("end") else data["tail_image_url"].strip(),
                config=data["config"],
                **self.place(),
            )
            for provider in data["provider"]
            for _ in range(data["count"])
        ]


def with_plain_lines(data: QueryDict | None) -> QueryDict | None:
    """The data of the form, with line ends as they are stored and counted."""
    if data is None:
        return None
    changed = data.copy()
    for name in ("prompt", "config"):
        changed.setlist(name, [with_line_feeds(text) for text in data.getlist(name)])
    return changed


def find_provider(value: str) -> Provider:
    """Raises ValidationError if there is no provider with this value, or if it is paused."""
    known = Provider.objects.offered()
    provider = known.filter(value=value).first() if "\0" not in value else None
    if provider is None:
        raise forms.ValidationError(f"There is no provider called “{value[:60]}”; choose one from the list.")
    if provider.state == Provider.State.PAUSED:
        raise forms.ValidationError(why_not_offered(provider))
    return provider


def why_not_offered(provider: Provider) -> str:
    state = "is paused" if provider.state == Provider.State.PAUSED else "is no longer offered"
    why = f": {provider.note.rstrip('.')}" if provider.note else ""
    instead = f" Try {provider.alternative.name} instead." if provider.alternative else " Choose another model."
    return f"{provider.name} {state}{why}.{instead}"
