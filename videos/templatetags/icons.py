"""Icons. Each shape is on a page once, in its sprite, and every icon refers to it.

The shapes are Lucide's (ISC License), read from the package of that name. Those of cards are masks in cards.css.
"""

from functools import cache
from importlib.resources import files
from zipfile import ZipFile

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

ICONS = (
    "arrow-right-from-line",
    "ban",
    "bell",
    "check",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "columns-2",
    "copy",
    "download",
    "flag",
    "folder-plus",
    "history",
    "image",
    "image-plus",
    "image-up",
    "keyboard",
    "layers",
    "link",
    "log-out",
    "pencil",
    "repeat-2",
    "rotate-ccw",
    "search",
    "share-2",
    "shuffle",
    "sliders-horizontal",
    "square-check",
    "star",
    "trash-2",
    "undo-2",
    "user-round",
    "users",
    "users-round",
    "volume-2",
    "x",
)
# Only on pages that compare or review videos, so that no other page loads them.
REVIEW_ICONS = (
    "circle",
    "circle-check",
    "circle-x",
    "eye",
    "maximize",
    "message-square",
    "music-2",
    "pause",
    "play",
    "repeat",
    "square-dashed-mouse-pointer",
)
# Only in the admin.
ADMIN_ICONS = (
    "activity",
    "arrow-up",
    "bookmark",
    "boxes",
    "bug",
    "circle-check",
    "circle-question-mark",
    "circle-stop",
    "circle-x",
    "database",
    "external-link",
    "film",
    "folder",
    "gauge",
    "hand",
    "hard-drive",
    "key-round",
    "layout-dashboard",
    "list-ordered",
    "mail",
    "message-square-text",
    "moon",
    "pause",
    "play",
    "plus",
    "receipt-text",
    "refresh-cw",
    "rotate-cw",
    "scroll-text",
    "server",
    "thumbs-up",
    "triangle-alert",
    "unplug",
    "wallet",
)
SPRITES = {"": ICONS, "review": REVIEW_ICONS, "admin": ADMIN_ICONS}
LICENCE = "<!-- Icons: Lucide, https://lucide.dev, ISC License -->"


@register.simple_tag
@cache
def icon(name: str, size: int = 0) -> SafeString:
    """One icon in the colour of the text around it: `size` pixels square, or as the stylesheet has it."""
    if name not in ICONS + REVIEW_ICONS + ADMIN_ICONS:
        words = f"The icon {name!r} is not in the sprite; add it to ICONS, or to ADMIN_ICONS for the admin."
        raise template.TemplateSyntaxError(words)
    sides = format_html(' width="{0}" height="{0}"', size) if size else ""
    return format_html('<svg class="icon"{}><use href="#i-{}"/></svg>', sides, name)


@register.simple_tag
@cache
def icon_sprite(which: str = "") -> SafeString:
    """The shapes of all icons, or of a kind of page; once on every page that shows one."""
    with files("lucide").joinpath("lucide.zip").open("rb") as file, ZipFile(file) as shapes:
        symbols = "".join(symbol(name, shapes.read(f"{name}.svg").decode()) for name in SPRITES[which])
    return mark_safe(f"{LICENCE}<svg hidden>{symbols}</svg>")


def symbol(name: str, drawing: str) -> str:
    _, _, rest = drawing.partition("<svg")
    _, _, inner = rest.partition(">")
    shapes = "".join(line.strip() for line in inner.removesuffix("\n").removesuffix("</svg>").splitlines())
    return f'<symbol id="i-{name}" viewBox="0 0 24 24">{shapes.replace(" />", "/>")}</symbol>'
