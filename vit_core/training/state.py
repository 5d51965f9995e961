"""All that changes while a model trains, and the records of how it went."""

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Generator, Tensor, nn

from vit_core.model import VisionTransformer
from vit_core.training.config import TrainingConfig


class Evaluation(NamedTuple):
    """What a model gets right, over that many pictures."""

    loss: float
    top1: float
    top5: float
    pictures: int


class EpochRecord(NamedTuple):
    """One line of the history: an epoch's training loss and what the model then got right."""

    epoch: int  # from 1
    step: int  # steps done
    train_loss: float
    learning_rate: float
    validation: Evaluation
    seconds: float  # of training, without the evaluation


class StepRecord(NamedTuple):
    """One training step."""

    step: int  # from 1
    loss: float
    learning_rate: float
    pictures: int


History = tuple[EpochRecord, ...]


@dataclass(eq=False)
class TrainingState:
    """All that changes while a model trains: enough to go on from here to the same bits."""

    model: VisionTransformer
    averaged: VisionTransformer | None  # the exponential moving average, if the recipe wants one
    optimizer: torch.optim.Optimizer
    generator: Generator
    step: int = 0  # steps done
    epoch_start: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.uint8))  # generator at its start
    seen: int = 0  # pictures of this epoch so far
    loss_sum: float = 0.0  # over them
    seconds: float = 0.0  # of this epoch so far
    history: History = ()

    @property
    def best(self) -> VisionTransformer:
        """The model to measure and to keep: the average where there is one."""
        return self.averaged or self.model


@runtime_checkable
class Checkpoints(Protocol):
    """Where ``fit`` leaves its state, and from where it takes it up again."""

    def restore(self, state: TrainingState) -> None:
        """Fill ``state`` with what was saved, if anything was."""

    def after_step(self, state: TrainingState, record: StepRecord) -> None:
        """Called after each step; may save."""

    def save(self, state: TrainingState) -> None:
        """Save now."""


def make_optimizer(model: nn.Module, recipe: TrainingConfig) -> torch.optim.Optimizer:
    """The recipe's optimiser, with weight decay on all parameters or on the weights of dense layers alone."""
    embeddings = {"class_token", "position_embedding"}
    named = list(model.named_parameters())
    decayed = [p for n, p in named if recipe.decay_on == "all" or (p.ndim > 1 and n not in embeddings)]
    others = [p for n, p in named if recipe.decay_on != "all" and (p.ndim == 1 or n in embeddings)]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    groups = [group for group in groups if group["params"]]
    betas = (recipe.beta1, recipe.beta2)
    match recipe.optimizer:
        case "adam":
            return torch.optim.Adam(groups, lr=recipe.learning_rate, betas=betas)
        case "adamw":
            return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=betas)
        case "sgd":
            return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum)
