"""Chooses the scene and its colours for a prompt."""

import colorsys
import hashlib
from dataclasses import dataclass
from random import Random

from videos.standin.contract import words

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """Colours: the sky at the top, middle and horizon; the light; and the darkest object in front."""

    top: Colour
    middle: Colour
    horizon: Colour
    light: Colour
    near: Colour


def _palette(text: str) -> Palette:
    return Palette(*(tuple(bytes.fromhex(code)) for code in text.split()))


PALETTES = {
    "golden": _palette("2b2350 b8506a ffb36b ffe6b0 1d1530"),
    "ember": _palette("31142b 9c3b3f ff9a5a ffe0b2 1c0b14"),
    "dusk": _palette("101d42 52448a e8849a ffd0b0 120f28"),
    "dawn": _palette("5b7fb5 c9a9c9 ffd9b5 fff4df 33405c"),
    "noon": _palette("2f7fc4 8cc4e8 e4f3ee ffffff 1d4a50"),
    "ocean": _palette("06283c 126c88 8fd6cf f4fff6 04202c"),
    "lagoon": _palette("0b3c5d 2f9fb0 ffe0b0 fff6de 0a2b3a"),
    "forest": _palette("12302a 417a5d d9e6ad fff7c8 0a1a14"),
    "night": _palette("050914 13224c 3d5c9c e6eeff 03050c"),
    "aurora": _palette("030b1a 0d3b4a 3fbf95 d2ffde 030a12"),
    "neon": _palette("0d0221 4a1277 ff4d8d 8df9ff 08010f"),
    "desert": _palette("6b8fae e5b98a f6d8a6 fff5d6 6d3316"),
    "storm": _palette("1f2830 4c5a66 b0babd eef2f0 12181d"),
    "snow": _palette("6f8fb5 b9cfe2 f3f1ee ffffff 44566f"),
    "rose": _palette("3a1036 a33a6a ffb0a8 fff0e0 210818"),
    "amber": _palette("1a0f0a 63391f dfa263 ffeac6 0e0704"),
    "iris": _palette("20134f 5b4bd1 9fd3ff fff0ff 120a30"),
}

_MOODS = (
    ("neon cyberpunk cyber arcade rave", "neon iris"),
    ("golden sunset evening warm sunlit amber", "golden ember"),
    ("dusk twilight purple violet", "dusk rose"),
    ("dawn morning sunrise mist misty fog pastel", "dawn lagoon"),
    ("night midnight moon moonlit stars star galaxy space planet dark", "night dusk"),
    ("aurora northern", "aurora"),
    ("rain storm stormy thunder lightning grey gray", "storm dusk"),
    ("snow snowy winter ice icy frozen arctic", "snow dawn"),
    ("forest jungle tree trees park garden meadow leaf leaves green", "forest dawn golden"),
    ("ocean sea wave waves water beach surf river lake coastal coast underwater", "ocean lagoon dusk golden"),
    ("desert dune dunes sand sandy canyon", "desert ember"),
    ("coffee espresso cafe shop kitchen wood whisky candle fire", "amber ember"),
    ("abstract colorful colourful shapes morphing flowing liquid paint", "iris neon rose lagoon"),
)
_SCENES = (
    ("abstract shapes morphing flowing liquid paint fluid silk smoke ink", "ribbons"),
    ("space galaxy planet planets stars star cosmos nebula orbit astronaut moon", "space"),
    (
        "city street skyline tokyo york building buildings skyscraper neon cyberpunk traffic urban rooftops",
        "city",
    ),
    (
        "ocean sea wave waves beach surf boat ship whale coast coastal lighthouse harbour lake river water island",
        "sea",
    ),
    ("forest jungle tree trees wood woods park garden deer fox fireflies", "forest"),
    ("desert dune dunes sand camel sahara", "dunes"),
    ("mountain mountains hill hills valley alps canyon drone landscape meadow snow fog mist", "ridges"),
    ("coffee espresso shop product photo portrait person face dance party light lights interior table candle", "bokeh"),
)
_ANY_SCENE = ("ridges", "sea", "dunes", "forest", "bokeh", "ribbons", "city", "space")


def seed_of(*parts: str) -> int:
    """A number that depends only on these texts."""
    return int.from_bytes(hashlib.sha256("\n".join(parts).encode()).digest()[:8], "big")


def scene_for(prompt: str, rng: Random) -> str:
    """The name of the scene that the prompt's words suggest, or any scene."""
    return _first_match(_SCENES, prompt) or rng.choice(_ANY_SCENE)


def palette_for(prompt: str, rng: Random) -> Palette:
    """Colours that suit the prompt, with a small shift in hue, so that videos differ."""
    names = (_first_match(_MOODS, prompt) or " ".join(PALETTES)).split()
    turn = rng.uniform(-0.035, 0.035)
    chosen = PALETTES[rng.choice(names)]
    return Palette(*(_turned(colour, turn) for colour in vars(chosen).values()))


def _first_match(table, prompt: str) -> str | None:
    said = words(prompt)
    return next((answer for keys, answer in table if said & set(keys.split())), None)


def _turned(colour: Colour, turn: float) -> Colour:
    hue, light, saturation = colorsys.rgb_to_hls(*(part / 255 for part in colour))
    return tuple(round(255 * part) for part in colorsys.hls_to_rgb((hue + turn) % 1, light, saturation))


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """The colour that is `share` (0 to 1) of the way from one to the other."""
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
