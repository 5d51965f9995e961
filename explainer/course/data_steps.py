"""From a folder to a batch, step by step: short functions that the data page runs and shows."""

import random
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Generator, Tensor

from vit_core.preprocess import Preprocess, Transform
from vit_core.training.config import TrainingConfig
from vit_core.training.data.pictures import Batch, PictureFile, Pictures
from vit_core.training.loop import shuffled
from vit_core.weights.checkpoints import CHECKPOINTS


def random_sheet(files: Sequence[PictureFile], count: int, seed: int) -> list[int]:
    """The numbers of some pictures, drawn without repetition; the same seed draws the same ones."""
    return random.Random(seed).sample(range(len(files)), min(count, len(files)))


def draw(transform: Transform, picture: Image.Image, seed: int) -> UInt8[Tensor, "channels height width"]:
    """The picture that a random transform makes with this seed; torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return transform(picture)


def first_batch(pictures: Pictures, batch_size: int, seed: int) -> Batch:
    """Pixels and labels of the first batch of a run: the same order, the same random changes."""
    order, changes = shuffled(len(pictures), Generator().manual_seed(seed))
    [batch] = replace(pictures, seed=changes).batches([order[:batch_size]])
    return batch


def preprocess_of(recipe: TrainingConfig) -> Preprocess:
    """How pictures reach the model of a recipe: trained weights bring their own way. No weights are read."""
    if recipe.weights is None:
        return recipe.preprocess
    preprocess = CHECKPOINTS[recipe.weights].preprocess
    return preprocess if recipe.image_size is None else preprocess.at(recipe.image_size)
