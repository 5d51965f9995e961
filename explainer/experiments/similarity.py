"""How alike two forward passes are: token by token, head by head, and layer by layer (CKA)."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cosine_similarity

from vit_core.trace import ForwardTrace

FEWEST_PATCHES = 4  # for CKA: its estimate divides by the count less 3


def token_cosines(left: ForwardTrace, right: ForwardTrace) -> Float[Tensor, "states tokens"]:
    """Cosine of z_l on the left with z_l on the right, for every token and l = 0..L.

    Raises:
        ValueError: if the two do not have the same layers, tokens and hidden size.
    """
    pairs = list(zip(left.hidden_states, right.hidden_states, strict=True))
    if pairs[0][0].shape != pairs[0][1].shape:
        raise ValueError(f"expected states of one shape, got {pairs[0][0].shape} and {pairs[0][1].shape}")
    return torch.stack([cosine_similarity(a.double(), b.double(), dim=1) for a, b in pairs]).float().clamp(-1, 1)


def attention_moved(left: ForwardTrace, right: ForwardTrace) -> Float[Tensor, "layers heads"]:
    """The share of attention that lies elsewhere: half the sum of |A - A| along a row, on average over the rows.

    0 where a head looks as it did, 1 where no token looks at anything it looked at before.
    """
    pairs = zip(left.attention_weights, right.attention_weights, strict=True)
    return torch.stack([0.5 * (a - b).abs().sum(-1).mean(-1) for a, b in pairs])


def layer_similarity(left: ForwardTrace, right: ForwardTrace) -> Float[Tensor, "left_states right_states"]:
    """Linear CKA of the patches' rows of z_l, each layer of the left with each of the right.

    Kornblith et al. 2019 (arXiv 1905.00414), with the unbiased estimate of HSIC (Nguyen et al. 2020, arXiv
    2010.15327): one picture has few tokens, and the biased one calls any two layers of few tokens alike. The class
    token is left out; hidden size and depth may differ.

    Raises:
        ValueError: if the two do not have the same patches, or fewer than 4.
    """
    count = left.hidden_states[0].shape[0] - 1
    if count != right.hidden_states[0].shape[0] - 1 or count < FEWEST_PATCHES:
        raise ValueError(f"expected the same number of patches on both sides, at least {FEWEST_PATCHES}")
    rows, columns = (
        torch.stack([_similarities(z[1:].double()).flatten() for z in side.hidden_states]) for side in (left, right)
    )
    return (rows @ columns.T).clamp(-1, 1).float()


def _similarities(z: Float[Tensor, "patches hidden"]) -> Float[Tensor, "patches patches"]:
    """All dot products between tokens, made free of mean and diagonal ("U-centred"), scaled to length 1."""
    products = z @ z.T
    products.fill_diagonal_(0)
    count, sums = len(z), products.sum(0)
    centred = products - (sums[:, None] + sums) / (count - 2) + sums.sum() / ((count - 1) * (count - 2))
    centred.fill_diagonal_(0)
    # What is left where all tokens are alike is rounding, of the size of the products: nothing to be compared.
    length = centred.norm()
    return centred / length if length > 1e-9 * products.norm() else torch.zeros_like(centred)
