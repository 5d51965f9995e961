"""All that changes while a model trains, and the records of how it went."""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.optim import Optimizer

from vit_core.model import VisionTransformer


class Evaluation(NamedTuple):
    """The accuracy of a model, over that many pictures."""

    loss: float
    top1: float  # share of the pictures
    top5: float
    pictures: int
    batch_mean_top1: float  # the course's accuracy: the mean over batches of 32, the last of which may be smaller
    predicted: tuple[int, ...]  # how many pictures are taken for each class
    confusion: tuple[tuple[int, ...], ...] | None  # [true][predicted], pictures; None if there are many classes


class EpochRecord(NamedTuple):
    """One line of the history: an epoch's training loss and what the model then got right."""

    epoch: int  # from 1
    step: int  # steps done
    train_loss: float  # mean over pictures, as they were when they were learned from
    learning_rate: float
    validation: Evaluation
    seconds: float  # of training, without the evaluation
    train_top1: float  # of the pictures as changed by the recipe, before each step
    train_batch_mean_top1: float


class StepRecord(NamedTuple):
    """One training step."""

    step: int  # from 1
    loss: float
    learning_rate: float
    pictures: int
    right: int  # of them
    gradient_norm: float  # of all gradients together, before clipping


History = tuple[EpochRecord, ...]


@dataclass(eq=False)
class TrainingState:
    """All that changes while a model trains: enough to go on from here to the same bits."""

    model: VisionTransformer
    averaged: VisionTransformer | None  # the exponential moving average, if the recipe wants one
    optimizers: tuple[Optimizer, ...]
    generator: Generator
    step: int = 0  # steps done
    epoch_start: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.uint8))  # generator at its start
    seen: int = 0  # pictures of this epoch so far
    loss_sum: float = 0.0  # over them
    right: int = 0  # of them
    batch_shares: float = 0.0  # the sum over this epoch's batches of the share that was right
    seconds: float = 0.0  # of this epoch so far
    history: History = ()

    @property
    def best(self) -> VisionTransformer:
        """The model to measure and to keep: the average where there is one."""
        return self.averaged or self.model


class Stopped(Exception):
    """The run was asked to end early; everything is saved."""
