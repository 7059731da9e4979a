"""Advice for the person who composes: what is unusual about a request, how long it takes, what it costs.

Advice never blocks. Names, limits and prices are the providers' own rows; times are this studio's own history.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import heapreplace
from math import log

from videos.models import Provider
from videos.models.generation_queryset import TrackRecord
from videos.models.provider import read_seconds
from videos.text import listed

CLEARLY_NEARER = 0.1  # difference of the logarithms of two shapes: about a tenth
UP_TO = 300  # seconds: the contract's time for one video, used while nothing was measured


def shape_of(ratio: str) -> float | None:
    """Width by height; None if the text is not `width:height`."""
    width, _, height = ratio.partition(":")
    if not all(side.isascii() and side.isdigit() and len(side) < 8 and int(side) for side in (width, height)):
        return None
    return int(width) / int(height)


def fitting_ratio(shape: float, ratio: str, offered: list[str]) -> str:
    """The offered ratio that is nearest to a frame of this width by height; "" if `ratio` is about as near."""
    chosen = shape_of(ratio)
    distances = {one: abs(log(shape / found)) for one in offered if (found := shape_of(one))}
    if not chosen or not distances:
        return ""
    nearest = min(distances, key=distances.get)
    return nearest if abs(log(shape / chosen)) - distances[nearest] > CLEARLY_NEARER else ""


def finished_after(times: list[float], at_once: int) -> float:
    """Seconds until all are finished, if at most `at_once` run at a time and each next one starts when one ends."""
    free_at = [0.0] * max(1, at_once)
    for seconds in times:
        heapreplace(free_at, free_at[0] + seconds)
    return max(free_at)


@dataclass(frozen=True)
class Price:
    """The price of a batch, by currency. `is_partial`: some price is not known. `is_upper`: no length is chosen, so the
    longest is counted. `is_rounded`: it depends on lengths that the remote API decides in the end.
    """

    amounts: dict[str, Decimal]
    is_partial: bool = False
    is_upper: bool = False
    is_rounded: bool = False


@dataclass(frozen=True)
class Wait:
    """Seconds until the last video of a batch is made, and whether every one of them was measured."""

    seconds: float
    is_measured: bool


@dataclass(frozen=True)
class Plan:
    """The present contents of the composer, valid or not."""

    providers: Sequence[Provider]
    aspect_ratio: str
    prompt_length: int = 0
    variables: Sequence[str] = ()
    has_start: bool = False
    has_end: bool = False
    config: dict = field(default_factory=dict)
    count: int = 1

    @property
    def videos(self) -> int:
        return self.count * len(self.providers)

    def warnings(self) -> list[str]:
        found = [sentence for provider in self.providers for _, sentence in self.warnings_about(provider)]
        return list(dict.fromkeys([*self.unfilled_variables(), *found]))

    def unfilled_variables(self) -> Iterator[str]:
        """The composer sends one prompt as it stands; only a table has values for its variables."""
        if self.variables:
            words = listed([f"{{{name}}}" for name in dict.fromkeys(self.variables)])
            yield f"{words} would be sent as written. The page Many at once fills in variables."

    def warnings_about(self, provider: Provider) -> Iterator[tuple[str, str]]:
        """(form field, sentence) for each thing that is unusual about this provider and this request."""
        support = Provider.Support
        if provider.full_note:
            instead = f" Try {provider.alternative.name} instead." if provider.alternative else ""
            yield "provider", provider.full_note + instead
        if provider.start_frame == support.NEEDED and not self.has_start:
            yield "reference_image", f"{provider.name} needs a start frame."
        if provider.start_frame == support.NO and self.has_start:
            yield "reference_image", f"{provider.name} takes no start frame; it may be left out."
        if provider.end_frame == support.NO and self.has_end:
            yield "tail_image", f"{provider.name} takes no end frame; it may be left out."
        if provider.ratios and ":" in self.aspect_ratio and self.aspect_ratio not in provider.ratios:
            yield (
                "aspect_ratio",
                f"{provider.name} supports {listed(provider.ratios)}; {self.aspect_ratio} may be changed.",
            )
        for key in self.settings_unknown_to(provider):
            yield "config", f"{provider.name} has no setting “{key}”; it may be ignored."
        if provider.prompt_limit and self.prompt_length > provider.prompt_limit:
            yield (
                "prompt",
                f"{provider.name} takes {provider.prompt_limit:,} characters; this prompt has {self.prompt_length:,}.",
            )

    def settings_unknown_to(self, provider: Provider) -> list[str]:
        """The settings that this provider does not have, as far as its settings are known."""
        known = {key["key"] for key in provider.config_keys}
        return [str(key)[:40] for key in self.config if key not in known][:3] if known else []

    def price_explanations(self) -> list[str]:
        """How the price was counted, if that is not obvious."""
        if self.length:
            return [
                f"{provider.name} is known to make {provider.longest:g} s at most; "
                f"the price counts the {self.length:g} s that you asked for."
                for provider in self.providers
                if self.is_by_second(provider) and provider.seconds and self.length > provider.longest
            ]
        guessed = [provider for provider in self.providers if self.is_guessed(provider)]
        if not guessed:
            return []
        lengths = listed([f"{provider.longest:g} s for {provider.name}" for provider in guessed])
        return [f"No length is chosen in Settings, so the price counts the longest: {lengths}."]

    @property
    def length(self) -> float | None:
        """The chosen length of each video in seconds."""
        return read_seconds(self.config.get("duration"))

    def is_by_second(self, provider: Provider) -> bool:
        return provider.price_per_second(self.config, self.has_start) is not None

    def is_guessed(self, provider: Provider) -> bool:
        """Whether the price counts the longest video because the length is not known."""
        return not self.length and provider.usual_seconds is None and self.is_by_second(provider)

    def wait(self, records: dict[int, TrackRecord], limits: dict[str, int]) -> Wait:
        """The time until the last video is made. `limits` is how many each backend makes at once; the rest wait."""
        medians = {provider: records.get(provider.pk, TrackRecord()).median_seconds for provider in self.providers}
        times: dict[str, list[float]] = defaultdict(list)
        for provider, seconds in medians.items():
            times[provider.backend] += [seconds or UP_TO] * self.count
        ends = (finished_after(times[backend], limits.get(backend, 1)) for backend in times)
        return Wait(max(ends, default=0), all(medians.values()))

    def price(self) -> Price:
        """The price of the whole batch, as far as prices are known."""
        amounts: dict[str, Decimal] = {}
        estimates = {provider: provider.estimate(self.config, self.has_start) for provider in self.providers}
        for provider, amount in estimates.items():
            if amount is not None:
                amounts[provider.currency] = amounts.get(provider.currency, Decimal(0)) + amount * self.count
        return Price(
            amounts,
            is_partial=None in estimates.values(),
            is_upper=any(self.is_guessed(provider) for provider in self.providers),
            is_rounded=any(self.is_by_second(provider) for provider in self.providers),
        )
