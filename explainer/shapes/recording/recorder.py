"""Record every operation of one forward pass while it runs.

A function mode of torch sees the calls as a person writes them: one ``linear``, one ``gelu``. It is this thread's
alone, and under it the fast path of ``nn.MultiheadAttention`` is off. What else was tried: a dispatch mode sees ``t``,
``view``, ``addmm`` instead of ``linear``, and attention as one ``_native_multi_head_attention``; ``torch.fx`` keeps
attention as one module and cannot follow Hugging Face's or einops' code; ``torch.export`` takes seconds for B/16;
torchlens takes several forward passes for it and puts its own functions in the place of torch's
(``benchmarks/ledger.py``).
"""

from collections.abc import Callable, Hashable
from types import FunctionType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from explainer.shapes.entries.operations import Line
from explainer.shapes.recording.answers import answer
from explainer.shapes.recording.code_lines import place
from explainer.shapes.recording.copies import with_tensors
from explainer.shapes.recording.mode import CallMode
from explainer.shapes.recording.signatures import (
    Number,
    Sequence,
    Signature,
    TensorKey,
    described,
    has_opaque,
    keys_of_result,
)
from explainer.shapes.torch_internals import is_any_autocast_enabled


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What can be asked of a tensor without computing.
_QUESTIONS = _names(
    """dim size stride numel nelement ndimension is_floating_point is_complex is_contiguous is_same_size data_ptr
    storage_offset element_size type get_device requires_grad_ is_tensor is_storage is_nonzero is_signed is_inference
    untyped_storage storage has_names __hash__ __repr__ __format__ __len__ __dir__ __set__ __reduce_ex__ _is_view
    backward register_hook __deepcopy__ _has_compatible_shallow_copy_type"""
)
_ANSWERS_KEPT = 20_000
# What autocast computes in its lower precision, on the CPU as on a GPU.
_LOWERED = _names(
    """conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d linear matmul __matmul__ __rmatmul__ mm
    bmm addmm addbmm baddbmm einsum scaled_dot_product_attention"""
)


# Operations that refuse shapes on meta in other words than elsewhere.
_IN_OTHER_WORDS = _names(
    """linear matmul __matmul__ __rmatmul__ mm conv1d conv2d conv3d layer_norm add sub mul div __add__ __radd__ __sub__
    __rsub__ __mul__ __rmul__ __truediv__ cat concat concatenate masked_fill where"""
)


class Event(NamedTuple):
    """A call that made tensors."""

    signature: Signature
    outputs: tuple[TensorKey, ...]
    tensors: tuple[int, ...]  # identities of the parameters and buffers among the inputs; 0 for what was computed
    line: Line | None
    module: nn.Module | None
    inside: bool  # of a function of torch that was entered


class Refusal(NamedTuple):
    """A call that raised."""

    error: Exception
    signature: Signature
    tensors: tuple[int, ...]
    line: Line | None
    module: nn.Module | None


def _without_dispatch(function: Any) -> Callable[..., Any]:
    """A copy of a function of torch that is not dispatched to a mode, so that the mode sees the calls inside it."""
    names = {name: (lambda *_: False) for name in function.__globals__ if name.startswith("has_torch_function")}
    names = {**function.__globals__, **names}
    entered = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    entered.__kwdefaults__ = function.__kwdefaults__
    return entered


# Written in Python, and worth looking into: its projections, the attention and out_proj are calls of their own.
_ENTERED: dict[Any, Callable[..., Any]] = {
    functional.multi_head_attention_forward: _without_dispatch(functional.multi_head_attention_forward),
    Tensor.__iter__: lambda tensor: iter(tensor.unbind(0)),
}

# Signature -> what the meta device answered: a tensor, or a tuple or list of them. Twelve equal blocks ask once.
_answers: dict[Signature, tuple[type, tuple[TensorKey, ...]]] = {}


