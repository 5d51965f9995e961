"""Describe a recorded call: its name, its arguments as code, and the multiply-adds that it took."""

import math
from collections.abc import Callable
from typing import Any

import torch

from explainer.shapes.recording.signatures import Number, Opaque, Sequence, Signature, Slice, TensorKey, keys_of

_OPERATORS = {
    "getitem": "index",
    "setitem": "index_put",
    "invert": "bitwise_not",
    **{name: f"bitwise_{name}" for name in ("and", "or", "xor")},
    **{f"{side}{name}": name for side in "ri" for name in ("add", "sub", "mul", "matmul", "pow", "floordiv", "mod")},
    **{f"{side}truediv": "div" for side in ("", "r", "i")},
}
# Names of arguments that are commonly given by their place; the tensors among them are not written.
_NAMED_PLACES = {
    "conv1d conv2d conv3d": "input weight bias stride padding dilation groups",
    "conv_transpose2d": "input weight bias stride padding output_padding groups dilation",
    "layer_norm": "input normalized_shape weight bias eps",
    "group_norm": "input num_groups weight bias eps",
    "dropout": "input p training inplace",
    "softmax log_softmax unbind squeeze unsqueeze": "input dim",
    "cat concat concatenate stack": "tensors dim",
    "chunk": "input chunks dim",
    "split": "input split_size dim",
    "mean sum amax": "input dim keepdim",
    "roll": "input shifts dims",
    "pad": "input pad mode value",
    "unfold": "input kernel_size dilation padding stride",
    "scaled_dot_product_attention": "query key value attn_mask dropout_p is_causal",
    "masked_fill": "input mask value",
    "gelu": "input approximate",
    "tensordot": "input other dims",
}
_PLACES = {name: places.split() for names, places in _NAMED_PLACES.items() for name in names.split()}
_SILENT = {"_stacklevel", "inplace", "device", "pin_memory"}  # which change no shape


def name_of(function: Callable[..., Any]) -> str:
    """The name of a function of torch: ``linear``. An operator is named after its function: ``@`` is ``matmul``."""
    name: str = getattr(function, "__name__", "") or type(function).__name__
    if name == "__get__":
        return function.__self__.__name__  # type: ignore[attr-defined]
    if name.startswith("__") and name.endswith("__"):
        return _OPERATORS.get(name[2:-2], name[2:-2])
    return name


def arguments_of(signature: Signature) -> str:
    """The arguments of a call that are not tensors, written as code: ``dim=-1``."""
    name = name_of(signature.function)
    if name in ("index", "index_put") and len(signature.arguments) > 1:
        return f"[{_index(signature.arguments[1])}]"
    named = _PLACES.get(name, [])
    written = []
    for place, value in enumerate(signature.arguments):
        if value is None or isinstance(value, TensorKey | torch.device) or _only_tensors(value):
            continue
        text = _text(value)
        written.append(f"{named[place]}={text}" if place < len(named) else text)
    for key, value in signature.keywords:
        if value is None or key in _SILENT or isinstance(value, TensorKey) or _only_tensors(value):
            continue
        written.append(f"{key}={_text(value)}")
    return ", ".join(written)


def _only_tensors(value: Any) -> bool:
    if not isinstance(value, Sequence) or not value.items:
        return False
    return all(isinstance(item, TensorKey) or _only_tensors(item) for item in value.items)


def _text(value: Any) -> str:
    if isinstance(value, TensorKey):
        return "…"
    if isinstance(value, Number):
        return f"{value.value:g}" if value.kind is float else repr(value.value)
    if isinstance(value, Sequence):
        if value.kind is dict:
            return "{…}"
        inside = ", ".join(map(_text, value.items))
        if value.kind is list:
            return f"[{inside}]"
        return f"({inside},)" if len(value.items) == 1 else f"({inside})"
    if isinstance(value, Slice):
        return _index(value)
    if isinstance(value, Opaque):
        return value.text
    return repr(value).removeprefix("torch.") if not isinstance(value, str) else repr(value)


def _index(value: Any) -> str:
    if isinstance(value, Sequence) and value.kind is tuple:
        return ", ".join(map(_index, value.items))
    if isinstance(value, Slice):
        start, stop, step = ("" if part is None else _text(part) for part in value)
        return f"{start}:{stop}" + (f":{step}" if step else "")
    if value is ...:
        return "..."
    return "tensor" if isinstance(value, TensorKey) else _text(value)


