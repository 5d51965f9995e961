"""Tensors as the arrays that panels hold: float32, on the grid of the patches, cut or averaged where it must be."""

from collections.abc import Iterable
from typing import SupportsFloat

import numpy as np
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from explainer.panels import Pixels, Values
from vit_core.config import square_root

MOST_COLUMNS = 768  # of a matrix: wider ones have cells below a pixel, and cost megabytes on the way to the browser
THUMBNAIL_SIZE = 72  # rows and columns of the small matrices of the overview


def as_values(tensor: Float[Tensor, "..."]) -> Values:
    """The tensor's numbers as float32."""
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype=np.float32)


def float_values(numbers: Iterable[SupportsFloat]) -> Values:
    """Numbers of any kind as float32."""
    return np.asarray([float(number) for number in numbers], dtype=np.float32)


def whole_numbers(counted: range) -> Values:
    """Layers or states that are counted, as float32."""
    return np.asarray(counted, dtype=np.float32)


def grid_size_of(num_tokens: int) -> int:
    """Patches per side, from the number of tokens: a class token and a square of patches.

    Raises:
        ValueError: if the patches do not form a square.
    """
    return square_root(num_tokens - 1, "patch tokens (after the class token)")


def on_grid(of_patches: Float[Tensor, "*rows patches"]) -> Values:
    """One number per patch, laid out as the patches lie on the picture: [*rows, grid_size, grid_size]."""
    side = square_root(of_patches.shape[-1], "patches")
    return as_values(of_patches).reshape(*of_patches.shape[:-1], side, side)


def first_columns(matrix: Float[Tensor, "rows columns"], axis: str) -> tuple[Values, str]:
    """The matrix without the columns beyond ``MOST_COLUMNS``, and the name of its column axis, which says so.

    Columns count from 0, as in the code.
    """
    count = matrix.shape[1]
    if count <= MOST_COLUMNS:
        return as_values(matrix), f"{axis} 0…{count - 1}"
    return as_values(matrix[:, :MOST_COLUMNS]), f"{axis} 0…{MOST_COLUMNS - 1} of {count}"


def averaged(matrix: Float[Tensor, "rows columns"], size: int = THUMBNAIL_SIZE) -> tuple[Values, str]:
    """The matrix as a thumbnail: neighbours averaged until no side exceeds ``size``, and the words that say so."""
    rows, columns = (min(side, size) for side in matrix.shape)
    if (rows, columns) == tuple(matrix.shape):
        return as_values(matrix), ""
    return as_values(adaptive_avg_pool2d(matrix.detach()[None], (rows, columns))[0]), "neighbours averaged"


def patch_of(pixels: Pixels, row: int, column: int, grid_size: int) -> Pixels:
    """The pixels of the patch at ``row`` and ``column``, both from 0."""
    size = pixels.shape[0] // grid_size
    return np.ascontiguousarray(pixels[row * size : (row + 1) * size, column * size : (column + 1) * size])
