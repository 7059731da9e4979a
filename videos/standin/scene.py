"""The scenes: still layers drawn with Pillow. libav moves each layer across the frame.

A scene is a backdrop, and layers from far to near; different speeds give an impression of depth.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from videos.standin.palette import Colour, Palette, mix


@dataclass
class Layer:
    """An RGBA picture and its movement: position at 0 s in pixels, pixels per second, and a swell up and down."""

    image: Image.Image
    x: float = 0.0
    y: float = 0.0
    dx: float = 0.0
    dy: float = 0.0
    swell: float = 0.0
    period: float = 4.0

    def course(self) -> tuple[str, str]:
        """x and y as expressions of libav's overlay filter."""
        wave = f"+{self.swell:.2f}*sin(6.2832*t/{self.period:.2f})" if self.swell else ""
        return f"{self.x:.2f}{self.dx:+.3f}*t", f"{self.y:.2f}{self.dy:+.3f}*t{wave}"


@dataclass
class Stage:
    """The facts for every scene: the frame in pixels, the video in seconds, colours and random numbers."""

    width: int
    height: int
    seconds: float
    palette: Palette
    rng: Random

    @property
    def unit(self) -> float:
        """The side of a square with the area of the frame, in pixels."""
        return math.sqrt(self.width * self.height)

    def speed(self, share: float) -> float:
        """The speed that crosses `share` of the unit in five seconds, in pixels per second."""
        return share * self.unit / 5

    def span(self, dx: float) -> int:
        """How wide a layer must be to fill the frame until the end of its movement."""
        return math.ceil(self.width + abs(dx) * self.seconds) + 4


def vertical(size: tuple[int, int], stops: list[tuple[float, Colour]]) -> Image.Image:
    """A vertical gradient through these (place 0 to 1, colour) stops."""
    line = Image.new("RGB", (1, 256))
    for row in range(256):
        place = row / 255
        after = next((i for i, stop in enumerate(stops) if stop[0] >= place), len(stops) - 1)
        low, high = stops[max(0, after - 1)], stops[after]
        share = (place - low[0]) / (high[0] - low[0]) if high[0] > low[0] else 1.0
        line.putpixel((0, row), mix(low[1], high[1], min(1.0, max(0.0, share))))
    return line.resize(size, Image.Resampling.BICUBIC)


def disc(radius: float, colour: Colour, strength: float = 1.0, power: float = 2.0) -> Image.Image:
    """A soft round light that fades to nothing at `radius` pixels."""
    curve = [round(255 * strength * max(0.0, 1 - value / 181) ** power) for value in range(256)]
    side = max(2, round(2 * radius))
    mask = Image.radial_gradient("L").point(curve).resize((side, side), Image.Resampling.BICUBIC)
    image = Image.new("RGBA", (side, side), (*colour, 0))
    image.putalpha(mask)
    return image


def glow(image: Image.Image, centre: tuple[float, float], radius: float, colour: Colour, strength=1.0, power=2.0):
    """Adds light to an RGB picture, in place."""
    light = disc(radius, colour, strength, power)
    veil = Image.new("RGB", image.size)
    veil.paste(light, (round(centre[0] - radius), round(centre[1] - radius)), light)
    image.paste(ImageChops.screen(image, veil))


def waves(rng: Random, count: int, octaves: int, rough: float) -> Callable[[float], float]:
    """A smooth random line: a function from 0..1 to about -1..1."""
    parts = []
    for octave in range(octaves):
        parts.append((rng.uniform(0.7, 1.3) * count * 2**octave, rng.uniform(0, math.tau), rough**octave))
    total = sum(part[2] for part in parts)
    return lambda place: sum(math.sin(math.tau * place * f + phase) * size for f, phase, size in parts) / total


def peaks(rng: Random, depth: int, rough: float) -> Callable[[float], float]:
    """A jagged random line by midpoint displacement: a function from 0..1 to about -1..1."""
    points, size = [rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5)], 1.0
    for _ in range(depth):
        middles = [(a + b) / 2 + rng.uniform(-size, size) for a, b in pairwise(points)]
        points = [point for pair in zip(points, middles, strict=False) for point in pair] + [points[-1]]
        size *= rough
    top = max(abs(point) for point in points)

    def line(place: float) -> float:
        exact = min(place, 0.99999) * (len(points) - 1)
        left = int(exact)
        return (points[left] + (points[left + 1] - points[left]) * (exact - left)) / top

    return line


