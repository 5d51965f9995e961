"""Name axes by the paper's letters. Running the same code with other sizes proves each letter; none is guessed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from explainer.shapes.describing.families import Build
from explainer.shapes.describing.from_events import Names, operations_of, shapes_of
from explainer.shapes.entries.ledger import Ledger
from explainer.shapes.entries.operations import Operation, TensorShape
from explainer.shapes.recording.building import built_on_meta
from explainer.shapes.recording.copies import with_tensors
from explainer.shapes.recording.recorder import Recorder
from vit_core import ViTConfig

_BATCH = 11
# Sizes of which no two letters, and none of the products and sums in ``_LETTERS``, are equal.
_SIZES: dict[str, Any] = {
    "image_size": 7 * 13,
    "patch_size": 13,
    "num_channels": 5,
    "hidden_size": 17 * 19,
    "num_heads": 17,
    "mlp_size": 17 * 19 * 31,
    "num_classes": 101,
}
_REPRESENTATION = 211

# A letter -> its size in a model and a batch. Where two have the same size, the shape keeps the number.
_LETTERS: dict[str, Callable[[ViTConfig, int], int]] = {
    "B": lambda c, b: b,
    "C": lambda c, b: c.num_channels,
    "H": lambda c, b: c.image_size,
    "P": lambda c, b: c.patch_size,
    "H/P": lambda c, b: c.grid_size,
    "N": lambda c, b: c.num_patches,
    "N+1": lambda c, b: c.num_tokens,
    "D": lambda c, b: c.hidden_size,
    "2D": lambda c, b: 2 * c.hidden_size,
    "3D": lambda c, b: 3 * c.hidden_size,
    "k": lambda c, b: c.num_heads,
    "D_h": lambda c, b: c.head_size,
    "D_MLP": lambda c, b: c.mlp_size,
    "K": lambda c, b: c.num_classes,
    "D_rep": lambda c, b: c.representation_size or -1,
    "P²C": lambda c, b: c.patch_dim,
    "B·(N+1)": lambda c, b: b * c.num_tokens,
    "B·N": lambda c, b: b * c.num_patches,
    "B·k": lambda c, b: b * c.num_heads,
}
_WIDTHS = {"H": "W", "H/P": "W/P"}


class Pass(NamedTuple):
    """A run with other sizes."""

    operations: tuple[Operation, ...]
    outputs: tuple[TensorShape, ...]  # of the model; empty if it broke


def with_config_axes(ledger: Ledger, config: ViTConfig, build: Build) -> Ledger | None:
    """The ledger with every axis named; None if ``build`` makes a model that runs other operations."""
    rank = len(ledger.inputs[0].sizes) if len(ledger.inputs) == 1 else 0
    if rank not in (3, 4):
        return None
    batch = ledger.inputs[0].sizes[0] if rank == 4 else 1
    probe = _probe(build, config.num_layers, config.representation_size is not None, config.gelu, rank == 4)
    if probe is None:
        return None
    sizes = {letter: size(config, batch) for letter, size in _LETTERS.items()}
    sizes |= {width: sizes[height] for height, width in _WIDTHS.items()}

    def axes(shape: TensorShape, other: TensorShape) -> tuple[str, ...]:
        return _lettered(shape, other, sizes)

    named = _named(ledger.operations, probe.operations, axes)
    if named is None or (not ledger.failure and len(named) != len(probe.operations)):
        return None
    before = ("B",) if rank == 4 else ()
    inputs = (replace(ledger.inputs[0], axes=(*before, "C", "H", "W")),)
    return replace(ledger, operations=named, inputs=inputs, outputs=_named_outputs(ledger, probe, axes))


@lru_cache(maxsize=32)
def _probe(build: Build, num_layers: int, has_hidden_head: bool, gelu: Any, batched: bool) -> Pass | None:
    """Run a model in which all sizes differ, so that each size has one letter."""
    config = ViTConfig(
        **_SIZES, num_layers=num_layers, gelu=gelu, representation_size=_REPRESENTATION if has_hidden_head else None
    )
    side = config.image_size
    image = torch.empty(*([_BATCH] if batched else []), config.num_channels, side, side, device="meta")
    try:
        model = built_on_meta(lambda: build(config)).eval()
        names = Names(model)
        recorder = Recorder(names.known, meta=True, places=False)
        with torch.no_grad(), recorder:
            result = model(image)
    except Exception:  # this family does not take these sizes
        return None
    letters: dict[int, str] = {}
    for letter, size in _LETTERS.items():
        letters.setdefault(size(config, _BATCH if batched else 1), letter)

    def named(shapes: tuple[TensorShape, ...]) -> tuple[TensorShape, ...]:
        return tuple(replace(shape, axes=_letters_of(shape.sizes, letters)) for shape in shapes)

    operations = tuple(
        replace(operation, inputs=named(operation.inputs), outputs=named(operation.outputs))
        for operation in operations_of(recorder.events, names)
    )
    return Pass(operations, named(shapes_of(result)))


def _letters_of(sizes: tuple[int, ...], letters: Mapping[int, str]) -> tuple[str, ...]:
    axes = [letters.get(size, str(size)) if size > 1 else str(size) for size in sizes]
    for height, width in _WIDTHS.items():
        if axes.count(height) == 2:  # rows come before columns
            axes[len(axes) - 1 - axes[::-1].index(height)] = width
    return tuple(axes)


def _lettered(shape: TensorShape, probe: TensorShape, sizes: Mapping[str, int]) -> tuple[str, ...]:
    """The probe's letters; a number where the letter stands for another size."""
    assert probe.axes is not None
    return tuple(
        axis if sizes.get(axis) == size else str(size) for axis, size in zip(probe.axes, shape.sizes, strict=True)
    )


