"""The MLP (Eq. 3): D numbers become 4D, pass the GELU one by one, and become D again."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import gelu as gelu_function

from explainer.notation.wording import number, percent, the_token, token_name
from explainer.panels import Bars, Matrix, Origin, Panel, Pixels, Plot, Series, Strip, Strips, Tiles, View
from explainer.views.arrays import as_values, first_columns, grid_size_of, on_grid
from explainer.views.compose import view
from explainer.views.scales import symmetric
from vit_core.trace import BlockTrace


def activations(block: BlockTrace, token: int) -> View:
    """The MLP of one layer: one token on its way through, and the hidden layer of all tokens.

    Args:
        block: the insides of the layer, ``model.trace_block(trace, layer)``.
        token: the row, 0..N; a click on a row of the matrices chooses another.
    """
    side = grid_size_of(block.input.shape[0])
    hidden, activated = block.mlp.hidden, block.mlp.activated
    steps = (
        ("LN(z′)", block.mlp_input[token], "z", "mlp_input"),
        ("hidden", hidden[token], "mlp", "mlp.hidden"),
        ("GELU", activated[token], "mlp", "mlp.activated"),
        ("MLP(LN(z′))", block.mlp.output[token], "mlp", "mlp.output"),
    )
    size, wide = block.mlp_input.shape[1], hidden.shape[1]
    both = symmetric(hidden[token], activated[token])
    strips = Strips(
        title=f"{the_token(token, side).capitalize()}: {size} → {wide} → {size}",
        quantity="mlp",
        caption="The two in the middle share one scale, so that the effect of the GELU is visible.",
        strips=tuple(
            Strip(
                label,
                as_values(values),
                both if len(values) == wide else symmetric(values),
                quantity,
                origin=Origin(f"block.{field}", (token, "place")),
            )
            for label, values, quantity, field in steps
        ),
    )
    scale = symmetric(hidden, activated)

    def matrix(title: str, field: str, values: Tensor, caption: str) -> Panel:
        shown, axis = first_columns(values, "unit")
        return Matrix(
            title=title,
            quantity="mlp",
            caption=caption,
            values=shown,
            scale=scale,
            row_axis="tokens",
            column_axis=axis,
            row=token,
            pick="row",
            origin=Origin(f"block.mlp.{field}", ("row", "column")),
        )

    return view(
        f"The MLP: for {the_token(token, side)} {size} numbers become {wide}, of which "
        f"{percent((hidden[token] > 0).float().mean())} are positive before the GELU; the largest after it is "
        f"{number(activated[token].max())}; the {size} numbers of the output have norm "
        f"{number(block.mlp.output[token].norm())}.",
        (strips,),
        (
            matrix("Before the GELU", "hidden", hidden, "All tokens."),
            matrix("After it", "activated", activated, "Nearly all negative values are gone."),
        ),
    )


def gelu_curve(
    hidden: Float[Tensor, " mlp"],
    activated: Float[Tensor, " mlp"],
    gelu: Literal["none", "tanh"],
    token: int | None = None,
) -> View:
    """The GELU as a curve, with the values of one token on it.

    Args:
        hidden: the token's row before the GELU, ``block.mlp.hidden[token]``.
        activated: the same row after it, ``block.mlp.activated[token]``.
        gelu: which of its two formulas, ``config.gelu``.
        token: whose row it is, 0..N, if its numbers shall be explained.
    """
    reach = max(4.0, float(hidden.abs().max()))
    line = torch.linspace(-reach, reach, 241)
    formula = "a · Φ(a), with erf" if gelu == "none" else "the tanh approximation of a · Φ(a)"
    negative = float((hidden < 0).float().mean())
    plot = Plot(
        title=f"GELU: {formula}",
        quantity="mlp",
        x_label="a, before",
        y_label="GELU(a), after",
        caption=f"{percent(negative)} of this token's {len(hidden)} values are negative; below about −3 the curve "
        "gives nearly 0, above 3 nearly a.",
        series=(
            Series("GELU", as_values(line), as_values(gelu_function(line, approximate=gelu)), "mlp", "line"),
            Series(
                "this token's units",
                as_values(hidden),
                as_values(activated),
                "z",
                "points",
                origin=None if token is None else Origin("block.mlp.activated", (token, "point")),
            ),
        ),
    )
    return view(
        f"The GELU curve with the {len(hidden)} values of this token on it: before, they run from "
        f"{number(hidden.min())} to {number(hidden.max())}; after, from {number(activated.min())} "
        f"to {number(activated.max())}; {percent(negative)} were negative.",
        (plot,),
    )


def strongest_neurons(activated: Float[Tensor, "tokens mlp"], token: int, pixels: Pixels, count: int = 8) -> View:
    """The hidden units that are strongest for one token, and where in the picture each of them is strong.

    Args:
        activated: the hidden layer after the GELU, ``block.mlp.activated``.
        token: the token whose strongest units are shown.
        pixels: the picture as the model sees it.
        count: how many units.
    """
    side = grid_size_of(activated.shape[0])
    values, units = activated[token].topk(min(count, activated.shape[1]))
    maps, numbers = on_grid(activated[1:, units].T), tuple(int(unit) for unit in units)
    tiles = Tiles(
        title="Where each unit is strong",
        quantity="mlp",
        values=maps,
        scales=tuple(symmetric(each) for each in maps),
        labels=tuple(f"unit {int(unit)}" for unit in units),
        columns=4,
        backdrop=pixels,
        token=token or None,
        tile_size=150,
        weight=2.0,
        origin=Origin("block.mlp.activated", ("place+1", "listed"), listed=numbers),
        caption="Value after the GELU in every patch. It is hardly ever below zero: at least −0.17.",
    )
    bars = Bars(
        title="The strongest units",
        quantity="mlp",
        values=as_values(values),
        labels=tuple(f"unit {int(unit)}" for unit in units),
        caption=f"Of {activated.shape[1]} for {the_token(token, side)}, after the GELU.",
        origin=Origin("block.mlp.activated", (token, "listed"), listed=numbers),
    )
    best = int(activated[1:, units[0]].argmax()) + 1
    return view(
        f"The strongest hidden unit of {the_token(token, side)} is unit {int(units[0])} with "
        f"{number(values[0])}; among the patches it is strongest at {token_name(best, side)} with "
        f"{number(activated[best, units[0]])}.",
        (bars, tiles),
    )
