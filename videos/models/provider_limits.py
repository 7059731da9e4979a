"""Errors for requests that a provider's contract certainly refuses, before anything is sent. The limits are data."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from videos.models.picture import Picture
from videos.models.provider import Provider
from videos.remotes import registry
from videos.text import listed

NO_END_FRAME = "{} takes no end frame; remove it or choose another provider."


@dataclass(frozen=True)
class Asked:
    """One request for one provider, to be checked."""

    aspect_ratio: str
    settings: dict[str, Any]
    start_frame: Picture | None = None
    has_start: bool = False
    has_end: bool = False


def refusals(provider: Provider, asked: Asked) -> Iterator[tuple[str, str]]:
    """(field, sentence): fields are start, end, aspect_ratio and config. Of a provider that is not strict only what its
    API has no field for."""
    if not provider.is_strict:
        if asked.has_end and not takes_end_frames(provider):
            yield "end", NO_END_FRAME.format(provider.name)
        return
    yield from frame_refusals(provider, asked)
    if not asked.has_start and provider.ratios and asked.aspect_ratio not in provider.ratios:
        yield "aspect_ratio", f"{provider.name} makes {listed(provider.ratios)}; choose one of these."
    known = {key["key"]: key for key in provider.config_keys}
    for name, value in asked.settings.items():
        if name not in known:
            yield "config", f"{provider.name} has no setting called “{name[:40]}”; remove it."
        elif problem := problem_with(known[name], value, asked):
            yield "config", f"{known[name].get('label', name)}: {problem}"


def frame_refusals(provider: Provider, asked: Asked) -> Iterator[tuple[str, str]]:
    if asked.has_end and (provider.end_frame == Provider.Support.NO or not takes_end_frames(provider)):
        yield "end", NO_END_FRAME.format(provider.name)
    if asked.has_start and provider.start_frame == Provider.Support.NO:
        yield "start", f"{provider.name} takes no start frame; remove it or choose another provider."
    if not asked.has_start and provider.start_frame == Provider.Support.NEEDED:
        yield "start", f"{provider.name} needs a start frame."
    picture, widest = asked.start_frame, provider.widest_picture
    if picture and widest and max(picture.width, picture.height) > widest * min(picture.width, picture.height):
        yield "start", f"{provider.name} takes no picture with one side more than {widest} times as long as the other."


def takes_end_frames(provider: Provider) -> bool:
    backend = registry.BACKENDS.get(provider.backend)
    return backend is None or backend.has_end_frame


def problem_with(key: dict[str, Any], value: Any, asked: Asked) -> str:
    """Why this value of a setting is refused, as the end of a sentence; "" where it is not."""
    if not is_of_type(key.get("type", "string"), value):
        return f"{named(value)} is not {TYPES.get(key.get('type', 'string'), 'a text')}."
    if key.get("choices") and value not in key["choices"]:
        return f"{named(value)} is not offered; choose {listed(key['choices'], 'or')}."
    if "min" in key and value < key["min"]:
        return f"at least {key['min']:,}."
    if "max" in key and value > key["max"]:
        return f"at most {key['max']:,}."
    ratios = key.get("ratios", {}).get(str(value))  # which ratios a value goes with; a start frame decides by itself
    if ratios and not asked.has_start and asked.aspect_ratio not in ratios:
        return f"{value} is made in {listed(ratios)} only, not in {asked.aspect_ratio}."
    return ""


TYPES = {"integer": "a whole number", "number": "a number", "boolean": "yes or no", "string": "a text"}


def is_of_type(kind: str, value: Any) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in {"integer", "number"}:
        return isinstance(value, int if kind == "integer" else int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def named(value: Any) -> str:
    return f"“{str(value)[:40]}”"
