"""Trials: a model is run again, changed at one place, to see whether it then runs. Shapes only, on ``meta`` where that does.

A step is one call of torch as a person writes it. A repair changes the input, what one step is given, or what it makes.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import CodeType, FrameType, TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._device import _device_constructors

from explainer.shapes.code_lines import is_model_code
from explainer.shapes.copies import meta_copy, to_meta, with_own_buffers
from explainer.shapes.operations import Subject

Sizes = tuple[int, ...]
Arguments = tuple[tuple[Any, ...], dict[str, Any]]

INPUT, CONSTANT = -1, -2  # where a tensor comes from, besides a step
_NEW = frozenset({"new_zeros", "new_ones", "new_empty", "new_full", "new_tensor", "zeros_like", "ones_like", "empty_like",
                  "full_like", "rand_like", "randn_like"})  # fmt: skip
_LIKE = _NEW | {"expand_as", "view_as", "reshape_as", "type_as"}
_FACTORIES = frozenset(_device_constructors())


@dataclass(frozen=True)
class Seen:
    """A tensor among the arguments of a step."""

    sizes: Sizes
    source: int  # the step that made it, INPUT, or CONSTANT for parameters and what is made of nothing
    flows: bool  # whether anything of the input is in it
    name: str = ""  # of a parameter or buffer


@dataclass(frozen=True)
class Code:
    """An expression in somebody's code: what ran, and where in its file it stands."""

    code: CodeType
    instruction: int
    number: int


@dataclass(frozen=True)
class Step:
    """One call that made tensors, or could not."""

    index: int
    name: str
    inputs: tuple[Seen, ...]
    outputs: tuple[Sizes, ...]
    arguments: tuple[Any, ...]  # with a Seen for each tensor
    named: Mapping[str, Any]
    code: Code | None

    @property
    def flows(self) -> bool:
        """Whether the input reaches it."""
        return any(each.flows for each in self.inputs)

    @property
    def output(self) -> Sizes:
        """Of the only tensor it made; empty if it made several."""
        return self.outputs[0] if len(self.outputs) == 1 else ()

    @property
    def ints(self) -> tuple[int, ...]:
        """The whole numbers among its arguments, in order."""
        return tuple(_ints((*self.arguments, *self.named.values())))


@dataclass(frozen=True)
class Repair:
    """What is changed in a trial."""

    picture: Callable[[Tensor], Tensor] | None = None
    before: Mapping[int, Callable[[tuple[Any, ...], dict[str, Any]], Arguments]] = field(default_factory=dict)
    after: Mapping[int, Callable[[Tensor], Tensor]] = field(default_factory=dict)
    instead: Mapping[int, Callable[[tuple[Any, ...], dict[str, Any]], Any]] = field(default_factory=dict)
    swapped: bool = False  # attention of torch is given its first two axes the other way round
    lenient: bool = False  # a constant that does not fit what it is added to is made to fit


@dataclass(frozen=True)
class Run:
    """What happened in a trial."""

    steps: tuple[Step, ...]
    outputs: tuple[Sizes, ...]
    error: Exception | None
    failing: Step | None  # the step that raised, if torch did
    used: frozenset[str]  # names of the parameters and buffers that were used
    made_to_fit: int = 0

    @property
    def ran(self) -> bool:
        return self.error is None


class Trials:
    """Runs of one subject."""

    def __init__(self, subject: Subject, real: bool = False) -> None:
        model = subject.model
        if not isinstance(model, nn.Module):
            model = model()
        self.real = real
        self.model = with_own_buffers(model) if real else meta_copy(model)
        self.arguments = subject.arguments if real else to_meta(subject.arguments)
        self.named = dict(subject.named) if real else to_meta(dict(subject.named))
        self.names: dict[int, str] = {}
        self.sizes: dict[str, Sizes] = {}
        for name, tensor in [*self.model.named_parameters(), *self.model.named_buffers()]:
            self.names[id(tensor)] = name
            self.sizes[name] = tuple(tensor.shape)

    @property
    def picture(self) -> Sizes:
        """The shape of the first tensor that the model is given."""
        tensor = self._first()
        return () if tensor is None else tuple(tensor.shape)

    def _first(self) -> Tensor | None:
        every = [*self.arguments, *self.named.values()]
        return next((each for each in every if isinstance(each, Tensor)), None)

    def run(self, repair: Repair | None = None, sizes: Sizes | None = None) -> Run:
        """The model with the repair, on a picture of other sizes if they are given."""
        repair = repair or Repair()
        first = self._first()

        def given(value: Any) -> Any:
            if value is not first or first is None:
                return value
            tensor = first
            if sizes is not None:
                tensor = torch.zeros(sizes, dtype=first.dtype, device=first.device)
            return repair.picture(tensor) if repair.picture else tensor

        arguments = tuple(given(each) for each in self.arguments)
        named = {key: given(each) for key, each in self.named.items()}
        observer = _Observer(self, repair)
        observer.know([each for each in (*arguments, *named.values()) if isinstance(each, Tensor)])
        outputs: tuple[Sizes, ...] = ()
        error = None
        try:
            with torch.no_grad(), observer:
                result = self.model(*arguments, **named)
            outputs = tuple(tuple(tensor.shape) for tensor in _tensors(result))
        except Exception as raised:  # of whatever kind: it is somebody's code
            error = raised
        return Run(
            tuple(observer.steps), outputs, error, observer.failing if error is not None else None,
            frozenset(observer.used), observer.made_to_fit,
        )  # fmt: skip


