"""What the admin's lists have in common: nothing in them costs more when there is more history."""

from urllib.parse import urlsplit

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.utils.functional import cached_property

from videos.models.bounded import count
from videos.storage.consistency import STORAGE_ERRORS, CannotRepair, fetch_again


class BoundedPaginator(Paginator):
    """Counts at most a thousand rows and one; what is older is found by a filter or a search."""

    @cached_property
    def count(self) -> int:
        return count(self.object_list).found


class StudioAdmin(admin.ModelAdmin):
    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator

    def changelist_view(self, request, extra_context=None):
        title = str(self.opts.verbose_name_plural).capitalize()
        return super().changelist_view(request, {"title": title, **(extra_context or {})})


class LookOnly(StudioAdmin):
    """Listed, filtered, searched and read; changed by nothing but its actions."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


def tell(request, done: int, of: int, what: str, why_not: str):
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
        except STORAGE_ERRORS:
            why_not = "the storage failed."
    tell(request, done, len(generations), "fetched again from the remote, at no cost", why_not)


def bare_address(address: str) -> str:
    """An address without the part that may be a signature."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname else ""


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
