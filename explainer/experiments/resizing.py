"""Resize the position embeddings to another grid, in every way that is in use."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from explainer.experiments.prediction import Prediction, largest
from explainer.notation.wording import number
from vit_core import ForwardTrace, VisionTransformer
from vit_core.batches import Progress, unheard
from vit_core.estimates import allow_forward
from vit_core.positions import ResizeMethod
from vit_core.resolution import at_grid


@dataclass(frozen=True, eq=False)
class ResizedPositions:
    """E_pos resized to another grid in one way, and what the model predicts there."""

    method: ResizeMethod
    embedding: Float[Tensor, "tokens hidden"]
    logits: Float[Tensor, " classes"]
    prediction: Prediction

    @property
    def norms(self) -> Float[Tensor, " patches"]:
        """The length of every patch's row."""
        return self.embedding[1:].norm(dim=-1)


@dataclass(frozen=True, eq=False)
class Resized:
    """E_pos resized to another grid in every way that is in use."""

    grid_size: int
    before: Prediction  # at the model's own grid
    norms: Float[Tensor, " old_patches"]
    own_grid_size: int
    methods: tuple[ResizedPositions, ...]

    @property
    def difference(self) -> float:
        """The largest between the rows of any two methods."""
        return max(largest(a.embedding - b.embedding) for a in self.methods for b in self.methods)

    @property
    def sentence(self) -> str:
        """The result in words."""
        by_method = ", ".join(
            f"{result.method} {number(result.norms.mean())} and {result.prediction}" for result in self.methods
        )
        own, new = (f"{size}x{size}" for size in (self.own_grid_size, self.grid_size))
        return (
            f"Resized from {own} to {new} patches, the rows of E_pos have a mean length of {number(self.norms.mean())} "
            f"before and the model predicts {self.before}; after it, {by_method}. No number of E_pos differs between "
            f"two methods by more than {number(self.difference)}."
        )


@torch.no_grad()
def resize_positions(
    model: VisionTransformer,
    trace: ForwardTrace,
    labels: Sequence[str],
    grid_size: int,
    picture: Float[Tensor, "channels new_height new_width"] | None = None,
    methods: Sequence[ResizeMethod] = get_args(ResizeMethod),
    *,
    progress: Progress = unheard,
) -> Resized:
    """Resize E_pos to a grid of ``grid_size`` patches a side, and predict at that size.

    ``picture`` is the picture preprocessed for that size; without it, the pixels of the trace's picture are resized,
    which adds no detail.

    Raises:
        ValueError: if there is no such grid or method, or the picture does not have that size.
        NotAllowedError: if a pass at that size would take too much memory.
    """
    side = grid_size * model.config.patch_size
    allow_forward(
        f"a forward pass with {grid_size} x {grid_size} patches",
        replace(model.config, image_size=side),
        "choose fewer patches a side",
    )
    if picture is None:
        picture = interpolate(trace.image[None], (side, side), mode="bicubic", antialias=True)[0]
    results: list[ResizedPositions] = []
    for method in methods:
        other = at_grid(model, grid_size, method)
        logits = other(picture)
        prediction = Prediction.of(logits, labels)
        results.append(ResizedPositions(method, other.position_embedding.detach(), logits, prediction))
        progress(len(results) / len(methods))
    return Resized(
        grid_size,
        Prediction.of(trace.logits, labels),
        model.position_embedding.detach()[1:].norm(dim=-1),
        model.config.grid_size,
        tuple(results),
    )
