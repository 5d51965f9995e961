"""The model that a run begins with: new, or trained weights with a new head or their own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from vit_core.config import ViTConfig
from vit_core.model import ClassificationHead, VisionTransformer
from vit_core.preprocess import Preprocess
from vit_core.training.config import TrainingConfig
from vit_core.weights.checkpoints import CHECKPOINTS, read_card
from vit_core.weights.loading import load


class Beginning(NamedTuple):
    """A model to train and how pictures reach it."""

    model: VisionTransformer
    preprocess: Preprocess


def begin(recipe: TrainingConfig, num_classes: int, labels: Sequence[str] | None = None) -> Beginning:
    """The model of ``recipe`` for so many classes, with what does not learn frozen. Seeded by the recipe.

    With ``weights`` everything but the head is theirs, and so is the preprocessing; for another picture size their
    position embedding is interpolated. A head that is kept goes on learning the classes that it knows, which must be
    those of ``labels`` where they are given.

    Raises:
        ValueError: if the weights are unknown or not those of a plain ViT, or their head cannot be kept.
        OSError: if they cannot be read or downloaded.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        if recipe.weights is None:
            model, preprocess = VisionTransformer(recipe.model_config(num_classes)), recipe.preprocess
        else:
            size: dict[str, Any] = {} if recipe.image_size is None else {"image_size": recipe.image_size}
            pretrained, checkpoint = load(recipe.weights, **size)
            preprocess = checkpoint.preprocess
            if recipe.head == "kept":
                known = checkpoint.labels
                if len(known) != num_classes or (labels is not None and tuple(labels) != known):
                    raise ValueError(
                        f"the head of {recipe.weights} cannot be kept: its {len(known)} classes are not the "
                        f"{num_classes} of the images in the same order; choose the head linear, which begins anew"
                    )
                model = _rebuilt(replace(pretrained.config, dropout=recipe.dropout), pretrained.state_dict())
            else:
                model = with_new_head(pretrained, recipe, num_classes)
        if not recipe.zero_head and recipe.head != "kept":
            model.head.linear.reset_parameters()
    freeze(model, recipe)
    return Beginning(model, preprocess)


def sizes(recipe: TrainingConfig, num_classes: int) -> ViTConfig:
    """The sizes of the model that ``begin`` would make, without reading the weights where they have a name.

    Raises:
        ValueError, OSError: as ``begin``.
    """
    if recipe.weights is None:
        return recipe.model_config(num_classes)
    known = CHECKPOINTS.get(recipe.weights)
    if known is None and (path := Path(recipe.weights)).with_suffix(".json").is_file():
        known = read_card(path, recipe.weights)  # what a file of ours says of itself, before its weights are read
    config = (known or load(recipe.weights)[1]).config
    return _with_head(config, recipe, num_classes, recipe.image_size or config.image_size)


def with_new_head(pretrained: VisionTransformer, recipe: TrainingConfig, num_classes: int) -> VisionTransformer:
    """The same model with the head that ``recipe`` says, for other classes."""
    config = _with_head(pretrained.config, recipe, num_classes, pretrained.config.image_size)
    body = {name: tensor for name, tensor in pretrained.state_dict().items() if not name.startswith("head.")}
    head = ClassificationHead(config)
    head.reset_parameters()  # the hidden layer, if any, is random, the linear layer zero
    return _rebuilt(config, body | {f"head.{name}": tensor for name, tensor in head.state_dict().items()})


def freeze(model: VisionTransformer, recipe: TrainingConfig) -> None:
    """Take the gradients away from what ``recipe`` keeps as it is."""
    learning: tuple[nn.Module, ...] = {
        "none": (model,),
        "backbone": (model.norm, model.head),
        "all-but-head": (model.head,),
    }[recipe.freeze]
    model.requires_grad_(False)
    for module in learning:
        module.requires_grad_(True)


def _rebuilt(config: ViTConfig, state: dict[str, Any]) -> VisionTransformer:
    with torch.device("meta"):
        model = VisionTransformer(config)
    model.load_state_dict(state, assign=True)
    return model.requires_grad_(True)


def _with_head(config: ViTConfig, recipe: TrainingConfig, num_classes: int, image_size: int) -> ViTConfig:
    if recipe.head == "kept":
        return replace(config, dropout=recipe.dropout, image_size=image_size)
    hidden = config.hidden_size if recipe.head == "tanh" else None
    return replace(
        config, num_classes=num_classes, representation_size=hidden, dropout=recipe.dropout, image_size=image_size
    )
