"""Shapes of the most frequent operations on the meta device, without asking torch.

Torch answers for these with functions written in Python. Each takes 0.1 to 2 ms, and the first call loads torch's
compiler, which takes a second. Only plain cases are answered here. Everything else is left to torch, so that its
errors stay its own. Tests compare each answer with torch's.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from explainer.shapes.torch_internals import elementwise_output_strides

Answer = Callable[..., Tensor | None]

_FLOATS = frozenset({torch.float32, torch.float64, torch.bfloat16, torch.float16})
_NUMBERS = frozenset({int, float})


def answer(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """The result on the meta device; None where torch has to be asked."""
    known = _ANSWERS.get(function)
    if known is None:
        return None
    try:
        return known(*args, **kwargs)
    except TypeError:  # called with arguments that no plain case has
        return None


def _like(tensor: Tensor, shape: torch.Size | tuple[int, ...]) -> Tensor:
    return torch.empty(shape, dtype=tensor.dtype, device="meta")


def _are_of_one_float(*tensors: Tensor | None) -> bool:
    """Whether all tensors have the same floating-point type."""
    types = {tensor.dtype for tensor in tensors if tensor is not None}
    return len(types) == 1 and types <= _FLOATS


def _broadcast(*shapes: Sequence[int]) -> tuple[int, ...] | None:
    try:
        return np.broadcast_shapes(*map(tuple, shapes))
    except ValueError:
        return None


def _elementwise(*tensors: Tensor) -> Tensor | None:
    first = tensors[0]
    if not _are_of_one_float(*tensors):
        return None
    if all(tensor.shape == first.shape and tensor.is_contiguous() for tensor in tensors):
        return _like(first, first.shape)
    shape = _broadcast(*(tensor.shape for tensor in tensors))
    if not shape:
        return None if shape is None else _like(first, shape)
    views = [tensor.expand(shape) for tensor in tensors]
    return torch.empty_strided(shape, elementwise_output_strides(*views), dtype=first.dtype, device="meta")


def _binary(left: Any, right: Any) -> Tensor | None:
    tensors = [tensor for tensor in (left, right) if isinstance(tensor, Tensor)]
    if len(tensors) < 2 and type(left) not in _NUMBERS and type(right) not in _NUMBERS:
        return None
    return _elementwise(*tensors)


def _gelu(input: Tensor, approximate: str = "none") -> Tensor | None:
    return _elementwise(input) if approximate in ("none", "tanh") else None


def _activation(input: Tensor, inplace: bool = False) -> Tensor | None:
    return None if inplace else _elementwise(input)


def _layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor | None:
    shape = tuple(normalized_shape)
    parameter_shapes = {tuple(tensor.shape) for tensor in (weight, bias) if tensor is not None}
    if not shape or tuple(input.shape[-len(shape) :]) != shape or not parameter_shapes <= {shape}:
        return None
    return _like(input, input.shape) if _are_of_one_float(input, weight, bias) else None


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor | None:
    if weight.dim() != 2 or not input.dim() or input.shape[-1] != weight.shape[1]:
        return None
    if not _are_of_one_float(input, weight, bias) or (bias is not None and bias.shape != weight.shape[:1]):
        return None
    return _like(input, (*input.shape[:-1], weight.shape[0]))


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor | None:
    """The result has the memory layout of the queries, as on the CPU."""
    tensors = (query, key, value)
    if any(tensor.dim() != 4 or tensor.stride(-1) != 1 for tensor in tensors) or not _are_of_one_float(*tensors):
        return None
    if key.shape != value.shape or key.shape[:2] != query.shape[:2] or key.shape[-1] != query.shape[-1]:
        return None
    if dropout_p or enable_gqa or not math.prod(query.shape) or not key.shape[-2]:
        return None
    scores = (*query.shape[:-1], key.shape[-2])
    if attn_mask is not None and (is_causal or _broadcast(attn_mask.shape, scores) != scores):
        return None
    return _elementwise(query)


def _cat(tensors: Any, dim: int = 0) -> Tensor | None:
    first = tensors[0]
    rank = first.dim()
    if not rank or not -rank <= dim < rank or any(tensor.dim() != rank for tensor in tensors):
        return None
    if rank > 3 and not all(tensor.is_contiguous() for tensor in tensors):  # the channels may lie last in memory
        return None
    others = {(tensor.dtype, *tensor.shape[: dim % rank], *tensor.shape[dim % rank + 1 :]) for tensor in tensors}
    if len(others) > 1:
        return None
    shape = list(first.shape)
    shape[dim] = sum(tensor.shape[dim] for tensor in tensors)
    return _like(first, tuple(shape))


_ANSWERS: dict[Any, Answer] = {
    **dict.fromkeys([torch.cat, torch.concat, torch.concatenate], _cat),
    functional.linear: _linear,
    functional.layer_norm: _layer_norm,
    functional.gelu: _gelu,
    functional.relu: _activation,
    functional.silu: _activation,
    functional.scaled_dot_product_attention: _attention,
    **dict.fromkeys([torch.tanh, torch.sigmoid, torch.relu, torch.exp, torch.sqrt, torch.rsqrt], _elementwise),
    **dict.fromkeys([Tensor.tanh, Tensor.sigmoid, Tensor.relu, Tensor.exp, Tensor.sqrt, Tensor.rsqrt], _elementwise),
    **{
        getattr(owner, name): _binary
        for name in ("add", "sub", "mul", "div", "__add__", "__radd__", "__sub__", "__mul__", "__rmul__", "__truediv__")
        for owner in (torch, Tensor)
        if hasattr(owner, name)
    },
}
