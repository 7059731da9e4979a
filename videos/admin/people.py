"""People in the admin: owners, managers and members, and the links that let them in."""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.forms import ChoiceField
from django.utils.html import format_html

from videos.accounts import owners, roles, sessions
from videos.admin.lists import CompletedRows, LookOnly, StudioAdmin, set_or_not, titled, yes_no
from videos.admin.money import left_words, lines
from videos.models import Budget, OneTimeLink
from videos.templatetags.studio import money

User = get_user_model()
admin.site.unregister([Group, User])


@admin.register(OneTimeLink)
class OneTimeLinkAdmin(LookOnly):
    list_title, one, many = "Invitations and links for a new password", "link", "links"
    list_display = ["kind", "made_by", "for_user", "created_at", "expires_at", "used_at"]
    list_filter = ["purpose", ("used_at", set_or_not("use", "Not used", "Used"))]
    list_select_related = ["made_by", "for_user"]
    search_fields = ["made_by__username", "for_user__username"]
    fields = ["purpose", "made_by", "for_user", "created_at", "expires_at", "used_at"]

    @admin.display(description="what")
    def kind(self, link):
        return link.get_purpose_display()


class PersonForm(UserChangeForm):
    password = None  # Django's shows how it is stored
    role = ChoiceField(choices=roles.Role.choices, required=False)

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.initial["role"] = roles.role_of(self.instance)

    def clean(self):
        """Checked in the transaction that saves, so that two owners cannot demote each other at the same moment."""
        given = super().clean()
        stays_owner = given.get("is_active", True) and given.get("role") in {roles.Role.OWNER, "", None}
        if not stays_owner and owners.must_stay(self.instance):
            raise ValidationError(str(owners.LastOwner(self.instance)))
        return given


class PasswordForm(AdminPasswordChangeForm):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.fields.pop("usable_password", None)  # who has left is deactivated
        for name in ("password1", "password2"):
            self.fields[name].required = True


class RoleFilter(admin.SimpleListFilter):
    title, parameter_name = "role", "role"

    def lookups(self, request, model_admin):
        return roles.Role.choices

    def queryset(self, request, queryset):
        return queryset.filter(**roles.MARKS[self.value()]) if self.value() in roles.MARKS else queryset


@admin.register(User)
class PersonAdmin(CompletedRows, StudioAdmin, UserAdmin):
    """Owners, managers and members. There are no other roles, so groups and single permissions are left out."""

    list_title, one, many = "Members", "member", "members"
    form, add_form, change_password_form = PersonForm, UserCreationForm, PasswordForm
    add_form_template = None
    list_display = ["username", "role_in_words", "may_sign_in", "this_month", "left", "last_login"]
    list_filter = [RoleFilter, ("is_active", titled("whether they may sign in", admin.BooleanFieldListFilter))]
    search_fields = ["username"]
    filter_horizontal = []
    readonly_fields = ["new_password", "last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "new_password"]}),
        (
            "What they may do",
            {
                "fields": ["role", "is_active"],
                "description": "Owners may do everything. Managers invite, set budgets and pause. "
                "Members make their own videos.",
            },
        ),
        ("Times", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "fields": ["username", "password1", "password2"],
                "description": "They start as a member; the next page has their role. "
                "An invitation (on the Members page) lets people choose their own password.",
            },
        )
    ]
    labels = {"is_active": "May sign in"}
    helps = {
        "username": "Letters, digits and @ . + - _ only.",
        "is_active": "Without it they are signed out at once; their videos stay.",
    }
    may_sign_in = yes_no("is_active", "may sign in")

    @admin.display(description="role", ordering="-is_superuser")
    def role_in_words(self, person):
        return roles.role_of(person).label

    @admin.display(description="password")
    def new_password(self, person):
        return format_html('<a class="button small" href="{}">Set a new password</a>', "../password/")

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
        own = ["role", "role_in_words", "may_sign_in"]  # a declared field that is not shown would still be taken
        return [*self.readonly_fields, *own] if obj == request.user else self.readonly_fields

    def get_fieldsets(self, request, obj=None):
        if obj != request.user:
            return super().get_fieldsets(request, obj)
        first, _, times = self.fieldsets
        own = ["role_in_words", "may_sign_in"]
        return [first, ("What you may do", {"fields": own, "description": "Another owner can change this."}), times]

    def has_delete_permission(self, request, obj=None):
        return False  # deactivate instead: their videos and costs keep their owner

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        role = form.cleaned_data.get("role")
        if role and role != roles.role_of(obj):
            roles.set_role(obj, roles.Role(role))
        if not obj.is_active:
            sessions.shut_out(obj)
