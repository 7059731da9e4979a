"""Providers: the video models behind the remote APIs, with their limits and prices."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import models
from django.db.models import Q
from django.utils import timezone

from videos import wording
from videos.models.prepared import prepared
from videos.models.transactions import update_in_order
from videos.remotes import registry

IMPORTED = "imported"  # the backend in rows of videos that no remote API has made
LONGEST_SECONDS = 3600  # seconds that a setting may reasonably ask for
UNLISTED_LENGTH = 10  # seconds that are counted for a provider whose lengths are not known


class Quote(NamedTuple):
    """The price of one video, and the seconds that it is for; 0 if the length makes no difference."""

    amount: Decimal | None
    seconds: float

    def of_length(self, seconds: float) -> Decimal | None:
        """The price by the real length, in whole seconds; None where nothing was held, or it makes no difference."""
        if not self.amount or not self.seconds:
            return None
        return (self.amount / Decimal(str(self.seconds)) * max(1, round(seconds))).quantize(Decimal("0.0001"))


class ProviderQuerySet(models.QuerySet):
    def offered(self):
        """The list of the picker: usable providers first, by family; paused and retired ones last."""
        usable_first = models.Case(models.When(state=Provider.State.ACTIVE, then=0), default=1)
        offered = self.exclude(backend=IMPORTED).select_related("alternative").prefetch_related("prices")
        return offered.order_by(usable_first, "position", "name")

    def whole_offer(self) -> "list[Provider]":
        """The same list, each with its prices in `known_prices`."""
        providers, prices = self.rows_offered(), defaultdict(list)
        for price in ProviderPrice.objects.of_all([provider.pk for provider in providers]):
            prices[price.provider_id].append(price)
        for provider in providers:
            provider.known_prices = prices[provider.pk]
        return providers

    @prepared
    def rows_offered(self):
        return self.offered().prefetch_related(None)

    @prepared
    def names(self):
        """The same list, for a choice: each one's value and name."""
        return self.offered().select_related(None).prefetch_related(None).values("value", "name")

    @prepared
    def active(self):
        """The values and backends of those that can be used."""
        return self.filter(state=Provider.State.ACTIVE).order_by("position", "name").values_list("value", "backend")

    @prepared
    def of_keys(self, pks: list[int]):
        return self.filter(pk__in=pks)

    def with_a_price(self) -> set[int]:
        """The keys of those with a price, be it for every setting or only for some."""
        return set(self.filter(Q(prices__isnull=False) | ~Q(price=None)).values_list("pk", flat=True))

    def imported(self) -> "Provider":
        """The provider of uploaded videos, whose real maker is not known. It cannot make videos."""
        names = {"name": "Imported", "family": "Imported", "backend": IMPORTED, "state": Provider.State.RETIRED}
        return self.get_or_create(value=IMPORTED, defaults=names)[0]

    def pause(self) -> int:
        """Shown but not offered, until resumed. Returns how many providers were changed, like the next two."""
        return update_in_order(self, state=Provider.State.PAUSED)

    def resume(self) -> int:
        return update_in_order(self, state=Provider.State.ACTIVE)

    def retire(self) -> int:
        return update_in_order(self, state=Provider.State.RETIRED)


