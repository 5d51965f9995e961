"""Trials: a model is run again, changed at one place, to see whether it then runs. On ``meta`` where it does there."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from explainer.shapes.diagnosis.observer import Observer
from explainer.shapes.diagnosis.steps import Code, Repair, Run, Sizes
from explainer.shapes.entries import Subject
from explainer.shapes.recording import is_model_code, meta_copy, tensors_in, to_meta, with_own_buffers


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

    @property
    def input_name(self) -> str:
        """What the model calls the first tensor that it is given; empty where that cannot be read."""
        first = self._first()
        for name, each in self.named.items():
            if each is first:
                return name if not self.arguments else ""
        code = getattr(getattr(type(self.model), "forward", None), "__code__", None)
        place = next((place for place, each in enumerate(self.arguments) if each is first), None)
        if code is None or place is None or place + 1 >= code.co_argcount:
            return ""
        return str(code.co_varnames[place + 1])

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
        observer = Observer(self.names, repair, self.real, Trials.run.__code__)
        observer.know([each for each in (*arguments, *named.values()) if isinstance(each, Tensor)])
        outputs: tuple[Sizes, ...] = ()
        error = None
        try:
            with torch.no_grad(), _batch_first(self.model, repair.batch_first), observer:
                result = self.model(*arguments, **named)
            outputs = tuple(tuple(tensor.shape) for tensor in tensors_in(result))
        except Exception as raised:  # of whatever kind: it is somebody's code
            error = raised
        return Run(
            tuple(observer.steps),
            outputs,
            error,
            observer.failing if error is not None else None,
            frozenset(observer.used),
            observer.made_to_fit,
        )


@contextmanager
def _batch_first(model: nn.Module, value: bool | None) -> Iterator[None]:
    """Every attention of torch in the model, which is a copy, as if it had been built with that ``batch_first``."""
    modules = [module for module in model.modules() if isinstance(module, nn.MultiheadAttention)]
    before = [module.batch_first for module in modules]
    try:
        for module in modules:
            module.batch_first = module.batch_first if value is None else value
        yield
    finally:
        for module, was in zip(modules, before, strict=True):
            module.batch_first = was


def code_of(traceback: TracebackType | None) -> Code | None:
    """The innermost expression of the model's own code that an exception went through."""
    found = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if is_model_code(code.co_filename):
            found = Code(code, traceback.tb_lasti, traceback.tb_lineno)
        traceback = traceback.tb_next
    return found
