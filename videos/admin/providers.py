"""Providers in the admin, by forms: ratios and seconds as lists, settings as rows, prices by resolution.

A provider can be copied from another, and tested with one short video whose price is shown first.
"""

import math
import re
import uuid
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html

from videos.admin.lists import StudioAdmin, report
from videos.admin.price_hints import HINTS, READ_ON, SOURCE
from videos.engine.enqueue import enqueue_submit
from videos.models import Batch, OtherContents, OverBudget, Provider, ProviderPrice, Request, TokenTaken
from videos.models.provider import LONGEST_SECONDS
from videos.remotes import registry
from videos.templatetags.studio import money

RATIO = re.compile(r"[1-9]\d{0,3}:[1-9]\d{0,3}")
SPAN = re.compile(r"(\d{1,4})\s*(?:-|–|to)\s*(\d{1,4})")
KEY = re.compile(r"[A-Za-z_][\w.-]{0,63}")
MAX_LENGTHS = 60  # in one list
EMPTY_ROWS = 2
TEST_PROMPT = "A paper boat on a still pond, gentle ripples, soft morning light"
KEPT = {"value": "name_there", "backend": "remote_api"}  # shown and never changed: existing generations need them
COPIED = (
    *("family", "description", "position", "ratios", "seconds", "start_frame", "end_frame", "sound", "prompt_limit"),
    *("is_strict", "widest_picture", "price", "price_unit", "currency", "note", "alternative", "backend"),
)


class ListField(forms.CharField):
    """Values with commas between them, as a list."""

    def __init__(self, **options):
        super().__init__(required=False, **options)

    def prepare_value(self, value):
        return ", ".join(str(one) for one in value) if isinstance(value, list) else value

    def to_python(self, value) -> list:
        words = re.split(r"[,;\s]+", re.sub(r"[\[\]\"']", " ", super().to_python(value)))
        return [self.one(word) for word in words if word]

    def one(self, word: str) -> Any:
        return word

    def has_changed(self, initial, data):
        return super().has_changed(self.prepare_value(initial or []), data)


class RatiosField(ListField):
    def one(self, word: str) -> str:
        if not RATIO.fullmatch(word):
            raise ValidationError(f"“{word[:40]}” is not a ratio. Write ratios like 16:9, 9:16.")
        return word


class SecondsField(ListField):
    def to_python(self, value) -> list:
        return super().to_python(SPAN.sub(all_between, str(value or "")))

    def one(self, word: str) -> float:
        try:
            seconds = float(word)
        except ValueError:
            seconds = 0
        if not 0 < seconds <= LONGEST_SECONDS:
            raise ValidationError(f"“{word[:40]}” is not a length. Write lengths like 4, 6, 8, or 2-12.")
        return int(seconds) if seconds.is_integer() else seconds


def all_between(span: re.Match) -> str:
    first, last = int(span[1]), int(span[2])
    return ", ".join(map(str, range(first, min(last, first + MAX_LENGTHS) + 1)))


