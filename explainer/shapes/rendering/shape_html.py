"""Shapes and counts as HTML: axes in the colour of what the tensor is, and beside each number what it was."""

import re
from collections.abc import Callable
from html import escape

from explainer.notation.symbols import QUANTITY_OF_NAME
from explainer.palette import QUANTITIES
from explainer.shapes.entries import Operation, TensorShape, counted
from explainer.shapes.rendering.source_lines import path_of

# q and k are made ready in the line that names their product.
_ON_THE_WAY = {("A", "div"): "q", ("A", "transpose"): "k"}


def shapes_html(
    shapes: tuple[TensorShape, ...], quantity: str | None, before: tuple[TensorShape, ...] | None = None
) -> str:
    """Shapes with their axes named, in the colour of what the tensor is, and their numbers, with what these were."""
    texts = []
    for index, shape in enumerate(shapes):
        old = before[index] if before is not None and index < len(before) else None
        numbers = _sizes(shape, old)
        if shape.axes is None:
            texts.append(f'<span class="numbers">{numbers}</span>')
            continue
        colour = f' style="color:{_colour(quantity)}"' if quantity else ""
        axes = " × ".join(f"<i>{_letters(axis)}</i>" for axis in shape.axes) or "one number"
        texts.append(f'<span class="axes"{colour}>{axes}</span> <span class="numbers">{numbers}</span>')
    return counted(texts)


def _sizes(shape: TensorShape, before: TensorShape | None) -> str:
    """The sizes; one that has changed after what it was."""
    if before is None or before.sizes == shape.sizes:
        return escape(shape.plain)
    if len(before.sizes) != len(shape.sizes):
        return f"<del>{escape(before.plain)}</del> → <ins>{escape(shape.plain)}</ins>"
    return " × ".join(
        str(new) if old == new else f"<del>{old}</del>→<ins>{new}</ins>"
        for old, new in zip(before.sizes, shape.sizes, strict=True)
    )


def moved_html(text: Callable[[int], str], before: int | None, now: int) -> str:
    """A count, after what it was if that was another."""
    if before is None or before == now:
        return text(now) if now else '<span class="none">–</span>'
    return f"<del>{text(before)}</del> → <ins>{text(now)}</ins>"


def repeats_html(now: int, before: int) -> str:
    """How many equal blocks there are, after how many there were."""
    return f"× {now}" if now == before else f"× <del>{before}</del>→<ins>{now}</ins>"


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


def _letters(axis: str) -> str:
    """An axis with its index below: ``D_h``; ``N+1`` in brackets beside others is not needed between crosses."""
    return re.sub(r"_(\w+)", r"<sub>\1</sub>", escape(axis))
