"""The common parts of the admin's lists, which cost no more as history grows."""

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.timezone import localtime

from videos.models import Generation
from videos.models.bounded import count_in_any_order
from videos.storage.consistency import CannotRepair, fetch_again, storage_errors

NOTHING = "–"
MAX_FOUND = 900  # the newest rows of one search: as many as an old SQLite accepts in a statement


class BoundedPaginator(Paginator):
    """Counts at most a thousand rows and one; what is older is found by a filter or a search."""

    @cached_property
    def count(self) -> int:
        return count_in_any_order(self.object_list).found


class StudioAdmin(admin.ModelAdmin):
    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator
    list_title = ""
    one = many = ""  # what a row and rows are called; "": as in the model
    labels: dict[str, str] = {}  # of fields, where the model's own name is not what people say
    helps: dict[str, str] = {}

    show_facets = admin.ShowFacets.NEVER  # they count all rows, once for each choice

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"title": self.title_of_list, **(extra_context or {})})

    def get_changelist_instance(self, request):
        shown = super().get_changelist_instance(request)
        shown.one = self.one or self.opts.verbose_name
        shown.many = self.many or self.opts.verbose_name_plural
        return shown

    def render_change_form(self, request, context, *arguments, **options):
        row = context.get("original")
        title = self.title_of(row) if row else f"Add {self.one or self.opts.verbose_name}"
        context |= {"list_title": self.title_of_list, "title": title, "subtitle": None}
        return super().render_change_form(request, context, *arguments, **options)

    def get_actions(self, request):
        actions = super().get_actions(request)
        if "delete_selected" in actions:
            function, name, _ = actions["delete_selected"]
            actions["delete_selected"] = (
                function,
                name,
                f"Delete the selected {self.many or self.opts.verbose_name_plural}",
            )
        return actions

    def history_view(self, request, object_id, extra_context=None):
        answer = super().history_view(request, object_id, {"list_title": self.title_of_list, **(extra_context or {})})
        if isinstance(answer, TemplateResponse):
            name = self.title_of(answer.context_data["object"])
            answer.context_data |= {"name": name, "title": f"Changes of {name}"}
        return answer

    def delete_view(self, request, object_id, extra_context=None):
        return super().delete_view(request, object_id, {"list_title": self.title_of_list, **(extra_context or {})})

    def render_delete_form(self, request, context):
        context["name"] = self.title_of(context["object"])
        if not (context["protected"] or context["perms_lacking"]):
            context["title"] = f"Delete this {self.one or self.opts.verbose_name}?"
        return super().render_delete_form(request, context)

    def get_action_choices(self, request, default_choices=(("", "Choose an action"),)):
        return super().get_action_choices(request, list(default_choices))

    def title_of(self, row) -> str:
        return str(row)

    def formfield_for_dbfield(self, db_field, request, **options):
        field = super().formfield_for_dbfield(db_field, request, **options)
        if field is None:
            return None
        if getattr(field, "empty_label", None):
            field.empty_label = NOTHING
        field.label = self.labels.get(db_field.name, field.label)
        field.help_text = self.helps.get(db_field.name, field.help_text)
        for kind in ("add", "change", "delete", "view"):  # icons that lead away from what was typed
            setattr(field.widget, f"can_{kind}_related", False)
        return field

    @property
    def title_of_list(self) -> str:
        return self.list_title or str(self.opts.verbose_name_plural).capitalize()

    @admin.display(description="video")
    def video(self, row):
        return link_to_video(row.generation)


def when(moment: datetime | None) -> str:
    """For a fact that is no field: Django formats only fields."""
    return date_format(localtime(moment), "j M Y, H:i") if moment else NOTHING


def yes_no(field: str, description: str = ""):
    """A column or fact in words: Django's own is an icon that is called True or False."""

    @admin.display(description=description or field.replace("_", " "))
    def in_words(self, row):
        return "Yes" if getattr(row, field) else "No"

    return in_words


def set_or_not(title: str, empty: str, filled: str) -> type[admin.EmptyFieldListFilter]:
    """A filter by whether a field is set, with words for both."""
    words = {"Empty": empty, "Not empty": filled}

    class SetOrNot(admin.EmptyFieldListFilter):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.title = title

        def choices(self, changelist):
            for choice in super().choices(changelist):
                yield {**choice, "display": words.get(str(choice["display"]), choice["display"])}

    return SetOrNot