class _Observer(TorchFunctionMode):
    """Sees every call, and changes those that a repair names."""

    def __init__(self, trials: Trials, repair: Repair) -> None:
        super().__init__()
        self.trials = trials
        self.repair = repair
        self.steps: list[Step] = []
        self.failing: Step | None = None
        self.used: set[str] = set()
        self.made_to_fit = 0
        self._origin: dict[int, tuple[Tensor, int, bool]] = {}  # the tensor is kept, so that its identity is its own
        self._copies: dict[int, tuple[Tensor, Tensor]] = {}

    def know(self, inputs: list[Tensor]) -> None:
        for tensor in inputs:
            self._origin[id(tensor)] = (tensor, INPUT, True)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if name == "__get__" and func.__self__.__name__ not in ("T", "mT", "H", "mH"):
            return func(*args, **kwargs)
        if not self.trials.real:
            if name in ("cpu", "cuda"):
                return args[0]
            if func in _FACTORIES:
                kwargs["device"] = "meta"
            elif name == "to":
                args = tuple(
                    each for place, each in enumerate(args)
                    if place == 0 or isinstance(each, bool) or not isinstance(each, str | int | torch.device)
                )  # fmt: skip
                kwargs.pop("device", None)
            tensors = _tensors((args, kwargs))
            if any(not each.is_meta for each in tensors) and (any(each.is_meta for each in tensors)):
                args, kwargs = self._on_meta(args), self._on_meta(kwargs)
        index = len(self.steps)
        if index in self.repair.before:
            args, kwargs = self.repair.before[index](args, kwargs)
        if self.repair.swapped and name == "multi_head_attention_forward":
            args = (*(each.transpose(0, 1) for each in args[:3]), *args[3:])
            kwargs = {key: each.transpose(0, 1) if key in ("query", "key", "value") else each for key, each in kwargs.items()}
        seen: list[Seen] = []
        described = (self._described(args, seen), self._described(kwargs, seen))
        try:
            if index in self.repair.instead:
                result = self.repair.instead[index](args, kwargs)
            else:
                result = self._called(func, args, kwargs, name, seen)
            if self.repair.swapped and name == "multi_head_attention_forward":
                result = (result[0].transpose(0, 1), *result[1:])
            if index in self.repair.after and isinstance(result, Tensor):
                result = self.repair.after[index](result)
        except Exception:
            code = _code_here()
            self.failing = Step(index, name, tuple(seen), (), described[0], described[1], code)
            raise
        self.failing = None  # what was refused before has been dealt with
        outputs = _tensors(result)
        if name == "__setitem__" and isinstance(args[0], Tensor):  # what is written into it is in it
            self._origin[id(args[0])] = (args[0], index, any(each.flows for each in seen))
        elif outputs:
            flows = any(each.flows for each in seen)
            if name in _LIKE:  # of its others, only the sizes are taken
                flows = seen[0].flows and name not in _NEW
            if not flows and (index in self.repair.before or index in self.repair.instead):
                flows = True
            for tensor in outputs:
                if id(tensor) not in self.trials.names:
                    self._origin[id(tensor)] = (tensor, index if flows or seen else CONSTANT, flows)
        else:
            return result
        self.used.update(each.name for each in seen if each.name)
        sizes = tuple(tuple(tensor.shape) for tensor in outputs)
        self.steps.append(
            Step(index, name.strip("_"), tuple(seen), sizes, described[0], described[1], _code_here())
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
            each = Seen(tuple(value.shape), source, flows, self.trials.names.get(id(value), ""))
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


ELEMENTWISE = frozenset(["add", "radd", "iadd", "sub", "rsub", "isub", "mul", "rmul", "imul"])
_RUN = Trials.run.__code__


def _code_here() -> Code | None:
    """The innermost expression of the model's own code."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code is not _RUN:
        if is_model_code(frame.f_code.co_filename):
            return Code(frame.f_code, frame.f_lasti, frame.f_lineno)
        frame = frame.f_back
    return None


def code_of(traceback: TracebackType | None) -> Code | None:
    """The innermost expression of the model's own code that an exception went through."""
    found = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if is_model_code(code.co_filename):
            found = Code(code, traceback.tb_lasti, traceback.tb_lineno)
        traceback = traceback.tb_next
    return found


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        return [tensor for item in value.values() for tensor in _tensors(item)]
    if isinstance(value, tuple | list):
        return [tensor for item in value for tensor in _tensors(item)]
    return []


def _ints(values: tuple[Any, ...]) -> list[int]:
    found: list[int] = []
    for value in values:
        if isinstance(value, int) and not isinstance(value, bool):
            found.append(value)
        elif isinstance(value, tuple):
            found += _ints(value)
    return found
