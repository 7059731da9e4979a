"""A person's preferences. Someone who has never set any has no row."""

from django.conf import settings
from django.db import models

from videos.encryption import decrypt, encrypt


class PreferencesQuerySet(models.QuerySet):
    def of(self, user) -> "Preferences":
        """The person's row, or one with the defaults that is not stored."""
        return self.filter(user=user).first() or Preferences(user=user)

    def keep(self, user, **choices):
        """Only these choices change."""
        self.update_or_create(user=user, defaults=choices)


class Preferences(models.Model):
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
    name_pattern = models.CharField(max_length=200, blank=True, default="")  # of downloaded files; "": as usual
    time_zone = models.CharField(max_length=64, blank=True, default="")  # "": the studio's own
    # Notices outside the browser, to addresses of their own: they hold passwords, so they are stored encrypted
    notify_finished = models.BooleanField(default=False)
    notify_problems = models.BooleanField(default=False)
    notify_urls_stored = models.TextField(blank=True, default="", editable=False)

    objects = PreferencesQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "preferences"

    def __str__(self):
        return f"Preferences of {self.user}"

    def wants(self, kind: str) -> bool:
        """Whether this person is to be told outside the browser: of what is finished, or of what went wrong."""
        return bool(self.notify_urls_stored) and (self.notify_finished if kind == "finished" else self.notify_problems)

    @property
    def notify_urls(self) -> str:
        """Addresses for apprise, one a line."""
        return decrypt(self.notify_urls_stored) or ""

    @notify_urls.setter
    def notify_urls(self, addresses: str):
        self.notify_urls_stored = encrypt(addresses)