class Provider(models.Model):
    """One video model. The contract's thirteen come from a migration; an administrator may add or edit any.

    Ratios, seconds, frames and keys advise the person who composes; they never block a request, because the
    remote API remaps names as it likes.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        RETIRED = "retired", "Retired"

    class Support(models.TextChoices):
        YES = "yes", "Yes"
        NO = "no", "No"
        NEEDED = "needed", "Needed"
        UNKNOWN = "unknown", "Not known"

    class PriceUnit(models.TextChoices):
        VIDEO = "video", "per video"
        SECOND = "second", "per second"

    value = models.CharField(max_length=64, unique=True, help_text="The name the remote API knows, such as veo_3_1.")
    backend = models.CharField(max_length=48, help_text="The remote API that makes its videos.")
    name = models.CharField(max_length=80)
    family = models.CharField(max_length=40)
    description = models.CharField(max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(default=100, help_text="Lower comes first.")

    ratios = models.JSONField(default=list, blank=True, help_text='Advice, such as ["16:9", "9:16"].')
    seconds = models.JSONField(default=list, blank=True, help_text="Advice, such as [4, 6, 8].")
    start_frame = models.CharField(max_length=8, choices=Support, default=Support.UNKNOWN)
    end_frame = models.CharField(max_length=8, choices=Support, default=Support.UNKNOWN)
    sound = models.BooleanField(default=False)
    prompt_limit = models.PositiveIntegerField(null=True, blank=True, help_text="Characters; empty when not known.")
    config_keys = models.JSONField(
        default=list,
        blank=True,
        help_text='Suggested: [{"key": "duration", "label": "Seconds", "type": "integer", "choices": [4, 8]}].',
    )

    is_strict = models.BooleanField(
        default=False, help_text="Refuse what is not listed above, before anything is sent, instead of advising only."
    )
    widest_picture = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="A start frame may be so many times wider than high, or higher than wide."
    )

    price = models.DecimalField(
        max_digits=9, decimal_places=4, null=True, blank=True, help_text="Empty when not known."
    )
    price_unit = models.CharField(max_length=8, choices=PriceUnit, default=PriceUnit.VIDEO)
    currency = models.CharField(max_length=3, default="USD")

    state = models.CharField(max_length=8, choices=State, default=State.ACTIVE)
    unknown_since = models.DateTimeField(null=True, blank=True, editable=False)  # to the remote, by its last answer
    note = models.CharField(max_length=200, blank=True, help_text="Shown next to the name, such as why it is paused.")
    alternative = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = ProviderQuerySet.as_manager()
    known_prices: "list[ProviderPrice] | None" = None  # where those of many providers were read at once

    class Meta:
        ordering = ["position", "name"]

    def __str__(self):
        return self.name

    def save(self, *arguments, **named):
        if self._state.adding:
            self.backend = self.backend or registry.default_key()
        super().save(*arguments, **named)

    @property
    def is_active(self) -> bool:
        return self.state == self.State.ACTIVE

    @property
    def is_retired(self) -> bool:
        return self.state == self.State.RETIRED

    @property
    def full_note(self) -> str:
        """The words next to its name: the owner's note, after a sentence if the remote does not know this model."""
        if self.unknown_since is None:
            return self.note
        return f"{wording.unknown_model(registry.name_of(self.backend), self.unknown_since)} {self.note}".rstrip()

    def record_whether_known(self, is_known: bool):
        """Records what the remote said when a request for this model was sent there. Writes nothing if that is no news:
        an UPDATE would wait for other writers even if it changes no row."""
        rows = Provider.objects.filter(pk=self.pk, unknown_since__isnull=not is_known)
        if is_known != (self.unknown_since is None):
            rows.update(unknown_since=None if is_known else timezone.now())

    def estimate(self, settings: dict[str, Any], has_start_frame: bool = False) -> Decimal | None:
        """The price of one video in `currency`, or None where no price is known."""
        return self.quote(settings, has_start_frame).amount

    def quote(self, settings: dict[str, Any], has_start_frame: bool = False) -> Quote:
        """The price of one video, and what it is for.

        Settings are as typed, sensible or not. The length is that of `priced_seconds`; a resolution without a price
        counts as the most expensive one, so that no setting can lower a price.
        """
        price, seconds = self.price_row(settings, has_start_frame), self.priced_seconds(settings.get("duration"))
        if price is None:
            return Quote(None, 0)
        return Quote(price.amount(seconds), seconds if price.unit == self.PriceUnit.SECOND else 0)

    def price_per_second(self, settings: dict[str, Any], has_start_frame: bool = False) -> Decimal | None:
        """The price of a second; None if it is unknown, or if a video costs the same at any length."""
        price = self.price_row(settings, has_start_frame)
        return price.price if price and price.unit == self.PriceUnit.SECOND else None

    def price_row(self, settings: dict[str, Any], has_start_frame: bool) -> "ProviderPrice | None":
        """The price that fits these settings; the highest, if several do."""
        seconds = self.priced_seconds(settings.get("duration"))
        if fitting := self.fitting_prices(settings.get("resolution"), has_start_frame, seconds):
            return max(fitting, key=lambda price: price.amount(seconds))
        return None if self.price is None else ProviderPrice(provider=self, price=self.price, unit=self.price_unit)

    def adopt_price(self, price: Decimal, source: str, as_of: date):
        """Stores one price per second for every resolution and mode, with its source and date."""
        every_case = {"resolution": "", "mode": ProviderPrice.Mode.ANY, "from_seconds": 0}
        facts = {"price": price, "unit": self.PriceUnit.SECOND, "source": source, "as_of": as_of}
        self.prices.update_or_create(**every_case, defaults=facts)

    def priced_seconds(self, duration: Any) -> float:
        """The length for which a price per second is counted, so that a budget never holds too little.

        A chosen length is rounded up to one that the provider makes. Without a sensible one it is what the remote
        takes by itself, or the longest where that is not known.
        """
        chosen = read_seconds(duration) or self.usual_seconds
        if chosen is None:
            return self.longest
        return min((length for length in self.seconds if read_seconds(length) and length >= chosen), default=chosen)

    @property
    def usual_seconds(self) -> float | None:
        """The length that the remote uses if none is chosen, if known."""
        return read_seconds(self.default_of("duration"))

    @property
    def longest(self) -> float:
        """The length in seconds of the longest video that it is known to make."""
        return max((length for length in self.seconds if read_seconds(length)), default=UNLISTED_LENGTH)

    def fitting_prices(self, resolution: Any, has_start_frame: bool, seconds: float) -> "list[ProviderPrice]":
        """The most specific rows for this case: one, or those of all resolutions if this one is not known."""
        mode = ProviderPrice.Mode.IMAGE if has_start_frame else ProviderPrice.Mode.TEXT
        rows = self.prices.all() if self.known_prices is None else self.known_prices
        rows = [row for row in rows if row.mode in ("", mode) and row.from_seconds <= seconds]
        resolution = resolution or self.default_of("resolution")
        named = [row for row in rows if row.resolution == resolution] if resolution else []
        rows = named or [row for row in rows if not row.resolution] or rows
        particular = max(((row.mode != "", row.from_seconds) for row in rows), default=None)
        return [row for row in rows if (row.mode != "", row.from_seconds) == particular]

    def default_of(self, key: str) -> Any:
        """The value that the remote uses without this setting, if known."""
        return next((known.get("default") for known in self.config_keys if known["key"] == key), None)


