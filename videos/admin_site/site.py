"""Django's admin, for owners only, with the studio's sign-in and the studio's look.

No admin theme (django-unfold, django-jazzmin, django-grappelli, …) is used: each brings its own look next to the
studio's, and the well-kept ones need what our policy forbids: unfold writes `style=` and `x-data` expressions, which
need 'unsafe-inline' and 'unsafe-eval'. One base template and one stylesheet give Django's own pages our look.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import update_wrapper
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.http import Http404
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject

from videos.admin_site import overview
from videos.admin_site.overview import NEEDS_A_PERSON
from videos.models import Generation
from videos.models.bounded import Count, count_each, count_in_any_order

NEEDS_A_PERSON_QUERY = f"status__in={','.join(NEEDS_A_PERSON)}"
# The menu on the left: group → (model, its name there, icon). Models that are not listed here come last.
LISTS = {
    "Videos": [
        ("videos.generation", "Generations", "film"),
        ("videos.batch", "Batches", "layers"),
        ("videos.collection", "Collections", "folder"),
        ("videos.clip", "Reviews", "message-square-text"),
        ("videos.verdict", "Kept and rejected", "thumbs-up"),
        ("videos.preset", "Presets", "bookmark"),
        ("videos.picture", "Pictures", "image"),
        ("videos.savedvideo", "Saved copies", "hard-drive"),
    ],
    "Money": [
        ("videos.ledgerentry", "Ledger", "receipt-text"),
        ("videos.budget", "Budgets", "gauge"),
    ],
    "Remote APIs": [
        ("videos.provider", "Providers", "boxes"),
        ("videos.remoteaccount", "Accounts", "key-round"),
    ],
    "People": [
        ("auth.user", "Members", "users"),
        ("videos.onetimelink", "Invitations", "mail"),
        ("videos.publiclink", "Public links", "link"),
        ("videos.reviewlink", "Review links", "external-link"),
    ],
    "System": [
        ("admin.logentry", "Audit log", "scroll-text"),
        ("videos.processlock", "Processes", "server"),
        ("videos.studiofault", "Faults", "bug"),
        ("django_q.failure", "Failed jobs", "circle-x"),
    ],
}
NOT_COUNTED = {"videos.ledgerentry", "videos.remoteaccount", "admin.logentry", "videos.processlock"}


@dataclass
class Entry:
    """One entry of the menu on the left."""

    name: str
    address: str
    icon: str
    count: Count | str = ""
    is_current: bool = False
    needs_a_person: bool = False  # what it counts


class StudioAdminSite(admin.AdminSite):
    site_header = site_title = "HeyGen Studio"
    index_title = "Overview"
    enable_nav_sidebar = False
    empty_value_display = "–"

    def index(self, request, extra_context=None):
        return super().index(request, {**(extra_context or {}), **overview.everything()})

    def app_index(self, request, app_label, extra_context=None):
        """The menu on the left has every list, so a page for each app would say nothing."""
        return redirect("admin:index")

    def each_context(self, request):
        return {**super().each_context(request), "rail": SimpleLazyObject(lambda: list(self.rail(request)))}

    def rail(self, request) -> Iterator[dict]:
        """The groups of the menu, with bounded counts."""
        known = [label for entries in LISTS.values() for label, _, _ in entries]
        models = {model._meta.label_lower: model for model in self._registry}
        counted = {label: [model._default_manager.all()] for label, model in models.items() if label not in NOT_COUNTED}
        waiting = Generation.objects.filter(status__in=NEEDS_A_PERSON)
        counts = {"person": count_in_any_order(waiting), **count_each(counted)}
        index = reverse("admin:index")
        generations = reverse("admin:videos_generation_changelist")
        is_about_people = request.GET.get("status__in") == ",".join(NEEDS_A_PERSON)
        address = f"{generations}?{NEEDS_A_PERSON_QUERY}"
        person = Entry("Needs a person", address, "hand", counts["person"], is_about_people, needs_a_person=True)
        yield {
            "name": "",
            "entries": [Entry("Overview", index, "layout-dashboard", "", request.path == index), person],
        }
        others = [(label, str(models[label]._meta.verbose_name_plural).capitalize(), "database") for label in models]
        for group, rows in {**LISTS, "More": [row for row in others if row[0] not in known]}.items():
            shown = [self.entry(request, row, counts, is_about_people) for row in rows if row[0] in models]
            if shown:
                yield {"name": group, "entries": shown}

    def entry(self, request, row: tuple[str, str, str], counts: dict, is_about_people: bool) -> Entry:
        label, name, icon = row
        address = reverse(f"admin:{label.replace('.', '_')}_changelist")
        is_current = request.path.startswith(address) and not is_about_people
        return Entry(name, address, icon, counts.get(label, ""), is_current)

    def has_permission(self, request):
        return request.user.is_active and request.user.is_superuser

    def admin_view(self, view, cacheable=False):
        """Answers 404 to members. People who are not signed in never get here, because they are sent to sign in."""
        page = super().admin_view(view, cacheable)

        def guarded(request, *args, **kwargs):
            if request.user.is_authenticated and not self.has_permission(request):
                raise Http404
            if any("\0" in value for values in request.GET.lists() for value in [values[0], *values[1]]):
                raise Http404  # filters are passed to the database unchanged, and PostgreSQL rejects NUL characters
            return page(request, *args, **kwargs)

        return update_wrapper(guarded, page)

    @method_decorator(login_not_required)
    def login(self, request, extra_context=None):
        index = reverse("admin:index", current_app=self.name)
        return redirect(f"{reverse('login')}?{urlencode({'next': request.GET.get('next', index)})}")

    def logout(self, request, extra_context=None):
        return LogoutView.as_view(next_page="login")(request)

    def password_change(self, request, extra_context=None):
        return redirect("account")

    def password_change_done(self, request, extra_context=None):
        return redirect("account")