def titled(title: str, kind: type[admin.FieldListFilter]) -> type[admin.FieldListFilter]:
    """A filter of this kind under a title that people understand, instead of the field's name."""

    class Titled(kind):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.title = title

    return Titled


class CompletedRows:
    """A list with columns that need more than the fields of its rows; it is fetched for all rows of a page together."""

    def get_changelist_instance(self, request):
        shown = super().get_changelist_instance(request)
        shown.result_list = self.completed(list(shown.result_list))
        return shown


class LookOnly(StudioAdmin):
    """Listed, filtered, searched and read; changed by nothing but its actions."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class NewestFirst(LookOnly):
    """In one order, which an index gives."""

    ordering = ["-pk"]
    sortable_by = []


class LongList(NewestFirst):
    """A list of a table that grows with all that was ever made. Its newest rows are found by the primary key; every
    filter has an index that gives its rows newest first, or takes so many that the newest are soon found.

    `search_fields` name what has an index: whose a row is, of which video it is, or an id, which is looked up whole.
    Related rows are only fetched for the rows of one page, because a join may start at the other table.
    """

    list_select_related = []
    list_prefetch: list[str] = []

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related(*self.list_prefetch)

    def get_search_results(self, request, queryset, search_term):
        words = search_term.replace("\0", "").strip()
        if not words:
            return queryset, False
        found: set[int] = set()
        for rows in self.candidates(queryset, words):
            found.update(newest(rows))
        request.max_found = MAX_FOUND if len(found) >= MAX_FOUND else None
        return queryset.filter(pk__in=sorted(found, reverse=True)[:MAX_FOUND]), False

    def candidates(self, rows: QuerySet, words: str) -> Iterator[QuerySet]:
        """Querysets that each find some of `rows` by an index."""
        for name in self.get_search_fields(None):
            field = self.opts.get_field(name)
            if field.related_model is get_user_model():
                yield rows.filter(**{f"{name}__in": list(field.related_model.objects.filter(username=words))})
            elif field.related_model is Generation:
                videos = {pk for found in videos_found(Generation.objects.all(), words) for pk in newest(found)}
                yield rows.filter(**{f"{name}__in": sorted(videos, reverse=True)[:MAX_FOUND]})
            elif looks_like_an_id(words):
                yield rows.filter(**{name: UUID(words)})


def newest(rows: QuerySet) -> list[int]:
    return list(rows.order_by("-pk").values_list("pk", flat=True)[:MAX_FOUND])


def videos_found(rows: QuerySet, words: str) -> Iterator[QuerySet]:
    """By the words of the prompt as the gallery searches them, by a whole id, or by a member's name."""
    yield rows.search(words)
    yield rows.filter(remote_id=words)
    yield rows.of_video_id(words)
    if looks_like_an_id(words):
        yield rows.filter(public_id=UUID(words))
    member = get_user_model().objects.filter(username=words).first()
    if member:
        yield rows.kept().filter(owner=member)


def looks_like_an_id(words: str) -> bool:
    return len(words.replace("-", "")) == 32 and all(letter in "0123456789abcdefABCDEF-" for letter in words)


def link_to_video(generation: Generation | None) -> str:
    """To its page in the admin, by the start of its prompt."""
    if generation is None:
        return "Removed"
    address = reverse("admin:videos_generation_change", args=[generation.pk])
    return format_html('<a href="{}">{}</a>', address, Truncator(generation.prompt).chars(50) or "No prompt")


def report(request, done: int, of: int, what: str, why_not: str):
    """One sentence on what an action did, and one on what it left alone."""
    if done:
        messages.success(request, f"{done} {what}.")
    if done < of:
        messages.warning(request, f"{of - done} left as they were: {why_not}")


def fetch_all_again(request, generations: list):
    done, why_not = 0, ""
    for generation in generations:
        try:
            fetch_again(generation, by=request.user)
            done += 1
        except CannotRepair as error:
            why_not = f"{error}."
        except storage_errors():
            why_not = "the storage failed."
    report(request, done, len(generations), "fetched again from the remote, at no cost", why_not)


def in_words(settings: dict) -> str:
    """Stored settings, such as "duration 5, generate audio yes"."""
    said = {True: "yes", False: "no"}
    values = [(name, said[value] if isinstance(value, bool) else value) for name, value in settings.items()]
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values) or NOTHING


def bare_address(address: str) -> str:
    """An address without the part that may be a signature."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname else ""