def read_seconds(duration: Any) -> float | None:
    """The length that a setting asks for, also as text; None if it is not between 0 and LONGEST_SECONDS."""
    if isinstance(duration, bool) or not isinstance(duration, int | float | str):
        return None
    try:
        seconds = float(duration)
    except (ValueError, OverflowError):
        return None
    return seconds if 0 < seconds <= LONGEST_SECONDS else None


class ProviderPriceQuerySet(models.QuerySet):
    @prepared
    def of_all(self, providers: list[int]):
        return self.filter(provider__in=providers).order_by("provider_id", "resolution", "mode", "from_seconds")


class ProviderPrice(models.Model):
    """A provider's price for one resolution and mode; the most specific row that fits applies."""

    class Mode(models.TextChoices):
        ANY = "", "Any"
        TEXT = "text", "From text alone"
        IMAGE = "image", "From a start frame"

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="prices")
    resolution = models.CharField(max_length=16, blank=True, help_text="As in its setting, such as 768p; empty: any.")
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.ANY, blank=True)
    from_seconds = models.PositiveSmallIntegerField(default=0, help_text="For videos of this length or longer.")
    price = models.DecimalField(max_digits=9, decimal_places=4)
    unit = models.CharField(max_length=8, choices=Provider.PriceUnit, default=Provider.PriceUnit.SECOND)
    source = models.CharField(max_length=200, blank=True, help_text="Where this price was read.")
    as_of = models.DateField(null=True, blank=True, help_text="The day on which it was read.")

    objects = ProviderPriceQuerySet.as_manager()

    class Meta:
        ordering = ["provider", "resolution", "mode", "from_seconds"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "resolution", "mode", "from_seconds"], name="one_price_for_each_case"
            )
        ]

    def __str__(self):
        return f"{self.price} {self.provider.currency} {self.get_unit_display()}"

    def amount(self, seconds: float) -> Decimal:
        if self.unit == Provider.PriceUnit.VIDEO:
            return self.price
        return (self.price * Decimal(str(seconds))).quantize(Decimal("0.0001"))
