"""Advice for the person who composes: what is unusual about a request, how long it takes, what it costs.

Advice never blocks. Names, limits and prices are the providers' own rows; times are this studio's own history.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from videos.models import Provider
from videos.models.generation_queryset import TrackRecord


@dataclass(frozen=True)
class Plan:
    """What stands in the composer at the moment, good or not."""

    providers: Sequence[Provider]
    aspect_ratio: str
    prompt_length: int = 0
    has_start: bool = False
    has_end: bool = False
    config: dict = field(default_factory=dict)
    count: int = 1

    @property
    def videos(self) -> int:
        return self.count * len(self.providers)

    def warnings(self) -> list[str]:
        found = [sentence for provider in self.providers for _, sentence in self.warnings_about(provider)]
        return list(dict.fromkeys(found))

    def warnings_about(self, provider: Provider) -> Iterator[tuple[str, str]]:
        """(form field, sentence) for each thing that is unusual about this provider and this request."""
        support = Provider.Support
        if provider.note:
            instead = f" {provider.alternative.name} may serve instead." if provider.alternative else ""
            yield "provider", provider.note + instead
        if provider.start_frame == support.NEEDED and not self.has_start:
            yield "reference_image", f"{provider.name} wants a start frame."
        if provider.start_frame == support.NO and self.has_start:
            yield "reference_image", f"{provider.name} takes no start frame; it may be left out."
        if provider.end_frame == support.NO and self.has_end:
            yield "tail_image", f"{provider.name} takes no end frame; it may be left out."
        if provider.ratios and ":" in self.aspect_ratio and self.aspect_ratio not in provider.ratios:
            yield (
                "aspect_ratio",
                f"{provider.name} lists {listed(provider.ratios)}; {self.aspect_ratio} may come out otherwise.",
            )
        if provider.prompt_limit and self.prompt_length > provider.prompt_limit:
            yield (
                "prompt",
                f"{provider.name} takes {provider.prompt_limit:,} characters; this prompt has {self.prompt_length:,}.",
            )

    def seconds(self, records: dict[int, TrackRecord]) -> float | None:
        """Until the last one is made, if every provider's time has been measured."""
        medians = [records.get(provider.pk, TrackRecord()).median_seconds for provider in self.providers]
        return max(medians) if medians and all(medians) else None

    def amount(self) -> Decimal | None:
        """The whole press, if every price is known and in one currency."""
        amounts = [provider.estimate(self.config, self.has_start) for provider in self.providers]
        currencies = {provider.currency for provider in self.providers}
        if not amounts or None in amounts or len(currencies) > 1:
            return None
        return sum(amounts) * self.count

    @property
    def currency(self) -> str:
        return self.providers[0].currency


def listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
