"""Build a module on the meta device, without memory and without the time for random initial values."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_FILLING = frozenset(
    [
        *(name for name in dir(nn.init) if name.endswith("_") and not name.startswith("_")),
        *(f"{name}_" for name in ("zero", "fill", "copy", "mul", "add", "sub", "div", "clamp")),
        *(f"{name}_" for name in ("erfinv", "exponential", "bernoulli", "random", "log_normal")),
    ]
)


class _Unfilled(TorchFunctionMode):
    """Skips calls that only fill a tensor of the meta device."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in _FILLING:
            target = args[0] if args else kwargs.get("tensor")
            if isinstance(target, Tensor) and target.is_meta:
                return target
        return func(*args, **kwargs)


def built_on_meta(builder: Callable[[], nn.Module]) -> nn.Module:
    """Call ``builder`` on the meta device; if it needs values of tensors, call it again without.

    All other errors of ``builder`` are raised here.
    """
    try:
        with torch.device("meta"), _Unfilled():
            return builder()
    except (NotImplementedError, RuntimeError) as error:
        if "meta" not in str(error).lower():
            raise
    return builder()
