"""Django's admin, for owners alone, behind the studio's one login."""

from functools import update_wrapper
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.http import Http404
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator


class StudioAdminSite(admin.AdminSite):
    site_header = site_title = "HeyGen Studio"
    index_title = "Admin"

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