def silhouette(size: tuple[int, int], line: Callable[[float], float], crown: Colour, foot: Colour) -> Image.Image:
    """Everything below a line (0 is the picture's top, 1 its bottom), shaded from top to bottom."""
    width, height = size
    mask = Image.new("L", (width * 2, height * 2))
    step = max(2, width // 400)
    edge = [(x, line(x / (width * 2)) * height * 2) for x in range(0, width * 2 + step, step)]
    ImageDraw.Draw(mask).polygon([*edge, (width * 2, height * 2), (0, height * 2)], fill=255)
    image = vertical(size, [(0, crown), (1, foot)]).convert("RGBA")
    image.putalpha(mask.reduce(2))
    return image


def sky(stage: Stage, horizon: float, light_at: tuple[float, float], strength: float = 0.9) -> Image.Image:
    """The backdrop: the sky down to the horizon (a share of the frame's height), and the glow of its light."""
    colours = stage.palette
    stops = [(0, colours.top), (horizon * 0.62, colours.middle), (horizon, colours.horizon), (1, colours.horizon)]
    image = vertical((stage.width, stage.height), stops)
    centre = (light_at[0] * stage.width, light_at[1] * stage.height)
    glow(image, centre, stage.unit * 0.95, mix(colours.horizon, colours.light, 0.3), 0.5 * strength, 2.2)
    glow(image, centre, stage.unit * 0.4, colours.light, 0.75 * strength, 2.6)
    return image


def sun(stage: Stage, light_at: tuple[float, float], radius: float, sink: float) -> Layer:
    """The sun or moon, which sinks by `sink` of the unit in five seconds (below 0: rises)."""
    side = round(stage.unit * radius * 2) + 8
    big = Image.new("L", (side * 4, side * 4))
    ImageDraw.Draw(big).ellipse((16, 16, side * 4 - 16, side * 4 - 16), fill=245)
    image = Image.new("RGBA", (side, side), (*mix(stage.palette.light, (255, 255, 255), 0.35), 0))
    image.putalpha(big.reduce(4).filter(ImageFilter.GaussianBlur(1.2)))
    x, y = light_at[0] * stage.width - side / 2, light_at[1] * stage.height - side / 2
    return Layer(image, x, y, 0, stage.speed(sink))


def sparks(stage: Stage, count: int, size: float, colour: Colour, dx: float, dy: float, strength=0.8) -> Layer:
    """Soft points of light that drift; `size` is a share of the unit, dx and dy are pixels per second."""
    width, height = stage.span(dx), math.ceil(stage.height + abs(dy) * stage.seconds) + 4
    mask = Image.new("L", (width, height))
    for _ in range(count):
        radius = stage.unit * size * stage.rng.uniform(0.4, 1.3)
        dot = disc(radius, colour, strength * stage.rng.uniform(0.3, 1.0), 1.6).getchannel("A")
        place = round(stage.rng.uniform(-radius, width)), round(stage.rng.uniform(-radius, height))
        box = (*place, place[0] + dot.width, place[1] + dot.height)
        mask.paste(ImageChops.lighter(dot, mask.crop(box)), place)
    image = Image.new("RGBA", (width, height), (*colour, 0))
    image.putalpha(mask)
    return Layer(image, min(0.0, -dx * stage.seconds), min(0.0, -dy * stage.seconds), dx, dy)


def land(stage: Stage, line, top: float, rise: float, crown: Colour, foot: Colour, dx: float) -> Layer:
    """A strip of land: `top` is the height of its middle line, `rise` how far it varies (shares of the frame)."""
    width, high = stage.span(dx), top - rise
    height = math.ceil(stage.height * (1.06 - high)) + 6
    whole = stage.height / height
    image = silhouette((width, height), lambda place: (rise + line(place) * rise) * whole, crown, foot)
    return Layer(image, min(0.0, -dx * stage.seconds), high * stage.height, dx)


def ridges(stage: Stage) -> tuple[Image.Image, list[Layer]]:
    """A slow flight past mountains in the haze."""
    rng, colours = stage.rng, stage.palette
    light_at = (rng.uniform(0.22, 0.78), rng.uniform(0.3, 0.42))
    layers = [sun(stage, light_at, rng.uniform(0.035, 0.055), 0.04)]
    way = rng.choice((-1, 1))
    for index in range(5):
        near = index / 4
        colour = mix(mix(colours.horizon, colours.middle, 0.55), colours.near, 0.12 + 0.88 * near**1.3)
        haze = mix(colour, colours.horizon, 0.45 * (1 - near))
        line = peaks(rng, 8, 0.5 - 0.02 * index)
        dx = way * stage.speed(0.04 + 0.3 * near**1.6)
        layers.append(land(stage, line, 0.48 + 0.1 * index, 0.13 - 0.008 * index, colour, haze, dx))
    return sky(stage, 0.62, light_at), layers


def dunes(stage: Stage) -> tuple[Image.Image, list[Layer]]:
    """Long soft dunes, lit from one side."""
    rng, colours = stage.rng, stage.palette
    light_at = (rng.uniform(0.2, 0.8), rng.uniform(0.24, 0.36))
    layers = [sun(stage, light_at, 0.06, 0.03)]
    way = rng.choice((-1, 1))
    for index in range(4):
        near = index / 3
        crown = mix(mix(colours.horizon, colours.light, 0.25), colours.near, 0.16 + 0.5 * near)
        foot = mix(crown, colours.near, 0.62)
        line = waves(rng, 1, 3, 0.35)
        dx = way * stage.speed(0.05 + 0.28 * near)
        layers.append(land(stage, line, 0.5 + 0.13 * index, 0.07 + 0.01 * index, crown, foot, dx))
    layers.append(sparks(stage, 40, 0.004, colours.light, way * stage.speed(0.5), stage.speed(-0.04), 0.7))
    return sky(stage, 0.55, light_at), layers


def sea(stage: Stage) -> tuple[Image.Image, list[Layer]]:
    """The sun over water, with swells and its reflection."""
    rng, colours = stage.rng, stage.palette
    light_at = (rng.uniform(0.28, 0.72), rng.uniform(0.32, 0.4))
    horizon = 0.5
    back = sky(stage, horizon, light_at)
    layers = [sun(stage, light_at, 0.05, 0.07)]
    for index in range(7):
        near = index / 6
        crown = mix(mix(colours.horizon, colours.middle, 0.35 + 0.5 * near), colours.near, 0.55 * near)
        foot = mix(crown, colours.near, 0.25 + 0.4 * near)
        line = waves(rng, 3 + 2 * (6 - index), 3, 0.45)
        dx = (1 if index % 2 else -1) * stage.speed(0.05 + 0.16 * near)
        strip = land(stage, line, horizon + 0.012 + 0.5 * near**1.5 * 0.9, 0.0015 + 0.013 * near, crown, foot, dx)
        strip.swell, strip.period = stage.height * 0.012 * near, rng.uniform(2.6, 4.2)
        layers += [strip, _glitter(stage, light_at[0], horizon + 0.02 + 0.45 * near**1.5, near)]
    return back, layers


def _glitter(stage: Stage, across: float, down: float, near: float) -> Layer:
    width, height = round(stage.unit * (0.16 + 0.3 * near)), round(stage.unit * (0.02 + 0.09 * near))
    mask = Image.new("L", (width * 2, height * 2))
    draw = ImageDraw.Draw(mask)
    for _ in range(26):
        x = stage.rng.gauss(width, width * 0.32)
        y = stage.rng.uniform(0, height * 2)
        long, thick = stage.unit * (0.012 + 0.05 * near) * stage.rng.uniform(0.5, 1.5), 1 + 3 * near
        draw.ellipse((x - long, y - thick, x + long, y + thick), fill=round(stage.rng.uniform(60, 190)))
    image = Image.new("RGBA", (width, height), (*stage.palette.light, 0))
    image.putalpha(mask.reduce(2).filter(ImageFilter.GaussianBlur(0.6 + near)))
    x, y = across * stage.width - width / 2, down * stage.height
    sway = Layer(image, x, y, stage.rng.choice((-1, 1)) * stage.speed(0.02))
    sway.swell, sway.period = stage.height * 0.008, 2.2 + near
    return sway


def forest(stage: Stage) -> tuple[Image.Image, list[Layer]]:
    """Firs in the mist, with lights between them."""
    rng, colours = stage.rng, stage.palette
    light_at = (rng.uniform(0.25, 0.75), rng.uniform(0.28, 0.42))
    layers, way = [], rng.choice((-1, 1))
    for index in range(4):
        near = index / 3
        colour = mix(mix(colours.horizon, colours.middle, 0.5), colours.near, 0.2 + 0.8 * near)
        foot = mix(colour, colours.horizon, 0.5 * (1 - near))
        dx = way * stage.speed(0.05 + 0.33 * near**1.4)
        layers.append(_firs(stage, 0.55 + 0.11 * index, 0.1 + 0.13 * near, colour, foot, dx))
    layers.append(sparks(stage, 34, 0.012, colours.light, way * stage.speed(0.06), stage.speed(-0.12), 0.9))
    return sky(stage, 0.66, light_at, 1.1), layers


def _firs(stage: Stage, ground: float, tall: float, crown: Colour, foot: Colour, dx: float) -> Layer:
    width, top = stage.span(dx), ground - tall * 1.3
    height = math.ceil(stage.height * (1 - top)) + 6
    mask = Image.new("L", (width * 2, height * 2))
    draw = ImageDraw.Draw(mask)
    base, high = (ground - top) * stage.height * 2, tall * stage.height * 2
    line, x = waves(stage.rng, 2, 3, 0.5), 0.0
    while x < width * 2:
        size = high * stage.rng.uniform(0.45, 1.0)
        _fir(draw, x, base + line(x / width / 2) * high * 0.12 + high * 0.1, size)
        x += size * stage.rng.uniform(0.1, 0.34)
    draw.rectangle((0, base, width * 2, height * 2), fill=255)
    image = vertical((width, height), [(0, crown), (1, foot)]).convert("RGBA")
    image.putalpha(mask.reduce(2))
    return Layer(image, min(0.0, -dx * stage.seconds), top * stage.height, dx)


def _fir(draw: ImageDraw.ImageDraw, x: float, foot: float, size: float) -> None:
    for tier in range(5):
        top = foot - size * (1 - tier * 0.17)
        half, low = size * (0.07 + 0.045 * tier), top + size * (0.24 + 0.02 * tier)
        draw.polygon([(x, top), (x + half, low), (x - half, low)], fill=255)
    draw.rectangle((x - size * 0.02, foot - size * 0.2, x + size * 0.02, foot + size), fill=255)


def city(stage: Stage) -> tuple[Image.Image, list[Layer]]:
    """A skyline of three layers; the nearer ones have lit windows."""
    rng, colours = stage.rng, stage.palette
    light_at = (rng.uniform(0.25, 0.75), rng.uniform(0.34, 0.46))
    layers, way = [sun(stage, light_at, 0.06, 0.05)], rng.choice((-1, 1))
    for index in range(4):
        near = index / 3
        colour = mix(mix(colours.horizon, colours.middle, 0.6), colours.near, 0.22 + 0.78 * near)
        foot = mix(colour, colours.horizon, 0.4 * (1 - near))
        dx = way * stage.speed(0.04 + 0.26 * near**1.5)
        layers.append(_blocks(stage, 0.62 + 0.1 * index, 0.34 - 0.03 * index, near, colour, foot, dx))
    layers.append(sparks(stage, 14, 0.03, colours.light, way * stage.speed(0.34), 0.0, 0.3))
    return sky(stage, 0.68, light_at), layers


def _blocks(stage: Stage, ground: float, tall: float, near: float, crown: Colour, foot: Colour, dx: float) -> Layer:
    rng, width, top = stage.rng, stage.span(dx), ground - tall
    height = math.ceil(stage.height * (1 - top)) + 6
    mask, lit = Image.new("L", (width, height)), Image.new("L", (width, height))
    draw, lamp = ImageDraw.Draw(mask), ImageDraw.Draw(lit)
    x = -stage.unit * 0.05
    while x < width:
        wide = stage.unit * rng.uniform(0.035, 0.085) * (0.75 + near * 0.6)
        roof = tall * stage.height * rng.betavariate(2, 2.2)
        draw.rectangle((x, roof, x + wide, height), fill=255)
        if rng.random() < 0.3:
            draw.rectangle((x + wide * 0.47, roof - stage.unit * 0.03, x + wide * 0.53, roof), fill=255)
        if near > 0.3:
            _windows(lamp, rng, (x, roof, x + wide, height), stage.unit * (0.006 + 0.004 * near))
        x += wide + stage.unit * rng.choice((0, 0, 0.004, 0.015))
    image = vertical((width, height), [(0, crown), (1, foot)])
    image.paste(Image.new("RGB", image.size, mix(stage.palette.light, stage.palette.horizon, 0.3)), mask=lit)
    image = image.convert("RGBA")
    image.putalpha(mask)
    return Layer(image, min(0.0, -dx * stage.seconds), top * stage.height, dx)


def _windows(lamp: ImageDraw.ImageDraw, rng: Random, box: tuple[float, float, float, float], size: float) -> None:
    left, top, right, bottom = box
    for column in range(int((right - left - size) / (size * 2))):
        for row in range(int((bottom - top) / (size * 2.6))):
            if rng.random() < 0.28:
                x, y = left + size * (1 + column * 2), top + size * (1.4 + row * 2.6)
                lamp.rectangle((x, y, x + size * 0.9, y + size * 1.3), fill=round(rng.uniform(40, 200)))


def bokeh(stage: Stage) -> tuple[Image.Image, list[Layer]]:
    """Lights out of focus, drifting past each other."""
    rng, colours = stage.rng, stage.palette
    back = vertical((stage.width, stage.height), [(0, colours.top), (0.6, colours.middle), (1, colours.near)])
    for _ in range(3):
        centre = rng.uniform(0.1, 0.9) * stage.width, rng.uniform(0.1, 0.8) * stage.height
        glow(back, centre, stage.unit * rng.uniform(0.4, 0.7), colours.horizon, rng.uniform(0.4, 0.8), 1.8)
    layers, way = [], rng.choice((-1, 1))
    for index, colour in enumerate((colours.horizon, colours.light, mix(colours.horizon, colours.light, 0.5))):
        dx, dy = way * stage.speed(0.07 + 0.09 * index), stage.speed(-0.05 - 0.05 * index)
        layers.append(_blurred_lights(stage, 15 - 4 * index, 0.035 + 0.028 * index, colour, dx, dy))
    layers.append(sparks(stage, 30, 0.006, colours.light, way * stage.speed(0.2), stage.speed(-0.16), 0.8))
    return back, layers


def _blurred_lights(stage: Stage, count: int, size: float, colour: Colour, dx: float, dy: float) -> Layer:
    rng, width = stage.rng, stage.span(dx)
    height = math.ceil(stage.height + abs(dy) * stage.seconds) + 4
    mask = Image.new("L", (width, height))
    for _ in range(count):
        radius = stage.unit * size * rng.uniform(0.6, 1.4)
        spot = Image.new("L", (width, height))
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        level = round(rng.uniform(24, 92))
        draw = ImageDraw.Draw(spot)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=level, outline=round(level * 1.5), width=2)
        mask = ImageChops.add(mask, spot)
    image = Image.new("RGBA", (width, height), (*colour, 0))
    image.putalpha(mask.filter(ImageFilter.GaussianBlur(stage.unit * size * 0.05)))
    return Layer(image, min(0.0, -dx * stage.seconds), min(0.0, -dy * stage.seconds), dx, dy)


