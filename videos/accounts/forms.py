"""Forms for names, passwords and budgets."""

from django import forms
from django.contrib.auth import authenticate, get_user_model, password_validation
from django.contrib.auth.forms import UsernameField
from django.core.validators import MinValueValidator

from heygen_studio.time_zone import is_known
from videos.accounts import setup_token
from videos.accounts.roles import Role
from videos.models import Budget, Preferences

User = get_user_model()
LONGEST_USERNAME = User._meta.get_field("username").max_length


class Password(forms.CharField):
    """A password exactly as typed: spaces are not stripped."""

    def __init__(self, autocomplete: str, **options):
        widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
        super().__init__(strip=False, widget=widget, **options)


class SignInForm(forms.Form):
    username = UsernameField(
        max_length=LONGEST_USERNAME, widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = Password("current-password")

    def __init__(self, request, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.request, self.user = request, None

    def clean(self):
        given = self.cleaned_data
        if given.get("username") and given.get("password"):
            self.user = authenticate(self.request, username=given["username"], password=given["password"])
            if self.user is None:
                raise forms.ValidationError("Wrong username or password.")
        return given


class NewPersonForm(forms.ModelForm):
    """A new account. `person(**extra)` returns it with a hashed password, not yet stored; `save()` is not used."""

    password = Password("new-password", help_text="At least 8 characters.")

    class Meta:
        model = User
        fields = ["username"]
        field_classes = {"username": UsernameField}
        help_texts = {"username": "Letters, digits and @ . + - _"}

    def clean_username(self):
        username = self.cleaned_data["username"]
        if User.objects.filter(username__iexact=username).exists():
            raise forms.ValidationError("Someone already has this name. Choose another.")
        return username

    def _post_clean(self):
        super()._post_clean()  # fills self.instance, which a password must not resemble
        check_password_field(self, self.instance)

    def person(self, **extra) -> User:
        """The account, not yet stored. Hashing is slow on purpose: do it before taking a lock."""
        person = self.instance
        person.set_password(self.cleaned_data["password"])
        for name, value in extra.items():
            setattr(person, name, value)
        return person


class SetUpForm(NewPersonForm):
    token = forms.CharField(
        label="One-time token",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Printed when the studio started, and stored in the file setup-token in its data folder.",
    )
    field_order = ["token", "username", "password"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not setup_token.is_needed():
            del self.fields["token"]

    def clean_token(self):
        if not setup_token.matches(self.cleaned_data["token"]):
            raise forms.ValidationError("This is not the token that was printed when the studio started.")
        return self.cleaned_data["token"]


class NewPasswordForm(forms.Form):
    password = Password("new-password", label="New password", help_text="At least 8 characters.")

    def __init__(self, user, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user

    def _post_clean(self):
        super()._post_clean()
        check_password_field(self, self.user)

    def person(self) -> User:
        """The account with the new password, not yet stored. Hashing is slow on purpose: do it before taking a lock."""
        self.user.set_password(self.cleaned_data["password"])
        return self.user


class ChangePasswordForm(NewPasswordForm):
    old_password = Password("current-password", label="Current password")
    field_order = ["old_password", "password"]

    def __init__(self, request, *args, **kwargs):
        super().__init__(request.user, *args, **kwargs)
        self.request = request

    def clean_old_password(self):
        """Failures count like those of signing in, so that it cannot be guessed here without limit."""
        password = self.cleaned_data["old_password"]
        if authenticate(self.request, username=self.user.get_username(), password=password) != self.user:
            raise forms.ValidationError("This is not your current password.")
        return password


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role, widget=forms.RadioSelect)


class PreferencesForm(forms.ModelForm):
    """How one person sees the studio."""

    time_zone = forms.CharField(
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"list": "time-zones", "spellcheck": "false", "autocomplete": "off"}),
        help_text="For times on your screen, such as Europe/Berlin. Days of budgets and usage stay the studio's.",
    )

    class Meta:
        model = Preferences
        fields = ["theme", "density", "time_zone"]
        labels = {"density": "Cards"}
        widgets = {"theme": forms.RadioSelect, "density": forms.RadioSelect}

    def clean_time_zone(self):
        name = self.cleaned_data["time_zone"].strip().replace(" ", "_")
        if name and not is_known(name):
            raise forms.ValidationError("There is no time zone with this name. Leave it empty to use the studio's.")
        return name


class BudgetForm(forms.ModelForm):
    class Meta:
        model = Budget
        fields = ["videos_per_day", "videos_per_month", "money_per_day", "money_per_month", "currency", "in_flight"]
        labels = {"in_flight": "In progress at once"}
        help_texts = dict.fromkeys(fields, "")

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        for name in self.fields.keys() - {"currency"}:
            self.fields[name].error_messages["min_value"] = "Enter 0 or more; an empty field means no limit."
        for name in ("money_per_day", "money_per_month"):
            self.fields[name].validators.append(MinValueValidator(0))

    def clean_currency(self):
        return self.cleaned_data["currency"].upper()


def check_password_field(form, person):
    password = form.cleaned_data.get("password")
    if not password:
        return
    try:
        password_validation.validate_password(password, person)
    except forms.ValidationError as error:
        form.add_error("password", error)
