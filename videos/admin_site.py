"""Django's admin, for owners alone, behind the studio's one login and in the studio's own page.

No admin theme (django-unfold, django-jazzmin, django-grappelli, …) is used: each brings a look of its own beside the
studio's, and the well-kept ones need what our policy forbids: unfold writes `style=` and `x-data` expressions, which
want 'unsafe-inline' and 'unsafe-eval'. One base template and one stylesheet give Django's own pages our look.
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

from videos import overview
from videos.models import Generation
from videos.models.bounded import count_each
from videos.overview import NEEDS_A_PERSON

NEEDS_A_PERSON_QUERY = f"status__in={','.join(NEEDS_A_PERSON)}"
# The lists at the left: group → (model, what it is called there, icon). A model that is not here comes last.
ROOMS = {
    "Videos": [
        ("videos.generation", "Generations", "film"),
        ("videos.batch", "Batches", "layers"),
        ("videos.collection", "Collections", "folder"),
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
    ],
    "System": [
        ("admin.logentry", "Audit log", "scroll-text"),
        ("videos.processlock", "Processes", "server"),
        ("videos.studiofault", "Faults", "bug"),
        ("django_q.failure", "Failed tasks", "circle-x"),
    ],
}
NOT_COUNTED = {"videos.ledgerentry", "admin.logentry", "videos.processlock"}


@dataclass
class Room:
    """One entry of the list at the left."""

    name: str
    address: str
    icon: str
    count: object = ""
    is_current: bool = False
    is_call: bool = False  # its count asks somebody to act


class StudioAdminSite(admin.AdminSite):
    site_header = site_title = "HeyGen Studio"
    index_title = "Overview"
    enable_nav_sidebar = False

    def index(self, request, extra_context=None):
        return super().index(request, {**(extra_context or {}), **overview.everything()})

    def each_context(self, request):
        return {**super().each_context(request), "rail": SimpleLazyObject(lambda: list(self.rail(request)))}

    def rail(self, request) -> Iterator[dict]:
        """The groups of lists, with counts that cost no more than a thousand rows each, all in one query."""
        known = [label for rooms in ROOMS.values() for label, _, _ in rooms]
        models = {model._meta.label_lower: model for model in self._registry}
        counted = {label: [model._default_manager.all()] for label, model in models.items() if label not in NOT_COUNTED}
        waiting = Generation.objects.filter(status__in=NEEDS_A_PERSON)
        counts = count_each({"person": [waiting], **counted})
        index = reverse("admin:index")
        generations = reverse("admin:videos_generation_changelist")
        is_call = request.GET.get("status__in") == ",".join(NEEDS_A_PERSON)
        call = Room("Needs a person", f"{generations}?{NEEDS_A_PERSON_QUERY}", "hand", counts["person"], is_call, True)
        yield {
            "name": "",
            "rooms": [Room("Overview", index, "layout-dashboard", "", request.path == index), call],
        }
        others = [(label, str(models[label]._meta.verbose_name_plural).capitalize(), "database") for label in models]
        for group, rooms in {**ROOMS, "More": [room for room in others if room[0] not in known]}.items():
            shown = [self.room(request, room, counts, is_call) for room in rooms if room[0] in models]
            if shown:
                yield {"name": group, "rooms": shown}

    def room(self, request, room: tuple[str, str, str], counts: dict, is_call: bool) -> Room:
        label, name, icon = room
        address = reverse(f"admin:{label.replace('.', '_')}_changelist")
        return Room(name, address, icon, counts.get(label, ""), request.path.startswith(address) and not is_call)

    def has_permission(self, request):
        return request.user.is_active and request.user.is_superuser

    def admin_view(self, view, cacheable=False):
        """For members these pages do not exist; strangers never get here, they were sent to sign in."""
        page = super().admin_view(view, cacheable)

        def guarded(request, *args, **kwargs):
            if request.user.is_authenticated and not self.has_permission(request):
                raise Http404
            if any("\0" in value for values in request.GET.lists() for value in [values[0], *values[1]]):
                raise Http404  # a list's filters go to the database as they are, and PostgreSQL fails on these
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
