"""Patches: the picture cut by a grid, one patch as a vector, and the linear map E that reads it (paper 3.1)."""

from typing import Literal

import numpy as np
import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor

from explainer.notation.wording import number, percent, sentence, superscript, the_token, token_name
from explainer.origins import worked_out
from explainer.panels import Origin, Picture, Pixels, Scale, Strip, Strips, Tiles, View
from explainer.views.arrays import as_values, patch_of
from explainer.views.compose import view
from explainer.views.scales import symmetric
from vit_core.config import ViTConfig
from vit_core.patches import grid_position, patchify

MOST_COMPONENTS = 28  # the paper's Fig. 7 (left) shows this many


def grid(pixels: Pixels, image: Float[Tensor, "channels height width"], config: ViTConfig, token: int) -> View:
    """The grid on the picture, one patch enlarged, and the numbers of that patch that enter the model.

    Args:
        pixels: the picture as the model sees it.
        image: the same picture normalised, ``trace.image``.
        config: sizes of the model.
        token: the chosen patch, 1..N; 0, the class token, has no patch and leaves the picture alone.
    """
    side, size, channels = config.grid_size, config.patch_size, config.num_channels
    name = token_name(token, side)
    counts = f"N = {config.image_size} · {config.image_size} / {size}² = {config.num_patches} patches"
    picture = Picture(
        title="The image, cut",
        quantity="image",
        caption=f"{counts}.",
        pixels=pixels,
        grid_size=side,
        token=token,
        pick_tokens=True,
    )
    if token == 0:
        return view(
            f"The image cut into {side} by {side} patches of {size} by {size} pixels: {counts}. The class token is "
            "no patch.",
            (picture,),
        )
    row, column = grid_position(token, side)
    patch = patchify(image, size)[token - 1]
    enlarged = Picture(
        title=f"One patch: {name}",
        quantity="image",
        caption=f"{size} × {size} pixels, token {token} of {side * side}",
        pixels=patch_of(pixels, row, column, side),
        origin=Origin("trace.image", (0, f"row+{row * size}", f"column+{column * size}")),
    )
    scale = symmetric(patch)
    names = ("R", "G", "B") if channels == 3 else tuple(f"channel {c + 1}" for c in range(channels))
    numbers = Strips(
        title=f"The same patch as a vector of P²·C = {size}² · {channels} = {config.patch_dim} numbers",
        quantity="image",
        caption=f"Row by row, pixel by pixel, channel by channel; normalised, from {number(patch.min())} to "
        f"{number(patch.max())}. Below, the numbers of each channel alone.",
        strips=(
            Strip(
                f"xₚ{superscript(token)}",
                as_values(patch),
                scale,
                "image",
                origin=Origin("trace.patches", (token - 1, "place")),
            ),
            *(
                Strip(
                    each,
                    as_values(patch[c::channels]),
                    scale,
                    "image",
                    origin=Origin("trace.image", (c, f"place//{size}+{row * size}", f"place%{size}+{column * size}")),
                )
                for c, each in enumerate(names)
            ),
        ),
    )
    return view(
        f"The image cut into {side} by {side} patches of {size} by {size} pixels, {config.num_patches} in all. "
        f"{sentence(the_token(token, side))} is enlarged, and written as {config.patch_dim} numbers from "
        f"{number(patch.min())} to {number(patch.max())}, mean {number(patch.mean())}.",
        (picture, enlarged),
        (numbers,),
    )


def filters(
    projection_matrix: Float[Tensor, "patch_dim hidden"],
    config: ViTConfig,
    count: int = 48,
    order: Literal["norm", "first"] = "norm",
) -> View:
    """The columns of E as little pictures: what each of the D outputs looks for in a patch.

    Args:
        projection_matrix: E, ``model.projection_matrix``.
        config: sizes of the model.
        count: how many, at most D.
        order: the largest norm first, or the first columns as they come.
    """
    columns = projection_matrix.detach().T
    norms = columns.norm(dim=1)
    shown = norms.argsort(descending=True, stable=True)[:count] if order == "norm" else torch.arange(len(norms))[:count]
    tiles = Tiles(
        title=f"{len(shown)} of the {config.hidden_size} filters of E" + (", largest first" if order == "norm" else ""),
        quantity="E",
        pixels=as_pictures(columns[shown], config),
        columns=12,
        tile_size=96,
        labels=tuple(f"filter {int(i)}" for i in shown),
        origin=Origin("patch_projection.weight", ("listed", 0, "row", "column"), listed=tuple(int(i) for i in shown)),
        caption="Each is one column of E, P² · C weights folded back to a patch; its own smallest weight is drawn "
        "black, its largest white. The number is the column's, from 0.",
    )
    return view(
        f"{len(shown)} of the {config.hidden_size} filters of the patch projection E as {config.patch_size} by "
        f"{config.patch_size} colour images. Filter {int(norms.argmax())} has the largest norm, "
        f"{number(norms.max())}; the median is {number(norms.median())}.",
        (tiles,),
    )


