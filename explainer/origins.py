"""Where the numbers of a panel come from, so that a click on a cell explains its number."""

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Origin:
    """Which numbers of a forward pass, or which parameters, an array holds, or what they are worked out from.

    An index is a number or says how to count it from the cell's place: "row", "column", "tile", "bar", "point",
    "listed" (the cell's number in ``listed``), or "place" (all cells of a strip, a map or a matrix, row by row); then,
    in this order, whole divisions, remainders and sums: "place+1", "place//64", "place//3%8". Below 0 there is no such
    number.
    Inside ``of``, where a function takes more than one number, "*" is all of an axis, "4-7" a part of it, and
    "column~192/72" what a cell stands for where neighbours were averaged.

    ``function`` is one of explainer/numbers/functions.py, or "each": then ``of`` has an origin for every tile, bar
    or point of its own (one without a tensor for those that have none); of a matrix, one for its first row and one for
    the others.
    """

    tensor: str = ""  # as explainer/numbers/address.py names it
    index: tuple[int | str, ...] = ()
    layer: int | str | None = None  # None: the layer that the view explains
    listed: tuple[int, ...] = ()  # for each tile or bar
    side: str = ""  # which forward pass of the page; empty: its own
    function: str = ""
    of: tuple["Origin", ...] = ()


def worked_out(function: str, *of: Origin, listed: tuple[int, ...] = ()) -> Origin:
    """The origin of numbers that are worked out from others."""
    return Origin(function=function, of=of, listed=listed)


def one_each(*of: Origin) -> Origin:
    """An origin for every tile, bar or point of its own."""
    return worked_out("each", *of)


def norm_of(tensor: str, *index: int | str, layer: int | str | None = None, side: str = "") -> Origin:
    """The length of a row of a tensor: ``index`` without its last place."""
    return worked_out("norm", Origin(tensor, (*index, "*"), layer, side=side))


def cosine_of(first: Origin, second: Origin) -> Origin:
    """The cosine of two rows: both indices without their last place."""
    rows = (replace(one, index=(*one.index, "*")) for one in (first, second))
    return worked_out("cosine", *rows)


def averaged_from(tensor: str, index: tuple[int | str, ...], sizes: tuple[int, int], most: int, **of: Any) -> Origin:
    """A thumbnail of a matrix, whose neighbours were averaged where a side is longer than ``most``.

    ``index`` may begin with fixed places; the matrix has the last two, "row" and "column".
    """
    shown = tuple(
        f"{name}~{size}/{most}" if size > most else name for name, size in zip(index[-2:], sizes, strict=True)
    )
    origin = Origin(tensor, (*index[:-2], *shown), **of)
    return origin if shown == index[-2:] else worked_out("mean", origin)


def on_side(origin: Origin, side: str, layer: int | None = None) -> Origin:
    """The same numbers of another forward pass, where none is named; ``layer`` for those that do not say theirs."""
    of = tuple(on_side(one, side, layer) for one in origin.of)
    is_of_layer = origin.layer is None and origin.tensor.startswith(("block.", "layer."))
    return replace(origin, side=origin.side or side, of=of, layer=layer if is_of_layer else origin.layer)
