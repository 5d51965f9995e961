"""Any tensor of a stage as a heat map whose cells can be explained: slices, and parts of what is large."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from explainer.notation.wording import number
from explainer.panels import Matrix, Origin, View
from explainer.stages import TensorRef
from explainer.views.arrays import as_values
from explainer.views.compose import view
from explainer.views.scales import from_zero, symmetric
from vit_core import ViTConfig

WINDOW = 256  # rows and columns that are shown at once: every cell can still be hit
MOST_IN_ROW = 64  # numbers of a vector, which is written in several rows
SHARES = ("attention_weights", "weights", "probabilities")  # tensors that are never negative


@dataclass(frozen=True)
class Slice:
    """A vector or matrix of a tensor: the names of its axes, and where its numbers are in the model or trace."""

    values: Float[Tensor, "..."]
    axes: tuple[str, ...]
    origin: Origin


def origin_of(reference: TensorRef, config: ViTConfig, layer: int, fixed: tuple[int, ...]) -> Origin:
    """Where the numbers of a slice of a stage's tensor are; ``fixed`` are its places on the axes before the last two.

    Parameters are shown as the paper writes them; in the state dict a dense layer's outputs come first.
    """
    field, cells = reference.field, ("row", "column")
    if reference.source in ("model", "layer"):
        name = field if reference.source == "model" else f"blocks.{layer - 1}.{field}"
        if field == "projection_matrix":
            channels, size = config.num_channels, config.patch_size
            patch = (f"row%{channels}", f"row//{channels * size}", f"row//{channels}%{size}")
            return Origin("patch_projection.weight", ("column", *patch))
        if field.endswith("weight") and "norm" not in field:
            return Origin(name, cells[::-1])
        return Origin(name, cells if field in ("class_token", "position_embedding") else ("place",))
    if field == "hidden_states":
        of_layer = reference.index if reference.index is not None else fixed[0]
        return Origin("trace.hidden_states", cells, of_layer % (config.num_layers + 1))
    if field == "attention_weights":
        return Origin("block.attention.weights", (fixed[1], *cells), fixed[0] + 1)
    if field in ("representation", "logits", "probabilities"):
        return Origin(f"trace.{field}", ("place",))
    prefix = {"trace": "trace", "block": "block"}.get(reference.source, f"block.{reference.source}")
    return Origin(f"{prefix}.{field}", (*fixed, *cells), layer if prefix != "trace" else None)


def windows(length: int) -> list[int]:
    """Where the parts begin in which an axis is shown."""
    return list(range(0, length, WINDOW))


def heat_map(
    title: str, quantity: str, shown: Slice, is_share: bool = False, row_start: int = 0, column_start: int = 0
) -> View:
    """A matrix, or the part of it that begins at ``row_start`` and ``column_start``; a vector in rows of equal length.

    Args:
        title: what it is called.
        quantity: whose colour it wears.
        shown: the numbers.
        is_share: whether they are never negative, such as attention weights.
        row_start: the first row shown, from 0.
        column_start: the first column shown, from 0.
    """
    values = shown.values.detach()
    scale = from_zero(values) if is_share else symmetric(values)
    extremes = f"from {number(values.min())} to {number(values.max())}"
    size = " × ".join(map(str, values.shape))
    if values.ndim == 1:
        wide = max(each for each in range(1, min(MOST_IN_ROW, len(values)) + 1) if len(values) % each == 0)
        rows = len(values) // wide
        panel = Matrix(
            title=title,
            quantity=quantity,
            values=as_values(values.reshape(rows, wide)),
            scale=scale,
            row_axis=f"{shown.axes[0]}, from",
            column_axis=f"{wide} in a row",
            max_height=520,
            origin=shown.origin,
            row_names=tuple(str(row * wide) for row in range(rows)) if rows > 1 else (),
            caption=f"A vector of {len(values)} numbers, {extremes}, written row by row.",
        )
    else:
        part = values[row_start : row_start + WINDOW, column_start : column_start + WINDOW]
        is_whole = part.shape == values.shape
        panel = Matrix(
            title=title,
            quantity=quantity,
            values=as_values(part),
            scale=scale,
            row_axis=shown.axes[0],
            column_axis=shown.axes[1],
            max_height=520,
            origin=shown.origin,
            row_start=row_start,
            column_start=column_start,
            caption=f"{size} numbers, {extremes}"
            + ("." if is_whole else f"; rows from {row_start} and columns from {column_start}, {WINDOW} at most."),
        )
    return view(f"{title} as a heat map: {size} numbers, {extremes}.", (panel,))
