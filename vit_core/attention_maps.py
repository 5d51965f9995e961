"""Attention weights summarised: rollout (Fig. 6), mean distance (Fig. 7 right), and entropy."""

import torch
from jaxtyping import Float
from torch import Tensor

from vit_core.config import ViTConfig
from vit_core.trace import ForwardTrace


def attention_rollout(trace: ForwardTrace) -> Float[Tensor, "tokens tokens"]:
    """Attention rollout (Abnar and Zuidema 2020; paper D.8): how much of each z_0 row is in each row of z_L.

    Each layer is the mean of its heads, half of it the identity for the skip path, as in the authors' own figure;
    the layers are multiplied, the last one on the left. Rows sum to 1.
    """
    rollout = torch.eye(trace.attention_weights[0].shape[-1])
    for weights in trace.attention_weights:
        layer = 0.5 * weights.mean(0) + 0.5 * torch.eye(weights.shape[-1])
        rollout = layer / layer.sum(-1, keepdim=True) @ rollout
    return rollout


def mean_attention_distance(
    trace: ForwardTrace, config: ViTConfig, *, renormalise: bool = False
) -> Float[Tensor, "layers heads"]:
    """Mean distance, in pixels, from a patch to where it looks, per layer and head (paper D.7, Fig. 11).

    Distances between patch centres, weighted by A, averaged over the patches that ask. The class token has no place,
    so its row and column are left out; the paper does not say whether what remains is normalised again.
    """
    rows_columns = torch.cartesian_prod(torch.arange(config.grid_size), torch.arange(config.grid_size)).float()
    distance = config.patch_size * torch.cdist(rows_columns, rows_columns)
    patches = torch.stack(trace.attention_weights)[:, :, 1:, 1:]
    if renormalise:
        patches = patches / patches.sum(-1, keepdim=True)
    return (patches * distance).sum(-1).mean(-1)


def attention_entropy(weights: Float[Tensor, "*batch heads tokens tokens"]) -> Float[Tensor, "*batch heads"]:
    """Entropy of the rows of A, averaged over the tokens that ask, in nats.

    0 where every token looks at a single one, ln(N + 1) where it looks at all of them alike.
    """
    return -torch.xlogy(weights, weights).sum(-1).mean(-1)


def one_head(tensor: Float[Tensor, "heads ..."], head: int) -> Float[Tensor, "..."]:
    """The part of ``head``, counted from 1.

    Raises:
        ValueError: if there is no such head.
    """
    if not 1 <= head <= tensor.shape[0]:
        raise ValueError(f"head must be in 1..{tensor.shape[0]}, got {head}")
    return tensor[head - 1]
