"""Letters of axes, proved by running the same code with other sizes, never guessed from equal numbers."""

from dataclasses import replace
from functools import lru_cache

import torch

from explainer.shapes.building import built_on_meta
from explainer.shapes.finished import Names, operations_of
from explainer.shapes.operations import Ledger, Operation, TensorShape
from explainer.shapes.recording import Recorder
from vit_core import VisionTransformer, ViTConfig

_BATCH = 11
# Sizes of which no two letters, and none of their products and sums below, are equal.
_SIZES = {
    "image_size": 7 * 13, "patch_size": 13, "num_channels": 5, "hidden_size": 17 * 19, "num_heads": 17,
    "mlp_size": 1009, "num_classes": 101,
}  # fmt: skip
_REPRESENTATION = 211


def with_config_axes(ledger: Ledger, config: ViTConfig) -> Ledger:
    """The ledger of our own model, every axis with its letter."""
    rank = len(ledger.inputs[0].sizes) if ledger.inputs else 0
    if ledger.failure or rank not in (3, 4):
        return ledger
    probe = _probe(config.num_layers, config.representation_size is not None, rank == 4)
    if [operation.name for operation in probe] != [operation.name for operation in ledger.operations]:
        return ledger
    operations = tuple(
        replace(
            operation,
            inputs=tuple(map(_lettered, operation.inputs, other.inputs)),
            outputs=tuple(map(_lettered, operation.outputs, other.outputs)),
        )
        for operation, other in zip(ledger.operations, probe, strict=True)
    )
    first = (("B",) if rank == 4 else ()) + ("C", "H", "W")
    last = (("B",) if rank == 4 else ()) + ("K",)
    return replace(
        ledger,
        operations=operations,
        inputs=tuple(replace(shape, axes=first) for shape in ledger.inputs),
        outputs=tuple(replace(shape, axes=last) for shape in ledger.outputs),
    )


def with_batch_axes(ledger: Ledger) -> Ledger:
    return ledger


def _lettered(shape: TensorShape, probe: TensorShape) -> TensorShape:
    return replace(shape, axes=probe.axes)


@lru_cache(maxsize=16)
def _probe(num_layers: int, hidden_head: bool, batched: bool) -> tuple[Operation, ...]:
    config = ViTConfig(**_SIZES, num_layers=num_layers, representation_size=_REPRESENTATION if hidden_head else None)
    model = built_on_meta(lambda: VisionTransformer(config)).eval()
    image = torch.empty(*([_BATCH] if batched else []), config.num_channels, config.image_size, config.image_size, device="meta")
    names = Names(model)
    recorder = Recorder(names.known, meta=True)
    with torch.no_grad(), recorder:
        model(image)
    letters = _letters(config)
    return tuple(
        replace(
            operation,
            inputs=tuple(replace(shape, axes=_axes(shape.sizes, letters)) for shape in operation.inputs),
            outputs=tuple(replace(shape, axes=_axes(shape.sizes, letters)) for shape in operation.outputs),
        )
        for operation in operations_of(recorder.events, names)
    )


def _letters(config: ViTConfig) -> dict[int, str]:
    terms = [
        (_BATCH, "B"), (config.num_channels, "C"), (config.image_size, "H"), (config.patch_size, "P"),
        (config.grid_size, "H/P"), (config.num_patches, "N"), (config.num_tokens, "N+1"), (config.hidden_size, "D"),
        (3 * config.hidden_size, "3D"), (config.num_heads, "k"), (config.head_size, "D_h"), (config.mlp_size, "D_MLP"),
        (config.num_classes, "K"), (_REPRESENTATION, "D_rep"), (config.patch_dim, "P²C"), (1, "1"), (3, "3"),
        (_BATCH * config.num_tokens, "B·(N+1)"), (_BATCH * config.num_heads, "B·k"),
    ]  # fmt: skip
    letters = dict(terms)
    assert len(letters) == len(terms), "two letters of the probe have the same size"
    return letters


def _axes(sizes: tuple[int, ...], letters: dict[int, str]) -> tuple[str, ...]:
    axes = [letters.get(size, str(size)) for size in sizes]
    for side, other in (("H", "W"), ("H/P", "W/P")):
        if axes.count(side) == 2:  # rows come before columns
            axes[len(axes) - 1 - axes[::-1].index(side)] = other
    return tuple(axes)
