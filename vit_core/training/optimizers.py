"""A recipe's optimiser: which parameters it moves, at which share of the learning rate, with how much decay."""

import re
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Muon, Optimizer

from vit_core.model import VisionTransformer
from vit_core.training.config import TrainingConfig
from vit_core.training.muon import Float32Muon
from vit_core.training.precision import has_bfloat16

# Added to a token, not multiplied with one: an embedding, whatever its number of axes.
EMBEDDINGS = frozenset({"class_token", "position_embedding"})


def make_optimizers(model: VisionTransformer, recipe: TrainingConfig) -> tuple[Optimizer, ...]:
    """The recipe's optimiser over all that learns; for ``muon`` a second one for what is no matrix of a block."""
    learning = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    rate, betas = recipe.learning_rate, (recipe.beta1, recipe.beta2)
    groups = parameter_groups(learning, recipe, model)
    match recipe.optimizer:
        case "adam":
            return (Adam(groups, lr=rate, betas=betas),)
        case "adamw":
            return (AdamW(groups, lr=rate, betas=betas),)
        case "sgd":
            return (SGD(groups, lr=rate, momentum=recipe.momentum),)
        case "muon":
            matrices = {n: p for n, p in learning.items() if n.startswith("blocks.") and p.ndim == 2}
            others = {n: p for n, p in learning.items() if n not in matrices}
            optimizers: list[Optimizer] = []
            if matrices:  # this scale of its updates is AdamW's, so that one learning rate suits both (2502.16982)
                groups = parameter_groups(matrices, recipe, model)
                kind = Muon if has_bfloat16(next(iter(matrices.values())).device) else Float32Muon
                optimizers.append(kind(groups, lr=rate, momentum=recipe.momentum, adjust_lr_fn="match_rms_adamw"))
            if others:
                optimizers.append(AdamW(parameter_groups(others, recipe, model), lr=rate, betas=betas))
            return tuple(optimizers)


def parameter_groups(
    parameters: dict[str, nn.Parameter], recipe: TrainingConfig, model: VisionTransformer
) -> list[dict[str, Any]]:
    """Groups of equal weight decay and equal share of the learning rate (``scale``), in the order of the model."""
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, parameter in parameters.items():
        is_matrix = parameter.ndim > 1 and name not in EMBEDDINGS
        decay = recipe.weight_decay if is_matrix or recipe.decay_on == "all" else 0.0
        scale = recipe.layer_decay ** (model.config.num_layers + 1 - depth(name, model.config.num_layers))
        group = groups.setdefault((decay, scale), {"params": [], "weight_decay": decay, "scale": scale})
        group["params"].append(parameter)
    return list(groups.values())


def depth(name: str, num_layers: int) -> int:
    """How many layers lie below a parameter: 0 for the embedding, its number for a block, L + 1 for norm and head."""
    if found := re.match(r"blocks\.(\d+)\.", name):
        return int(found[1]) + 1
    return num_layers + 1 if name.startswith(("norm.", "head.")) else 0


def set_learning_rate(optimizers: tuple[Optimizer, ...], rate: float) -> None:
    """Each group's share of ``rate``, for the next step."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate * group["scale"]


def learnable(optimizers: tuple[Optimizer, ...]) -> list[torch.Tensor]:
    """All parameters that are moved."""
    groups = (group for optimizer in optimizers for group in optimizer.param_groups)
    return [parameter for group in groups for parameter in group["params"]]
