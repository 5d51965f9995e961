"""From a picture to the bytes that a batch is made of: torchvision's transforms, put together as a recipe says."""

from torchvision.transforms import InterpolationMode, v2

from vit_core.preprocess import Preprocess, Transform
from vit_core.training.config import TrainingConfig


def training_transform(recipe: TrainingConfig, preprocess: Preprocess) -> v2.Compose:
    """Crop, mirror and recolour a picture at random (torch's own generator), to bytes of the model's size."""
    steps = _as_resized(preprocess)
    if recipe.crop_scale is not None:
        size, way = preprocess.image_size, _interpolation(preprocess)
        steps.append(v2.RandomResizedCrop(size, recipe.crop_scale, recipe.crop_ratio, *way))
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
    """The part of ``preprocess`` before it scales: resize and cut out the middle, to bytes."""
    return v2.Compose([*_as_resized(preprocess), *_resize_and_cut(preprocess), v2.PILToTensor()])


def _as_resized(preprocess: Preprocess) -> list[Transform]:
    """PIL always smooths what it shrinks, so a picture that is not to be smoothed becomes a tensor first."""
    return [v2.PILToTensor()] if preprocess.interpolation == "bilinear-no-antialias" else []


def _interpolation(preprocess: Preprocess) -> tuple[InterpolationMode, bool]:
    """Torchvision's name for it, and whether a tensor is smoothed when it shrinks."""
    name, _, without = preprocess.interpolation.partition("-")
    return InterpolationMode(name), not without


def _resize_and_cut(preprocess: Preprocess) -> list[Transform]:
    side = preprocess.resize_size
    size = [side] if preprocess.keep_aspect else [side, side]
    interpolation, smooths = _interpolation(preprocess)
    return [
        v2.Resize(size, interpolation, antialias=smooths),
        v2.CenterCrop(preprocess.image_size),
    ]