class SettingForm(forms.Form):
    """One setting that the remote takes, as a row."""

    TYPES = [("string", "Text"), ("integer", "Whole number"), ("number", "Number"), ("boolean", "Yes or no")]

    key = forms.CharField(label="Name in the API", required=False, max_length=64)
    label = forms.CharField(label="Shown as", required=False, max_length=80)
    type = forms.ChoiceField(label="Kind", choices=TYPES, required=False)
    choices = ListField(label="Choices")
    default = forms.CharField(label="Default", required=False, max_length=80)
    min = forms.FloatField(label="Minimum", required=False)
    max = forms.FloatField(label="Maximum", required=False)
    known: dict[str, dict] = {}

    def clean_key(self) -> str:
        key = self.cleaned_data["key"].strip()
        if key and not KEY.fullmatch(key):
            raise ValidationError("Letters, digits, dots and underscores only.")
        return key

    def clean(self):
        given = super().clean()
        if given.get("key"):
            given["default"] = self.typed("default", given.get("default"))
            given["choices"] = [self.typed("choices", one) for one in given.get("choices") or []]
        elif any(given.get(name) not in (None, "", []) for name in ("label", "choices", "default", "min", "max")):
            self.add_error("key", "Enter the name that the remote uses.")
        return given

    def typed(self, field: str, value: Any) -> Any:
        """The value, converted to the setting's type."""
        kind, value = self.cleaned_data.get("type") or "string", "" if value is None else str(value).strip()
        if value == "" or kind == "string":
            return value
        if kind == "boolean":
            return value.lower() in {"yes", "true", "1", "on"}
        try:
            number = int(value) if kind == "integer" else float(value)
            if kind == "integer" or math.isfinite(number):  # no database stores other numbers as JSON
                return number
        except ValueError:
            pass
        self.add_error(field, f"“{value[:40]}” is not a number.")
        return value

    def as_known(self, before: dict[str, Any]) -> dict[str, Any]:
        """The stored row. Keys that these columns do not show are kept."""
        given = self.cleaned_data
        kept = {name: value for name, value in before.items() if name not in SETTING_COLUMNS}
        shown = {name: given[name] for name in SETTING_COLUMNS if given.get(name) not in (None, "", [])}
        for name in ("min", "max"):
            if name in shown and float(shown[name]).is_integer():
                shown[name] = int(shown[name])
        return {**shown, **kept}


SETTING_COLUMNS = ("key", "label", "type", "choices", "default", "min", "max")


class EachSettingOnce(forms.BaseFormSet):
    def clean(self):
        known: set[str] = set()
        for row in self.forms:
            key = row.cleaned_data.get("key")
            if not key or row.cleaned_data.get("DELETE"):
                continue
            if key in known:
                row.add_error("key", "Another row has this name already.")
            known.add(key)


SettingRows = forms.formset_factory(SettingForm, formset=EachSettingOnce, extra=EMPTY_ROWS, max_num=60, can_delete=True)


class ProviderForm(forms.ModelForm):
    class Meta:
        labels = {
            "value": "Name at the remote",
            "is_strict": "Refuse what is not listed here",
            "widest_picture": "Widest start frame",
            "position": "Place in the picker",
        }

    ratios = RatiosField(help_text="Such as 16:9, 9:16.")
    seconds = SecondsField(help_text="Such as 4, 6, 8, or 2-12.")

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        copied = self.initial.pop("config_keys", None)
        self.known = copied if copied is not None else self.instance.config_keys or []
        has_rows = self.is_bound and "settings-TOTAL_FORMS" in self.data
        rows = [{name: key.get(name) for name in SETTING_COLUMNS} for key in self.known]
        self.settings = SettingRows(self.data if has_rows else None, initial=rows, prefix="settings")

    def clean(self):
        given = super().clean()
        if self.settings.is_bound and not self.settings.is_valid():
            raise ValidationError("One of the settings has an error; see its row.")
        return given

    def has_changed(self):
        return super().has_changed() or (self.settings.is_bound and self.settings.has_changed())

    def save(self, commit=True):
        self.instance.config_keys = self.kept_settings()
        return super().save(commit)

    def kept_settings(self) -> list[dict[str, Any]]:
        if not self.settings.is_bound:
            return self.known
        before = {key["key"]: key for key in self.known}
        rows = [row for row in self.settings if row not in self.settings.deleted_forms]
        named = [row for row in rows if row.cleaned_data.get("key")]
        return [row.as_known(before.get(row.cleaned_data["key"], {})) for row in named]


class RemoteApiFilter(admin.SimpleListFilter):
    title, parameter_name = "remote API", "api"

    def lookups(self, request, model_admin):
        return registry.choices()

    def queryset(self, request, queryset):
        return queryset.filter(backend=self.value()) if self.value() else queryset


