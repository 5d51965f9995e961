"""The weights that can be loaded by name: which files there are, and what their publishers say of each.

torchvision: its weights enumerations. timm: its pretrained_cfgs. Hugging Face: the models' folders on the Hub. Google:
the bucket vit_models, with the preprocessing of the code next to it (vit_jax/input_pipeline.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple

from vit_core.preprocess import Interpolation, Preprocess
from vit_core.weights.sources import SOURCES

IMAGENET_21K = 21_843  # classes of a head that was trained on ImageNet-21k
HUB = "https://huggingface.co"
BUCKET = "https://storage.googleapis.com/vit_models"


class Published(NamedTuple):
    """One published file."""

    source: str  # a key of SOURCES, which gives the epsilon and the GELU
    name: str  # without the source
    preset: str  # a key of PRESETS
    preprocess: Preprocess
    url: str
    description: str
    sha256: str = ""  # all digits or the first ones, if the publisher gives them
    licence: str = "Apache-2.0"
    sizes: Mapping[str, Any] = MappingProxyType({})  # where it differs from the preset


def published() -> Iterator[Published]:
    """Every file, source by source."""
    return chain(_torchvision(), _timm(), _deit(), _huggingface(), _google(), _google_augreg())


def _torchvision() -> Iterator[Published]:
    """The file names end in the first digits of the SHA-256."""
    bsd, swag = "BSD-3-Clause", "CC-BY-NC-4.0: no commercial use"
    scratch = "ImageNet-1k from scratch"
    whole, frozen = "SWAG, fine-tuned as a whole on ImageNet-1k", "SWAG, frozen, with a linear head for ImageNet-1k"
    rows: tuple[tuple[str, str, int, int, Interpolation, str, str, str], ...] = (
        ("B/16", "", 224, 256, "bilinear", "vit_b_16-c867db91", bsd, scratch),
        ("B/32", "", 224, 256, "bilinear", "vit_b_32-d86f8d99", bsd, scratch),
        ("L/16", "", 224, 242, "bilinear", "vit_l_16-852ce7e3", bsd, scratch),
        ("L/32", "", 224, 256, "bilinear", "vit_l_32-c7638314", bsd, scratch),
        ("B/16", "-swag-e2e", 384, 384, "bicubic", "vit_b_16_swag-9ac1b537", swag, whole),
        ("L/16", "-swag-e2e", 512, 512, "bicubic", "vit_l_16_swag-4f3808c9", swag, whole),
        ("H/14", "-swag-e2e", 518, 518, "bicubic", "vit_h_14_swag-80465313", swag, whole),
        ("B/16", "-swag-linear", 224, 224, "bicubic", "vit_b_16_lc_swag-4e70ced5", swag, frozen),
        ("L/16", "-swag-linear", 224, 224, "bicubic", "vit_l_16_lc_swag-4d563306", swag, frozen),
        ("H/14", "-swag-linear", 224, 224, "bicubic", "vit_h_14_lc_swag-c1eb923e", swag, frozen),
    )
    for preset, variant, image_size, resize_size, interpolation, file, licence, description in rows:
        preprocess = Preprocess(image_size=image_size, resize_size=resize_size, interpolation=interpolation)
        url, digits = f"https://download.pytorch.org/models/{file}.pth", file.rsplit("-", 1)[1]
        yield Published("torchvision", preset + variant, preset, preprocess, url, description, digits, licence)


def _timm() -> Iterator[Published]:
    """The Hub states the SHA-256 of each file when it is downloaded."""
    both, once = "AugReg, ImageNet-21k, fine-tuned on ImageNet-1k", "AugReg, ImageNet-1k alone"
    for size, patch_size, image_size, resize_size, model, description in (
        ("Ti", 16, 224, 248, "vit_tiny_patch16_224.augreg_in21k_ft_in1k", both),
        ("S", 16, 224, 248, "vit_small_patch16_224.augreg_in21k_ft_in1k", both),
        ("S", 32, 224, 248, "vit_small_patch32_224.augreg_in21k_ft_in1k", both),
        ("B", 16, 224, 248, "vit_base_patch16_224.augreg_in21k_ft_in1k", both),
        ("B", 16, 224, 248, "vit_base_patch16_224.augreg2_in21k_ft_in1k", both + ", the last step done again by timm"),
        ("B", 32, 224, 248, "vit_base_patch32_224.augreg_in21k_ft_in1k", both),
        ("L", 16, 224, 248, "vit_large_patch16_224.augreg_in21k_ft_in1k", both),
        ("Ti", 16, 384, 384, "vit_tiny_patch16_384.augreg_in21k_ft_in1k", both),
        ("S", 16, 384, 384, "vit_small_patch16_384.augreg_in21k_ft_in1k", both),
        ("B", 16, 384, 384, "vit_base_patch16_384.augreg_in21k_ft_in1k", both),
        ("S", 16, 224, 248, "vit_small_patch16_224.augreg_in1k", once),
        ("B", 16, 224, 248, "vit_base_patch16_224.augreg_in1k", once),
        ("B", 32, 224, 248, "vit_base_patch32_224.augreg_in1k", once),
    ):
        preprocess = replace(SOURCES["timm"].preprocess, image_size=image_size, resize_size=resize_size)
        url, sizes = f"{HUB}/timm/{model}/resolve/main/model.safetensors", {"patch_size": patch_size}
        yield Published("timm", model, f"{size}/16", preprocess, url, description, sizes=sizes)


def _deit() -> Iterator[Published]:
    """DeiT's own files, which have timm's names; they too end in the first digits of the SHA-256."""
    description = "DeiT without distillation, ImageNet-1k alone"
    for preset, image_size, resize_size, model, digits in (
        ("Ti/16", 224, 248, "deit_tiny_patch16_224", "a1311bcf"),
        ("S/16", 224, 248, "deit_small_patch16_224", "cd65a155"),
        ("B/16", 224, 248, "deit_base_patch16_224", "b5f2ef4d"),
        ("B/16", 384, 384, "deit_base_patch16_384", "8de9b5d1"),
    ):
        preprocess = Preprocess(image_size=image_size, resize_size=resize_size, interpolation="bicubic")
        url = f"https://dl.fbaipublicfiles.com/deit/{model}-{digits}.pth"
        yield Published("timm", f"{model}.fb_in1k", preset, preprocess, url, description, digits)


def _huggingface() -> Iterator[Published]:
    """Google's own ViTForImageClassification on the Hub, which states the SHA-256 of each file."""
    description = "the paper's weights converted, ImageNet-21k, fine-tuned on ImageNet-1k"
    for preset, image_size, model, file in (
        ("B/16", 224, "vit-base-patch16-224", "model.safetensors"),
        ("L/16", 224, "vit-large-patch16-224", "pytorch_model.bin"),
        ("B/16", 384, "vit-base-patch16-384", "pytorch_model.bin"),
        ("B/32", 384, "vit-base-patch32-384", "pytorch_model.bin"),
        ("L/16", 384, "vit-large-patch16-384", "pytorch_model.bin"),
        ("L/32", 384, "vit-large-patch32-384", "pytorch_model.bin"),
    ):
        preprocess = SOURCES["huggingface"].preprocess.at(image_size)
        url = f"{HUB}/google/{model}/resolve/main/{file}"
        yield Published("huggingface", f"google/{model}", preset, preprocess, url, description)


