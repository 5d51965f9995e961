"""Explain in one sentence how an operation made its shape."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from explainer.shapes.describing.calls import argument, arguments_of, is_in_place, name_of
from explainer.shapes.recording.signatures import Sequence, Signature, TensorKey


class Call(NamedTuple):
    """A call, with the tensors that it read and made."""

    signature: Signature
    name: str
    inputs: tuple[TensorKey, ...]
    outputs: tuple[TensorKey, ...]

    @property
    def first(self) -> tuple[int, ...]:
        """Sizes of the first tensor that was read."""
        return self.inputs[0].sizes if self.inputs else ()

    @property
    def output(self) -> tuple[int, ...]:
        """Sizes of the first tensor that was made."""
        return self.outputs[0].sizes

    @property
    def after(self) -> str:
        """The first tensor that was made: ``2 × 192``."""
        return sizes(self.output)

    @property
    def change(self) -> str:
        """The first tensors that were read and made: ``2 × 64 × 192 becomes 2 × 192``."""
        return f"{sizes(self.first)} becomes {self.after}"

    @property
    def axis(self) -> int:
        """The axis of the result that tensors are joined along."""
        return int(argument(self.signature, 1, "dim", 0)) % len(self.output)


def sizes(shape: tuple[int, ...]) -> str:
    """``2 × 65 × 192``."""
    return " × ".join(map(str, shape)) or "one number"


def rule_of(signature: Signature, inputs: tuple[TensorKey, ...], outputs: tuple[TensorKey, ...]) -> str:
    """Explain how a call made its shape."""
    call = Call(signature, name_of(signature.function), inputs, outputs)
    rule = _RULES.get(call.name)
    if rule:
        try:
            return rule(call)
        except (AttributeError, IndexError, TypeError, ValueError):
            pass  # an unusual way to call it; the general sentence holds for all
    return _general(call)


def _general(call: Call) -> str:
    if is_in_place(call.signature.function):
        return f"written into the tensor itself, which keeps its shape {call.after}"
    if not call.inputs:
        return f"a new tensor of {call.after}"
    shapes = {key.sizes for key in call.inputs}
    if all(output.sizes == call.first for output in call.outputs) and len(call.outputs) == 1:
        if len(call.inputs) > 1 and shapes != {call.first}:
            return _broadcast(call)
        return "elementwise: the shape stays" if call.name in _NUMBER_BY_NUMBER else "the shape stays"
    if len(call.outputs) > 1:
        return f"{len(call.outputs)} tensors, the first {call.after}"
    if len(shapes) > 1 and _can_broadcast(call):
        return _broadcast(call)
    return call.change


# What makes each number from the one in its place: of others, such as log_softmax or cumsum, this is not so.
_NUMBER_BY_NUMBER = frozenset(
    """add sub mul div floordiv mod pow neg abs exp log sqrt rsqrt erf sin cos tanh sigmoid gelu relu relu6 leaky_relu
    elu silu mish hardswish softplus clamp where masked_fill maximum minimum square reciprocal lerp""".split()  # noqa: SIM905
)


def _can_broadcast(call: Call) -> bool:
    try:
        return np.broadcast_shapes(*(key.sizes for key in call.inputs)) == call.output
    except ValueError:
        return False


def _broadcast(call: Call) -> str:
    if not _can_broadcast(call):
        return call.change
    small = [key.sizes for key in call.inputs if key.sizes != call.output]
    if len(small) > 1:
        given = " and ".join(map(sizes, small))
        return f"{given} are repeated along axes of size 1 to fit {call.after}"
    if math.prod(small[0]) == 1:
        return "one number is combined with every element: the shape stays"
    return f"{sizes(small[0])} is repeated to fit {call.after}, aligned from the last axis"


def _linear(call: Call) -> str:
    rows, columns = call.inputs[1].sizes
    before = "the last axis" if len(call.first) > 1 else "the axis"
    if rows == columns:
        return f"{before} {columns} is read by {rows} rows of the weight: {rows} again"
    return f"{before} {columns} becomes {rows}, the rows of the weight"


def _matmul(call: Call) -> str:
    left, right = (key.sizes for key in call.inputs[:2])
    if call.name in ("addmm", "baddbmm"):
        left, right = (key.sizes for key in call.inputs[1:3])
    if getattr(call.signature.function, "__name__", "") == "__rmatmul__":
        left, right = right, left
    if len(left) < 2 or len(right) < 2:
        return f"the axis of {left[-1]} is summed away"
    lead = f", for each of {sizes(call.output[:-2])}" if len(call.output) > 2 else ""
    text = f"rows of {left[-1]} times columns of {right[-2]}: {left[-2]} × {left[-1]} by {right[-2]} × {right[-1]}"
    return f"{text} gives {left[-2]} × {right[-1]}{lead}"


def _conv(call: Call) -> str:
    weight = call.inputs[1].sizes
    stride = _pair(argument(call.signature, 3, "stride", 1), len(weight) - 2)
    padding = argument(call.signature, 4, "padding", 0)
    kernel, spatial = weight[2:], call.first[-len(weight[2:]) :]
    made = call.output[-len(kernel) :]
    channels = f"{weight[0]} kernels make {weight[0]} channels"
    pad = _pair(padding, len(kernel))
    if kernel == stride and not any(pad) and len(set(kernel)) == len(set(spatial)) == 1:
        rest = f", {spatial[0] % kernel[0]} pixels are left out" if spatial[0] % kernel[0] else ""
        return f"{channels}; {spatial[0]} / {kernel[0]} = {made[0]} patches along each side{rest}"
    if isinstance(pad[0], str) or len(set(kernel)) > 1 or len(set(spatial)) > 1:
        return f"{channels}; {sizes(spatial)} in steps of {sizes(stride)} gives {sizes(made)}"
    return f"{channels}; ({spatial[0]} + 2·{pad[0]} − {kernel[0]}) / {stride[0]} + 1 = {made[0]}, rounded down"


def _pair(value: Any, length: int) -> tuple[int, ...]:
    if isinstance(value, Sequence):
        return tuple(value.items) * (length if len(value.items) == 1 else 1)
    return (value,) * length


def _reshape(call: Call) -> str:
    before, after = call.first, call.output
    if before == after:
        return "the shape stays"
    start = next((i for i, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), None)
    if start is None:
        start = min(len(before), len(after))
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    if len(new) == 1 and len(old) > 1:
        return f"joined: {'·'.join(map(str, old))} = {new[0]}"
    if len(old) == 1 and len(new) > 1:
        return f"split: {old[0]} = {'·'.join(map(str, new))}"
    if math.prod(old) == 1:
        return "an axis of size 1 is " + ("removed" if len(after) < len(before) else "added")
    return f"the same {math.prod(after):,} numbers in the same order, laid out as {sizes(after)}"


def _permute(call: Call) -> str:
    given = call.signature.arguments[1:]
    order = given[0].items if len(given) == 1 and isinstance(given[0], Sequence) else given
    if call.name == "permute" and order and all(isinstance(axis, int) for axis in order):
        return f"the axes in the order {', '.join(map(str, order))}: {call.change}"
    return f"two axes change places: {call.change}"


def _cat(call: Call) -> str:
    dim = call.axis
    parts = " + ".join(str(key.sizes[dim]) for key in call.inputs)
    return f"joined along axis {dim}: {parts} = {call.output[dim]}"


def _softmax(call: Call) -> str:
    dim = argument(call.signature, 1, "dim")
    rank = len(call.output)
    if not isinstance(dim, int):
        dim = 0 if rank in (0, 1, 3) else 1  # what torch takes where none is given
    return f"{sums_to_one(dim, call.output)}: the shape stays"


ROWS_NEED_NOT = "the rows need not"


def sums_to_one(dim: int, output: tuple[int, ...]) -> str:
    """Say which numbers sum to 1 after a softmax along an axis: those of a row if it is the last axis."""
    place = dim % len(output) if output else 0
    which = f"the {output[place]} numbers" if output else "the one number"
    if place == len(output) - 1 or not output:
        return f"along axis {place}, the last, {which} of each row sum to 1"
    if place == len(output) - 2:
        return f"along axis {place}, the last but one, {which} of each column sum to 1; {ROWS_NEED_NOT}"
    return f"along axis {place} of {len(output)}, not the last, {which} sum to 1; {ROWS_NEED_NOT}"


def _last(call: Call) -> tuple[int, ...]:
    shape = argument(call.signature, 1, "normalized_shape")
    return tuple(shape.items) if isinstance(shape, Sequence) else call.first[-1:]


def _dropout(call: Call) -> str:
    training = argument(call.signature, 2, "training", True)
    off = getattr(training, "value", training) is False
    return "off in eval mode: nothing changes" if off else "some numbers are set to 0: the shape stays"


def _parts(call: Call) -> str:
    if len(call.outputs) == 1:
        return f"one part: {call.after}"
    if len({key.sizes for key in call.outputs}) == 1:
        return f"{len(call.outputs)} parts, each {call.after}"
    return f"parts: {', '.join(sizes(key.sizes) for key in call.outputs)}"


def _attention(call: Call) -> str:
    tokens, others, size = call.first[-2], call.inputs[1].sizes[-2], call.inputs[2].sizes[-1]
    return f"{tokens} queries are compared with {others} keys; each query takes a weighted sum of values of size {size}"


def _same(call: Call) -> str:
    before, after = call.inputs[0].dtype, call.outputs[0].dtype
    if before is not after:
        return f"the same numbers as {str(after).removeprefix('torch.')}: the shape stays"
    return "the same numbers: the shape stays"


_RULES_OF_NAMES: dict[str, Callable[[Call], str]] = {
    "linear": _linear,
    "matmul mm bmm addmm baddbmm": _matmul,
    "conv1d conv2d conv3d": _conv,
    "reshape view flatten unflatten reshape_as view_as ravel": _reshape,
    "permute transpose T mT t movedim swapaxes moveaxis swapdims": _permute,
    "cat concat concatenate": _cat,
    "stack": lambda call: f"{len(call.inputs)} tensors along a new axis {call.axis}",
    "expand expand_as": lambda call: f"repeated without copying: {sizes(call.first)} is read as {call.after}",
    "softmax": _softmax,
    "layer_norm rms_norm": lambda call: f"each {sizes(_last(call))} is normalised by itself: the shape stays",
    "batch_norm": lambda call: f"each of the {call.first[1]} channels is normalised: the shape stays",
    "dropout": _dropout,
    "index": lambda call: f"{arguments_of(call.signature)} takes {call.after} out of {sizes(call.first)}",
    "index_put": lambda call: f"written into {arguments_of(call.signature)}: the tensor stays {call.after}",
    "chunk split unbind tensor_split": _parts,
    "mean sum amax norm var prod": lambda call: (
        f"{call.change}: the reduced axes keep size 1"
        if len(call.output) == len(call.first)
        else f"the reduced axes are removed: {call.change}"
    ),
    "unsqueeze": lambda call: f"a new axis of size 1: {call.after}",
    "squeeze": lambda call: (
        "the shape stays: no such axis has size 1"
        if call.first == call.output
        else f"axes of size 1 are removed: {call.after}"
    ),
    "scaled_dot_product_attention": _attention,
    "einsum": lambda call: (
        f"{argument(call.signature, 0, 'equation')}: {', '.join(sizes(key.sizes) for key in call.inputs)} "
        f"gives {call.after}"
    ),
    "pad": lambda call: (
        "nothing is added: the shape stays" if call.first == call.output else f"padded at the edges: {call.change}"
    ),
    "roll": lambda call: "the numbers are shifted in a circle: the shape stays",
    "contiguous clone to float type_as detach half bfloat16 double": _same,
    "new_zeros new_ones new_empty new_full zeros_like ones_like": lambda call: f"a new tensor of {call.after}",
    "adaptive_avg_pool2d avg_pool2d max_pool2d adaptive_avg_pool1d avg_pool1d": (
        lambda call: f"neighbouring numbers are pooled: {call.change}"
    ),
}
_RULES = {name: rule for names, rule in _RULES_OF_NAMES.items() for name in names.split()}
