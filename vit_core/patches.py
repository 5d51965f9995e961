"""Pictures as sequences of patches (paper 3.1), and where on the picture a token lies."""

from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from vit_core.config import square_root


def patchify(
    image: Float[Tensor, "*batch channels height width"], patch_size: int
) -> Float[Tensor, "*batch patches patch_dim"]:
    """Cut a picture into flattened patches x_p, row by row from the top left.

    Inside a patch the numbers run over rows, then columns, then channels, as the paper writes P^2 C.

    Raises:
        ValueError: if the patch does not divide the picture.
    """
    height, width = image.shape[-2:]
    if height % patch_size or width % patch_size:
        raise ValueError(f"a {height}x{width} image cannot be cut into {patch_size}x{patch_size} patches")
    return rearrange(
        image, "... c (rows p1) (columns p2) -> ... (rows columns) (p1 p2 c)", p1=patch_size, p2=patch_size
    )


def unpatchify(
    patches: Float[Tensor, "*batch patches patch_dim"], patch_size: int
) -> Float[Tensor, "*batch channels height width"]:
    """Put the patches of a square picture back together: the inverse of ``patchify``.

    Raises:
        ValueError: if the patches do not form a square, or their length is no multiple of P^2.
    """
    num_patches, patch_dim = patches.shape[-2:]
    if patch_dim % patch_size**2:
        raise ValueError(f"a patch of {patch_dim} numbers is not {patch_size}x{patch_size} pixels of whole channels")
    return rearrange(
        patches,
        "... (rows columns) (p1 p2 c) -> ... c (rows p1) (columns p2)",
        rows=square_root(num_patches, "patches"),
        p1=patch_size,
        p2=patch_size,
    )


def grid_position(token: int, grid_size: int) -> tuple[int, int]:
    """Row and column, from 0, of the patch that became ``token`` (1..N).

    Raises:
        ValueError: for token 0, the class token, which has no place on the picture, and for tokens beyond N.
    """
    if not 1 <= token <= grid_size**2:
        raise ValueError(
            f"token must be in 1..{grid_size**2} to have a place on the {grid_size}x{grid_size} grid, got {token}"
            + (" (the class token)" if token == 0 else "")
        )
    return divmod(token - 1, grid_size)


def token_at(row: int, column: int, grid_size: int) -> int:
    """The token of the patch at ``row`` and ``column``, both from 0.

    Raises:
        ValueError: if the position lies outside the grid.
    """
    if not (0 <= row < grid_size and 0 <= column < grid_size):
        raise ValueError(f"row and column must be in 0..{grid_size - 1}, got ({row}, {column})")
    return row * grid_size + column + 1
