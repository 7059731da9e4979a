"""The forms of notices outside the browser: the studio's on the page *Settings*, each person's on *Account*."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from django import forms
from django.urls import reverse
from django.utils.crypto import salted_hmac

from videos.engine.push import SERVICES_FOR_MEMBERS, masked, may_use
from videos.models import Preferences, StudioSettings
from videos.models.notice_choices import NoticeChoices
from videos.models.studio_settings import current, is_fixed

MAX_STUDIO_ADDRESSES, MAX_OWN_ADDRESSES = 10, 5
LONGEST_ADDRESS = 500
STUDIO_KINDS = {
    "finished": "Videos that are finished",
    "failed": "Videos that failed",
    "needs_person": "Videos that need a person: the outcome is unknown, or the studio stopped waiting",
    "review": "A client answers or comments behind a review link",
    "sending": "Sending is paused: a key was refused, credits ran out, or an API has ended",
    "budget": "The budget of everyone together is used up",
    "disk": "The disk is nearly full",
    "backup": "The nightly backup failed",
    "worker": "The worker is down",
}
OWN_KINDS = {
    "finished": "My videos that are finished",
    "failed": "My videos that failed",
    "needs_person": "My videos that need me: the outcome is unknown, or the studio stopped waiting",
    "review": "A client answers or comments behind a review link of mine",
    "budget": "My budget is used up",
}


@dataclass(frozen=True)
class Address:
    """One stored address, as pages show it."""

    shown: str
    handle: str
    is_used: bool


class Panel:
    """One set of notices: where they are stored, which addresses and kinds are allowed, and where the form is sent."""

    def __init__(self, row: NoticeChoices, routes: str, kinds: dict[str, str], limit: int, person):
        self.row, self.kinds, self.limit, self.person = row, kinds, limit, person
        self.action, self.remove_action, self.test_action = (reverse(f"{routes}{name}") for name in ROUTES)
        self.is_of_the_studio = isinstance(row, StudioSettings)
        self.urls_are_fixed = self.is_of_the_studio and is_fixed("notify_urls")
        self.prompts_are_fixed = self.is_of_the_studio and is_fixed("notify_prompts")

    def read_again(self):
        """Somebody else may have changed it while an address was checked, which takes seconds."""
        self.row = StudioSettings.objects.the_row() if self.is_of_the_studio else Preferences.objects.of(self.person)

    @property
    def urls(self) -> list[str]:
        """The addresses in use: the environment's, or the stored ones."""
        return (current().notify_urls if self.urls_are_fixed else self.row.notify_urls).split()

    @cached_property
    def addresses(self) -> list[Address]:
        return [Address(masked(url), handle_of(url), may_use(url, self.person)) for url in self.urls]

    @property
    def usable(self) -> list[str]:
        return [url for url in self.urls if may_use(url, self.person)]

    @property
    def quotes(self) -> bool:
        return bool(current().notify_prompts if self.prompts_are_fixed else self.row.notify_prompts)

    @cached_property
    def form(self) -> "NoticesForm":
        return NoticesForm(None, self)


ROUTES = ("", "_remove", "_test")


def studio_panel(owner) -> Panel:
    return Panel(StudioSettings.objects.the_row(), "settings_notices", STUDIO_KINDS, MAX_STUDIO_ADDRESSES, owner)


def own_panel(person) -> Panel:
    return Panel(Preferences.objects.of(person), "account_notices", OWN_KINDS, MAX_OWN_ADDRESSES, person)


def handle_of(url: str) -> str:
    """Names one address in a form, without showing it."""
    return salted_hmac("videos.forms.notices", url).hexdigest()[:16]


class NoticesForm(forms.Form):
    address = forms.CharField(
        label="Add an address",
        required=False,
        max_length=LONGEST_ADDRESS,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )
    kinds = forms.MultipleChoiceField(label="Send a notice about", required=False, widget=forms.CheckboxSelectMultiple)
    prompts = forms.BooleanField(label="Quote the beginning of the prompt", required=False)

    def __init__(self, data, panel: Panel, is_known: Callable[[str], bool] | None = None):
        """`is_known` says whether some service has such an address; without it, this is not checked."""
        wanted = [kind for kind in panel.kinds if panel.row.notifies_of(kind)]
        super().__init__(data, initial={"kinds": wanted, "prompts": panel.quotes})
        self.panel, self.is_known = panel, is_known
        self.fields["kinds"].choices = panel.kinds.items()
        self.fields["address"].help_text = help_for(panel)
        if panel.urls_are_fixed:
            del self.fields["address"]
        if panel.prompts_are_fixed:
            del self.fields["prompts"]

    def clean_address(self) -> str:
        url = self.cleaned_data["address"].strip()
        if url and (problem := self.problem_with(url)):
            raise forms.ValidationError(problem)
        return url

    def problem_with(self, url: str) -> str:
        if len(url.split()) > 1:
            return "Add one address at a time, without spaces."
        if url in self.panel.urls:
            return "This address is here already."
        if len(self.panel.urls) >= self.panel.limit:
            return f"There are {self.panel.limit} addresses already. Remove one first."
        if not may_use(url, self.panel.person):
            return f"You can use {SERVICES_FOR_MEMBERS}, without options after a “?”. Ask an owner for anything else."
        if self.is_known and not self.is_known(url):
            return "No service uses an address like this. Check it against the examples of appriseit.com/services."
        return ""

    def point_to_errors(self):
        """Focuses the refused field, because the page is long."""
        for name in self.errors.keys() & self.fields.keys():
            self.fields[name].widget.attrs["autofocus"] = True

    def chosen(self) -> dict:
        """The fields of NoticeChoices to store."""
        given = {"notify_kinds": self.cleaned_data["kinds"]}
        if "prompts" in self.fields:
            given["notify_prompts"] = self.cleaned_data["prompts"]
        if self.cleaned_data.get("address"):
            given["notify_urls"] = "\n".join(dict.fromkeys([*self.panel.urls, self.cleaned_data["address"]]))
        return given


def help_for(panel: Panel) -> str:
    example = "Such as ntfys://ntfy.sh/your-topic or tgram://bot-token/chat-id. appriseit.com/services lists them."
    return example if panel.person.is_superuser else f"{SERVICES_FOR_MEMBERS}. {example}"
