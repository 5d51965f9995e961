"""Every letter of the paper's equations and shapes: how it is written, what it means, what the code calls it.

They stand in ``assets/symbols.csv``, a row each: sizes, indices, tensors, parameters, operations.
"""

import csv
from dataclasses import dataclass

from vit_core.resources import ASSETS


@dataclass(frozen=True)
class Symbol:
    """A letter of the paper. ``quantity`` is its colour's key in the palette; ``axes`` its shape, for one head."""

    name: str
    latex: str
    meaning: str
    code: tuple[str, ...] = ()  # names in vit_core that hold or make it, or the way to it, from the layer or the model
    quantity: str | None = None
    axes: tuple[str, ...] = ()  # empty for what is no tensor, and for what most models do not have


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(cell.split("; ")) if cell else ()


with (ASSETS / "symbols.csv").open(encoding="utf-8", newline="") as _file:
    SYMBOLS = {
        row["name"]: Symbol(
            row["name"], row["latex"], row["meaning"], _parts(row["code"]), row["quantity"] or None, _parts(row["axes"])
        )
        for row in csv.DictReader(_file)
    }

# Name in the code -> the quantity whose colour it wears. Names that several kinds of tensors share wear none.
_SHARED = {"hidden", "input", "output", "linear"}
QUANTITY_OF_NAME = {
    name: symbol.quantity
    for symbol in SYMBOLS.values()
    if symbol.quantity is not None
    for name in symbol.code
    if name not in _SHARED
}