def _google() -> Iterator[Published]:
    """The files of the paper; Google storage states the MD5 of each."""
    zeros = "the paper's weights with the pre-training head, its last layer published as zeros: it predicts nothing"
    for preset, hidden_size in (("B/16", 768), ("B/32", 768), ("L/16", 1024), ("L/32", 1024), ("H/14", 1280)):
        head = {"num_classes": IMAGENET_21K, "representation_size": hidden_size}
        yield _in_bucket(f"imagenet21k/ViT-{preset.replace('/', '_')}", preset, 224, f"ImageNet-21k, {zeros}", head)
    both = "the paper's weights, ImageNet-21k, fine-tuned on ImageNet-1k"
    for preset, image_size, suffix in (
        ("B/16", 224, "-224"),
        ("L/16", 224, "-224"),
        ("B/16", 384, ""),
        ("B/32", 384, ""),
        ("L/16", 384, ""),
        ("L/32", 384, ""),
    ):
        name = f"imagenet21k+imagenet2012/ViT-{preset.replace('/', '_')}{suffix}"
        yield _in_bucket(name, preset, image_size, both)


def _google_augreg() -> Iterator[Published]:
    """The AugReg files (arXiv 2106.10270) that timm's weights of that name were made of; their names are the recipe."""
    both = "AugReg, ImageNet-21k, fine-tuned on ImageNet-1k"
    for preset, recipe, learning_rate in (
        ("Ti/16", "Ti_16-i21k-300ep-lr_0.001-aug_none-wd_0.03-do_0.0-sd_0.0", "0.03"),
        ("S/16", "S_16-i21k-300ep-lr_0.001-aug_light1-wd_0.03-do_0.0-sd_0.0", "0.03"),
        ("B/16", "B_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.0-sd_0.0", "0.01"),
        ("L/16", "L_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.1-sd_0.1", "0.01"),
    ):
        for image_size in (224, 384):
            step = f"imagenet2012-steps_20k-lr_{learning_rate}-res_{image_size}"
            yield _in_bucket(f"augreg/{recipe}--{step}", preset, image_size, both)


def _in_bucket(
    name: str, preset: str, image_size: int, description: str, sizes: Mapping[str, Any] = MappingProxyType({})
) -> Published:
    preprocess = SOURCES["google"].preprocess.at(image_size)
    return Published("google", name, preset, preprocess, f"{BUCKET}/{name}.npz", description, sizes=sizes)
