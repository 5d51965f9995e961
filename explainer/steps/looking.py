"""A step without the app: one look at a forward pass, and a step of it as HTML with its pictures.

::

    now = look_at("embedded", "cat.jpg", layer=3, head=2, token=20)
    part = part_of("attention", "scores", now)  # for a saved page; explainer.notebook.show_step draws it
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explainer import links
from explainer.export.saved_parts import Markup
from explainer.panels import View
from explainer.proofs import prove
from explainer.stages import STAGES
from explainer.steps.forward_pass import STEPS
from explainer.steps.rendering import frame_of, mathematics_of
from explainer.steps.step import Moment, Picture
from explainer.tensors import describe
from explainer.views import depth
from explainer.views.compose import explained
from vit_core import BlockTrace, Checkpoint, ForwardTrace, VisionTransformer, ViTConfig, load, open_picture


@dataclass(frozen=True, eq=False)
class Look:
    """One forward pass of one image, looked at in one layer, head and token."""

    checkpoint: Checkpoint
    model: VisionTransformer
    trace: ForwardTrace
    layer: int = 1  # 1..L
    head: int = 1  # 1..k
    token: int = 0  # 0..N; 0 is the class token

    @property
    def config(self) -> ViTConfig:
        """The sizes of the model."""
        return self.model.config

    @cached_property
    def block(self) -> BlockTrace:
        """The insides of the layer."""
        return self.block_of(self.layer)

    def block_of(self, layer: int) -> BlockTrace:
        """The insides of any layer."""
        return self.model.trace_block(self.trace, layer)

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """The image as the model sees it, [H, W, 3]."""
        return np.asarray(self.checkpoint.preprocess.to_picture(self.trace.image))

    @property
    def norms(self) -> dict[str, NDArray[np.float32]]:
        """The lengths of the token and of its updates in every layer."""
        return depth.residual_norms(self.model, self.trace, self.token)


def look_at(weights: str | Path, picture: str | Path, layer: int = 1, head: int = 1, token: int = 0) -> Look:
    """The forward pass of a picture through a checkpoint, by the name or the file of each.

    Raises:
        ValueError, OSError: as ``load`` and ``open_picture``; or if there is no such layer, head or token.
    """
    model, checkpoint = load(weights)
    config = model.config
    asked = {"layer": (layer, 1, config.num_layers), "head": (head, 1, config.num_heads)}
    for name, (value, low, high) in (asked | {"token": (token, 0, config.num_patches)}).items():
        if not low <= value <= high:
            raise ValueError(f"{name} must be from {low} to {high} in this model, got {value}")
    return Look(checkpoint, model, model.trace(checkpoint.preprocess(open_picture(picture))), layer, head, token)


def drawn(picture: Picture, moment: Moment) -> View:
    """The view of a step, whose numbers know what they are."""
    return explained(links.linked(picture.make(moment), picture.name), moment.layer)


def part_of(page: str, slug: str, now: Look) -> Markup:
    """A step of a stage as HTML, with its pictures.

    Raises:
        LookupError: if there is no such stage or step; one sentence.
    """
    steps = {step.slug: step for step in STEPS.get(page, ())}
    if page not in STAGES or slug not in steps:
        there = ", ".join(steps) if page in STAGES else ", ".join(name for name in STEPS if name in STAGES)
        raise LookupError(f"There is no step {slug!r} of the stage {page!r}. There are {there}.")
    step, stage = steps[slug], STAGES[page]
    rows = [
        (describe(now.model, now.trace, now.block, each, now.layer), links.of_tensor(each)) for each in stage.tensors
    ]
    proofs = [(claim, prove(claim, now.model, now.trace, now.block, now.layer)) for claim in step.claims]
    html = frame_of(stage, step, list(steps).index(slug) + 1, mathematics_of(step, now, rows, proofs))
    return Markup(html, tuple(drawn(each, now) for each in (step.picture, step.result) if each is not None))
