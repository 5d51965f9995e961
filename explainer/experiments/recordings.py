"""A training run seen through one picture: what its model was after each of the saved epochs.

A model is large and a run has many of them, so that of each epoch only what the pages show is kept. Tensors that an
epoch left as they were, because they were frozen, are kept once.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from explainer.panels import Pixels
from vit_core.attention_maps import mean_attention_distance
from vit_core.config import ViTConfig
from vit_core.logit_lens import lens_probabilities
from vit_core.model import VisionTransformer
from vit_core.trace import byte_count


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The model after one epoch, and what it made of the picture."""

    epoch: int  # 0: before training
    position_embedding: Float[Tensor, "tokens hidden"]
    projection_matrix: Float[Tensor, "patch_dim hidden"]
    attention_weights: tuple[Float[Tensor, "heads tokens tokens"], ...]  # of layer 1 ... L
    lens: Float[Tensor, "states classes"]  # the head read off z_0 ... z_L
    distances: Float[Tensor, "layers heads"]  # mean attention distance, pixels

    @property
    def probabilities(self) -> Float[Tensor, " classes"]:
        """The prediction: what the head reads off z_L."""
        return self.lens[-1]

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors, those included that it shares with the epoch before."""
        return byte_count(self)


@torch.no_grad()
def take_snapshot(
    epoch: int,
    model: VisionTransformer,
    image: Float[Tensor, "channels height width"],
    before: Snapshot | None = None,
) -> Snapshot:
    """One forward pass of the picture. Tensors equal to those of ``before`` are taken from there."""
    trace = model.trace(image)
    now = Snapshot(
        epoch,
        model.position_embedding.detach().clone(),
        model.projection_matrix.contiguous().clone(),
        trace.attention_weights,
        lens_probabilities(model, trace),
        mean_attention_distance(trace, model.config),
    )
    return now if before is None else _sharing(now, before)


def _sharing(now: Snapshot, before: Snapshot) -> Snapshot:
    def same(ours: Tensor, theirs: Tensor) -> Tensor:
        return theirs if ours.shape == theirs.shape and torch.equal(ours, theirs) else ours

    return Snapshot(
        now.epoch,
        same(now.position_embedding, before.position_embedding),
        same(now.projection_matrix, before.projection_matrix),
        tuple(map(same, now.attention_weights, before.attention_weights)),
        same(now.lens, before.lens),
        same(now.distances, before.distances),
    )


def snapshot_bytes(config: ViTConfig) -> int:
    """Bytes of one snapshot of a model of these sizes, nothing shared."""
    tokens, layers = config.num_tokens, config.num_layers
    numbers = (
        config.hidden_size * (tokens + config.patch_dim)
        + layers * config.num_heads * (tokens**2 + 1)
        + (layers + 1) * config.num_classes
    )
    return 4 * numbers


def thinned(epochs: Sequence[int], most: int) -> list[int]:
    """At most ``most`` of the epochs, evenly spread, the first and the last always among them.

    Raises:
        ValueError: if ``most`` is less than 2.
    """
    if most < 2:
        raise ValueError(f"expected at least 2 epochs, the first and the last, got {most}")
    last = len(epochs) - 1
    if last < most:
        return list(epochs)
    return [epochs[round(index * last / (most - 1))] for index in range(most)]


@dataclass(frozen=True, eq=False)
class Recording:
    """A run's snapshots of one picture, and what the run measured on its own pictures."""

    name: str
    labels: tuple[str, ...]
    config: ViTConfig
    pixels: Pixels  # the picture as the run's model sees it
    snapshots: tuple[Snapshot, ...]  # epochs rising
    measured: tuple[Mapping[str, Any], ...] = ()  # the epoch lines of metrics.jsonl

    def at(self, epoch: int) -> Snapshot:
        """The snapshot of ``epoch``, or the newest before it; of an epoch before the first, the first."""
        index = bisect_right([snapshot.epoch for snapshot in self.snapshots], epoch) - 1
        return self.snapshots[max(0, index)]

    def curve(self, name: str) -> tuple[list[int], list[float]]:
        """Epochs, and what was measured after each: a field of the line, or of its "validation".

        What was not measured, or is no finite number, as the loss of a run that diverged, is left out.
        """
        points = {}
        for line in self.measured:
            value = line.get(name) if name in line else line.get("validation", {}).get(name)
            if isinstance(value, int | float) and math.isfinite(value):
                points[int(line["epoch"])] = float(value)
        return sorted(points), [points[epoch] for epoch in sorted(points)]

    def accuracy(self, epoch: int) -> float | None:
        """The share of the held-out pictures that the model had right after ``epoch``, None if nothing states it."""
        epochs, values = self.curve("top1")
        return values[epochs.index(epoch)] if epoch in epochs else None
