"""Copy a module with other tensors in it. Classes and attributes stay the same; the original is not changed."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

from explainer.shapes.torch_internals import OF_EVERY_MODULE


def meta_copy(module: nn.Module) -> nn.Module:
    """Copy a module to the meta device. Its tensors take no memory; attributes set later belong to the copy alone."""
    return _Copy(lambda tensor: tensor.detach().to("meta")).module(module)


def with_own_buffers(module: nn.Module) -> nn.Module:
    """Copy a module so that a forward pass does not change its buffers. The parameters are shared.

    Only a pass in training mode writes to buffers, so in eval mode they are shared, too.
    """
    trains = any(part.training for part in module.modules())
    buffers = {id(buffer) for buffer in module.buffers()} if trains else set()
    return _Copy(lambda tensor: tensor.detach().clone() if id(tensor) in buffers else tensor).module(module)


# Attributes that every module has: hooks and the like are shared with the copy.
_SHARED = OF_EVERY_MODULE - {"_parameters", "_buffers", "_modules"}


class _Copy:
    """Copies each object once, so that tied weights stay tied."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        self.change = change
        self.done: dict[int, tuple[Any, Any]] = {}  # identity -> the original, which it belongs to, and the copy

    def module(self, module: nn.Module) -> nn.Module:
        copy = object.__new__(type(module))
        self.done[id(module)] = (module, copy)
        for name, value in vars(module).items():
            copy.__dict__[name] = value if name in _SHARED else self.value(value)
        return copy

    def tensor(self, tensor: Tensor) -> Tensor:
        made = self.change(tensor)
        if isinstance(tensor, nn.Parameter) and not isinstance(made, nn.Parameter):
            made = nn.Parameter(made, requires_grad=tensor.requires_grad)
        self.done[id(tensor)] = (tensor, made)
        return made

    def value(self, value: Any) -> Any:
        """Copy the modules, tensors and bound methods in an attribute."""
        if id(value) in self.done:
            return self.done[id(value)][1]
        if isinstance(value, nn.Module):
            return self.module(value)
        if isinstance(value, Tensor):
            return self.tensor(value)
        if type(value) in (list, tuple):
            return type(value)(self.value(item) for item in value)
        if type(value) in (dict, OrderedDict):
            return type(value)((key, self.value(item)) for key, item in value.items())
        if isinstance(value, MethodType) and isinstance(value.__self__, nn.Module):
            return MethodType(value.__func__, self.value(value.__self__))
        if type(value) is partial:
            keywords = {key: self.value(item) for key, item in value.keywords.items()}
            return partial(self.value(value.func), *map(self.value, value.args), **keywords)
        return value


def to_meta(value: Any) -> Any:
    """Move the tensors in a value to the meta device."""
    return with_tensors(value, lambda tensor: tensor.detach().to("meta"))


def with_tensors(
    value: Any, change: Callable[[Tensor], Tensor], done: dict[int, tuple[Tensor, Tensor]] | None = None
) -> Any:
    """Apply a function to the tensors in a value, once to each: attention asks whether its query is its key.

    Args:
        value: tensors, in lists, tuples and dicts, too.
        change: what is done with each tensor.
        done: what was changed before, by identity, with the tensor that the identity belongs to.
    """
    done = {} if done is None else done
    if isinstance(value, Tensor):
        if id(value) not in done:
            done[id(value)] = (value, change(value))
        return done[id(value)][1]
    if type(value) in (list, tuple):
        return type(value)(with_tensors(item, change, done) for item in value)
    if isinstance(value, dict):
        return {key: with_tensors(item, change, done) for key, item in value.items()}
    return value


def device_of(module: nn.Module, value: Any = None) -> torch.device:
    """The device of a module: that of its first parameter or buffer, else of ``value``, else the CPU."""
    tensor: Tensor | None = next(module.parameters(), None)
    if tensor is None:
        tensor = next(module.buffers(), value if isinstance(value, Tensor) else None)
    return torch.device("cpu") if tensor is None else tensor.device