def ribbons(stage: Stage) -> tuple[Image.Image, list[Layer]]:
    """Bands of colour that flow over one another."""
    rng, colours = stage.rng, stage.palette
    back = vertical((stage.width, stage.height), [(0, colours.top), (0.5, colours.middle), (1, colours.near)])
    glow(back, (rng.uniform(0.2, 0.8) * stage.width, 0.2 * stage.height), stage.unit * 0.8, colours.horizon, 0.8)
    layers = []
    shades = (colours.middle, colours.horizon, colours.light, mix(colours.top, colours.horizon, 0.5), colours.near)
    for index, shade in enumerate(shades):
        dx = (1 if index % 2 else -1) * stage.speed(rng.uniform(0.16, 0.34))
        foot = mix(shade, shades[(index + 1) % 5], 0.7)
        band = land(stage, waves(rng, 1, 2, 0.4), 0.24 + 0.15 * index, 0.13, shade, foot, dx)
        band.image.putalpha(band.image.getchannel("A").point([round(value * 0.72) for value in range(256)]))
        band.swell, band.period = stage.height * 0.03, rng.uniform(4, 6)
        layers.append(band)
    return back, layers


def space(stage: Stage) -> tuple[Image.Image, list[Layer]]:
    """Three layers of stars, and a planet that is lit from one side."""
    rng, colours = stage.rng, stage.palette
    deep = mix(colours.near, (2, 3, 10), 0.5)
    back = vertical((stage.width, stage.height), [(0, deep), (0.6, mix(colours.top, deep, 0.4)), (1, deep)])
    for colour in (colours.middle, colours.horizon, colours.middle):
        centre = rng.uniform(0, 1) * stage.width, rng.uniform(0, 1) * stage.height
        glow(back, centre, stage.unit * rng.uniform(0.4, 0.8), colour, rng.uniform(0.3, 0.6), 1.7)
    way = rng.choice((-1, 1))
    layers = [
        sparks(stage, 170, 0.0028, (255, 255, 255), way * stage.speed(0.03), 0, 1.0),
        sparks(stage, 60, 0.0045, colours.light, way * stage.speed(0.07), 0, 1.0),
        _planet(stage, way),
    ]
    return back, layers