def with_batch_axes(ledger: Ledger, other: Pass, batch: int, other_batch: int) -> Ledger:
    """The ledger with B named, by comparison with another batch. All other axes stay numbers."""

    def axes(shape: TensorShape, other: TensorShape) -> tuple[str, ...]:
        pairs = zip(shape.sizes, other.sizes, strict=True)
        return tuple(_of_batch(size, other_size, batch, other_batch) for size, other_size in pairs)

    named = _named(ledger.operations[: len(other.operations)], other.operations, axes)
    if named is None:
        return ledger
    operations = (*named, *ledger.operations[len(named) :])
    inputs = tuple(
        replace(shape, axes=("B", *map(str, shape.sizes[1:]))) if is_batched(shape.sizes, batch) else shape
        for shape in ledger.inputs
    )
    return replace(ledger, operations=operations, inputs=inputs, outputs=_named_outputs(ledger, other, axes))


def _named_outputs(
    ledger: Ledger, other: Pass, axes: Callable[[TensorShape, TensorShape], tuple[str, ...]]
) -> tuple[TensorShape, ...]:
    if [len(shape.sizes) for shape in ledger.outputs] != [len(shape.sizes) for shape in other.outputs]:
        return ledger.outputs
    pairs = zip(ledger.outputs, other.outputs, strict=True)
    return tuple(replace(shape, axes=axes(shape, other_shape)) for shape, other_shape in pairs)


def is_batched(sizes: tuple[int, ...], batch: int) -> bool:
    """Whether a tensor holds pictures [B, C, H, W], the only input whose first axis must be the batch."""
    return len(sizes) == 4 and sizes[0] == batch


def batch_of(inputs: Sequence[TensorShape]) -> int | None:
    """The batch size, if there are pictures among the inputs."""
    return next((shape.sizes[0] for shape in inputs if len(shape.sizes) == 4), None)


def of_another_batch(value: Any, batch: int, other: int) -> Any:
    """The arguments on the meta device, with another number of pictures."""

    def changed(tensor: Tensor) -> Tensor:
        if not is_batched(tuple(tensor.shape), batch):
            return tensor.detach().to("meta")
        return torch.empty(other, *tensor.shape[1:], dtype=tensor.dtype, device="meta")

    return with_tensors(value, changed)


def _of_batch(size: int, other_size: int, batch: int, other_batch: int) -> str:
    if size == other_size or size * other_batch != other_size * batch or size % batch:
        return str(size)
    return "B" if size == batch else f"{size // batch}B"


def _named(
    operations: Sequence[Operation],
    others: Sequence[Operation],
    axes: Callable[[TensorShape, TensorShape], tuple[str, ...]],
) -> tuple[Operation, ...] | None:
    """Operations with axes named by comparison with another run; None if other operations ran there."""
    if len(others) < len(operations):
        return None
    known: dict[Any, TensorShape] = {}  # one object for all shapes that are equal

    def pairs(shapes: tuple[TensorShape, ...], theirs: tuple[TensorShape, ...]) -> tuple[TensorShape, ...] | None:
        named = []
        for shape, other in zip(shapes, theirs, strict=True):
            key = (shape, other.sizes, other.axes)
            if (found := known.get(key)) is None:
                if len(shape.sizes) != len(other.sizes) or shape.name != other.name:
                    return None
                found = known[key] = TensorShape(shape.sizes, shape.dtype, axes(shape, other), shape.name)
            named.append(found)
        return tuple(named)

    named = []
    for operation, other in zip(operations, others, strict=False):
        if operation.name != other.name or len(operation.inputs) != len(other.inputs):
            return None
        if len(operation.outputs) != len(other.outputs):
            return None
        inputs, outputs = pairs(operation.inputs, other.inputs), pairs(operation.outputs, other.outputs)
        if inputs is None or outputs is None:
            return None
        named.append(replace(operation, inputs=inputs, outputs=outputs))
    return tuple(named)