def argument(signature: Signature, place: int, keyword: str, default: Any = None) -> Any:
    """The value of an argument, whether it was passed by position or by keyword."""
    if place < len(signature.arguments):
        return signature.arguments[place]
    return dict(signature.keywords).get(keyword, default)


def multiply_adds_of(signature: Signature, outputs: tuple[TensorKey, ...]) -> int:
    """Count the multiply-adds of the matrix products in a call; a multiplication with its addition is one."""
    count = _MULTIPLY_ADDS.get(name_of(signature.function))
    return count(signature, outputs[0].sizes) if count else 0


def _matmul(call: Signature, output: tuple[int, ...]) -> int:
    left, right = keys_of(call)[:2]
    if getattr(call.function, "__name__", "") == "__rmatmul__":
        left, right = right, left
    if not left.sizes or not right.sizes:
        return 0
    return math.prod(output) * left.sizes[-1]


def _convolution(call: Signature, output: tuple[int, ...]) -> int:
    return math.prod(output) * math.prod(argument(call, 1, "weight").sizes[1:])


def _transposed_convolution(call: Signature, output: tuple[int, ...]) -> int:
    return _convolution(call, argument(call, 0, "input").sizes)


def _einsum(call: Signature, output: tuple[int, ...]) -> int:
    equation = argument(call, 0, "equation")
    operands = [value for value in call.arguments[1:] if isinstance(value, TensorKey)]
    if len(call.arguments) == 2 and isinstance(call.arguments[1], Sequence):
        operands = list(call.arguments[1].items)
    if not isinstance(equation, str) or len(operands) != 2:
        return 0
    terms = equation.replace(" ", "").split("->")[0].split(",")
    sizes: dict[str, int] = {}
    for term, operand in zip(terms, operands, strict=True):
        before, dots, after = term.partition("...")
        shape = operand.sizes
        sizes |= dict(zip(before, shape, strict=False))
        if dots:
            sizes |= dict(zip(after, shape[len(shape) - len(after) :], strict=True))
            hidden = shape[len(before) : len(shape) - len(after)]
            sizes["..."] = max(sizes.get("...", 1), math.prod(hidden))
    return math.prod(sizes.values())


def _contraction(call: Signature, output: tuple[int, ...]) -> int:
    """Two tensors are multiplied and summed over the axes that both have and the result does not have."""
    left, right = (math.prod(key.sizes) for key in keys_of(call)[:2])
    return math.prod(output) * math.isqrt(left * right // max(1, math.prod(output)))


def _recurrent(call: Signature, output: tuple[int, ...]) -> int:
    """Every matrix of weights meets every step of every sequence."""
    matrices = [key.sizes for key in keys_of(call) if len(key.sizes) == 2]
    steps = math.prod(argument(call, 0, "input").sizes[:-1])
    return steps * sum(map(math.prod, matrices))


def attention_multiply_adds(query: tuple[int, ...], key: tuple[int, ...], value: tuple[int, ...]) -> tuple[int, int]:
    """Count the multiply-adds of scaled dot-product attention: those of the scores, and those of the weighted sum."""
    weights = math.prod(query[:-1]) * key[-2]
    return weights * query[-1], weights * value[-1]


def _attention(call: Signature, output: tuple[int, ...]) -> int:
    query, key, value = (argument(call, place, name).sizes for place, name in enumerate(("query", "key", "value")))
    return sum(attention_multiply_adds(query, key, value))


_COUNTED: dict[str, Callable[[Signature, tuple[int, ...]], int]] = {
    "linear": lambda call, output: math.prod(output) * argument(call, 0, "input").sizes[-1],
    "matmul mm bmm mv dot": _matmul,
    "addmm baddbmm addbmm": lambda call, output: math.prod(output) * argument(call, 1, "mat1").sizes[-1],
    "conv1d conv2d conv3d": _convolution,
    "conv_transpose1d conv_transpose2d conv_transpose3d": _transposed_convolution,
    "einsum": _einsum,
    "tensordot inner": _contraction,
    "lstm gru rnn_tanh rnn_relu": _recurrent,
    "scaled_dot_product_attention": _attention,
}
_MULTIPLY_ADDS = {name: count for names, count in _COUNTED.items() for name in names.split()}


_IN_PLACE = frozenset(f"__i{name}__" for name in ("add", "sub", "mul", "truediv", "matmul", "pow", "floordiv", "mod"))


def is_in_place(function: Callable[..., Any]) -> bool:
    """Whether a call writes into its first tensor."""
    name = getattr(function, "__name__", "")
    return (name.endswith("_") and not name.endswith("__")) or name in _IN_PLACE