def filter_components(
    projection_matrix: Float[Tensor, "patch_dim hidden"], config: ViTConfig, count: int = MOST_COMPONENTS
) -> View:
    """Principal components of the filters, as the paper's Fig. 7 (left) shows them.

    Args:
        projection_matrix: E, ``model.projection_matrix``.
        config: sizes of the model.
        count: how many, at most 28, D and P^2 C.
    """
    components, shares = principal_components(projection_matrix.detach().T, min(count, MOST_COMPONENTS))
    tiles = Tiles(
        title=f"The first {len(shares)} principal components of the filters",
        quantity="E",
        pixels=as_pictures(components, config),
        columns=10,
        tile_size=110,
        labels=tuple(f"{number}: {percent(share)}" for number, share in enumerate(shares, 1)),
        caption="Directions in which the D filters differ most, with their share of the variance. Each is scaled from "
        "black to white by itself; its sign is free.",
    )
    return view(
        f"The first {len(shares)} principal components of the filters of E as colour images. The first holds "
        f"{percent(shares[0])} of the variance, all shown together {percent(shares.sum())}.",
        (tiles,),
    )


def projection(
    patch: Float[Tensor, " patch_dim"],
    projection_matrix: Float[Tensor, "patch_dim hidden"],
    bias: Float[Tensor, " hidden"],
    patch_embedding: Float[Tensor, " hidden"],
    token: int,
) -> View:
    """One patch through the linear map: x_p, x_p E, the bias, and the embedding the model made of it.

    Args:
        patch: x_p of the token, ``patchify(trace.image, P)[token - 1]``.
        projection_matrix: E, ``model.projection_matrix``.
        bias: ``model.patch_projection.bias``.
        patch_embedding: ``trace.patch_embeddings[token - 1]``.
        token: its number, 1..N, for the symbol.
    """
    product = patch @ projection_matrix.detach()
    scale = symmetric(product, bias, patch_embedding)
    x = f"xₚ{superscript(token)}"
    strips = Strips(
        title=f"{x} E: {patch.shape[0]} numbers become {product.shape[0]}",
        quantity="E",
        caption="The paper's equation leaves the bias out; the released models have one.",
        strips=(
            Strip(x, as_values(patch), symmetric(patch), "image", origin=Origin("trace.patches", (token - 1, "place"))),
            Strip(
                f"{x} E",
                as_values(product),
                scale,
                "E",
                origin=worked_out(
                    "difference",
                    Origin("trace.patch_embeddings", (token - 1, "place")),
                    Origin("patch_projection.bias", ("place",)),
                ),
            ),
            Strip("bias", as_values(bias), scale, "E", "+", Origin("patch_projection.bias", ("place",))),
            Strip(
                "embedding",
                as_values(patch_embedding),
                scale,
                "E",
                "=",
                Origin("trace.patch_embeddings", (token - 1, "place")),
            ),
        ),
    )
    return view(
        f"Patch {token} as {patch.shape[0]} numbers, multiplied by E to {product.shape[0]} numbers, plus a bias of "
        f"norm {number(bias.norm())}: the patch embedding, of norm {number(patch_embedding.norm())}.",
        (strips,),
    )


def as_pictures(flat: Float[Tensor, "filters patch_dim"], config: ViTConfig, scale: Scale | None = None) -> Pixels:
    """Filters as RGB pictures: black and white are the ends of ``scale``, or each filter's own extremes.

    Raises:
        ValueError: if the model reads neither grey nor RGB pictures.
    """
    if config.num_channels not in (1, 3):
        raise ValueError(f"filters can be drawn for 1 or 3 channels, this model has {config.num_channels}")
    low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
    if scale is not None:
        low, high = torch.full_like(low, scale.low), torch.full_like(high, scale.high)
    scaled = ((flat - low) / (high - low).clamp_min(torch.finfo(flat.dtype).tiny)).clamp(0, 1)
    pictures = rearrange(scaled, "f (h w c) -> f h w c", h=config.patch_size, c=config.num_channels)
    if config.num_channels == 1:
        pictures = repeat(pictures, "f h w 1 -> f h w 3")
    return np.ascontiguousarray((255 * pictures).round().byte().numpy())


def principal_components(
    rows: Float[Tensor, "rows columns"], count: int
) -> tuple[Float[Tensor, "components columns"], Float[Tensor, " components"]]:
    """Directions of largest variance of ``rows``, unit length, and the share of the variance each holds."""
    centred = (rows - rows.mean(0)).double()
    if centred.shape[0] < centred.shape[1]:  # the smaller of the two Gram matrices has the same eigenvalues
        variances, vectors = torch.linalg.eigh(centred @ centred.T)
        directions = (centred.T @ vectors).T
    else:
        variances, vectors = torch.linalg.eigh(centred.T @ centred)
        directions = vectors.T
    count = min(count, len(variances))
    directions = torch.nn.functional.normalize(directions.flip(0)[:count], dim=1)
    sign = directions.gather(1, directions.abs().argmax(1, keepdim=True)).sign()  # the largest entry positive
    shares = variances.flip(0)[:count].clamp_min(0) / variances.clamp_min(0).sum()
    return (directions * sign).float(), shares.float()
