"""What this package reads of torch although torch does not promise to keep it: all of it stands here."""

from importlib import import_module
from typing import Any

import torch
from torch import nn


def internal(module: str, name: str) -> Any:
    """An object inside torch.

    Raises:
        ImportError: if this torch does not have it; the sentence names the version and what is missing.
    """
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ImportError(
            f"torch {torch.__version__} has no {module}.{name}, which explainer/shapes/torch_internals.py reads"
        ) from error
    return found


# Functions that make a tensor on a device: zeros, ones, arange.
FACTORIES = frozenset(internal("torch.utils._device", "_device_constructors")())
is_any_autocast_enabled = internal("torch._C", "_is_any_autocast_enabled")
# How the result of an elementwise operation lies in memory.
elementwise_output_strides = internal("torch._prims_common", "compute_elementwise_output_strides")
# Every call of a module passes through this code.
MODULE_CALL = internal("torch.nn", "Module._call_impl").__code__
# Hooks and the like, which every module has.
OF_EVERY_MODULE = frozenset(vars(nn.Module()))
internal("torch.nn", "Module._compiled_call_impl")


def is_compiled(module: nn.Module) -> bool:
    """Whether a module was compiled by torch.compile, as a whole or in place."""
    return type(module).__name__ == "OptimizedModule" or module._compiled_call_impl is not None
