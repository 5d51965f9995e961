"""What every panel has, and what a panel says of itself: the names that a click chooses, the origins of its numbers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from explainer import origins as origin_rules
from explainer.origins import Origin

Values = NDArray[np.float32]
Pixels = NDArray[np.uint8]  # [height, width, 3]
Pick = Mapping[str, int | str]  # what a click chooses: {"token": 12}, {"layer": 3, "head": 1}, {"page": "attention"}
Holder = TypeVar("Holder")


@dataclass(frozen=True)
class Scale:
    """The values at the two ends of a colour scale. A diverging one has zero in its middle, so low == -high."""

    low: float
    high: float
    diverging: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """What every panel has: a title, the quantity whose colour it wears, a caption below.

    A kind of panel is a subclass, and a record of ``explainer/export/drawers.py``. The subclass says by the methods
    below what is different about it.
    """

    has_pins: ClassVar[bool] = False  # whether the reader pins tokens, each with a colour of its own

    title: str
    quantity: str = "z"  # a key of explainer.palette.QUANTITIES
    caption: str = ""
    weight: float = 1.0  # share of the row's width
    tensors: tuple[str, ...] = ()  # keys of what it shows, as explainer/links.py makes them

    @property
    def pick_keys(self) -> set[str]:
        """The names of what a click can choose."""
        return set()

    @property
    def quantities(self) -> set[str]:
        """Those whose colours it needs."""
        return {self.quantity}

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Where its numbers come from, as far as it says."""
        return ()

    def on_side(self, side: str, layer: int) -> Self:
        """The panel, whose numbers are those of another forward pass of the page."""
        return self

    def still(self, but: str) -> Self:
        """The panel without what a click on it chooses for the whole app, except for the name ``but``."""
        return self


class WithOrigin(Panel):
    """A panel all of whose numbers have one origin, if any."""

    origin: Origin | None

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The one, if it is known."""
        return origins_of(self)

    def on_side(self, side: str, layer: int) -> Self:
        """The numbers of another forward pass."""
        return moved(self, side, layer)


class WithPicks(Panel):
    """A panel whose parts choose something, each its own."""

    picks: tuple[Pick, ...]

    @property
    def pick_keys(self) -> set[str]:
        """What the picks choose."""
        return {key for pick in self.picks for key in pick}

    def still(self, but: str) -> Self:
        """Without the picks."""
        without: Any = {"picks": ()}
        return replace(self, **without)


def origins_of(*holders: Any) -> tuple[Origin, ...]:
    """The origins that these have."""
    return tuple(holder.origin for holder in holders if holder.origin is not None)


def moved(holder: Holder, side: str, layer: int) -> Holder:
    """What has an origin, with that of another forward pass."""
    held: Any = holder
    if held.origin is None:
        return holder
    elsewhere: Holder = replace(held, origin=origin_rules.on_side(held.origin, side, layer))
    return elsewhere


def plain(text: str) -> str:
    """The text without the marks of lowered and raised letters: "x_class"."""
    return re.sub(r"([_^])\{([^{}]*)\}", r"\1\2", text)
