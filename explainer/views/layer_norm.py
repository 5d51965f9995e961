"""LayerNorm of one token, step by step."""

import math
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from explainer.notation.wording import number, the_token
from explainer.panels import (
    Origin,
    Strip,
    Strips,
    View,
)
from explainer.views.arrays import as_values, grid_size_of
from explainer.views.compose import view
from explainer.views.scales import symmetric

Entering = Literal["block.input", "block.after_attention"]
# What enters a LayerNorm -> its symbol, and the part of the layer that the norm stands before.
_NORMS: dict[Entering, tuple[str, str]] = {
    "block.input": ("z", "attention"),
    "block.after_attention": ("z′", "mlp"),
}


def of_token(
    z: Float[Tensor, "tokens hidden"],
    normed: Float[Tensor, "tokens hidden"],
    gamma: Float[Tensor, " hidden"],
    beta: Float[Tensor, " hidden"],
    eps: float,
    token: int,
    enters: Entering = "block.input",
) -> View:
    """LayerNorm of one token: minus its mean, over its deviation, times gamma, plus beta.

    Args:
        z: what enters.
        normed: what the model made of it, ``block.attention_input`` or ``block.mlp_input``.
        gamma: the norm's weight.
        beta: the norm's bias.
        eps: the norm's epsilon.
        token: the row, 0..N.
        enters: which tensor z is.
    """
    side = grid_size_of(z.shape[0])
    row, mean = z[token], float(z[token].mean())
    variance = float(row.var(unbiased=False))
    deviation = math.sqrt(variance)
    normal = (row - mean) / math.sqrt(variance + eps)
    symbol, part = _NORMS[enters]
    norm = f"layer.{part}_norm"
    strips = Strips(
        title=f"LN({symbol}) of {the_token(token, side)}",
        caption=f"Mean μ = {number(mean)}, deviation σ = {number(deviation)} over the {row.shape[0]} numbers of this "
        "token. γ and β are learned.",
        strips=(
            Strip(symbol, as_values(row), symmetric(row), origin=Origin(enters, (token, "place"))),
            Strip(
                f"({symbol} − μ) / √(σ² + ε)",
                as_values(normal),
                symmetric(normal),
                origin=Origin(f"block.{part}_normalised", (token, "place")),
            ),
            Strip("γ", as_values(gamma), symmetric(gamma), "z", "·", Origin(f"{norm}.weight", ("place",))),
            Strip("β", as_values(beta), symmetric(beta), "z", "+", Origin(f"{norm}.bias", ("place",))),
            Strip(
                f"LN({symbol})",
                as_values(normed[token]),
                symmetric(normed[token]),
                "z",
                "=",
                Origin(f"block.{part}_input", (token, "place")),
            ),
        ),
    )
    return view(
        f"LayerNorm of {the_token(token, side)}: its {row.shape[0]} numbers have mean {number(mean)} and deviation "
        f"{number(deviation)}; normalised, times γ (mean {number(gamma.mean())}), plus β (mean "
        f"{number(beta.mean())}), they run from {number(normed[token].min())} to "
        f"{number(normed[token].max())}.",
        (strips,),
    )
