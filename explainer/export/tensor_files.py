"""Tensors as files: ``.npy``, and ``.safetensors``, which says what they are and how Python makes them again."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from safetensors.numpy import save
from torch import Tensor

from explainer.numbers.lines import Reproduction, opening
from explainer.tensors import TensorRow

TensorFormat = Literal["npy", "safetensors"]


@dataclass(frozen=True, eq=False)
class FoundTensor:
    """A tensor of a stage and its row in the table, whose name is a line of Python."""

    row: TensorRow
    values: Tensor


def tensor_file(
    tensors: Sequence[FoundTensor],
    file_format: TensorFormat,
    given: Reproduction,
    layer: int | None,
    facts: Mapping[str, str],
) -> bytes:
    """The bytes of a file: the values as they lie in memory, in their own type, row by row.

    Args:
        tensors: what it holds; ``.npy`` has room for one.
        file_format: the end of its name.
        given: what the forward pass was made of.
        layer: whose insides ``block`` is; None if no tensor is inside a layer.
        facts: what else ``.safetensors`` says of the tensors.

    Raises:
        ValueError: if there is no such format, or it cannot hold them.
    """
    arrays = {each.row.name: np.ascontiguousarray(each.values.detach().numpy()) for each in tensors}
    if file_format == "npy" and len(arrays) == 1:
        buffer = io.BytesIO()
        np.save(buffer, next(iter(arrays.values())), allow_pickle=False)
        return buffer.getvalue()
    if file_format != "safetensors":
        raise ValueError(f"a file .{file_format} has no room for {len(arrays)} tensors: keep them as .safetensors")
    shapes = {each.row.name: each.row.shape.named for each in tensors}
    line = python_of([each.row.name for each in tensors], given, layer)
    return save(arrays, {**facts, "shapes": json.dumps(shapes, ensure_ascii=False), "python": line})


def python_of(names: Sequence[str], given: Reproduction, layer: int | None) -> str:
    """One line of Python that makes ``tensors``, a dictionary of these by their names."""
    stacked = ("trace.hidden_states", "trace.attention_weights")  # a tensor for each layer
    codes = {name: f"torch.stack({name})" if name in stacked else name for name in names}
    block = f"block = model.trace_block(trace, {layer}); " if any(name.startswith("block.") for name in names) else ""
    imported = ["patchify"] if any(name.startswith("patchify(") for name in names) else []
    torch = "import torch; " if set(names) & set(stacked) else ""
    items = ", ".join(f'"{name}": {code}' for name, code in codes.items())
    return f"{torch}{opening(given, *imported)}; {block}tensors = {{{items}}}"
