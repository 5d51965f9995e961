"""What a picture of tensors is made of: panels in rows, with one sentence that says what they show.

A view says *what* is drawn, never how: the canvas in ``explainer/components`` draws it in the browser from the bytes
that ``explainer/packing.py`` makes of it, and figures for export draw it with matplotlib. Every number in a panel is a
number of the model or of the picture. Arrays are NumPy: values float32, pixels uint8. Titles, captions, labels and
symbols may mark lowered and raised letters as LaTeX does, "x_{class}"; ``plain`` takes the marks out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from explainer.origins import Origin as Origin

Values = NDArray[np.float32]
Pixels = NDArray[np.uint8]  # [height, width, 3]
Pick = Mapping[str, int | str]  # what a click chooses: {"token": 12}, {"layer": 3, "head": 1}, {"page": "attention"}


@dataclass(frozen=True)
class Scale:
    """The values at the two ends of a colour scale. A diverging one has zero in its middle, so low == -high."""

    low: float
    high: float
    diverging: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """What every panel has: a title, the quantity whose colour it wears, a caption below."""

    title: str
    quantity: str = "z"  # a key of explainer.palette.QUANTITIES
    caption: str = ""
    weight: float = 1.0  # share of the row's width
    tensors: tuple[str, ...] = ()  # keys of what it shows, as explainer/links.py makes them


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture(Panel):
    """The user's picture, as the model sees it; with the patch grid, a chosen token and values laid over it."""

    pixels: Pixels
    grid_size: int | None = None  # draws the patch grid, and makes patches clickable when pick_tokens
    token: int | None = None  # outlined; 0 is the class token, which has no place
    overlay: Values | None = None  # [grid_size, grid_size]
    scale: Scale | None = None  # of the overlay
    class_value: float | None = None  # what the overlay's values are for the class token, which has no place
    mode: Literal["heat", "spotlight"] = "heat"  # colours over a dimmed picture, or the picture lit by the values
    smooth: bool = False  # interpolate the overlay between patches, as the paper's Fig. 6 does
    pick_tokens: bool = False
    pick_as: str = "token"  # what such a choice is called: "other_token" for the right one of two
    brush: str | None = None  # a click on a patch, or a stroke over several, chooses {brush: "12,13"} in its order
    marked: tuple[int, ...] = ()  # patches with a dashed frame, such as those that have been changed
    origin: Origin | None = None  # "token": the cell's token; "row" and "column": of the pixel, without a grid


@dataclass(frozen=True, kw_only=True, eq=False)
class Matrix(Panel):
    """A matrix as a heat map; hovering shows the value, clicking a row or column may choose a token."""

    values: Values  # [rows, columns]
    scale: Scale
    row_axis: str  # "tokens (query)"
    column_axis: str
    row: int | None = None  # outlined
    column: int | None = None
    pick: Literal["row", "column"] | None = None  # a click chooses the token of that row or column
    max_height: int = 360  # CSS pixels
    row_names: tuple[str, ...] = ()  # written instead of numbers
    column_names: tuple[str, ...] = ()
    row_start: int = 0  # the number of the first row, where only some are shown
    column_start: int = 0
    origin: Origin | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Tiles(Panel):
    """Many small maps of one size: heads, layers x heads, position similarities, filters."""

    values: Values | None = None  # [tiles, rows, columns]
    pixels: Pixels | None = None  # [tiles, height, width, 3]: colour tiles instead of values
    scales: tuple[Scale, ...] = ()  # one for all (shared), or one per tile
    labels: tuple[str, ...] = ()
    columns: int  # tiles per row
    selected: int | None = None
    picks: tuple[Pick, ...] = ()  # what a click on each tile chooses
    backdrop: Pixels | None = None  # the picture under every tile
    token: int | None = None  # outlined in every tile
    tile_size: int = 96  # CSS pixels, the largest a tile grows
    crossed: tuple[int, ...] | None = None  # tiles crossed out; if not None, a click crosses out or brings back
    origin: Origin | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Looks(Panel):
    """The picture under the pointer: where every token looks, and who looks at it, in every head.

    The reader moves over patches, pins some, and changes head, layer and scale in the browser alone.
    """

    pixels: Pixels
    grid_size: int
    weights: Values  # A: [layers, heads, tokens, tokens]; rows are queries
    layers: tuple[int, ...]  # which layers those are, counted from 1
    layer: int  # the chosen one
    head: int  # 1..k
    token: int  # 0..N


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Bars(Panel):
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


