"""Pictures and matrices: what lies on a grid."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

from explainer.origins import Origin
from explainer.panels.panel import Panel, Pick, Pixels, Scale, Values, WithOrigin, WithPicks


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture(WithOrigin):
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

    @property
    def pick_keys(self) -> set[str]:
        """The token, or what a stroke over patches chooses."""
        return {self.pick_as} if self.pick_tokens else {self.brush} if self.brush is not None else set()

    def still(self, but: str) -> Self:
        """No patch is chosen."""
        return replace(self, pick_tokens=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Matrix(WithOrigin):
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

    @property
    def pick_keys(self) -> set[str]:
        """The token of a row or of a column."""
        return {"token"} if self.pick else set()


@dataclass(frozen=True, kw_only=True, eq=False)
class Tiles(WithPicks, WithOrigin):
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

    has_pins: ClassVar[bool] = True

    pixels: Pixels
    grid_size: int
    weights: Values  # A: [layers, heads, tokens, tokens]; rows are queries
    layers: tuple[int, ...]  # which layers those are, counted from 1
    layer: int  # the chosen one
    head: int  # 1..k
    token: int  # 0..N

    @property
    def pick_keys(self) -> set[str]:
        """What the reader may choose for the whole app."""
        return {"token", "layer", "head"}
