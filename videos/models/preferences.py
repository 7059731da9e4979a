"""A person's preferences. Someone who has never set any has no row."""

from django.conf import settings
from django.db import models

from videos.models.notice_choices import NoticeChoices
from videos.models.prepared import prepared


class PreferencesQuerySet(models.QuerySet):
    def of(self, user) -> "Preferences":
        """The person's row, or one with the defaults that is not stored."""
        return next(iter(self.row_of(user)), None) or Preferences(user=user)

    @prepared
    def row_of(self, user):
        return self.filter(user=user)

    def keep(self, user, **choices):
        """Only these choices change."""
        self.update_or_create(user=user, defaults=choices)

    def with_notices(self):
        """The preferences of people who get notices outside the browser."""
        return self.exclude(notify_urls_stored="").filter(user__is_active=True).select_related("user")


class Preferences(NoticeChoices):
    class Theme(models.TextChoices):
        SYSTEM = "system", "As my system"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    class Density(models.TextChoices):
        COMFORTABLE = "comfortable", "Comfortable"
        COMPACT = "compact", "Compact: smaller cards, more of them"
        LARGE = "large", "Large: larger cards, fewer of them"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="preferences"
    )
    theme = models.CharField(max_length=8, choices=Theme, default=Theme.SYSTEM)
    density = models.CharField(max_length=12, choices=Density, default=Density.COMFORTABLE)
    stacks = models.BooleanField(default=True)  # the videos of one click of Generate are shown as one stack
    name_pattern = models.CharField(max_length=200, blank=True, default="")  # of downloaded files; "": the default
    time_zone = models.CharField(max_length=64, blank=True, default="")  # "": the studio's own

    objects = PreferencesQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "preferences"

    def __str__(self):
        return f"Preferences of {self.user}"

    def wants(self, kind: str) -> bool:
        """Whether this person gets notices of this kind outside the browser."""
        return bool(self.notify_urls_stored) and self.notifies_of(kind)
