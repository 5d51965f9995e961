"""Trials: a model is run again, changed at one place, to see whether it then runs. On ``meta`` where it does there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from explainer.shapes.diagnosis.steps import CONSTANT, ELEMENTWISE, INPUT, Repair, Run, Sizes, Step, StepInput
from explainer.shapes.entries.ledger import Subject
from explainer.shapes.recording.code_lines import code_here, start_here
from explainer.shapes.recording.copies import meta_copy, to_meta, with_own_buffers
from explainer.shapes.recording.mode import CallMode
from explainer.shapes.recording.signatures import tensors_in

# Their result has the sizes of an argument, but no number of it is in the result.
_NEW = frozenset(f"new_{word}" for word in ("zeros", "ones", "empty", "full", "tensor"))
_NEW |= {f"{word}_like" for word in ("zeros", "ones", "empty", "full", "rand", "randn")}
_LIKE = _NEW | {"expand_as", "view_as", "reshape_as", "type_as"}


class Trials:
    """Runs of one subject."""

    def __init__(self, subject: Subject, real: bool = False) -> None:
        model = subject.model
        if not isinstance(model, nn.Module):
            model = model()
        self.is_real = real
        self.model = with_own_buffers(model) if real else meta_copy(model)
        self.arguments = subject.arguments if real else to_meta(subject.arguments)
        self.keywords = dict(subject.named) if real else to_meta(dict(subject.named))
        self.names: dict[int, str] = {}
        self.shapes: dict[str, Sizes] = {}
        for name, tensor in [*self.model.named_parameters(), *self.model.named_buffers()]:
            self.names[id(tensor)] = name
            self.shapes[name] = tuple(tensor.shape)

    @property
    def shape(self) -> Sizes:
        """The shape of the first tensor that the model is given."""
        tensor = self._first()
        return () if tensor is None else tuple(tensor.shape)

    @property
    def input_name(self) -> str:
        """What the model calls the first tensor that it is given; empty where that cannot be read."""
        try:
            bound = signature(self.model.forward).bind(*self.arguments, **self.keywords)
        except (TypeError, ValueError):
            return ""
        first = self._first()
        return next((name for name, value in bound.arguments.items() if value is first), "")

    def _first(self) -> Tensor | None:
        values = [*self.arguments, *self.keywords.values()]
        return next((value for value in values if isinstance(value, Tensor)), None)

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

        arguments = tuple(given(value) for value in self.arguments)
        named = {key: given(value) for key, value in self.keywords.items()}
        steps = _Steps(self.names, repair, meta=not self.is_real)
        steps.start_from([value for value in (*arguments, *named.values()) if isinstance(value, Tensor)])
        outputs: tuple[Sizes, ...] = ()
        error = None
        try:
            with torch.no_grad(), _batch_first(self.model, repair.batch_first), steps:
                result = self.model(*arguments, **named)
            outputs = tuple(tuple(tensor.shape) for tensor in tensors_in(result))
        except Exception as raised:  # of whatever kind: it is somebody's code
            error = raised
        failing = steps.failing if error is not None else None
        return Run(tuple(steps.steps), outputs, error, failing, frozenset(steps.used), steps.made_to_fit)


start_here(Trials.run)


@contextmanager
def _batch_first(model: nn.Module, value: bool | None) -> Iterator[None]:
    """Every attention of torch in the model, which is a copy, as if it had been built with that ``batch_first``."""
    modules = [module for module in model.modules() if isinstance(module, nn.MultiheadAttention) and value is not None]
    before = [module.batch_first for module in modules]
    try:
        for module in modules:
            module.batch_first = bool(value)
        yield
    finally:
        for module, was_first in zip(modules, before, strict=True):
            module.batch_first = was_first


class _Steps(CallMode):
    """Records the steps of a trial, where each tensor comes from, and changes the steps that a repair names."""

    def __init__(self, names: Mapping[int, str], repair: Repair, meta: bool) -> None:
        super().__init__(meta)
        self.names = names  # of parameters and buffers, by identity
        self.repair = repair
        self.steps: list[Step] = []
        self.failing: Step | None = None
        self.used: set[str] = set()
        self.made_to_fit = 0
        self._origin: dict[int, tuple[Tensor, int, bool]] = {}  # the tensor is kept, so that its identity is its own

    def start_from(self, inputs: list[Tensor]) -> None:
        """Note what the model is given."""
        for tensor in inputs:
            self._origin[id(tensor)] = (tensor, INPUT, True)

    def meta_copy(self, tensor: Tensor) -> Tensor:
        """One tensor on meta, which comes from where the original does."""
        copy = super().meta_copy(tensor)
        if id(tensor) in self._origin:
            self._origin[id(copy)] = (copy, *self._origin[id(tensor)][1:])
        return copy

    def call(self, function: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Do what was called, changed if the repair changes it, and add it to the steps."""
        if self.meta and len({tensor.is_meta for tensor in tensors_in((args, kwargs))}) == 2:
            args, kwargs = self.on_meta(args), self.on_meta(kwargs)
        repair, index = self.repair, len(self.steps)
        if index in repair.before:
            args, kwargs = repair.before[index](args, kwargs)
        seen: list[StepInput] = []
        described = (self._described(args, seen), self._described(kwargs, seen))
        try:
            if index in repair.instead:
                result = repair.instead[index](args, kwargs)
            else:
                result = self._result(function, args, kwargs, name, seen)
            if index in repair.after and isinstance(result, Tensor):
                result = repair.after[index](result)
        except Exception:
            self.failing = Step(index, name, tuple(seen), (), *described, code_here(2))
            raise
        self.failing = None  # what was refused before has been dealt with
        outputs = tensors_in(result)
        flows = any(tensor.flows for tensor in seen)
        if name == "__setitem__" and isinstance(args[0], Tensor):  # what is written into it is in it
            self._origin[id(args[0])] = (args[0], index, flows)
        elif outputs:
            if name in _LIKE:  # of its others, only the sizes are taken
                flows = seen[0].flows and name not in _NEW
            flows = flows or index in repair.before or index in repair.instead
            for tensor in outputs:
                if id(tensor) not in self.names:
                    self._origin[id(tensor)] = (tensor, index if flows or seen else CONSTANT, flows)
        else:
            return result
        self.used.update(tensor.name for tensor in seen if tensor.name)
        sizes = tuple(tuple(tensor.shape) for tensor in outputs)
        self.steps.append(Step(index, name.strip("_"), tuple(seen), sizes, *described, code_here(2)))
        return result

    def _result(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], name: str, seen: list[StepInput]
    ) -> Any:
        """What the call returns; in a lenient trial a sum that does not fit returns the operand that flows."""
        try:
            return function(*args, **kwargs)
        except Exception:
            if not self.repair.lenient or name.strip("_") not in ELEMENTWISE or len(seen) != 2:
                raise
            if seen[0].flows == seen[1].flows:
                raise
            self.made_to_fit += 1
            return args[0].clone() if seen[0].flows else args[1].clone()

    def _described(self, value: Any, seen: list[StepInput]) -> Any:
        """A value with a ``StepInput`` for each tensor, which is appended to ``seen``."""
        if isinstance(value, Tensor):
            _, source, flows = self._origin.get(id(value), (None, CONSTANT, False))
            seen.append(StepInput(tuple(value.shape), source, flows, self.names.get(id(value), "")))
            return seen[-1]
        if isinstance(value, list | tuple):
            return tuple(self._described(item, seen) for item in value)
        if isinstance(value, dict):
            return {key: self._described(item, seen) for key, item in value.items()}
        return value
