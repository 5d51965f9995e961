"""From a picture to the bytes that a batch is made of: torchvision's transforms, put together as a recipe says."""

from collections.abc import Callable

import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2

from vit_core.preprocess import Preprocess
from vit_core.training.config import TrainingConfig

Transform = Callable[[Image.Image], Tensor]


def training_transform(recipe: TrainingConfig, preprocess: Preprocess) -> v2.Compose:
    """Crop, mirror and recolour a picture at random (torch's own generator), to bytes of the model's size."""
    interpolation = InterpolationMode(preprocess.interpolation)
    steps: list[Transform] = []
    if recipe.crop_scale is not None:
        size = preprocess.image_size
        steps.append(v2.RandomResizedCrop(size, recipe.crop_scale, recipe.crop_ratio, interpolation))
    else:
        steps += _resize_and_cut(preprocess)
    if recipe.flip:
        steps.append(v2.RandomHorizontalFlip())
    if recipe.colour_jitter:
        steps.append(v2.ColorJitter(recipe.colour_jitter, recipe.colour_jitter, recipe.colour_jitter))
    if recipe.auto_augment != "none":
        steps.append(v2.TrivialAugmentWide() if recipe.auto_augment == "trivial" else v2.RandAugment())
    return v2.Compose([*steps, v2.PILToTensor()])


def evaluation_transform(preprocess: Preprocess) -> v2.Compose:
    """What ``preprocess`` does before it scales: resize and cut out the middle, to bytes."""
    return v2.Compose([*_resize_and_cut(preprocess), v2.PILToTensor()])


def normalise(
    pixels: UInt8[Tensor, "batch channels height width"], preprocess: Preprocess
) -> Float[Tensor, "batch channels height width"]:
    """Bytes to numbers around zero: the pixel over 255, minus the mean, over the standard deviation."""
    statistics = (preprocess.mean, preprocess.std)
    mean, std = (torch.tensor(each, device=pixels.device).reshape(3, 1, 1) for each in statistics)
    return (pixels.float() / 255 - mean) / std


def _resize_and_cut(preprocess: Preprocess) -> list[Transform]:
    side = preprocess.resize_size
    size = [side] if preprocess.keep_aspect else [side, side]
    return [v2.Resize(size, InterpolationMode(preprocess.interpolation)), v2.CenterCrop(preprocess.image_size)]
