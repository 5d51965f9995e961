"""Resizing a position embedding equals, method by method, what the code it is named after does."""

from collections import OrderedDict
from typing import get_args

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError
from scipy.ndimage import zoom
from timm.layers import resample_abs_pos_embed
from torch import Tensor
from torch.testing import assert_close
from torchvision.models.vision_transformer import interpolate_embeddings
from transformers import ViTConfig as HuggingFaceConfig
from transformers.models.vit.modeling_vit import ViTEmbeddings

from vit_core import resize_position_embedding
from vit_core.positions import ResizeMethod

GRIDS = [(7, 12), (14, 24), (12, 7), (4, 5), (2, 1), (1, 3)]  # larger, smaller, to and from a single patch
HIDDEN = 5
METHODS = get_args(ResizeMethod)


def random_embedding(grid_size: int) -> Tensor:
    return torch.randn(grid_size**2 + 1, HIDDEN, generator=torch.Generator().manual_seed(grid_size))


@pytest.mark.parametrize(("old", "new"), GRIDS)
def test_bilinear_is_the_papers_code(old: int, new: int) -> None:
    embedding = random_embedding(old)
    grid = embedding[1:].reshape(old, old, HIDDEN).double().numpy()
    expected = zoom(grid, (new / old, new / old, 1), order=1) if old > 1 else np.broadcast_to(grid, (new, new, HIDDEN))
    resized = resize_position_embedding(embedding, new, "bilinear")
    # a place between two of 14 rows is off by 1e-6 in float32, and neighbours differ by up to 6
    assert_close(resized[1:], torch.tensor(expected).float().reshape(new**2, HIDDEN), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("old", "new"), GRIDS)
def test_bicubic_is_torchvision(old: int, new: int) -> None:
    embedding = random_embedding(old)
    state = OrderedDict({"encoder.pos_embedding": embedding[None]})
    theirs = interpolate_embeddings(new * 16, 16, state)["encoder.pos_embedding"][0]
    assert_close(resize_position_embedding(embedding, new, "bicubic"), theirs, atol=0, rtol=0)


@pytest.mark.parametrize(("old", "new"), GRIDS)
def test_bicubic_antialias_is_timm(old: int, new: int) -> None:
    embedding = random_embedding(old)
    theirs = resample_abs_pos_embed(embedding[None], [new, new])[0]
    assert_close(resize_position_embedding(embedding, new, "bicubic-antialias"), theirs, atol=0, rtol=0)


@pytest.mark.parametrize(("old", "new"), GRIDS)
def test_bicubic_half_pixel_is_hugging_face(old: int, new: int) -> None:
    theirs = ViTEmbeddings(HuggingFaceConfig(image_size=old * 16, patch_size=16, hidden_size=HIDDEN))
    theirs.position_embeddings.data[:] = embedding = random_embedding(old)
    tokens = torch.zeros(1, new**2 + 1, HIDDEN)
    expected = theirs.interpolate_pos_encoding(tokens, new * 16, new * 16)[0]
    assert_close(resize_position_embedding(embedding, new, "bicubic-half-pixel"), expected, atol=0, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_grid_is_the_identity_and_the_class_token_keeps_its_row(method: str) -> None:
    embedding = random_embedding(6)
    assert torch.equal(resize_position_embedding(embedding, 6, method), embedding)
    assert torch.equal(resize_position_embedding(embedding, 9, method)[0], embedding[0])


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_stays_constant(method: str) -> None:
    resized = resize_position_embedding(torch.full((26, HIDDEN), 3.0), 8, method)
    assert_close(resized, torch.full((65, HIDDEN), 3.0), atol=4e-6, rtol=0)  # the kernel's weights sum to 1 in float32


def test_what_is_no_grid_is_refused() -> None:
    with pytest.raises(ValueError, match=r"10 patch positions .* do not form a square grid: the nearest is 3 x 3 = 9"):
        resize_position_embedding(torch.zeros(11, HIDDEN), 4)
    with pytest.raises(ValueError, match="grid_size must be at least 1, got 0"):
        resize_position_embedding(random_embedding(3), 0)
    with pytest.raises((ValueError, TypeCheckError), match="'nearest'"):  # the tests' type check may see it first
        resize_position_embedding(random_embedding(3), 4, "nearest")
