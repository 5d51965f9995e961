"""Position embeddings: resized to another grid (paper 3.2), in the ways that are in use, and of sines and cosines."""

from typing import Literal, get_args

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, arange, cartesian_prod, cat
from torch.nn.functional import interpolate, normalize

from vit_core.config import square_root

ResizeMethod = Literal["bilinear", "bicubic", "bicubic-half-pixel", "bicubic-antialias"]


def resize_position_embedding(
    embedding: Float[Tensor, "tokens hidden"], grid_size: int, method: ResizeMethod = "bicubic"
) -> Float[Tensor, "new_tokens hidden"]:
    """Resize a position embedding to another grid, keeping the class token's row (paper 3.2).

    ``"bilinear"`` is the paper's code (``scipy.ndimage.zoom`` with ``order=1``), ``"bicubic"`` torchvision's
    ``interpolate_embeddings``; both keep the corners in place. The others take a place for the middle of its patch:
    ``"bicubic-half-pixel"`` is Hugging Face's ``interpolate_pos_encoding``, ``"bicubic-antialias"`` timm's
    ``resample_abs_pos_embed``.

    Raises:
        ValueError: if the embedding is not a class token plus a square grid, or the method is unknown.
    """
    if method not in get_args(ResizeMethod):
        raise ValueError(f"unknown method {method!r}, known are {', '.join(get_args(ResizeMethod))}")
    if grid_size < 1:
        raise ValueError(f"grid_size must be at least 1, got {grid_size}")
    old_size = square_root(embedding.shape[0] - 1, "patch positions (after the class token)")
    if old_size == grid_size:
        return embedding
    class_position, grid = embedding[:1], rearrange(embedding[1:], "(h w) d -> 1 d h w", h=old_size)
    size = (grid_size, grid_size)
    match method:
        case "bilinear":
            resized = interpolate(grid, size, mode="bilinear", align_corners=True)
        case "bicubic":
            resized = interpolate(grid, size, mode="bicubic", align_corners=True)
        case "bicubic-half-pixel":
            resized = interpolate(grid, size, mode="bicubic", align_corners=False)
        case "bicubic-antialias":
            resized = interpolate(grid, size, mode="bicubic", align_corners=False, antialias=True)
    return cat([class_position, rearrange(resized, "1 d h w -> (h w) d")])


def sinusoidal_position_embedding(grid_size: int, hidden_size: int) -> Float[Tensor, "patches hidden"]:
    """A fixed position embedding of the patches: sines of row and column, then cosines of both, D / 4 wave lengths.

    The wave lengths rise from 2 pi by powers of 10000, as in "Attention Is All You Need"; row and column as in MoCo v3.

    Raises:
        ValueError: if ``hidden_size`` is no multiple of 4.
    """
    if hidden_size % 4:
        raise ValueError(f"hidden_size must be a multiple of 4 for sines and cosines of both axes, got {hidden_size}")
    places = cartesian_prod(arange(grid_size), arange(grid_size)).float().reshape(-1, 2)
    frequencies = 10000.0 ** -(arange(hidden_size // 4) / (hidden_size // 4))
    angles = rearrange(places[..., None] * frequencies, "p two f -> p (two f)")
    return cat([angles.sin(), angles.cos()], dim=-1)


def position_similarity(position_embedding: Float[Tensor, "tokens hidden"]) -> Float[Tensor, "tokens tokens"]:
    """The cosine of every position embedding with every other (the paper's Fig. 7, centre), from -1 to 1."""
    rows = normalize(position_embedding.detach(), dim=1)
    return (rows @ rows.T).clamp(-1, 1)  # rounding can leave 1.0000001
