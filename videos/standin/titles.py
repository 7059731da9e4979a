"""The text on a video: the prompt and the provider's name, with dark edges behind them."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONT = Path(__file__).with_name("fonts") / "Inter-Display.woff2"
LINES = 3
_NOTDEF = "\U0010ffff"


def title_layer(width: int, height: int, prompt: str, provider: str) -> Image.Image:
    """A transparent picture of the frame's size: vignette, shade at the bottom, provider and prompt."""
    image = _shades(width, height)
    unit = (width * height) ** 0.5
    large = ImageFont.truetype(FONT, max(12, round(unit * 0.047)))
    small = ImageFont.truetype(FONT, max(9, round(unit * 0.026)))
    margin = round(unit * 0.055)
    lines = wrapped(drawable(prompt, large), large, width - 2 * margin)
    draw, step = ImageDraw.Draw(image), large.size * 1.22
    y = height - margin - step * len(lines) - small.size * 0.2
    draw.text((margin, y - small.size * 0.75), provider, font=small, fill=(255, 255, 255, 190), anchor="ls")
    for number, line in enumerate(lines):
        draw.text((margin, y + step * number), line, font=large, fill=(255, 255, 255, 240), anchor="la")
    return image


def _shades(width: int, height: int) -> Image.Image:
    corners = Image.radial_gradient("L").point([max(0, value - 110) * 90 // 145 for value in range(256)])
    corners = corners.resize((width, height), Image.Resampling.BICUBIC)
    foot = Image.linear_gradient("L").point(
        [round(165 * max(0.0, value / 255 - 0.45) ** 1.3 * 1.6) for value in range(256)]
    )
    shade = Image.new("L", (width, height))
    shade.paste(corners)
    shade.paste(255, mask=foot.resize((width, height), Image.Resampling.BICUBIC))
    image = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    image.putalpha(shade)
    return image


def drawable(prompt: str, font: ImageFont.FreeTypeFont) -> str:
    """The prompt in one line; empty if the font lacks most of its letters."""
    missing = bytes(font.getmask(_NOTDEF))
    text = " ".join(prompt.split())[:400]
    known = {letter for letter in set(text) if letter == " " or bytes(font.getmask(letter)) != missing}
    kept = "".join(letter for letter in text if letter in known)
    return " ".join(kept.split()) if len(kept) * 2 > len(text) else ""


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """The text in at most three lines of this width; the rest is replaced by an ellipsis."""
    lines, words = [], text.split()
    while words and len(lines) < LINES:
        line = words.pop(0)
        while words and font.getlength(f"{line} {words[0]}") <= width:
            line = f"{line} {words.pop(0)}"
        lines.append(line)
    if words:
        lines[-1] += "…"
    return [_fitted(line, font, width) for line in lines]


def _fitted(line: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    if font.getlength(line) <= width:
        return line
    line = line.rstrip("…")
    while line and font.getlength(line + "…") > width:
        line = line[:-1]
    return line.rstrip(" ,.;:") + "…"
