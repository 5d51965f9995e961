"""Toy pictures: small drawings with labels, made by arithmetic, so that everything works at once and without a network.

They are no photographs and no benchmark. Three dishes are drawn from above with random place, size, turn, light and
tablecloth; their colours overlap on purpose, so that shape has to be looked at as well.
"""

import colorsys
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageDraw

from vit_core.training.data.archives import pictures_folder, place_whole

TOY = "toy"  # what they are called where folders are named
SIZE = 64  # pixels a side
PER_CLASS = MappingProxyType({"train": 40, "test": 20})

_FINE = 4  # drawn so many times larger, then made small: smooth edges
_NOISE = 9.0  # standard deviation, of 255
_VERSION = 1  # of the drawings: another number is another folder

Colour = tuple[int, int, int]
Point = tuple[float | int, float | int]


class _Table:
    """A tablecloth to draw on, in coordinates from -1 to 1 that are turned, shifted and scaled at random."""

    def __init__(self, random: np.random.Generator, size: int) -> None:
        self.random = random
        self.side = size * _FINE
        self.picture = Image.new("RGB", (self.side, self.side), self.colour((0, 1), (0.1, 0.55), (0.35, 0.95)))
        self._draw = ImageDraw.Draw(self.picture)
        self._scale = self.side / 2 * random.uniform(0.6, 0.9)
        self._turn = random.uniform(0, 2 * math.pi)
        self._centre = self.side / 2 + self.side * random.uniform(-0.13, 0.13, 2)
        self._weave()

    def colour(self, hue: Point, saturation: Point, value: Point) -> Colour:
        """A random colour between those of hue (a turn is 1), saturation and value."""
        h, s, v = (self.random.uniform(*ends) for ends in (hue, saturation, value))
        red, green, blue = (round(255 * c) for c in colorsys.hsv_to_rgb(h % 1, s, v))
        return red, green, blue

    def shape(self, points: list[Point], colour: Colour) -> None:
        """A filled outline."""
        self._draw.polygon([self._place(point) for point in points], fill=colour)

    def spot(self, centre: Point, radius: float, colour: Colour, flat: float = 1.0, turn: float = 0.0) -> None:
        """A filled circle, or an ellipse that is ``flat`` times as high as wide."""
        angles = [step * math.pi / 24 for step in range(48)]
        cos, sin = math.cos(turn), math.sin(turn)
        round_ = [(radius * math.cos(a), radius * flat * math.sin(a)) for a in angles]
        self.shape([(centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos) for x, y in round_], colour)

    def line(self, start: Point, end: Point, width: float, colour: Colour) -> None:
        """A thick line."""
        pixels = max(1, round(width * self._scale))
        self._draw.line([self._place(start), self._place(end)], fill=colour, width=pixels)

    def finished(self) -> Image.Image:
        """The drawing made small, under a random light, with noise."""
        size = self.side // _FINE
        values = np.asarray(self.picture.resize((size, size), Image.Resampling.BOX), dtype=np.float64)
        along = np.linspace(-1, 1, size)
        slope = self.random.uniform(-0.22, 0.22, 2)
        light = self.random.uniform(0.72, 1.12) + slope[0] * along[:, None] + slope[1] * along[None, :]
        values = values * light[..., None] + self.random.normal(0, _NOISE, values.shape)
        return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))

    def _place(self, point: Point) -> Point:
        cos, sin = math.cos(self._turn), math.sin(self._turn)
        x, y = point[0] * cos - point[1] * sin, point[0] * sin + point[1] * cos
        return float(self._centre[0] + self._scale * x), float(self._centre[1] + self._scale * y)

    def _weave(self) -> None:
        """Stripes on every other cloth."""
        if self.random.random() < 0.5:
            return
        colour, pitch = self.colour((0, 1), (0.05, 0.5), (0.35, 0.95)), self.random.uniform(0.25, 0.6)
        for step in np.arange(-3, 3, pitch):
            self.line((step, -4), (step, 4), pitch * 0.35, colour)


