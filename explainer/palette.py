"""One colour per quantity, the same in equation, code, table, diagram and picture; light and dark.

The colours were searched for, not picked: near a calm hue for each quantity, contrast enough for text on the page, on
its cards and on a marked line of code, and every two of the paper's eight letters at least 8 apart (CIEDE2000), 11
where they stand in one equation, for normal sight and for the three kinds of colour blindness (Machado, Oliveira and
Fernandes 2009). The tests compute all of it.
"""

import math
from dataclasses import dataclass
from typing import Literal

Scheme = Literal["light", "dark"]

BACKGROUND: dict[Scheme, str] = {"light": "#ffffff", "dark": "#0f1319"}  # what the contrasts are measured on
TEXT: dict[Scheme, str] = {"light": "#1d2733", "dark": "#e8ecf1"}  # the page's ink: what has no colour of its own


@dataclass(frozen=True)
class Quantity:
    """A tensor of the paper that has a colour of its own, as text on the page's background in both schemes."""

    name: str
    light: str
    dark: str

    def colour(self, scheme: Scheme) -> str:
        """The hexadecimal colour for ``scheme``."""
        return self.light if scheme == "light" else self.dark


QUANTITIES = {
    quantity.name: quantity
    for quantity in (
        Quantity("image", "#44546a", "#b6c2d2"),  # x, x_p: slate, an ink more than a colour
        Quantity("E", "#4317c2", "#c7befe"),
        Quantity("class_token", "#03727b", "#86d6d2"),
        Quantity("E_pos", "#af1d68", "#fd86a8"),
        Quantity("z", "#245ee2", "#729aff"),
        Quantity("q", "#7e2a02", "#fb7a15"),
        Quantity("k", "#2d633c", "#94d07c"),
        Quantity("v", "#7c2988", "#c694c2"),
        Quantity("A", "#86620d", "#fbd635"),
        Quantity("mlp", "#a54d4f", "#f7a39d"),
        Quantity("y", "#22303f", "#f0ece4"),  # y, logits, probabilities: the ink of the page
    )
}

# What the reader pins on a picture, each with a letter: told apart on any picture and by any eyes (Okabe and Ito 2008).
PINS = ("#e69f00", "#56b4e9", "#009e73", "#d55e00", "#cc79a7", "#0072b2")

_SURFACE: dict[Scheme, str] = {"light": "#fafaf8", "dark": "#141922"}  # where a scale starts: just off the background
_STOPS = 9


def sequential(quantity: str, scheme: Scheme) -> tuple[str, ...]:
    """A scale from the page to the quantity's colour, for values from nothing to most; lightness runs evenly.

    Raises:
        KeyError: if no quantity has that name.
    """
    return _mix(_SURFACE[scheme], QUANTITIES[quantity].colour(scheme), _STOPS, bloom=0.6)


def diverging(scheme: Scheme) -> tuple[str, ...]:
    """A scale with zero in its middle: blue below, the page at zero, orange above; lightness shows the size alone."""
    return DIVERGING[scheme]


def _mix(start: str, end: str, stops: int, bloom: float = 0.0) -> tuple[str, ...]:
    """Colours from ``start`` to ``end`` in Oklab: even steps of lightness, a colour that blooms halfway."""
    (l0, a0, b0), (l1, a1, b1) = _oklab(start), _oklab(end)
    mixed = []
    for t in (step / (stops - 1) for step in range(stops)):
        colourful = 1 + bloom * math.sin(math.pi * t)
        mixed.append([l0 + (l1 - l0) * t, (a0 + (a1 - a0) * t) * colourful, (b0 + (b1 - b0) * t) * colourful])
    return tuple(map(_hexadecimal, mixed))


def _oklab(colour: str) -> list[float]:
    """Lightness, green-red and blue-yellow (Ottosson 2020, https://bottosson.github.io/posts/oklab)."""
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    )
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return [
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    ]


def _hexadecimal(oklab: list[float]) -> str:
    lightness, a, b = oklab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(
        f"{round(255 * min(1.0, 12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055)):02x}"
        for c in (max(0.0, c) for c in linear)
    )


DIVERGING: dict[Scheme, tuple[str, ...]] = {
    "light": _mix("#1f4fa8", "#f7f7f5", 6) + _mix("#f7f7f5", "#933600", 6)[1:],
    "dark": _mix("#6aa5ff", "#191e28", 6) + _mix("#191e28", "#e69040", 6)[1:],
}
