"""Sizes: Table 1, what follows from it, and sizes that cannot be."""

import re
from dataclasses import FrozenInstanceError

import pytest

from vit_core import PRESETS, ViTConfig


@pytest.mark.parametrize(
    ("name", "layers", "hidden", "mlp", "heads", "head_size", "patches"),
    [
        ("B/16", 12, 768, 3072, 12, 64, 196),  # arXiv 2010.11929, Table 1
        ("B/32", 12, 768, 3072, 12, 64, 49),
        ("L/16", 24, 1024, 4096, 16, 64, 196),
        ("L/32", 24, 1024, 4096, 16, 64, 49),
        ("H/14", 32, 1280, 5120, 16, 80, 256),
        ("Ti/16", 12, 192, 768, 3, 64, 196),  # arXiv 2012.12877, Table 1
        ("S/16", 12, 384, 1536, 6, 64, 196),
    ],
)
def test_presets_are_those_of_the_papers(
    name: str, layers: int, hidden: int, mlp: int, heads: int, head_size: int, patches: int
) -> None:
    config = ViTConfig.named(name)
    assert (config.num_layers, config.hidden_size, config.mlp_size, config.num_heads) == (layers, hidden, mlp, heads)
    assert (config.head_size, config.num_patches, config.num_tokens) == (head_size, patches, patches + 1)


def test_the_default_is_b16() -> None:
    assert ViTConfig() == ViTConfig.named("B/16")


def test_the_embedded_size_has_an_8x8_grid() -> None:
    config = ViTConfig.named("Mini/8")
    assert (config.image_size, config.patch_size, config.grid_size, config.num_tokens) == (64, 8, 8, 65)


def test_every_preset_is_possible() -> None:
    for name in PRESETS:
        config = ViTConfig.named(name)
        assert config.grid_size * config.patch_size == config.image_size
        assert config.head_size * config.num_heads == config.hidden_size
        assert config.mlp_size == (2 if name.startswith("Nano") else 4) * config.hidden_size


def test_fields_of_a_preset_can_be_replaced() -> None:
    config = ViTConfig.named("B/16", num_classes=3, image_size=384)
    assert (config.num_classes, config.num_patches, config.hidden_size) == (3, 576, 768)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"image_size": 250}, "image_size 250 is not a multiple of patch_size 16: 250 = 15 x 16 + 10"),
        ({"num_heads": 5}, "hidden_size 768 is not a multiple of num_heads 5"),
        ({"num_layers": 0}, "num_layers must be at least 1, got 0"),
        ({"num_classes": -1}, "num_classes must be at least 1, got -1"),
        ({"representation_size": 0}, "representation_size must be None or at least 1, got 0"),
        ({"dropout": 1.0}, "dropout must be in [0, 1), got 1.0"),
        ({"norm_eps": 0.0}, "norm_eps must be positive, got 0.0"),
    ],
)
def test_impossible_sizes_are_refused_with_what_was_expected(overrides: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ViTConfig.named("B/16", **overrides)


@pytest.mark.parametrize("value", ["224", 224.0, None])
def test_a_size_that_is_no_whole_number_is_refused(value: object) -> None:
    config = ViTConfig()
    object.__setattr__(config, "image_size", value)  # past the check of types that these tests run under
    with pytest.raises(TypeError, match=re.escape(f"image_size must be a whole number, got {value!r}")):
        config.__post_init__()


def test_an_unknown_gelu_is_refused() -> None:
    config = ViTConfig()
    object.__setattr__(config, "gelu", "sigmoid")  # past the check of types that these tests run under
    with pytest.raises(ValueError, match=r"gelu must be 'none' \(erf\) or 'tanh', got 'sigmoid'"):
        config.__post_init__()


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown model 'B/15', known are Mini/8, Ti/16, S/16, B/16, B/32, L/16"):
        ViTConfig.named("B/15")


def test_a_config_does_not_change() -> None:
    config = ViTConfig()
    with pytest.raises(FrozenInstanceError):
        config.num_heads = 6  # type: ignore[misc]


def test_axes_are_the_sizes(tiny_config: ViTConfig) -> None:
    assert tiny_config.axes == {
        "channels": 3,
        "height": 12,
        "width": 12,
        "patches": 9,
        "tokens": 10,
        "hidden": 24,
        "heads": 4,
        "head_size": 6,
        "mlp": 40,
        "patch_dim": 48,
        "classes": 7,
    }
