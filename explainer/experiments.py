"""Experiments with one picture: each asks one question, measures, and says in a sentence what it has measured.

Nothing of the model is changed. ``progress`` hears the share of the work that is done, from 0 to 1; what it raises ends
the experiment. The experiment about patches has a module of its own, ``explainer/patch_experiment.py``.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from explainer.views.wording import number, percent
from vit_core import ForwardTrace, VisionTransformer
from vit_core.attention_maps import attention_entropy
from vit_core.estimates import allow_forward
from vit_core.interventions import ChangePositions, Interventions, ShufflePatches, Temperature
from vit_core.interventions.knockout import knock_out_heads
from vit_core.interventions.layers import Replacement
from vit_core.positions import ResizeMethod
from vit_core.resolution import at_grid

ROUNDING = 1e-4  # of the largest number: what sums in another order can differ by, after all layers


@dataclass(frozen=True, eq=False)
class Prediction:
    """The most probable class."""

    label: str
    probability: float

    @classmethod
    def of(cls, logits: Float[Tensor, " classes"], labels: Sequence[str]) -> "Prediction":
        """What these logits predict."""
        probability, index = logits.softmax(-1).max(-1)
        return cls(labels[int(index)], float(probability))

    def __str__(self) -> str:
        return f"“{self.label}” ({percent(self.probability)})"

    def to(self, after: "Prediction") -> str:
        """In words, what has become of it."""
        if self.label == after.label:
            return f"“{self.label}” goes from {percent(self.probability)} to {percent(after.probability)}"
        return f"{self} becomes {after}"


# 1: patches shuffled, without and with positions


@dataclass(frozen=True, eq=False)
class Shuffled:
    """What shuffling the patches does to the class token's output y, without E_pos and with it."""

    num_patches: int
    without_positions: Interventions
    with_positions: Interventions
    difference_without: float  # the largest of y's numbers
    difference_with: float
    largest: float  # number of y without E_pos, to compare the first difference with
    before: Prediction
    after: Prediction  # with E_pos

    @property
    def is_unchanged(self) -> bool:
        """Whether, without E_pos, rounding explains all of the difference."""
        return self.difference_without <= ROUNDING * self.largest

    @property
    def sentence(self) -> str:
        """What was measured."""
        verdict = "does not change" if self.is_unchanged else "changes"
        return (
            f"Without E_pos the class token's output {verdict} when the {self.num_patches} patches are shuffled: the "
            f"largest difference is {number(self.difference_without)}, next to numbers up to {number(self.largest)}. "
            f"With E_pos it changes by up to {number(self.difference_with)}, and {self.before.to(self.after)}."
        )


def shuffle_patches(model: VisionTransformer, trace: ForwardTrace, labels: Sequence[str], seed: int = 0) -> Shuffled:
    """Shuffle the patches of the picture of a plain trace, without E_pos and with it.

    Raises:
        ValueError: if the seed is too large.
    """
    no_positions = Interventions((ChangePositions("zero"),))
    with_positions = Interventions((ShufflePatches(seed),))
    without_positions = no_positions.with_(ShufflePatches(seed))
    plain = model.trace(trace.image, no_positions).representation
    moved = model.trace(trace.image, with_positions)
    return Shuffled(
        model.config.num_patches,
        without_positions,
        with_positions,
        _largest(model.trace(trace.image, without_positions).representation - plain),
        _largest(moved.representation - trace.representation),
        _largest(plain),
        Prediction.of(trace.logits, labels),
        Prediction.of(moved.logits, labels),
    )


# 2: every head knocked out


@dataclass(frozen=True, eq=False)
class KnockedOut:
    """How the logit of the predicted class changes when one head is replaced, for every head."""

    label: str
    replacement: Replacement
    logit: float  # before
    change: Float[Tensor, "layers heads"]
    predicted: tuple[tuple[str, ...], ...]  # per layer and head: the class that is predicted without it

    @property
    def most_needed(self) -> tuple[int, int]:
        """Layer and head, from 1, without which the logit falls most."""
        layer, head = divmod(int(self.change.argmin()), self.change.shape[1])
        return layer + 1, head + 1

    @property
    def flips(self) -> int:
        """How many heads there are without which another class is predicted."""
        return sum(label != self.label for row in self.predicted for label in row)

    @property
    def sentence(self) -> str:
        """What was measured."""
        layer, head = self.most_needed
        least = float(self.change.min())
        done = "removed" if self.replacement == "zero" else "replaced by its mean over the tokens"
        strongest = (
            f"head {head} of layer {layer} matters most: {done}, it takes the logit of “{self.label}” from "
            f"{number(self.logit)} to {number(self.logit + least)}"
            if least < 0
            else f"none lowers the logit of “{self.label}” ({number(self.logit)}) when {done}"
        )
        flips = "1 of them changes" if self.flips == 1 else f"{self.flips or 'none'} of them change"
        return (
            f"Among {self.change.numel()} heads, {strongest}. Half of the heads change it by at most "
            f"{number(self.change.abs().median())}, {int((self.change > 0).sum())} raise it, and {flips} the "
            "predicted class."
        )