def _planet(stage: Stage, way: int) -> Layer:
    rng, colours, radius = stage.rng, stage.palette, stage.unit * stage.rng.uniform(0.17, 0.26)
    side = round(radius * 2)
    body = vertical(
        (side, side), [(0, colours.light), (0.35, colours.horizon), (0.8, colours.middle), (1, colours.top)]
    )
    band = Image.new("L", (side, side))
    for _ in range(7):
        y, thick = rng.uniform(0, side), rng.uniform(0.01, 0.05) * side
        ImageDraw.Draw(band).rectangle((0, y, side, y + thick), fill=round(rng.uniform(20, 70)))
    body.paste(Image.new("RGB", (side, side), colours.near), mask=band.filter(ImageFilter.GaussianBlur(side * 0.012)))
    shade = disc(radius * 1.75, (0, 0, 0), 1.0, 0.8).getchannel("A")
    lit = Image.new("L", (side, side))
    lit.paste(shade, (round(-radius * (1.25 if way > 0 else 0.25)), round(-radius * 1.3)))
    body = Image.composite(body, Image.new("RGB", (side, side), mix(colours.near, (0, 0, 0), 0.6)), lit)
    edge = Image.new("L", (side * 4, side * 4))
    ImageDraw.Draw(edge).ellipse((8, 8, side * 4 - 8, side * 4 - 8), fill=255)
    image = body.convert("RGBA").rotate(way * 18, Image.Resampling.BICUBIC)
    image.putalpha(edge.reduce(4))
    x = stage.width * rng.uniform(0.3, 0.7) - radius
    return Layer(image, x, stage.height * rng.uniform(0.3, 0.45) - radius, way * stage.speed(0.1), stage.speed(0.02))


SCENES = {
    "ridges": ridges,
    "dunes": dunes,
    "sea": sea,
    "forest": forest,
    "city": city,
    "bokeh": bokeh,
    "ribbons": ribbons,
    "space": space,
}
