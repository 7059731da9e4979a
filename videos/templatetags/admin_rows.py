"""The cells of a list in the admin, each with the name of its column: a phone shows a row as a card."""

from collections.abc import Iterator

from django import template
from django.utils.html import format_html, strip_tags
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

register = template.Library()
NOTHING = {"", "–", "&nbsp;"}  # how Django shows an empty value


@register.filter
def labelled(cells: list[SafeString], headers: list[dict]) -> Iterator[SafeString]:
    """Django renders each cell as `<td class="…">` or `<th class="…">`."""
    for cell, header in zip(cells, headers, strict=False):
        is_box = "action-checkbox" in (header.get("class_attrib") or "")
        label = "" if is_box else format_html(' data-label="{}"', capfirst(header["text"]))
        empty = " data-empty" if strip_tags(cell).strip() in NOTHING and "<i" not in cell else ""
        yield mark_safe(cell.replace('">', f'"{label}{empty}>', 1))