class PriceInline(admin.TabularInline):
    """Prices by resolution, mode and length, each with its source and date."""

    model = ProviderPrice
    extra = 0
    verbose_name = "price"
    verbose_name_plural = "Prices by resolution"

    def formfield_for_dbfield(self, db_field, request, **options):
        """In a table, fields have no labels of their own beside the head of their column."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        if field is not None:
            field.widget.attrs["aria-label"] = str(field.label or db_field.verbose_name)
        return field


@admin.register(Provider)
class ProviderAdmin(StudioAdmin):
    form = ProviderForm
    inlines = [PriceInline]
    list_display = ["name", "value", "family", "remote_api", "standing", "alternative", "cost", "copy"]
    list_filter = ["state", RemoteApiFilter, "family", "sound"]
    list_select_related = ["alternative"]
    search_fields = ["name", "value", "family"]
    actions = ["pause", "resume", "retire", "send_test"]
    helps = {"widest_picture": "How many times longer than its shorter side the longer side may be, such as 2.5."}
    readonly_fields = ["state"]
    fieldsets = [
        (None, {"fields": ["name", "value", "backend", "family", "description", "position"]}),
        ("In the picker", {"fields": ["state", "note", "alternative"]}),
        (
            "What it makes",
            {
                "fields": [
                    "ratios",
                    "seconds",
                    "start_frame",
                    "end_frame",
                    "sound",
                    "prompt_limit",
                    "widest_picture",
                    "is_strict",
                ]
            },
        ),
        (
            "Price if no row below matches",
            {"fields": ["price", "price_unit", "currency"], "description": "Your own price list: HeyGen has none."},
        ),
    ]

    @admin.display(description="state")
    def standing(self, provider):
        form = '<span class="chip-state {}">{}</span><div class="quiet">{}</div>'
        return format_html(form, provider.state, provider.get_state_display(), provider.full_note)

    @admin.display(description="remote API")
    def remote_api(self, provider):
        return registry.api_name_of(provider.backend)

    @admin.display(description="name at the remote")
    def name_there(self, provider):
        return provider.value

    @admin.display(description="price", ordering="price")
    def cost(self, provider):
        prices = sorted({price.price for price in provider.prices.all()})
        if prices:
            ends = dict.fromkeys(money(price, provider.currency) for price in (prices[0], prices[-1]))
            return f"{' to '.join(ends)} {provider.prices.all()[0].get_unit_display()}"
        if provider.price is None:
            return "No price set"
        return f"{money(provider.price, provider.currency)} {provider.get_price_unit_display()}"

    @admin.display(description="copy")
    def copy(self, provider):
        add = reverse("admin:videos_provider_add")
        return format_html('<a href="{}?copy={}" aria-label="Copy {}">Copy</a>', add, provider.pk, provider)

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("prices")

    def get_changeform_initial_data(self, request):
        """A copy starts with everything of the other provider except its remote name and its prices by resolution."""
        copied = self.get_object(request, request.GET.get("copy", "")) if "copy" in request.GET else None
        if copied is None:
            return {}
        facts = {name: getattr(copied, name) for name in COPIED}
        return {**facts, "name": f"{copied.name} (copy)", "config_keys": copied.config_keys}

    def render_change_form(self, request, context, *arguments, **options):
        provider = context.get("original")
        context["settings_rows"] = context["adminform"].form.settings
        context["copies"] = None if provider else Provider.objects.order_by("position", "name")[:200]
        if provider:
            context |= {"price_hint": HINTS.get(provider.value), "test": test_of(provider), "token": uuid.uuid4().hex}
        return super().render_change_form(request, context, *arguments, **options)

    def response_change(self, request, provider):
        """Adopts the price of the hint with one click, with its source and date."""
        hint = HINTS.get(provider.value)
        if "_adopt_hint" not in request.POST or hint is None:
            return super().response_change(request, provider)
        provider.adopt_price(hint.price, SOURCE, READ_ON)
        self.log_change(request, provider, f"Adopted the price {money(hint.price)} per second.")
        messages.success(request, f"{provider}: {money(hint.price)} per second is its price now.")
        return redirect(request.path)

    def formfield_for_dbfield(self, db_field, request, **options):
        if db_field.name != "backend":
            return super().formfield_for_dbfield(db_field, request, **options)
        return forms.ChoiceField(
            label="Remote API", choices=registry.choices(), initial=registry.default_key(), required=False
        )

    def get_readonly_fields(self, request, obj=None):
        """The value is the remote's own name, which existing generations must keep."""
        return [*self.readonly_fields, *KEPT.values()] if obj else self.readonly_fields

    def get_fieldsets(self, request, obj=None):
        if obj is None:
            return self.fieldsets
        (name, first), *others = self.fieldsets
        return [(name, {"fields": [KEPT.get(field, field) for field in first["fields"]]}), *others]

    def has_delete_permission(self, request, obj=None):
        return False  # retire it: its videos keep their provider

    def save_model(self, request, obj, form, change):
        """Of one that is there already, only what was edited: its state, and what its API says, change at any time."""
        obj.save(update_fields=[*form.changed_data, "config_keys"] if change else None)

    @admin.action(description="Pause (visible, can't be used)")
    def pause(self, request, queryset):
        self.move(request, queryset, "paused")

    @admin.action(description="Resume")
    def resume(self, request, queryset):
        self.move(request, queryset, "offered again")

    @admin.action(description="Retire")
    def retire(self, request, queryset):
        self.move(request, queryset, "retired")

    def move(self, request, queryset, done: str):
        rows = list(queryset)
        make = {"paused": queryset.pause, "offered again": queryset.resume, "retired": queryset.retire}[done]
        report(request, make(), len(rows), done, "")
        for provider in rows:
            self.log_change(request, provider, f"Was {done}.")

    @admin.action(description="Send a test: one short video of each, at its price")
    def send_test(self, request, queryset):
        """Sends a test for each. A token that is sent twice makes one video."""
        token = request.POST.get("token") or uuid.uuid4().hex
        for provider in queryset:
            test = test_of(provider)
            if test["cannot"]:
                messages.warning(request, f"{provider}: {test['cannot']}")
                continue
            try:
                batch = Batch.objects.make(request.user, f"test-{token}-{provider.pk}"[:64], [test["request"]])
            except OverBudget as refusal:
                messages.error(request, f"{provider}: {refusal}")
                continue
            except (OtherContents, TokenTaken):  # it was changed since the page with this token was loaded
                messages.warning(request, f"{provider}: this test was sent already. Reload the page to send another.")
                continue
            self.log_change(request, provider, f"Sent a test, {test['price']}.")
            generation = batch.generations.get()
            enqueue_submit(generation.pk)
            return redirect("admin:videos_generation_change", generation.pk) if len(queryset) == 1 else None
        return None


def test_of(provider: Provider) -> dict[str, Any]:
    """A short video that tests this provider: the request, its price in words, and why it cannot be sent."""
    keys = {key["key"]: key for key in provider.config_keys}
    config = {"duration": min(provider.seconds)} if provider.seconds and "duration" in keys else {}
    request = Request(TEST_PROMPT, provider, (provider.ratios or ["16:9"])[0], config=config)
    cannot = ""
    if not provider.is_active:
        cannot = "It is not offered at the moment: resume it first."
    elif provider.start_frame == Provider.Support.NEEDED:
        cannot = "It needs a start frame, so try it in the studio."
    return {"request": request, "price": price_of(request.amount(), provider), "cannot": cannot, "demo": settings.DEMO}


def price_of(amount: Decimal | None, provider: Provider) -> str:
    if settings.DEMO:
        return "drawn here in demo mode, at no cost"
    if amount is None:
        return "at a price that is not known here: it costs what the remote charges"
    return f"for {money(amount, provider.currency)}, by your price list"