def knock_out(
    model: VisionTransformer,
    trace: ForwardTrace,
    labels: Sequence[str],
    replacement: Replacement = "zero",
    *,
    progress: Callable[[float], None] | None = None,
) -> KnockedOut:
    """Replace every head of the pass of a plain trace, one at a time.

    Raises:
        ValueError: if the trace is that of a changed pass.
    """
    winner = int(trace.logits.argmax())
    logits = knock_out_heads(model, trace, replacement, progress=progress)
    before = float(trace.logits[winner])
    predicted = tuple(tuple(labels[index] for index in row) for row in logits.argmax(-1).tolist())
    return KnockedOut(labels[winner], replacement, before, logits[..., winner] - before, predicted)


# 4: positions resized to another grid


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
        return max(_largest(a.embedding - b.embedding) for a in self.methods for b in self.methods)

    @property
    def sentence(self) -> str:
        """What was measured."""
        each = ", ".join(
            f"{result.method} {number(result.norms.mean())} and {result.prediction}" for result in self.methods
        )
        own, new = (f"{size}x{size}" for size in (self.own_grid_size, self.grid_size))
        return (
            f"Resized from {own} to {new} patches, the rows of E_pos have a mean length of {number(self.norms.mean())} "
            f"before and the model predicts {self.before}; after it, {each}. No number of E_pos differs between two "
            f"methods by more than {number(self.difference)}."
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
    progress: Callable[[float], None] | None = None,
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
        if progress:
            progress(len(results) / len(methods))
    return Resized(
        grid_size,
        Prediction.of(trace.logits, labels),
        model.position_embedding.detach()[1:].norm(dim=-1),
        model.config.grid_size,
        tuple(results),
    )


# 5: scores not divided by the root of D_h


@dataclass(frozen=True, eq=False)
class Unscaled:
    """The entropy of attention, in nats, per layer and averaged over heads and tokens."""

    head_size: int
    num_tokens: int
    before: Float[Tensor, " layers"]
    alone: Float[Tensor, " layers"]  # this layer's softmax alone without the division, on the scores that it had
    throughout: Float[Tensor, " layers"]  # all layers without it, each on what the layers before have made
    prediction: Prediction
    prediction_throughout: Prediction

    @property
    def sentence(self) -> str:
        """What was measured."""
        return (
            f"Divided by √D_h = {number(math.sqrt(self.head_size))}, the rows of A have a mean entropy of "
            f"{number(self.before.mean())} nats, of at most ln {self.num_tokens} = "
            f"{number(math.log(self.num_tokens))}; without the division the same scores come to "
            f"{number(self.alone.mean())}. With no layer dividing it is {number(self.throughout.mean())}, and "
            f"{self.prediction.to(self.prediction_throughout)}."
        )


def unscale(
    model: VisionTransformer,
    trace: ForwardTrace,
    labels: Sequence[str],
    *,
    progress: Callable[[float], None] | None = None,
) -> Unscaled:
    """Leave the division by sqrt(D_h) out of the softmax of Eq. 6, in each layer alone and in all of them.

    Raises:
        ValueError: if the trace is that of a changed pass.
    """
    if trace.interventions:
        raise ValueError("the scale is taken out of a plain forward pass: give a trace without interventions")
    temperature, num_layers = Temperature("unscaled"), trace.num_layers
    alone = []
    for layer in range(1, num_layers + 1):
        scores = model.trace_block(trace, layer).attention.scores
        unscaled = temperature.change_scores(scores, layer, model.config.head_size)
        alone.append(attention_entropy(unscaled.softmax(-1)).mean())
        if progress:
            progress(layer / (num_layers + 1))
    changed = model.trace(trace.image, Interventions((temperature,)))
    if progress:
        progress(1.0)
    before, throughout = (
        torch.stack([attention_entropy(weights).mean() for weights in each.attention_weights])
        for each in (trace, changed)
    )
    return Unscaled(
        model.config.head_size,
        model.config.num_tokens,
        before,
        torch.stack(alone),
        throughout,
        Prediction.of(trace.logits, labels),
        Prediction.of(changed.logits, labels),
    )


def _largest(values: Tensor) -> float:
    return values.abs().max().item()
