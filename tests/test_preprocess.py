"""Preprocessing equals that of torchvision, timm, Hugging Face and the paper's code, and leads back to the pixels."""

from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError
from PIL import Image
from scipy.ndimage import map_coordinates
from timm.data import create_transform
from torch.testing import assert_close
from torchvision.models import get_model_weights
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from vit_core.pictures import PictureError
from vit_core.preprocess import HALF, IMAGENET_MEAN, IMAGENET_STD, Preprocess
from vit_core.weights.sources import SOURCES

# Wide, tall, square, smaller than the model's pictures, odd and even: every rounding of sizes and of the crop.
SIZES = [(301, 200), (200, 301), (257, 257), (31, 47), (640, 333), (224, 224), (1, 1), (225, 256)]


def noise(width: int, height: int) -> Image.Image:
    """Noise has all frequencies: two resizing methods cannot agree on it by chance."""
    pixels = np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def torchvision_weights() -> list[Any]:
    names = ("vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14")
    return [weights for name in names for weights in get_model_weights(name)]


@pytest.mark.parametrize("weights", torchvision_weights(), ids=str)
@pytest.mark.parametrize("size", SIZES)
def test_equals_torchvision(weights: Any, size: tuple[int, int]) -> None:
    theirs = weights.transforms()
    ours = Preprocess(
        image_size=theirs.crop_size[0],
        resize_size=theirs.resize_size[0],
        interpolation=theirs.interpolation.value,
    )
    assert torch.equal(ours(noise(*size)), theirs(noise(*size)))  # the same operations: the same bits


@pytest.mark.parametrize(
    ("image_size", "crop", "interpolation", "mean", "std"),
    [
        (224, 0.9, "bicubic", HALF, HALF),
        (224, 0.875, "bilinear", IMAGENET_MEAN, IMAGENET_STD),
        (384, 1.0, "bicubic", IMAGENET_MEAN, IMAGENET_STD),
    ],
)
@pytest.mark.parametrize("size", SIZES)
def test_equals_timm(
    image_size: int,
    crop: float,
    interpolation: Any,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    size: tuple[int, int],
) -> None:
    theirs = create_transform(image_size, crop_pct=crop, interpolation=interpolation, mean=mean, std=std)
    ours = Preprocess(
        image_size=image_size, resize_size=int(image_size / crop), interpolation=interpolation, mean=mean, std=std
    )
    assert torch.equal(ours(noise(*size)), theirs(noise(*size)))  # the same operations: the same bits


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        ({}, SOURCES["huggingface"].preprocess),  # what is assumed of a file without a folder
        (
            {
                "resample": 3,
                "image_mean": IMAGENET_MEAN,
                "image_std": IMAGENET_STD,
                "do_center_crop": True,
                "size": {"height": 256, "width": 256},
                "crop_size": {"height": 224, "width": 224},
            },
            Preprocess(interpolation="bicubic", keep_aspect=False),
        ),
        (
            {"size": {"shortest_edge": 256}, "do_center_crop": True, "crop_size": {"height": 224, "width": 224}},
            Preprocess(mean=HALF, std=HALF),
        ),
    ],
    ids=["ViT", "DeiT", "shortest edge"],
)
@pytest.mark.parametrize("size", [(301, 200), (200, 300), (257, 257), (31, 47), (224, 224)])
def test_equals_hugging_face(said: dict[str, Any], ours: Preprocess, size: tuple[int, int]) -> None:
    """Its PIL backend; the torchvision backend resizes tensors, which rounds some pixels to the next level."""
    width, height = ours._resized(*size)
    if (max(width, height) - 224) % 2:
        pytest.skip("the PIL backend cuts half a pixel further up than torchvision where nothing is in the middle")
    theirs = ViTImageProcessorPil(**said)(noise(*size), return_tensors="pt")["pixel_values"][0]
    # multiplied by 1/255 there and divided by 255 here: two roundings of numbers up to 2.7, magnified by 1/std
    assert_close(ours(noise(*size)), theirs, atol=2e-6, rtol=0)