def _pizza(table: _Table) -> None:
    """A round with a rim, toppings in no order, and cuts through the middle."""
    random = table.random
    table.spot((0, 0), 1.0, table.colour((0.03, 0.12), (0.25, 0.8), (0.4, 0.85)))
    table.spot((0, 0), random.uniform(0.82, 0.9), table.colour((-0.02, 0.15), (0.35, 0.85), (0.4, 0.95)))
    topping = table.colour((-0.05, 0.35), (0.4, 0.9), (0.3, 0.8))
    for _ in range(random.integers(5, 12)):
        angle, far = random.uniform(0, 2 * math.pi), 0.72 * math.sqrt(random.random())
        table.spot((far * math.cos(angle), far * math.sin(angle)), random.uniform(0.08, 0.17), topping)
    for cut in range(random.integers(0, 4)):
        x, y = math.cos(cut * math.pi / 3), math.sin(cut * math.pi / 3)
        table.line((-x, -y), (x, y), 0.035, (90, 60, 40))


def _steak(table: _Table) -> None:
    """A smooth lump with a rim of fat, and parallel marks of the grill."""
    random = table.random
    waves = [(k, random.uniform(-0.16, 0.16) / k, random.uniform(0, 2 * math.pi)) for k in (1, 2, 3)]
    angles = [step * math.pi / 36 for step in range(72)]
    radii = [1 + sum(size * math.cos(k * a + phase) for k, size, phase in waves) for a in angles]
    flat = random.uniform(0.6, 0.85)

    def outline(scale: float) -> list[Point]:
        return [(scale * r * math.cos(a), scale * flat * r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]

    table.shape(outline(1.0), table.colour((0.04, 0.12), (0.2, 0.5), (0.6, 0.9)))
    table.shape(outline(random.uniform(0.86, 0.93)), table.colour((-0.03, 0.13), (0.3, 0.85), (0.4, 0.95)))
    char, slant = table.colour((0.0, 0.08), (0.3, 0.6), (0.15, 0.35)), random.uniform(-0.3, 0.3)
    for x in np.linspace(-0.6, 0.6, random.integers(3, 6)):
        reach = flat * 0.62 * math.sqrt(1 - x * x)
        table.line((x - slant * reach, -reach), (x + slant * reach, reach), 0.07, char)


def _sushi(table: _Table) -> None:
    """Two to four rolls in a row, each a dark ring around rice around a filling."""
    random = table.random
    count = int(random.integers(2, 5))
    radius, filling = 0.95 / count + 0.08, table.colour((-0.08, 0.2), (0.5, 0.9), (0.6, 0.95))
    seaweed, rice = table.colour((0, 1), (0.2, 0.7), (0.08, 0.4)), table.colour((0, 0.2), (0.02, 0.6), (0.5, 1))
    for index in range(count):
        along = (index - (count - 1) / 2) * 2 * radius * 1.04
        centre = (along, random.uniform(-0.12, 0.12))
        table.spot(centre, radius, seaweed)
        table.spot(centre, radius * 0.8, rice)
        table.spot(centre, radius * random.uniform(0.3, 0.42), filling, random.uniform(0.6, 1), random.uniform(0, 3))


KINDS: Mapping[str, Callable[[_Table], None]] = MappingProxyType(
    {"toy_pizza": _pizza, "toy_steak": _steak, "toy_sushi": _sushi}
)


def toy_picture(kind: str, split: str, number: int, size: int = SIZE) -> Image.Image:
    """One drawing; the same names and numbers give the same picture.

    Raises:
        ValueError: if there is no such kind or split.
    """
    if kind not in KINDS or split not in PER_CLASS:
        raise ValueError(f"expected a kind of {', '.join(KINDS)} and train or test, got {kind!r} and {split!r}")
    seed = [_VERSION, list(KINDS).index(kind), list(PER_CLASS).index(split), number]
    table = _Table(np.random.default_rng(seed), size)
    KINDS[kind](table)
    return table.finished()


def toy_folder() -> Path:
    """Where ``make_toy_pictures`` puts them by default."""
    return pictures_folder() / f"toy-{_VERSION}"


def make_toy_pictures(folder: Path | None = None) -> Path:
    """All toy pictures as ``train|test/kind/number.png``, drawn if the folder is not there yet: under a second.

    Raises:
        OSError: if the folder cannot be written.
    """
    folder = folder or toy_folder()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with place_whole(folder) as unfinished:
            for split, count in PER_CLASS.items():
                for kind in KINDS:
                    (unfinished / split / kind).mkdir(parents=True)
                    for number in range(count):
                        toy_picture(kind, split, number).save(unfinished / split / kind / f"{number + 1:03}.png")
    except OSError:
        if not folder.is_dir():  # otherwise somebody else was faster, with the same pictures
            raise
    return folder
