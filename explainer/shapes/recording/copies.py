"""A module with other tensors in it: the same classes and attributes, and nothing of the original is touched."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

from explainer.shapes.torch_internals import OF_EVERY_MODULE


def meta_copy(module: nn.Module) -> nn.Module:
    """The module on the meta device; no memory is taken for its tensors, and attributes set in it stay its own."""
    return _Copy(lambda tensor: tensor.detach().to("meta")).module(module)


def with_own_buffers(module: nn.Module) -> nn.Module:
    """The module with the same parameters and its buffers copied, so that a pass leaves no trace in them.

    Only a pass in training mode writes to buffers; in eval mode they are shared, too.
    """
    trains = any(part.training for part in module.modules())
    buffers = {id(buffer) for buffer in module.buffers()} if trains else set()
    return _Copy(lambda tensor: tensor.detach().clone() if id(tensor) in buffers else tensor).module(module)


class _Copy:
    """One copying: what was copied once is not copied again, so that tied weights stay tied."""

    def __init__(self, of_tensor: Any) -> None:
        self.of_tensor = of_tensor
        self.done: dict[int, Any] = {}
        self.alive: list[Any] = []  # what an identity in ``done`` belongs to

    def module(self, module: nn.Module) -> nn.Module:
        if id(module) in self.done:
            return self.done[id(module)]
        copy = object.__new__(type(module))
        self.done[id(module)] = copy
        self.alive.append(module)
        attributes = vars(module)
        own = {name: value for name, value in attributes.items() if name not in ("_parameters", "_buffers", "_modules")}
        copy.__dict__.update(own)
        copy.__dict__["_parameters"] = {name: self.tensor(value) for name, value in module._parameters.items()}
        copy.__dict__["_buffers"] = {name: self.tensor(value) for name, value in module._buffers.items()}
        copy.__dict__["_modules"] = {
            name: None if child is None else self.module(child) for name, child in module._modules.items()
        }
        for name, value in own.items():
            if name not in OF_EVERY_MODULE:  # hooks are shared
                copy.__dict__[name] = self.value(value)
        return copy

    def tensor(self, tensor: Tensor | None) -> Any:
        if tensor is None:
            return None
        if id(tensor) not in self.done:
            made = self.of_tensor(tensor)
            if isinstance(tensor, nn.Parameter) and not isinstance(made, nn.Parameter):
                made = nn.Parameter(made, requires_grad=tensor.requires_grad)
            self.done[id(tensor)] = made
            self.alive.append(tensor)
        return self.done[id(tensor)]

    def value(self, value: Any) -> Any:
        """An attribute: modules, tensors and bound methods in it are those of the copy."""
        if isinstance(value, nn.Module):
            return self.module(value)
        if isinstance(value, Tensor):
            return self.tensor(value)
        if type(value) in (list, tuple):
            return type(value)(self.value(item) for item in value)
        if type(value) in (dict, OrderedDict):
            return type(value)((key, self.value(item)) for key, item in value.items())
        if isinstance(value, MethodType) and isinstance(value.__self__, nn.Module):
            return MethodType(value.__func__, self.module(value.__self__))
        if type(value) is partial:
            keywords = {key: self.value(item) for key, item in value.keywords.items()}
            return partial(self.value(value.func), *map(self.value, value.args), **keywords)
        return value


def to_meta(value: Any) -> Any:
    """The tensors of an input on the meta device."""
    return with_tensors(value, lambda tensor: tensor.detach().to("meta"))


def with_tensors(
    value: Any, change: Callable[[Tensor], Tensor], done: dict[int, tuple[Tensor, Tensor]] | None = None
) -> Any:
    """A value with its tensors changed. What is one tensor stays one: attention asks whether its query is its key.

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
    """Where a module is."""
    tensor: Tensor | None = next(module.parameters(), None)
    if tensor is None:
        tensor = next(module.buffers(), value if isinstance(value, Tensor) else None)
    return torch.device("cpu") if tensor is None else tensor.device