class Recorder(CallMode):
    """Records each call of torch in its thread. ``known`` holds the identities of the parameters and buffers."""

    def __init__(self, known: frozenset[int], meta: bool, places: bool = True) -> None:
        super().__init__(meta)
        self.known = known
        self.places = places
        self.events: list[Event] = []
        self.refusal: Refusal | None = None
        self._inside = 0

    def call(self, function: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Execute a call and add it to the events."""
        if name in _QUESTIONS or function in _ENTERED:
            return self._ask(function, args, kwargs)
        tensors: list[Tensor] = []
        arguments, keywords = self._described(args, kwargs, tensors)
        if self.meta and any(not tensor.is_meta for tensor in tensors):
            args, kwargs = self.on_meta(args), self.on_meta(kwargs)
            tensors = []
            arguments, keywords = self._described(args, kwargs, tensors)
        signature = Signature(function, arguments, keywords)
        try:
            result = self._answer(signature, args, kwargs, tensors, name)
        except Exception as error:
            self._refused(error, signature, tensors)
            raise
        outputs = keys_of_result(args[0] if name == "__setitem__" else result)
        if outputs:
            line, module = place(2) if self.places else (None, None)
            known = self.known
            identities = tuple([identity if (identity := id(tensor)) in known else 0 for tensor in tensors])
            self.events.append(Event(signature, outputs, identities, line, module, self._inside > 0))
        return result

    def _described(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor]
    ) -> tuple[tuple[Hashable, ...], tuple[tuple[str, Hashable], ...]]:
        arguments = tuple([described(value, tensors) for value in args])
        keywords = tuple([(key, described(value, tensors)) for key, value in kwargs.items()]) if kwargs else ()
        return arguments, keywords

    def _answer(
        self, signature: Signature, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor], name: str
    ) -> Any:
        """The result of a call. On the meta device, torch computes the result of each signature once."""
        function = signature.function
        if not self.meta or not tensors or name.endswith("_") or "out" in kwargs or name == "as_strided":
            return function(*args, **kwargs)
        if (lower := _autocast_dtype()) is not None:  # which the meta device does not know
            if name in _LOWERED:

                def lowered(tensor: Tensor) -> Tensor:
                    return tensor.to(lower) if tensor.is_floating_point() else tensor

                args, kwargs = with_tensors(args, lowered), with_tensors(kwargs, lowered)
            return function(*args, **kwargs)
        known = _answers.get(signature)
        if known is not None:
            kind, keys = known
            made = [torch.empty_strided(key.sizes, key.strides, dtype=key.dtype, device="meta") for key in keys]
            return made[0] if kind is Tensor else kind(made)
        result = answer(function, args, kwargs)
        if result is None:
            try:
                result = function(*args, **kwargs)
            except RuntimeError:
                _say_as_on_cpu(signature, name)
                raise
        _keep(signature, result, tensors)
        return result

    def _ask(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Execute a call that is no operation itself: a question about a tensor, or a function that is entered."""
        is_entered = function in _ENTERED
        self._inside += is_entered
        try:
            if not is_entered:
                return function(*args, **kwargs)
            with self:
                return _ENTERED[function](*args, **kwargs)
        except Exception as error:
            if self.refusal is None or self.refusal.error is not error:
                tensors: list[Tensor] = []
                self._refused(error, Signature(function, *self._described(args, kwargs, tensors)), tensors)
            raise
        finally:
            self._inside -= is_entered

    def _refused(self, error: Exception, signature: Signature, tensors: list[Tensor]) -> None:
        line, module = place(2)
        identities = tuple(id(tensor) if id(tensor) in self.known else 0 for tensor in tensors)
        self.refusal = Refusal(error, signature, identities, line, module)


def _say_as_on_cpu(signature: Signature, name: str) -> None:
    """Raise the same error with the familiar message of the CPU.

    The CPU checks shapes before it computes. Each tensor is one number, expanded, and takes no memory.
    """
    if name in _IN_OTHER_WORDS:
        signature.function(
            *[_one_number(value) for value in signature.arguments],
            **{key: _one_number(value) for key, value in signature.keywords},
        )


def _one_number(key: Any) -> Any:
    if isinstance(key, TensorKey):
        return torch.zeros((), dtype=key.dtype, device="cpu").expand(key.sizes)
    if isinstance(key, Sequence):
        return key.kind(_one_number(item) for item in key.items)
    return key.value if isinstance(key, Number) else key


def _autocast_dtype() -> torch.dtype | None:
    if not is_any_autocast_enabled():
        return None
    device = next((name for name in ("cpu", "cuda") if torch.is_autocast_enabled(name)), None)
    return None if device is None else torch.get_autocast_dtype(device)


def _keep(signature: Signature, result: Any, tensors: list[Tensor]) -> None:
    if has_opaque(signature):
        return
    if len(_answers) > _ANSWERS_KEPT:
        _answers.clear()
    made = [result] if type(result) is Tensor else result
    if type(made) not in (tuple, list) or not all(type(tensor) is Tensor for tensor in made):
        return
    if type(result) is Tensor and any(result is tensor for tensor in tensors):
        return
    keys = tuple(TensorKey(tensor.shape, tensor.stride(), tensor.dtype) for tensor in made)
    _answers[signature] = (type(result), keys)
