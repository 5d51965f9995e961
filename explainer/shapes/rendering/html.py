"""A ledger as HTML: for the page, a notebook and a file. It unfolds without a script, in light and dark, on paper."""

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from explainer.html_templates import macros_of
from explainer.notation.symbols import QUANTITY_OF_NAME
from explainer.palette import QUANTITIES
from explainer.shapes.entries.amounts import bytes_text, count_text, counted
from explainer.shapes.entries.differences import Differences, output_bytes
from explainer.shapes.entries.ledger import Ledger
from explainer.shapes.entries.operations import Operation, TensorShape, in_brackets
from explainer.shapes.rendering.source_lines import around, path_of
from explainer.shapes.rendering.table_lines import Block, blocks_of, gone_from, named_inputs

COLUMNS = ("Operation", "Shape", "Type", "Bytes", "Parameters", "Multiply-adds")
ToEquation = Callable[[int], str]  # the address of the page that explains an equation
_STYLE = Path(__file__).parents[2] / "components" / "styles" / "ledger.css"
# q and k are made ready in the line that names their product.
_ON_THE_WAY = {("A", "div"): "q", ("A", "transpose"): "k"}


@cache
def style() -> str:
    """The look of a ledger, for whoever puts it into a document of its own."""
    return _STYLE.read_text(encoding="utf-8")


def document(
    ledger: Ledger, differences: Differences | None = None, *, every: bool = False, explanation: str = ""
) -> str:
    """A file that can be opened in any browser and printed; the explanation, HTML too, stands below the ledger."""
    content = f"{fragment(ledger, differences, every=every)}{explanation}"
    return str(_macros().document(f"Shapes of {ledger.title}", content))


def fragment(ledger: Ledger, differences: Differences | None = None, *, every: bool = False) -> str:
    """A ledger with its look, for a notebook or to be put into any page."""
    compared = comparison(differences) if differences else ""
    return f"<style>{style()}</style>{totals(ledger)}{compared}{table(ledger, differences, every=every)}"


def totals(ledger: Ledger) -> str:
    """What the whole pass takes."""
    count, size = len(ledger.operations), output_bytes(ledger)
    entries = (
        ("operations" if count != 1 else "operation", f"{count:,}", ""),
        ("parameters", count_text(ledger.parameters), f"{ledger.parameters:,}"),
        ("multiply-adds", count_text(ledger.multiply_adds), f"{ledger.multiply_adds:,}"),
        ("outputs", bytes_text(size), f"{size:,} bytes"),
    )
    return str(_macros().totals(entries))


def comparison(differences: Differences) -> str:
    """The totals of two ledgers, what they were and by how much they have moved."""
    return str(_macros().comparison(differences.totals))


def table(
    ledger: Ledger,
    differences: Differences | None = None,
    *,
    every: bool = False,
    to_equation: ToEquation | None = None,
) -> str:
    """Every operation in order: equal blocks as one that unfolds, or ``every`` one of them.

    With ``differences``, whose later ledger is this one, everything that has moved shows what it was.
    """
    macros = _macros()
    parts: list[Block | list[str]] = []
    rows = [macros.input_row(name, shape) for name, shape in named_inputs(ledger)]
    for block in blocks_of(ledger, differences, every):
        if block.is_folded:
            parts += [rows, block]
            rows = []
        else:
            rows.append(macros.operation_rows(block.lines[0], to_equation))
    if ledger.failure is not None:
        rows.append(macros.failing_row(ledger.failure))
    parts = [part for part in (*parts, rows) if part]
    return str(macros.table(ledger, parts, gone_from(differences), to_equation))


def quantity_of(operation: Operation) -> str | None:
    """The quantity of the palette that an operation of our model makes, from the name that its line gives it."""
    if operation.line is None or not operation.outputs or operation.outputs[0].axes is None:
        return None
    if path_of(operation.line) != "vit_core/model.py":
        return None  # other people's names mean other things
    function = operation.line.function.rpartition(".")[2]
    if "C" in operation.outputs[0].axes:
        return "image"
    if function == "embed_patches":
        return "E"
    if re.search(r"\bmlp\b", operation.module):
        return "mlp"
    if function in ("represent", "classify") or re.search(r"\bhead\b", operation.module):
        return "y"
    targets = re.match(r"([\w ,]+?)\s*=[^=]", operation.line.text)
    names = [name.strip() for name in targets[1].split(",")] if targets else []
    known = [quantity for name in names if (quantity := QUANTITY_OF_NAME.get(name))]
    if len(known) == 1:
        return _ON_THE_WAY.get((known[0], operation.name), known[0])
    if known:
        return None  # q, k and v in one tensor
    return "v" if names == ["output"] else "z"  # MSA(z): the heads joined and mixed


def _colour(quantity: str) -> str:
    known = QUANTITIES[quantity]
    return f"light-dark({known.light},{known.dark})"


def _counted_shapes(
    shapes: tuple[TensorShape, ...], before: tuple[TensorShape, ...] | None
) -> list[tuple[int, TensorShape, tuple[int, ...] | None]]:
    """Shapes that look the same once, each with its count and the sizes that it had before, if they were others."""
    old = [shape.sizes for shape in before or ()]
    old += [shape.sizes for shape in shapes[len(old) :]]
    pairs = [
        (TensorShape(shape.sizes, "", shape.axes), None if shape.sizes == sizes else sizes)
        for shape, sizes in zip(shapes, old, strict=False)
    ]
    return [(count, *pair) for pair, count in Counter(pairs).items()]


@cache
def _macros() -> Any:
    return macros_of(
        Path(__file__).parent / "templates" / "ledger.html",
        around=around,
        colour=_colour,
        columns=COLUMNS,
        counted_shapes=_counted_shapes,
        in_brackets=in_brackets,
        plain_shapes=lambda shapes: counted(shape.plain for shape in shapes),
        quantity_of=quantity_of,
        without_mark=lambda code: re.sub(r"\s*# Eq\. \d$", "", code),
        zip=zip,
    )
