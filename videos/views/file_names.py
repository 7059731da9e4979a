"""The names of a person's downloaded files."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from videos.models import Generation, Preferences
from videos.views.download_names import BadPattern, check_pattern, name_of_download

EXAMPLE = "{n:02}_{collection}_{prompt:40}_{provider}_{ratio}_{seed}"
FIELDS = {
    "{n:02}": "which file of the archive it is: 01, 02 …",
    "{prompt:40}": "the first 40 characters of the prompt",
    "{collection}": "the collection",
    "{provider}": "the provider",
    "{ratio}": "the aspect ratio: 16x9",
    "{seed}": "the seed, where it is known",
    "{date}": "the day: 2026-03-01",
    "{time}": "the time: 1402",
    "{id}": "the beginning of its id, which no other video has",
}


class PatternForm(forms.Form):
    pattern = forms.CharField(
        label="Pattern",
        required=False,
        max_length=200,
        help_text="Leave it blank for the prompt and the time.",
        widget=forms.TextInput(attrs={"class": "input mono", "placeholder": EXAMPLE, "spellcheck": "false"}),
    )

    def clean_pattern(self) -> str:
        if "pattern" not in self.data:
            raise forms.ValidationError("The pattern did not arrive. Reload the page and try again.")
        pattern = self.cleaned_data["pattern"].strip()
        try:
            check_pattern(pattern)
        except BadPattern as refusal:
            raise forms.ValidationError(str(refusal)) from None
        return pattern


@require_http_methods(["GET", "HEAD", "POST"])
def file_names(request: HttpRequest) -> HttpResponse:
    pattern = Preferences.objects.of(request.user).name_pattern
    form = PatternForm(request.POST if request.method == "POST" else None, initial={"pattern": pattern})
    if request.method == "POST" and form.is_valid():
        Preferences.objects.keep(request.user, name_pattern=form.cleaned_data["pattern"])
        messages.info(request, "Saved. This is how your next downloads are named.")
        return redirect("file_names")
    videos = Generation.objects.visible_to(request.user).kept().filter(saved_video__isnull=False)
    newest = videos.with_everything().newest_first().first()
    context = {
        "form": form,
        "fields": FIELDS,
        "example": newest and name_of_download(request.user, newest, pattern),
    }
    return render(request, "account/file_names.html", context, status=422 if form.errors else 200)
