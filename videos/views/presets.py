"""Presets: saving the composer's current settings, and applying them again."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_POST

from videos.forms.fields import Typed
from videos.forms.generate import LONGEST_PROMPT, MAX_PROVIDERS, GenerateForm
from videos.forms.settings_json import SettingsRefused, read_config
from videos.models import Preset, Provider
from videos.models.preset import LONGEST_NAME, MAX_PRESETS, TooManyPresets
from videos.text import with_line_feeds
from videos.views.composer_context import composer_context

MAX_LISTED = 2 * MAX_PRESETS  # so that one's own are always among them
FULL = f"You have {MAX_PRESETS} presets. Remove one first."


class PresetForm(forms.Form):
    preset_name = forms.CharField(max_length=LONGEST_NAME, error_messages={"required": "Give the preset a name."})
    preset_shared = forms.BooleanField(required=False)
    with_prompt = forms.BooleanField(required=False)
    prompt = Typed()
    aspect_ratio = forms.CharField(max_length=16)
    config = Typed()

    def clean_prompt(self) -> str:
        prompt = with_line_feeds(self.cleaned_data["prompt"])
        if self.cleaned_data["with_prompt"] and len(prompt) > LONGEST_PROMPT:
            raise forms.ValidationError(
                f"The prompt has {len(prompt):,} characters; keep it within {LONGEST_PROMPT:,}."
            )
        return prompt

    def clean_config(self) -> str:
        text = with_line_feeds(self.cleaned_data["config"])
        try:
            read_config(text)
        except SettingsRefused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return text

    def columns(self) -> dict:
        data = self.cleaned_data
        return {
            "shared": data["preset_shared"],
            "prompt": data["prompt"] if data["with_prompt"] else "",
            "aspect_ratio": data["aspect_ratio"],
            "config": data["config"],
        }


@require_http_methods(["GET", "HEAD", "POST"])
def presets(request: HttpRequest) -> HttpResponse:
    """Lists the presets; a POST saves the composer's settings under a name and replaces a preset of that name."""
    form = PresetForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        providers = known_providers(request.POST.getlist("provider"))
        try:
            Preset.objects.keep(request.user, form.cleaned_data["preset_name"], providers=providers, **form.columns())
            form = PresetForm()
        except TooManyPresets:
            form.add_error(None, FULL)
    return answer(request, form)


def answer(request: HttpRequest, form: PresetForm) -> HttpResponse:
    words = request.GET.get("preset_find", "").replace("\0", "").strip()[:LONGEST_NAME]
    found = list(Preset.objects.listed_for(request.user, words)[: MAX_LISTED + 1])
    errors = [error for errors in form.errors.values() for error in errors]
    context = {
        "presets": found[:MAX_LISTED],
        "words": words,
        "max_listed": MAX_LISTED if len(found) > MAX_LISTED else None,
        "errors": errors,
        "longest_name": LONGEST_NAME,
    }
    return render(request, "compose/_presets.html", context, status=422 if errors else 200)


def known_providers(values: list[str]) -> list[str]:
    wanted = [value for value in values if "\0" not in value][:MAX_PROVIDERS]
    return list(Provider.objects.offered().filter(value__in=wanted).values_list("value", flat=True))


@require_POST
def use(request: HttpRequest, public_id) -> HttpResponse:
    """The composer with the preset applied. The prompt and frames stay; the preset's words are appended."""
    preset = get_object_or_404(Preset.objects.visible_to(request.user), public_id=public_id)
    names = ("start_picture", "end_picture", "start_from", "end_from", "reference_image_url", "tail_image_url")
    values = {name: request.POST[name] for name in names if request.POST.get(name)} | {
        "prompt": preset.added_to(with_line_feeds(request.POST.get("prompt", ""))),
        "providers": list(
            Provider.objects.filter(value__in=preset.providers, state=Provider.State.ACTIVE).values_list(
                "value", flat=True
            )
        ),
        "aspect_ratio": preset.aspect_ratio,
        "config": preset.config,
    }
    form = GenerateForm(owner=request.user, initial=values)
    return render(request, "compose/_composer.html", composer_context(request, form))


@require_POST
def remove(request: HttpRequest, public_id) -> HttpResponse:
    get_object_or_404(request.user.presets, public_id=public_id).delete()
    return answer(request, PresetForm())
