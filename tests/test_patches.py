"""Cutting a picture and putting it together; the linear map and the convolution are the same."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vit_core import VisionTransformer, ViTConfig, grid_position, patchify, token_at, unpatchify

sizes = st.integers(1, 5)


@settings(deadline=None)  # the first call imports; time is not what is tested
@given(grid=sizes, patch_size=sizes, channels=sizes, batch=st.lists(sizes, max_size=2), seed=st.integers(0, 999))
def test_unpatchify_undoes_patchify(grid: int, patch_size: int, channels: int, batch: list[int], seed: int) -> None:
    side = grid * patch_size
    image = torch.randn(*batch, channels, side, side, generator=torch.Generator().manual_seed(seed))
    patches = patchify(image, patch_size)
    assert patches.shape == (*batch, grid**2, patch_size**2 * channels)
    assert torch.equal(unpatchify(patches, patch_size), image)


def test_patches_run_row_by_row_and_inside_rows_columns_channels(tiny_image: Tensor) -> None:
    """Against the definition, number by number."""
    patches = patchify(tiny_image, 4)
    for patch in range(9):
        row, column = divmod(patch, 3)
        expected = [
            tiny_image[channel, 4 * row + i, 4 * column + j].item()
            for i in range(4)
            for j in range(4)
            for channel in range(3)
        ]
        assert patches[patch].tolist() == expected


@settings(deadline=None, max_examples=25)
@given(grid=sizes, patch_size=sizes, channels=sizes, seed=st.integers(0, 99))
def test_the_linear_map_is_the_convolution(grid: int, patch_size: int, channels: int, seed: int) -> None:
    config = ViTConfig(
        image_size=grid * patch_size,
        patch_size=patch_size,
        num_channels=channels,
        num_layers=1,
        hidden_size=8,
        mlp_size=8,
        num_heads=2,
        num_classes=2,
    )
    model = VisionTransformer(config).double()
    generator = torch.Generator().manual_seed(seed)
    torch.nn.init.normal_(model.patch_projection.bias, generator=generator)
    side = config.image_size
    image = torch.randn(channels, side, side, dtype=torch.float64, generator=generator)
    linear = patchify(image, patch_size) @ model.projection_matrix + model.patch_projection.bias
    # in 64 bits the order of up to 125 summands matters less than 1e-12
    torch.testing.assert_close(model.embed_patches(image), linear, atol=1e-12, rtol=0)


def test_a_picture_may_be_wider_than_high() -> None:
    image = torch.arange(2 * 6.0).reshape(1, 2, 6)
    assert patchify(image, 2).tolist() == [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]]


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="a 10x12 image cannot be cut into 4x4 patches"):
        patchify(torch.zeros(3, 10, 12), 4)
    with pytest.raises(ValueError, match="a 12x10 image cannot be cut into 4x4 patches"):
        patchify(torch.zeros(3, 12, 10), 4)


def test_what_cannot_be_put_together_is_refused() -> None:
    with pytest.raises(ValueError, match="8 patches do not form a square grid: the nearest is 3 x 3 = 9"):
        unpatchify(torch.zeros(8, 48), 4)
    with pytest.raises(ValueError, match="a patch of 47 numbers is not 4x4 pixels of whole channels"):
        unpatchify(torch.zeros(9, 47), 4)


@given(grid=st.integers(1, 40), data=st.data())
def test_token_and_place_are_inverse(grid: int, data: st.DataObject) -> None:
    token = data.draw(st.integers(1, grid**2))
    row, column = grid_position(token, grid)
    assert 0 <= row < grid and 0 <= column < grid
    assert token_at(row, column, grid) == token


def test_the_first_patch_is_top_left_and_the_last_bottom_right() -> None:
    assert grid_position(1, 3) == (0, 0)
    assert grid_position(2, 3) == (0, 1)
    assert grid_position(9, 3) == (2, 2)


@pytest.mark.parametrize(("token", "end"), [(0, r"got 0 \(the class token\)"), (10, "got 10"), (-1, "got -1")])
def test_a_token_without_a_place_is_refused(token: int, end: str) -> None:
    with pytest.raises(ValueError, match=r"token must be in 1..9 to have a place on the 3x3 grid, " + end):
        grid_position(token, 3)


@pytest.mark.parametrize(("row", "column"), [(3, 0), (0, 3), (-1, 0)])
def test_a_place_outside_the_grid_is_refused(row: int, column: int) -> None:
    with pytest.raises(ValueError, match=r"row and column must be in 0..2"):
        token_at(row, column, 3)