@pytest.mark.parametrize("size", [(301, 200), (31, 47), (64, 64)])
def test_equals_the_papers_code(size: tuple[int, int]) -> None:
    """tf.image.resize without antialiasing: linear between the nearest pixels, whose centres lie at halves."""
    ours = SOURCES["google"].preprocess.at(64)  # what a file of Google's is read with
    width, height = size
    rows, columns = np.meshgrid(
        (np.arange(64) + 0.5) * height / 64 - 0.5, (np.arange(64) + 0.5) * width / 64 - 0.5, indexing="ij"
    )
    pixels = np.asarray(noise(*size)).astype(np.float64)
    resized = [map_coordinates(pixels[..., c], (rows, columns), order=1, mode="nearest") for c in range(3)]
    expected = torch.from_numpy((np.stack(resized) - 127.5) / 127.5).float()
    assert_close(ours(noise(*size)), expected, atol=1e-5, rtol=0)  # positions are float32 here, float64 there


@pytest.mark.parametrize("mean_and_std", [(IMAGENET_MEAN, IMAGENET_STD), (HALF, HALF), ((0.0,) * 3, (1.0,) * 3)])
def test_back_to_the_very_pixels(mean_and_std: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
    mean, std = mean_and_std
    preprocess = Preprocess(image_size=32, resize_size=32, mean=mean, std=std)
    picture = noise(32, 32)
    assert np.array_equal(preprocess.to_picture(preprocess(picture)), picture)
    assert np.array_equal(preprocess.crop(picture), picture)


@pytest.mark.parametrize("size", [(3001, 2000), (997, 1500), (700, 699), (64, 40), (9, 9), (1, 1)])
@pytest.mark.parametrize("side", [8, 64, 256])
def test_rows_that_are_not_read_are_not_needed(size: tuple[int, int], side: int) -> None:
    """Equal to the bit to resizing the whole picture, though most rows of a large one are left out."""
    picture = noise(*size)
    ours = Preprocess(
        image_size=side,
        resize_size=side,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        keep_aspect=False,
        interpolation="bilinear-no-antialias",
    )(picture)
    whole = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float()[None]
    theirs = torch.nn.functional.interpolate(whole, (side, side), mode="bilinear", align_corners=False)[0]
    assert torch.equal(ours, theirs / 255)


def test_crop_is_the_middle_of_the_resized_picture() -> None:
    picture = noise(90, 60)
    expected = picture.resize((60, 40), Image.Resampling.BILINEAR).crop((14, 4, 46, 36))
    assert np.array_equal(Preprocess(image_size=32, resize_size=40).crop(picture), expected)


def test_what_is_not_rgb_is_turned_into_it() -> None:
    preprocess = Preprocess(image_size=16, resize_size=16)
    grey = noise(16, 16).convert("L")
    assert torch.equal(preprocess(grey), preprocess(grey.convert("RGB")))
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    assert torch.equal(preprocess(clear), preprocess(Image.new("RGB", (16, 16), "white")))


def test_other_picture_size_in_proportion() -> None:
    assert Preprocess().at(448) == Preprocess(image_size=448, resize_size=512)
    assert Preprocess(resize_size=224, keep_aspect=False).at(384).resize_size == 384


def test_a_strip_is_refused_instead_of_becoming_gigabytes() -> None:
    with pytest.raises(PictureError, match="too long and thin"):
        Preprocess()(Image.new("L", (1, 65_535)))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"image_size": 224, "resize_size": 200}, "image_size <= resize_size"),
        ({"mean": (0.5,)}, "3 channels"),
        ({"std": (0.5, 0.0, 0.5)}, "std must be positive"),
        ({"interpolation": "cubic"}, "'cubic'"),
    ],
)
def test_impossible_settings_are_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises((ValueError, TypeCheckError), match=problem):  # a wrong literal is seen by the tests' type check
        Preprocess(**fields)


def test_fields_from_json() -> None:
    fields = {"image_size": 64, "resize_size": 64, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    assert Preprocess.from_fields(fields) == Preprocess(image_size=64, resize_size=64, mean=HALF, std=HALF)
    with pytest.raises(ValueError, match="unknown preprocessing crop"):
        Preprocess.from_fields({"crop": 3})
