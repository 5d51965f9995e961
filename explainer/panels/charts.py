"""Strips, bars and lines: what is read along one axis or two."""

from dataclasses import dataclass, replace
from typing import Literal, Self

from explainer.origins import Origin
from explainer.panels.panel import Panel, Pick, Scale, Values, WithOrigin, WithPicks, moved, origins_of


@dataclass(frozen=True, eq=False)
class Strip:
    """A vector as a row of coloured cells, with its symbol before it."""

    label: str
    values: Values  # [length]
    scale: Scale
    quantity: str = "z"
    operator: str = ""  # "+" or "=" written before it
    origin: Origin | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Strips(Panel):
    """Vectors under each other: the terms of a sum and their result."""

    strips: tuple[Strip, ...]
    axis: str = "number"  # what the places of a strip are: "token"

    @property
    def quantities(self) -> set[str]:
        """Its own and those of its strips."""
        return {self.quantity, *(one.quantity for one in self.strips)}

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Of the numbers of its strips."""
        return origins_of(*self.strips)

    def on_side(self, side: str, layer: int) -> Self:
        """The numbers of another forward pass."""
        return replace(self, strips=tuple(moved(one, side, layer) for one in self.strips))


@dataclass(frozen=True, kw_only=True, eq=False)
class Bars(WithPicks, WithOrigin):
    """Horizontal bars with their values written out."""

    labels: tuple[str, ...]
    values: Values
    format: str = ".3g"  # Python's and d3's format mini-language, the part they share
    selected: int | None = None
    picks: tuple[Pick, ...] = ()
    low: float | None = None  # ends of the axis; None: from the values, always with zero
    high: float | None = None
    before: Values | None = None  # what the values were: drawn as a pale bar, and the difference is written
    origin: Origin | None = None


@dataclass(frozen=True, eq=False)
class Part:
    """One part of every stacked bar, in the colour of its quantity."""

    label: str
    values: Values  # [bars]
    quantity: str = "z"


@dataclass(frozen=True, kw_only=True, eq=False)
class StackedBars(Panel):
    """Horizontal bars made of the same parts, with a legend of them and the total written behind each bar."""

    labels: tuple[str, ...]  # of the bars
    parts: tuple[Part, ...]
    totals: tuple[str, ...] = ()  # written behind the bars
    format: str = ".3g"  # of a part's value, when hovered and where it has room
    share: bool = False  # the values of a bar sum to 1, and all bars are equally long

    @property
    def quantities(self) -> set[str]:
        """Its own and those of its parts."""
        return {self.quantity, *(one.quantity for one in self.parts)}


@dataclass(frozen=True, eq=False)
class Series:
    """One line or cloud of points of a plot."""

    label: str
    x: Values
    y: Values
    quantity: str = "z"
    style: Literal["line", "points", "steps"] = "line"
    point_labels: tuple[str, ...] = ()
    origin: Origin | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Plot(Panel):
    """Lines and points over numbered axes."""

    series: tuple[Series, ...]
    x_label: str
    y_label: str
    selected_x: float | None = None  # a vertical mark, for example the chosen layer
    pick: str | None = None  # a click chooses {pick: nearest x}, for example "layer"
    height: int = 260
    low: float | None = None  # ends of the vertical axis; None: from the values
    high: float | None = None
    start: float | None = None  # of the horizontal axis; None: from the values

    @property
    def pick_keys(self) -> set[str]:
        """What the horizontal axis counts."""
        return {self.pick} if self.pick is not None else set()

    def still(self, but: str) -> Self:
        """Nothing is chosen, except ``but``."""
        return self if self.pick == but else replace(self, pick=None)

    @property
    def quantities(self) -> set[str]:
        """Its own and those of its series."""
        return {self.quantity, *(one.quantity for one in self.series)}

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Of the numbers of its series."""
        return origins_of(*self.series)

    def on_side(self, side: str, layer: int) -> Self:
        """The numbers of another forward pass."""
        return replace(self, series=tuple(moved(one, side, layer) for one in self.series))
