"""What a model costs: counted from its sizes, equal to the module and to what torchvision publishes."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import get_model_weights

from explainer.shapes import config_ledger
from vit_core import PRESETS, VisionTransformer, ViTConfig, count_flops, count_multiply_adds, count_parameters


def module_parameters(config: ViTConfig) -> int:
    with torch.device("meta"):  # shapes without memory
        return sum(parameter.numel() for parameter in VisionTransformer(config).parameters())


@pytest.mark.parametrize(
    ("name", "golden"),
    [
        ("B/16", 86_567_656),
        ("B/32", 88_224_232),
        ("L/16", 304_326_632),
        ("L/32", 306_535_400),
        ("H/14", 632_045_800),
    ],
)
def test_golden_parameter_counts(name: str, golden: int) -> None:
    config = ViTConfig.named(name)
    assert module_parameters(config) == golden
    assert count_parameters(config)["total"] == golden


@pytest.mark.parametrize("representation_size", [None, 24])
@pytest.mark.parametrize("name", PRESETS)
def test_counts_equal_the_module(name: str, representation_size: int | None) -> None:
    config = ViTConfig.named(name, representation_size=representation_size, num_classes=10)
    assert count_parameters(config)["total"] == module_parameters(config)


def test_parts_equal_the_modules_parts() -> None:
    config = ViTConfig.named("Mini/8", representation_size=24)
    with torch.device("meta"):
        state = VisionTransformer(config).state_dict()
    parts = {
        "patch_projection": "patch_projection",
        "class_token": "class_token",
        "position_embedding": "position_embedding",
        "attention": ".attention.",
        "mlp": ".mlp.",
        "norms": "norm.",
        "pre_logits": "head.pre_logits",
        "head": "head.linear",
    }
    counted = {part: sum(t.numel() for name, t in state.items() if mark in name) for part, mark in parts.items()}
    assert count_parameters(config) == counted | {"total": sum(counted.values())}


def torchvision_weights() -> list[Any]:
    names = ("vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14")
    return [weights for name in names for weights in get_model_weights(name)]


@pytest.mark.parametrize("weights", torchvision_weights(), ids=str)
def test_multiply_adds_and_parameters_are_those_torchvision_publishes(weights: Any) -> None:
    family, patch_size = type(weights).__name__.removeprefix("ViT_").removesuffix("_Weights").split("_")
    config = ViTConfig.named(f"{family}/{patch_size}", image_size=weights.meta["min_size"][0])
    assert count_parameters(config)["total"] == weights.meta["num_params"]
    published = weights.meta["_ops"] * 1e9
    counted = count_multiply_adds(config)["total"]
    assert counted == pytest.approx(published, rel=0.005)  # they count a few of the sums as well


@pytest.mark.parametrize("representation_size", [None, 24])
def test_multiply_adds_are_the_matrix_products_that_run(representation_size: int | None) -> None:
    config = replace(ViTConfig.named("Mini/8"), representation_size=representation_size)
    with torch.device("meta"):
        model, image = VisionTransformer(config).eval(), torch.empty(1, 3, 64, 64)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(image)
    assert 2 * count_multiply_adds(config)["total"] == counter.get_total_flops()  # torch counts both of the pair


def test_only_attention_grows_with_the_square_of_the_patches() -> None:
    small, large = (count_multiply_adds(ViTConfig.named("B/16", image_size=size)) for size in (224, 448))
    tokens = (28**2 + 1) / (14**2 + 1)
    assert large["attention"] / small["attention"] == pytest.approx(tokens**2)
    assert large["mlp"] / small["mlp"] == pytest.approx(tokens)
    assert large["head"] == small["head"]


def test_one_unit_of_work_everywhere() -> None:
    """The ledger's sum is the count of the sizes, and who reads FLOPs reads beside it what our unit is to them."""
    config = ViTConfig.named("B/16")
    assert config_ledger(config).multiply_adds == count_multiply_adds(config)["total"]
    assert count_flops(config) == count_multiply_adds(config)  # the first name goes on working
    root = Path(__file__).parents[1]
    files = [file for folder in ("explainer", "pages", "assets/text") for file in (root / folder).rglob("*.*")]
    texts = [file.read_text(encoding="utf-8") for file in files if file.suffix in (".py", ".md", ".js", ".css")]
    lines = [line for text in texts for line in text.splitlines() if re.search(r"\bFLOPs?\b|\bGMACs?\b", line)]
    assert lines and all(re.search("multiply-add", line, re.IGNORECASE) for line in lines)
