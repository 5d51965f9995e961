"""Panels in rows, and views in an order."""

from dataclasses import dataclass, field, fields, is_dataclass

import numpy as np

from explainer.panels.panel import Panel


@dataclass(frozen=True, eq=False)
class View:
    """Panels in rows, and one sentence for those who do not see them."""

    rows: tuple[tuple[Panel, ...], ...]
    alt: str
    picks: tuple[str, ...] = field(default=())  # which keys a click on this view can choose
    explains: int | None = None  # the layer whose insides these are, where a click on a cell with an origin explains it

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, row by row."""
        return tuple(panel for row in self.rows for panel in row)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays of all panels."""
        return sum(_array_bytes(panel) for panel in self.panels)


@dataclass(frozen=True, eq=False)
class Frames:
    """Views of one form in an order, such as the epochs of a run: one is shown, and the browser has them all.

    Everything on a page that counts the same thing moves together: by the bar of the one that has it, or by a click
    that picks the name of what is counted.
    """

    name: str  # what is counted, as picks and the URL call it: "epoch"
    places: tuple[int, ...]  # the number of each view, rising
    labels: tuple[str, ...]  # each view's name, beside the bar: "After epoch 3 of 10"
    views: tuple[View, ...]
    has_bar: bool = False  # the slider and the button that plays

    def __post_init__(self) -> None:
        """Refuse what could not be moved through.

        Raises:
            ValueError: if views, places and labels do not match, or the views do not have the same kinds of panels.
        """
        if not len(self.places) == len(self.labels) == len(self.views) > 0:
            raise ValueError(
                f"expected one place and one label for each view, got {len(self.places)} places, {len(self.labels)} "
                f"labels and {len(self.views)} views"
            )
        if sorted(set(self.places)) != list(self.places):
            raise ValueError(f"places must rise, got {self.places}")
        if len({tuple(tuple(map(type, row)) for row in view.rows) for view in self.views}) > 1:
            raise ValueError("frames must have the same panels in the same rows")

    @property
    def picks(self) -> tuple[str, ...]:
        """Which keys a click can choose that the browser does not follow by itself."""
        return tuple(sorted({key for view in self.views for key in view.picks} - {self.name}))

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels of all views."""
        return tuple(panel for view in self.views for panel in view.panels)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays of all views."""
        return sum(view.nbytes for view in self.views)


def _array_bytes(value: object) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, tuple):
        return sum(map(_array_bytes, value))
    return sum(_array_bytes(getattr(value, each.name)) for each in fields(value)) if is_dataclass(value) else 0