@dataclass(frozen=True, eq=False)
class Node:
    """One part of a flow diagram: its symbol and name, small pictures of its real tensors, the page it leads to."""

    name: str
    label: str
    symbol: str  # "z₀", "A", "x_{class}"
    quantity: str
    shape: str  # "65 × 192"
    page: str | None = None
    thumbnails: tuple[Panel, ...] = ()
    group: str | None = None  # nodes of one group are framed together: "Transformer encoder: layer 3 of 6"
    page_title: str = ""  # of the page it leads to
    joins: Literal["", ";", "+"] = ""  # not made of the node before it: comes in beside it, by this sign of Eq. 1
    tensors: tuple[str, ...] = ()  # keys of what it stands for, as explainer/links.py makes them


@dataclass(frozen=True, kw_only=True, eq=False)
class Flow(Panel):
    """A diagram of nodes in reading order, joined by arrows; skips are extra arrows (from, to) by node name."""

    nodes: tuple[Node, ...]
    skips: tuple[tuple[str, str], ...] = ()
    columns: int | None = None  # the most nodes in a line, where their number depends on what is chosen


@dataclass(frozen=True, eq=False)
class WalkTensor:
    """A tensor of the forward pass, or the first columns of it: a row for each token, unless it has no tokens."""

    name: str  # "3.attention_input": the layer, 0 before the first, and the field of the trace
    symbol: str  # "LN(z₂)"
    quantity: str
    values: Values  # [rows, columns that are drawn]
    scale: Scale
    shape: str  # of the whole tensor, "65 × 256"
    note: str = ""  # what of it is drawn: "columns 0…47 of 256"
    origin: Origin | None = None
    tensors: tuple[str, ...] = ()  # its key, as explainer/links.py makes it


@dataclass(frozen=True, eq=False)
class WalkStep:
    """One moment of the forward pass: what is computed from what, as an equation, in words, and in numbers."""

    name: str  # "weights"
    title: str
    sentence: str
    equation: str  # a key of Walk.equations
    lit: tuple[str, ...]  # the symbols of the equation that are computed now
    shape: str  # of what the moment makes
    page: str
    page_title: str
    layer: int = 0  # 1..L inside the encoder, 0 before it, L + 1 behind it
    is_detail: bool = False  # passed over in layers that the reader has not entered
    reads: tuple[str, ...] = ()  # names of Walk.slices
    makes: tuple[str, ...] = ()
    tensors: tuple[str, ...] = ()  # keys of what it makes, as explainer/links.py makes them
    sources: tuple[str, ...] = ()  # and of what it makes that of


@dataclass(frozen=True, eq=False)
class CodeLine:
    """A line of the program, cut where its names have the colour of a quantity; "" for what has none."""

    path: str
    number: int
    pieces: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk(Panel):
    """The forward pass of one picture, moment by moment: played, stepped and scrubbed in the browser."""

    pixels: Pixels
    grid_size: int
    steps: tuple[WalkStep, ...]  # in the order of computation
    slices: tuple[WalkTensor, ...]  # of the tensors, by name
    equations: Mapping[str, str]  # MathML by key
    equation_titles: Mapping[str, str]
    labels: tuple[str, ...]  # of the classes
    num_layers: int
    num_heads: int
    layer: int  # entered at first
    head: int
    token: int  # whose way is followed
    start: int = 0  # the number of the step that is shown first, and drawn where nothing moves
    symbols: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)  # of an equation -> their keys
    code: Mapping[str, CodeLine] = field(default_factory=dict)  # by the name of a step


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


def plain(text: str) -> str:
    """The text without the marks of lowered and raised letters: "x_class"."""
    return re.sub(r"([_^])\{([^{}]*)\}", r"\1\2", text)


def _array_bytes(value: object) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, tuple):
        return sum(map(_array_bytes, value))
    return sum(_array_bytes(getattr(value, each.name)) for each in fields(value)) if is_dataclass(value) else 0
