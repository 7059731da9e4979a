"""Renders a part of a page once for the same values: most cards of a gallery show what they showed before."""

from functools import lru_cache
from uuid import UUID

from django import template
from django.template.base import token_kwargs
from django.utils.safestring import SafeString

register = template.Library()

MAX_KEPT = 4000  # in one process; a card has about a kilobyte
PLAIN = {str, SafeString, int, float, bool, type(None), UUID}


@register.tag
def cached_include(parser, token):
    """`{% cached_include "gallery/_meta.html" with face=card.face %}`: like `include … only`, with plain values.

    The part gets these values only: no request, no person, no row. So the same values give the same text
    for everyone. Times are passed as words.
    """
    _, name, *words = token.split_contents()
    given = token_kwargs(words[1:], parser) if words[:1] == ["with"] else {}
    return CachedInclude(name.strip("\"'"), given)


class CachedInclude(template.Node):
    def __init__(self, name: str, given: dict):
        self.name, self.given, self.names = name, given, tuple(given)

    def render(self, context) -> str:
        part = context.template.engine.get_template(self.name)
        values = tuple(value.resolve(context) for value in self.given.values())
        return rendered(part, self.names, values, types_of(values))


@lru_cache(MAX_KEPT)
def rendered(part: template.Template, names: tuple, values: tuple, types: tuple) -> str:
    return part.render(template.Context(dict(zip(names, values, strict=True))))


def types_of(values: tuple) -> tuple:
    """Distinguishes values that compare equal: 1 and True, safe and unsafe text. Refuses what could change."""
    return tuple(types_of(value) if isinstance(value, tuple) else plain_type(value) for value in values)


def plain_type(value) -> type:
    if type(value) not in PLAIN:
        raise TypeError(f"cached_include takes plain values and tuples of them, and no {type(value).__name__}")
    return type(value)
