"""The settings that owners choose on the page *Settings*, in one row. The environment overrides them.

`current()` returns the effective settings. Each process queries the database at most every two seconds, so servers and
workers follow a change without a restart. A field that is None, or "", was never set: then the default counts, which
is the Django setting of the field's name in capitals.

Secrets are stored encrypted (videos/encryption.py), and no page shows them again.
"""

import asyncio
import logging
import time
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import Error, models

from videos.encryption import decrypt, encrypt
from videos.models.notice_choices import NoticeChoices
from videos.models.transactions import retried
from videos.remotes.keys import StoredKey

logger = logging.getLogger(__name__)

FRESH_FOR = 2.0  # seconds
LAST_LETTERS = 4  # of a key, which are shown
# The environment variables that fix a field. Its default is the setting of its name: poll_seconds, POLL_SECONDS.
VARIABLES = {
    "heygen_api_key": "HEYGEN_API_KEY",
    "poll_seconds": "STUDIO_POLL_SECONDS",
    "overdue_seconds": "STUDIO_OVERDUE_SECONDS",
    "max_in_flight": "STUDIO_MAX_IN_FLIGHT",
    "max_video_bytes": "STUDIO_MAX_VIDEO_BYTES",
    "min_free_bytes": "STUDIO_MIN_FREE_BYTES",
    "trash_days": "STUDIO_TRASH_DAYS",
    "keep_days": "STUDIO_KEEP_DAYS",
    "keep_bytes": "STUDIO_KEEP_BYTES",
    "ask_above_videos": "STUDIO_ASK_ABOVE_VIDEOS",
    "ask_above_price": "STUDIO_ASK_ABOVE_PRICE",
    "notify_urls": "STUDIO_NOTIFY_URLS",
    "notify_prompts": "STUDIO_NOTIFY_PROMPTS",
}


class Cache:
    """The row as it was last read in this process."""

    def __init__(self):
        self.row: StudioSettings | None = None
        self.read_at = 0.0

    def get(self) -> "StudioSettings":
        """The row, at most two seconds old; the last known one if the database cannot be queried."""
        is_fresh = self.row is not None and time.monotonic() - self.read_at < FRESH_FOR
        if not is_fresh and not in_event_loop():
            try:
                self.hold(StudioSettings.objects.the_row())
            except Error as error:
                logger.debug("The settings could not be read (%s)", type(error).__name__)
        return self.row or StudioSettings()

    def hold(self, row: "StudioSettings", seconds: float = FRESH_FOR):
        """Answers with `row` for that long."""
        self.row, self.read_at = row, time.monotonic() + seconds - FRESH_FOR

    def forget(self):
        self.row = None


