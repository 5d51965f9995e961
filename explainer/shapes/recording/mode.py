"""See every call of torch as it is written, and move it to the meta device if only shapes count."""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from explainer.shapes.recording.copies import with_tensors
from explainer.shapes.torch_internals import FACTORIES

_COMPUTING_PROPERTIES = frozenset({"T", "mT", "H", "mH", "real", "imag"})
_MOVES = frozenset({"cpu", "cuda"})


class CallMode(TorchFunctionMode):
    """Passes every call of torch in its thread to ``call``. With ``meta``, new tensors are made on the meta device."""

    def __init__(self, meta: bool) -> None:
        super().__init__()
        self.meta = meta
        self._on_meta: dict[int, tuple[Tensor, Tensor]] = {}  # real tensors and their meta copies

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name == "__get__" and func.__self__.__name__ not in _COMPUTING_PROPERTIES:
            return func(*args, **kwargs)
        if self.meta:
            if name in _MOVES:
                return args[0]
            if func in FACTORIES:
                kwargs = kwargs | {"device": "meta"}
            elif name == "to":
                args, kwargs = _without_device(args, kwargs)
        return self.call(func, name, args, kwargs)

    def call(self, function: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Execute a call and record it."""
        raise NotImplementedError

    def on_meta(self, value: Any) -> Any:
        """Move the tensors in a value to the meta device."""
        return with_tensors(value, self.meta_copy, self._on_meta)

    def meta_copy(self, tensor: Tensor) -> Tensor:
        """Copy one tensor to the meta device."""
        return tensor if tensor.is_meta else tensor.detach().to("meta")


def _without_device(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of ``Tensor.to`` without a device."""
    kept = tuple(
        value for value in args[1:] if not isinstance(value, str | int | torch.device) or isinstance(value, bool)
    )
    return (args[0], *kept), {key: value for key, value in kwargs.items() if key != "device"}
