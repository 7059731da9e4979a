"""Prices that partners of the older API ask elsewhere: a dated hint that an owner may adopt, never HeyGen's charge."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

SOURCE = "Partner price lists; not HeyGen's charge"
READ_ON = date(2026, 11, 25)


@dataclass(frozen=True)
class Hint:
    """A price per second in USD. Where the lists give a range, `price` is its upper end: a budget holds enough."""

    price: Decimal
    quoted: str

    def sentence(self) -> str:
        return f"{self.quoted} USD per second elsewhere ({SOURCE}, read on {READ_ON:%-d %B %Y})"


HINTS = {
    "veo_3_1": Hint(Decimal("0.40"), "0.20 silent, 0.40 with sound"),
    "veo_3_1_fast": Hint(Decimal("0.12"), "0.10 to 0.12"),
    "kling_v2": Hint(Decimal("0.17"), "0.07 to 0.17"),
    "kling_pro": Hint(Decimal("0.17"), "0.07 to 0.17"),
    "runway_gen4": Hint(Decimal("0.07"), "0.07"),
    "seedance_pro": Hint(Decimal("0.12"), "0.024 to 0.12"),
    "seedance_lite": Hint(Decimal("0.088"), "0.017 to 0.088"),
    "ltx_distilled": Hint(Decimal("0.04"), "0.04"),
}