def in_event_loop() -> bool:
    """Whether a database call would block an event loop. There, the values that other threads read are used."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class StudioSettingsQuerySet(models.QuerySet):
    def the_row(self) -> "StudioSettings":
        """The one row as it is stored, or a new one that is not stored yet."""
        return self.first() or StudioSettings()

    def change(self, by, **values: Any):
        """Stores only these values: somebody else may have changed others since a page read the row."""
        self._change(changed_by=by, **values)
        CACHE.forget()  # once more: another thread may have read the row before the transaction ended

    @retried
    def _change(self, **values: Any):
        self.get_or_create(pk=1)
        row = self.select_for_update(no_key=True).get(pk=1)
        for name, value in values.items():
            setattr(row, name, value)
        row.save()


class StudioSettings(NoticeChoices):
    class SecondFactor(models.TextChoices):
        NOBODY = "nobody", "Everyone decides for themselves"
        MANAGERS = "managers", "Owners and managers must use one"
        EVERYBODY = "everybody", "Everyone must use one"

    heygen_api_key_stored = models.TextField(blank=True, default="", editable=False)
    heygen_api_key_ends = models.CharField(max_length=LAST_LETTERS, blank=True, default="", editable=False)
    # Polling and limits
    poll_seconds = models.FloatField(null=True, blank=True, validators=[MinValueValidator(5), MaxValueValidator(60)])
    overdue_seconds = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(60), MaxValueValidator(24 * 3600)]
    )
    max_in_flight = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    max_video_bytes = models.BigIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    min_free_bytes = models.BigIntegerField(null=True, blank=True, validators=[MinValueValidator(0)])
    # Retention; empty: kept until somebody deletes it
    trash_days = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(3650)]
    )
    keep_days = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    keep_bytes = models.BigIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    # Generate asks once more above these; empty: never
    ask_above_videos = models.PositiveIntegerField(null=True, blank=True)
    ask_above_price = models.DecimalField(
        max_digits=10, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    # People
    second_factor = models.CharField(max_length=12, choices=SecondFactor, default=SecondFactor.NOBODY)
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    objects = StudioSettingsQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "settings"

    def __str__(self):
        return "Settings"

    def save(self, *arguments, **options):
        """Saves the only row. This process uses it at once, the others within two seconds."""
        self.pk = 1
        super().save(*arguments, **options)
        CACHE.forget()

    # Secrets
    @property
    def heygen_api_key(self) -> str:
        """The stored key; "" where there is none, or where it was stored under another SECRET_KEY."""
        return decrypt(self.heygen_api_key_stored) or ""

    @heygen_api_key.setter
    def heygen_api_key(self, key: str):
        self.heygen_api_key_stored = encrypt(key)
        self.heygen_api_key_ends = end_of_key(key)

    @property
    def key_is_unreadable(self) -> bool:
        return decrypt(self.heygen_api_key_stored) is None


def end_of_key(key: str) -> str:
    """The end of a key, for pages; "" for a key so short that this would be half of it."""
    return key[-LAST_LETTERS:] if len(key) > 2 * LAST_LETTERS else ""


class Current:
    """The effective values: the environment's, the owner's, or the defaults. Never keep it: call `current()` again."""

    def __init__(self, row: StudioSettings):
        self.row = row

    @property
    def poll_seconds(self) -> float:
        return self.value("poll_seconds")

    @property
    def overdue_seconds(self) -> float:
        return self.value("overdue_seconds")

    @property
    def max_in_flight(self) -> int:
        return self.value("max_in_flight")

    @property
    def max_video_bytes(self) -> int:
        return self.value("max_video_bytes")

    @property
    def min_free_bytes(self) -> int:
        return self.value("min_free_bytes")

    @property
    def trash_days(self) -> int:
        return self.value("trash_days")

    @property
    def keep_days(self) -> int | None:
        return self.value("keep_days")

    @property
    def keep_bytes(self) -> int | None:
        return self.value("keep_bytes")

    @property
    def ask_above_videos(self) -> int | None:
        return self.value("ask_above_videos")

    @property
    def ask_above_price(self) -> Decimal | None:
        return self.value("ask_above_price")

    @property
    def notify_urls(self) -> str:
        return self.value("notify_urls")

    @property
    def notify_prompts(self) -> bool:
        return self.value("notify_prompts")

    def notifies_of(self, kind: str) -> bool:
        """Whether the studio's addresses get this notice; without an address, nobody does."""
        return bool(self.notify_urls) and self.row.notifies_of(kind)

    @property
    def second_factor(self) -> str:
        return self.row.second_factor

    def value(self, name: str) -> Any:
        set_by_owner = None if is_fixed(name) else getattr(self.row, name)
        return self.default(name) if set_by_owner in (None, "") else set_by_owner

    def default(self, name: str) -> Any:
        return getattr(settings, name.upper())


CACHE = Cache()
StoredKey.read = staticmethod(lambda: CACHE.get().heygen_api_key)


def current() -> Current:
    return Current(CACHE.get())


def is_fixed(name: str) -> bool:
    """Whether the environment sets this field, so that the page can only show it."""
    return VARIABLES.get(name) in settings.SET_BY_ENVIRONMENT
