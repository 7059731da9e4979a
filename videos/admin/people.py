"""People in the admin: owners, managers and members, and the links that let them in."""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError

from videos.accounts import owners, roles, sessions
from videos.admin.lists import CompletedRows, LookOnly, StudioAdmin
from videos.admin.money import left_words, lines
from videos.models import Budget, OneTimeLink
from videos.templatetags.studio import money

User = get_user_model()
admin.site.unregister([Group, User])


@admin.register(OneTimeLink)
class OneTimeLinkAdmin(LookOnly):
    list_title = "Invitations and links for a new password"
    list_display = ["__str__", "made_by", "for_user", "expires_at", "used_at"]
    list_filter = ["purpose", ("used_at", admin.EmptyFieldListFilter)]
    list_select_related = ["made_by", "for_user"]
    search_fields = ["made_by__username", "for_user__username"]
    fields = ["purpose", "made_by", "for_user", "created_at", "expires_at", "used_at"]


class PersonForm(UserChangeForm):
    def clean(self):
        """Checked in the transaction that saves, so that two owners cannot demote each other at the same moment."""
        given = super().clean()
        stays_owner = given.get("is_active", True) and given.get("is_superuser", True)
        if not stays_owner and owners.must_stay(self.instance):
            raise ValidationError(str(owners.LastOwner(self.instance)))
        return given


@admin.register(User)
class PersonAdmin(CompletedRows, StudioAdmin, UserAdmin):
    """Owners, managers and members. There are no other roles, so groups and single permissions are left out."""

    list_title = "Members"
    form = PersonForm
    list_display = ["username", "role", "is_active", "this_month", "left", "last_login"]
    list_filter = ["is_superuser", "is_staff", "is_active"]
    search_fields = ["username"]
    filter_horizontal = []
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (
            "Role",
            {
                "fields": ["is_active", "is_superuser", "is_staff"],
                "description": "A superuser is an owner. Staff who are not superusers are managers.",
            },
        ),
        ("Times", {"fields": ["last_login", "date_joined"]}),
    ]

    @admin.display(ordering="-is_superuser")
    def role(self, person):
        return roles.role_of(person).label

    def completed(self, rows):
        known = Budget.objects.of_members(rows)
        for person in rows:
            person.uses, person.lefts = known[person.pk]
        return rows

    @admin.display(description="held and spent this month")
    def this_month(self, person):
        amounts = " + ".join(money(use.amount, use.currency) for use in person.uses if use.amount)
        videos = sum(use.videos for use in person.uses)
        return f"{amounts or 'No price set'}, {videos:,} video{'' if videos == 1 else 's'}" if videos else "Nothing"

    @admin.display(description="left of the budget")
    def left(self, person):
        return lines([f"{left_words(one)} {one.period}" for one in person.lefts]) or "No limit"

    def get_readonly_fields(self, request, obj=None):
        """Nobody can deactivate or demote themselves, so there is always an owner."""
        return (
            [*self.readonly_fields, "is_active", "is_superuser", "is_staff"]
            if obj == request.user
            else self.readonly_fields
        )

    def has_delete_permission(self, request, obj=None):
        return False  # deactivate instead: their videos and costs keep their owner

    def save_model(self, request, obj, form, change):
        obj.is_staff = obj.is_staff or obj.is_superuser
        super().save_model(request, obj, form, change)
        if not obj.is_active:
            sessions.shut_out(obj)
