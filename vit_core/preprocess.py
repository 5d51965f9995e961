"""From a picture to the tensor that a checkpoint was trained on, and back to the pixels that the model saw."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Real
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from vit_core.pictures import check_size, to_rgb

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)  # mean and deviation that take 0..1 to -1..1, as the paper's code does

Transform = Callable[[Image.Image], Tensor]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming", "bilinear-no-antialias"]


@dataclass(frozen=True, kw_only=True)
class Preprocess:
    """Resize, cut out the middle square, scale to 0..1, subtract the mean, divide by the deviation.

    The same operations in the same order as torchvision's and timm's transforms on a PIL picture: equal to the bit.

    Raises:
        ValueError: if the sizes, the channels or the interpolation make no sense.
    """

    image_size: int = 224  # pixels that the model sees, H = W
    resize_size: int = 256  # the shorter side after resizing, at least image_size
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    interpolation: Interpolation = "bilinear"  # "bilinear-no-antialias" is TensorFlow's, the others are PIL's
    keep_aspect: bool = True  # False: both sides become resize_size, whatever the picture's shape

    def __post_init__(self) -> None:
        if not 1 <= self.image_size <= self.resize_size:
            raise ValueError(f"expected 1 <= image_size <= resize_size, got {self.image_size} and {self.resize_size}")
        if len(self.mean) != 3 or len(self.std) != 3:
            raise ValueError(f"mean and std must have 3 channels, got {self.mean} and {self.std}")
        if min(self.std) <= 0:
            raise ValueError(f"std must be positive, got {self.std}")
        if self.interpolation not in get_args(Interpolation):
            known = ", ".join(get_args(Interpolation))
            raise ValueError(f"unknown interpolation {self.interpolation!r}, known are {known}")

    @classmethod
    def from_fields(cls, values: dict[str, Any]) -> "Preprocess":
        """From a JSON object of this class's fields, where tuples are lists.

        Raises:
            ValueError: if a name is not one of them, or a value is refused.
        """
        if unknown := sorted(values.keys() - {field.name for field in fields(cls)}):
            raise ValueError(f"unknown preprocessing {', '.join(unknown)}")
        checked: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**checked)  # JSON has lists where this class has tuples

    def __call__(self, picture: Image.Image) -> Float[Tensor, "channels height width"]:
        """The tensor that the model reads.

        Raises:
            PictureError: if the picture is too large or too thin to resize, or cannot be turned into RGB.
        """
        return normalise(self._pixels(picture), self)

    def crop(self, picture: Image.Image) -> Image.Image:
        """The pixels that the model sees, as a picture of 0..255: resized and cut, not normalised."""
        return self.to_picture(self(picture))

    def to_picture(self, image: Float[Tensor, "channels height width"]) -> Image.Image:
        """The picture whose tensor is ``image``: the inverse of the normalisation, rounded to 0..255."""
        mean, std = self.statistics(image.device)
        pixels = ((image * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)
        return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())

    def at(self, image_size: int) -> "Preprocess":
        """The same for pictures of another size: the part that is cut away stays the same."""
        resize_size = int(self.resize_size * image_size / self.image_size)
        return replace(self, image_size=image_size, resize_size=resize_size)

    def _pixels(self, picture: Image.Image) -> Float[Tensor, "channels height width"]:
        """Resized and cut, 0..255."""
        picture = to_rgb(picture)
        check_size(*picture.size)
        width, height = self._resized(*picture.size)
        if self.interpolation == "bilinear-no-antialias":
            # Between the four nearest pixels even when shrinking: tf.image.resize, which the paper's code uses.
            rows = _rows_for(height, picture)[None]
            resized = interpolate(rows, (height, width), mode="bilinear", align_corners=False)[0]
        else:
            resized = _tensor(picture.resize((width, height), Image.Resampling[self.interpolation.upper()]))
        # Halves are rounded to even, as torchvision does; what it pads does not arise: resize_size >= image_size.
        top, left = round((height - self.image_size) / 2), round((width - self.image_size) / 2)
        return resized[:, top : top + self.image_size, left : left + self.image_size]

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        """Width and height after resizing; the longer side is rounded down, as torchvision does."""
        if not self.keep_aspect:
            return self.resize_size, self.resize_size
        if width <= height:
            return self.resize_size, int(self.resize_size * height / width)
        return int(self.resize_size * width / height), self.resize_size

    def statistics(self, device: torch.device) -> tuple[Float[Tensor, "channels 1 1"], Float[Tensor, "channels 1 1"]]:
        """Mean and standard deviation of each channel."""
        mean, std = (torch.tensor(values, device=device).view(-1, 1, 1) for values in (self.mean, self.std))
        return mean, std


def normalise(
    pixels: Real[Tensor, "*batch channels height width"], preprocess: Preprocess
) -> Float[Tensor, "*batch channels height width"]:
    """0..255 to numbers around zero: the pixel over 255, minus the mean, over the standard deviation."""
    mean, std = preprocess.statistics(pixels.device)
    return (pixels.float() / 255 - mean) / std


def _tensor(picture: Image.Image) -> Float[Tensor, "channels height width"]:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float()


def _rows_for(height: int, picture: Image.Image) -> Float[Tensor, "channels height width"]:
    """As ``_tensor``, with those rows alone that resizing to ``height`` without antialiasing reads.

    Memory that is not written to is none: of a photograph of 16 million pixels, 12 MB for 64 rows instead of 192 MB.
    """
    last = picture.height - 1
    middles = [int((row + 0.5) * picture.height / height - 0.5) for row in range(height)]
    pixels = torch.empty(picture.height, picture.width, 3)
    # Two are read, from the middle on; one more on each side, in case torch rounds the middle otherwise.
    for row in sorted({min(max(middle + step, 0), last) for middle in middles for step in (-1, 0, 1, 2)}):
        pixels[row] = torch.from_numpy(np.array(picture.crop((0, row, picture.width, row + 1))))[0]
    return pixels.permute(2, 0, 1)
