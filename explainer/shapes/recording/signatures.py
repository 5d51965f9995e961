"""The signature of a call: all that decides the shapes of its results, in a form that can be looked up."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

_PLAIN = frozenset({int, str, type(None), torch.dtype, torch.device, torch.layout, torch.memory_format, type(...)})


class TensorKey(NamedTuple):
    """The properties of a tensor that decide the shape of results computed from it."""

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype


class Sequence(NamedTuple):
    """A list or a tuple among the arguments."""

    kind: type
    items: tuple[Any, ...]


class Slice(NamedTuple):
    """A slice, which Python does not hash before 3.12."""

    start: Any
    stop: Any
    step: Any


class Number(NamedTuple):
    """A number that is no int: 1 and 1.0 and True are equal, but make different tensors."""

    kind: type
    value: Any


class Opaque(NamedTuple):
    """Any other value, represented by text."""

    text: str


class Signature(NamedTuple):
    """A call without the values of its tensors: calls of the same signature make the same shapes."""

    function: Callable[..., Any]
    arguments: tuple[Hashable, ...]
    keywords: tuple[tuple[str, Hashable], ...]


def described(value: Any, tensors: list[Tensor]) -> Hashable:
    """Describe a value without the values of its tensors, which are appended to ``tensors``."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, Tensor):
        tensors.append(value)
        try:
            return TensorKey(value.shape, value.stride(), value.dtype)
        except RuntimeError:  # a sparse or nested tensor
            return TensorKey(tuple(value.shape), (), value.dtype)
    if kind is float or kind is bool or kind is complex:
        return Number(kind, value)
    if isinstance(value, tuple | list):
        return Sequence(kind, tuple([described(item, tensors) for item in value]))
    if kind is slice:
        return Slice(described(value.start, tensors), described(value.stop, tensors), described(value.step, tensors))
    if isinstance(value, dict):
        return Sequence(dict, tuple([(str(key), described(item, tensors)) for key, item in value.items()]))
    return Opaque(getattr(value, "__name__", None) or repr(value)[:80])


def tensors_in(value: Any) -> list[Tensor]:
    """The tensors in a value, including those in tuples, dicts and dataclasses."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        return [tensor for item in value.values() for tensor in tensors_in(item)]
    if isinstance(value, tuple | list | set | frozenset):
        return [tensor for item in value for tensor in tensors_in(item)]
    if is_dataclass(value) and not isinstance(value, type):
        return [tensor for field in fields(value) for tensor in tensors_in(getattr(value, field.name, None))]
    return []


def keys_of(value: Any) -> tuple[TensorKey, ...]:
    """The tensors of a signature in order."""
    if isinstance(value, TensorKey):
        return (value,)
    if isinstance(value, Signature):
        return keys_of(value.arguments) + keys_of(tuple(item for _, item in value.keywords))
    if isinstance(value, Sequence):
        return keys_of(value.items)
    if isinstance(value, tuple):
        return tuple(key for item in value for key in keys_of(item))
    return ()


def keys_of_result(result: Any) -> tuple[TensorKey, ...]:
    """The tensors that a call made."""
    if type(result) is Tensor:
        try:
            return (TensorKey(result.shape, result.stride(), result.dtype),)
        except RuntimeError:
            return (TensorKey(result.shape, (), result.dtype),)
    return tuple([TensorKey(tensor.shape, (), tensor.dtype) for tensor in tensors_in(result)])


def has_opaque(value: Any) -> bool:
    """Whether a signature contains a value that is represented by text."""
    if isinstance(value, Opaque):
        return True
    return isinstance(value, tuple) and any(has_opaque(item) for item in value)
