"""A mode of torch that sees every call of a model, and changes those that a repair names."""

import sys
from collections.abc import Mapping
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._device import _device_constructors

from explainer.shapes.diagnosis.steps import CONSTANT, ELEMENTWISE, INPUT, Code, Repair, Seen, Step
from explainer.shapes.recording import is_model_code, tensors_in

# Their result has the sizes of an argument, not what is in it.
_NEW = frozenset(
    {
        "new_zeros",
        "new_ones",
        "new_empty",
        "new_full",
        "new_tensor",
        "zeros_like",
        "ones_like",
        "empty_like",
        "full_like",
        "rand_like",
        "randn_like",
    }
)
_LIKE = _NEW | {"expand_as", "view_as", "reshape_as", "type_as"}
_FACTORIES = frozenset(_device_constructors())


class Observer(TorchFunctionMode):
    """Sees every call, and changes those that a repair names."""

    def __init__(self, names: Mapping[int, str], repair: Repair, real: bool, outside: CodeType) -> None:
        super().__init__()
        self.names = names  # of parameters and buffers, by identity
        self.repair = repair
        self.real = real  # otherwise every tensor is taken to meta
        self.outside = outside  # the function that runs the model: what called that is no model's code
        self.steps: list[Step] = []
        self.failing: Step | None = None
        self.used: set[str] = set()
        self.made_to_fit = 0
        self._origin: dict[int, tuple[Tensor, int, bool]] = {}  # the tensor is kept, so that its identity is its own
        self._copies: dict[int, tuple[Tensor, Tensor]] = {}

    def know(self, inputs: list[Tensor]) -> None:
        """What the model is given."""
        for tensor in inputs:
            self._origin[id(tensor)] = (tensor, INPUT, True)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if name == "__get__" and func.__self__.__name__ not in ("T", "mT", "H", "mH"):
            return func(*args, **kwargs)
        if not self.real:
            if name in ("cpu", "cuda"):
                return args[0]
            if func in _FACTORIES:
                kwargs["device"] = "meta"
            elif name == "to":
                args = tuple(
                    each
                    for place, each in enumerate(args)
                    if place == 0 or isinstance(each, bool) or not isinstance(each, str | int | torch.device)
                )
                kwargs.pop("device", None)
            tensors = tensors_in((args, kwargs))
            if any(not each.is_meta for each in tensors) and (any(each.is_meta for each in tensors)):
                args, kwargs = self._on_meta(args), self._on_meta(kwargs)
        index = len(self.steps)
        if index in self.repair.before:
            args, kwargs = self.repair.before[index](args, kwargs)
        seen: list[Seen] = []
        described = (self._described(args, seen), self._described(kwargs, seen))
        try:
            if index in self.repair.instead:
                result = self.repair.instead[index](args, kwargs)
            else:
                result = self._called(func, args, kwargs, name, seen)
            if index in self.repair.after and isinstance(result, Tensor):
                result = self.repair.after[index](result)
        except Exception:
            code = self._code_here()
            self.failing = Step(index, name, tuple(seen), (), described[0], described[1], code)
            raise
        self.failing = None  # what was refused before has been dealt with
        outputs = tensors_in(result)
        if name == "__setitem__" and isinstance(args[0], Tensor):  # what is written into it is in it
            self._origin[id(args[0])] = (args[0], index, any(each.flows for each in seen))
        elif outputs:
            flows = any(each.flows for each in seen)
            if name in _LIKE:  # of its others, only the sizes are taken
                flows = seen[0].flows and name not in _NEW
            if not flows and (index in self.repair.before or index in self.repair.instead):
                flows = True
            for tensor in outputs:
                if id(tensor) not in self.names:
                    self._origin[id(tensor)] = (tensor, index if flows or seen else CONSTANT, flows)
        else:
            return result
        self.used.update(each.name for each in seen if each.name)
        sizes = tuple(tuple(tensor.shape) for tensor in outputs)
        self.steps.append(
            Step(index, name.strip("_"), tuple(seen), sizes, described[0], described[1], self._code_here())
        )
        return result

    def _called(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], name: str, seen: list[Seen]) -> Any:
        try:
            return func(*args, **kwargs)
        except Exception:
            if not self.repair.lenient or name.strip("_") not in ELEMENTWISE or len(seen) != 2:
                raise
            if seen[0].flows == seen[1].flows:
                raise
            self.made_to_fit += 1
            return args[0].clone() if seen[0].flows else args[1].clone()

    def _described(self, value: Any, seen: list[Seen]) -> Any:
        if isinstance(value, Tensor):
            _, source, flows = self._origin.get(id(value), (None, CONSTANT, False))
            each = Seen(tuple(value.shape), source, flows, self.names.get(id(value), ""))
            seen.append(each)
            return each
        if isinstance(value, list | tuple):
            return tuple(self._described(item, seen) for item in value)
        if isinstance(value, dict):
            return {key: self._described(item, seen) for key, item in value.items()}
        return value

    def _on_meta(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            if value.is_meta:
                return value
            if id(value) not in self._copies:
                copy = value.detach().to("meta")
                self._copies[id(value)] = (value, copy)
                if id(value) in self._origin:
                    self._origin[id(copy)] = (copy, *self._origin[id(value)][1:])
            return self._copies[id(value)][1]
        if type(value) in (tuple, list):
            return type(value)(self._on_meta(item) for item in value)
        if isinstance(value, dict):
            return {key: self._on_meta(item) for key, item in value.items()}
        return value

    def _code_here(self) -> Code | None:
        """The innermost expression of the model's own code."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and frame.f_code is not self.outside:
            if is_model_code(frame.f_code.co_filename):
                return Code(frame.f_code, frame.f_lasti, frame.f_lineno)
            frame = frame.f_back
        return None
