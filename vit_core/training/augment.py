"""Random changes to a whole batch of pictures at once, and their scaling to what the model reads."""

import math

import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, grid_sample

from vit_core.training.config import TrainingConfig


def normalise(
    pixels: UInt8[Tensor, "batch channels height width"], recipe: TrainingConfig
) -> Float[Tensor, "batch channels height width"]:
    """Bytes to numbers around zero: the pixel over 255, minus the mean, over the standard deviation."""
    return _standardise(pixels.float() / 255, recipe)


def augment(
    pixels: UInt8[Tensor, "batch channels height width"], recipe: TrainingConfig, generator: Generator
) -> Float[Tensor, "batch channels height width"]:
    """Crop, mirror and recolour every picture in its own way, then normalise."""
    images = pixels.float() / 255
    if recipe.crop_scale is not None or recipe.flip:
        images = random_resized_crop(images, recipe, generator)
    if recipe.colour_jitter:
        images = colour_jitter(images, recipe.colour_jitter, generator)
    return _standardise(images, recipe)


def random_resized_crop(
    images: Float[Tensor, "batch channels height width"], recipe: TrainingConfig, generator: Generator
) -> Float[Tensor, "batch channels height width"]:
    """A random box of each picture, brought back to full size (bilinear), half of them mirrored.

    The box has a random share of the area and a random shape (arXiv 1409.4842, section 6); one that would stick out
    of the picture is narrowed to its edge.
    """
    count = len(images)
    low, high = recipe.crop_scale or (1.0, 1.0)
    area = _uniform(count, low, high, generator)
    shape = _uniform(count, math.log(recipe.crop_ratio[0]), math.log(recipe.crop_ratio[1]), generator).exp()
    if recipe.crop_scale is None:
        shape = torch.ones(count)
    width, height = (area * shape).sqrt().clamp(max=1.0), (area / shape).sqrt().clamp(max=1.0)
    theta = torch.zeros(count, 2, 3)  # in affine_grid's coordinates the picture reaches from -1 to 1
    mirror = 1.0 - 2.0 * (torch.rand(count, generator=generator) < 0.5) if recipe.flip else torch.ones(count)
    theta[:, 0, 0], theta[:, 1, 1] = width * mirror, height
    theta[:, 0, 2] = _uniform(count, -1.0, 1.0, generator) * (1.0 - width)
    theta[:, 1, 2] = _uniform(count, -1.0, 1.0, generator) * (1.0 - height)
    grid = affine_grid(theta, list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def colour_jitter(
    images: Float[Tensor, "batch channels height width"], strength: float, generator: Generator
) -> Float[Tensor, "batch channels height width"]:
    """Brightness, contrast and saturation of each picture times its own factor from 1 - strength to 1 + strength."""
    brightness, contrast, saturation = (
        _uniform(len(images), 1.0 - strength, 1.0 + strength, generator).reshape(-1, 1, 1, 1) for _ in range(3)
    )
    images = images * brightness
    images = torch.lerp(images.mean((1, 2, 3), keepdim=True), images, contrast)
    images = torch.lerp(images.mean(1, keepdim=True), images, saturation)
    return images.clamp(0.0, 1.0)


def _standardise(
    images: Float[Tensor, "batch channels height width"], recipe: TrainingConfig
) -> Float[Tensor, "batch channels height width"]:
    mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in (recipe.mean, recipe.std))
    return (images - mean) / std


def _uniform(count: int, low: float, high: float, generator: Generator) -> Float[Tensor, " batch"]:
    return low + (high - low) * torch.rand(count, generator=generator)
