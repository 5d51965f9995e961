"""The parts of a model that a recipe trains, counted on PyTorch's meta device: no memory, no weights."""

from collections import Counter
from operator import attrgetter
from typing import NamedTuple

import torch

from vit_core.config import PRESETS, ViTConfig
from vit_core.model import VisionTransformer
from vit_core.training.config import TrainingConfig
from vit_core.training.start import freeze, sizes


class ModelPart(NamedTuple):
    """A part of the model: its parameters, and how many of them learn."""

    name: str  # of the model's module or parameter
    parameters: int
    learning: int


def model_parts(recipe: TrainingConfig, num_classes: int) -> tuple[ModelPart, ...]:
    """The parts of the model that ``recipe`` trains, in their order; each learns as a whole or not at all.

    Raises:
        ValueError: if the recipe's weights are unknown.
    """
    with torch.device("meta"):
        model = VisionTransformer(sizes(recipe, num_classes))
    freeze(model, recipe)
    parameters, learning = Counter[str](), Counter[str]()
    for path, parameter in model.named_parameters():
        name = path.split(".")[0]
        parameters[name] += parameter.numel()
        learning[name] += parameter.numel() * parameter.requires_grad
    order = ("patch_projection", "class_token", "position_embedding", "blocks", "norm", "head")
    return tuple(ModelPart(name, parameters[name], learning[name]) for name in order)


def preset_of(config: ViTConfig) -> str:
    """The name of the sizes, for training them from scratch; pictures and classes may differ.

    Raises:
        ValueError: if these sizes have no name.
    """
    sizes_of = attrgetter("patch_size", "num_layers", "hidden_size", "mlp_size", "num_heads")
    for name in PRESETS:
        if sizes_of(ViTConfig.named(name)) == sizes_of(config):
            return name
    raise ValueError(
        f"no model of {config.num_layers} layers, D = {config.hidden_size} and patches of {config.patch_size} pixels "
        "has a name, so it cannot be trained from scratch next to the transfer"
    )
