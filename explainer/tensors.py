"""The table of a stage's tensors: where each is found, and what is in it."""

from dataclasses import dataclass
from functools import reduce
from statistics import fmean
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from explainer.notation.declared import Shape, axes_of, shape_of
from explainer.notation.symbols import SYMBOLS
from explainer.stages import TensorRef
from vit_core import AttentionTrace, BlockTrace, ForwardTrace, MLPTrace, VisionTransformer, patchify

_PER_LAYER = {"hidden_states": "states", "attention_weights": "layers"}  # field -> the axis that counts its tensors


@dataclass(frozen=True)
class TensorRow:
    """One tensor: its name in the code, its symbol and colour, its shape, and a summary of its numbers."""

    key: str  # of its reference
    name: str
    symbol: str  # LaTeX
    meaning: str
    quantity: str | None  # a key of QUANTITIES
    shape: Shape
    dtype: str
    bytes: int
    minimum: float
    mean: float
    maximum: float
    learnable: bool
    made: bool  # by the stage, rather than read by it

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of its axes."""
        return self.shape.axes

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of its axes."""
        return self.shape.sizes


def describe(
    model: VisionTransformer, trace: ForwardTrace, block: BlockTrace | None, reference: TensorRef, layer: int = 1
) -> TensorRow:
    """The row of the table for ``reference``. ``block`` is the trace of ``layer``.

    Raises:
        ValueError: if the reference lies in a block and no block is given.
    """
    axes, parts = _find(model, trace, block, reference, layer)
    symbol = SYMBOLS[reference.symbol]
    extremes = [part.aminmax() for part in parts]
    return TensorRow(
        key=reference.key,
        name=_name(model, reference, layer),
        symbol=symbol.latex,
        meaning=symbol.meaning,
        quantity=symbol.quantity,
        shape=shape_of(axes, model.config),
        dtype=str(parts[0].dtype).removeprefix("torch."),
        bytes=sum(part.numel() * part.element_size() for part in parts),
        minimum=min(lowest.item() for lowest, _ in extremes),
        mean=fmean(part.mean(dtype=torch.float64).item() for part in parts),  # all of one size
        maximum=max(highest.item() for _, highest in extremes),
        learnable=reference.source in ("model", "layer"),
        made=reference.made,
    )


def find(
    model: VisionTransformer, trace: ForwardTrace, block: BlockTrace | None, reference: TensorRef, layer: int = 1
) -> tuple[tuple[str, ...], Float[Tensor, "..."]]:
    """The tensor that a reference means, with the names of its axes; parameters the way the paper writes them.

    Raises:
        ValueError: if the reference lies in a block and no block is given.
    """
    axes, parts = _find(model, trace, block, reference, layer)
    return axes, torch.stack(parts) if len(axes) > parts[0].ndim else parts[0]


def _find(
    model: VisionTransformer, trace: ForwardTrace, block: BlockTrace | None, reference: TensorRef, layer: int
) -> tuple[tuple[str, ...], tuple[Tensor, ...]]:
    """The same, one tensor for each layer where there are several: joined they would be copied on every click."""
    field = reference.field
    match reference.source:
        case "trace":
            return _from_trace(model, trace, reference)
        case "model":
            return _parameter(model, field)
        case "layer":
            return _parameter(model.block(layer), field)
    if block is None:
        raise ValueError(f"{reference.source}.{field} lies inside a layer: give the trace of that block")
    holders: dict[str, BlockTrace | AttentionTrace | MLPTrace] = {
        "block": block,
        "attention": block.attention,
        "mlp": block.mlp,
    }
    holder = holders[reference.source]
    return axes_of(type(holder), field), (getattr(holder, field),)


def _from_trace(
    model: VisionTransformer, trace: ForwardTrace, reference: TensorRef
) -> tuple[tuple[str, ...], tuple[Tensor, ...]]:
    field = reference.field
    if field == "patches":  # not kept in the trace: it is the picture itself, cut
        return ("patches", "patch_dim"), (patchify(trace.image, model.config.patch_size),)
    if field == "probabilities":
        return ("classes",), (trace.probabilities,)
    axes, value = axes_of(ForwardTrace, field), getattr(trace, field)
    if reference.index is not None:
        return axes, (value[reference.index],)
    if isinstance(value, tuple):
        return (_PER_LAYER[field], *axes), value
    return axes, (value,)


# Parameter -> its axes as the paper writes it. A dense layer's weight is stored transposed, outputs first.
_AXES = {
    "projection_matrix": ("patch_dim", "hidden"),
    "class_token": ("1", "hidden"),
    "position_embedding": ("tokens", "hidden"),
    "attention.qkv.weight": ("hidden", "3 hidden"),
    "attention.projection.weight": ("hidden", "hidden"),
    "mlp.expand.weight": ("hidden", "mlp"),
    "mlp.expand.bias": ("mlp",),
    "mlp.contract.weight": ("mlp", "hidden"),
    "head.linear.weight": ("representation", "classes"),
    "head.linear.bias": ("classes",),
}


def _parameter(module: torch.nn.Module, field: str) -> tuple[tuple[str, ...], tuple[Tensor]]:
    value: Any = reduce(getattr, field.split("."), module)
    tensor: Tensor = value.detach()
    return _AXES.get(field, ("hidden",)), (tensor.T if _is_dense(field) else tensor,)


def _is_dense(field: str) -> bool:
    return field.endswith(".weight") and field in _AXES


def _name(model: VisionTransformer, reference: TensorRef, layer: int) -> str:
    """The Python expression for it."""
    field = reference.field
    match reference.source:
        case "model" | "layer":
            owner = "model" if reference.source == "model" else f"model.block({layer})"
            return f"{owner}.{field}" + (".T" if _is_dense(field) else "")
        case "attention" | "mlp":
            return f"block.{reference.source}.{field}"
    if field == "patches":
        return f"patchify(trace.image, {model.config.patch_size})"
    return f"{reference.source}.{field}" + ("" if reference.index is None else f"[{reference.index}]")
