"""Attention of two forward passes: of one token over both pictures, and how far every head has moved."""

import torch
from torch import Tensor

from explainer.experiments.sides import MEAN, Side, why_not
from explainer.experiments.similarity import attention_moved
from explainer.notation.wording import number, percent, sentence, token_name
from explainer.origins import Origin, worked_out
from explainer.panels import Matrix, Panel, Picture, View
from explainer.views.arrays import as_values, on_grid
from explainer.views.changes.two_sides import PICK, difference_of, difference_tiles, of_token, refuse
from explainer.views.compose import view
from explainer.views.scales import from_zero


def attention(left: Side, right: Side) -> View:
    """Where the chosen token looks on both sides, on one scale, and the difference."""
    looks = [on_grid(side.attention[side.token, 1:]) for side in (left, right)]
    scale = from_zero(*looks)
    panels: list[Panel] = [
        Picture(
            title=side.title,
            quantity="A",
            pixels=side.pixels,
            grid_size=side.config.grid_size,
            token=side.token,
            overlay=values,
            scale=scale,
            class_value=float(side.attention[side.token, 0]),
            pick_tokens=True,
            pick_as=PICK[side.name],
            origin=_weight(side, "token"),
            caption=f"{sentence(side.the_head)}: {side.the_token}. Weight on the class token, not drawn: "
            f"{number(side.attention[side.token, 0])}.",
        )
        for side, values in zip((left, right), looks, strict=True)
    ]
    best = [int(side.attention[side.token, 1:].argmax()) + 1 for side in (left, right)]
    summary = "; ".join(
        f"{side.name}, most weight ({number(side.attention[side.token, at])}) lies on "
        f"{token_name(at, side.config.grid_size)}"
        for side, at in zip((left, right), best, strict=True)
    )
    if obstacle := why_not(left, right, "grid"):
        return view(f"{sentence(summary)}. The weights cannot be subtracted: {obstacle}.", tuple(panels))
    rows = [side.attention[side.token] for side in (left, right)]
    difference = rows[1] - rows[0]
    panels.append(
        difference_tiles(
            torch.from_numpy(on_grid(difference[1:])),
            "A",
            f"Orange: more on the right. Class token, not drawn: {_signed(difference[0])}.",
            left.token,
            difference_of(_weight(right, "place+1"), _weight(left, "place+1")),
        )
    )
    return view(
        f"{sentence(summary)}. {percent(difference.abs().sum() / 2)} of the attention{of_token(left, right)} lies "
        f"moved; the weights of one patch differ by at most {number(difference[1:].abs().max())}.",
        tuple(panels),
    )


def heads_moved(left: Side, right: Side) -> View:
    """How much of every head's attention lies elsewhere, for all heads of all layers.

    Raises:
        ValueError: if the two do not have the same layers, heads and patches.
    """
    refuse(why_not(left, right, "layers", "heads", "grid"))
    moved = attention_moved(left.trace, right.trace)
    layers, heads = moved.shape
    first, which = divmod(int(moved.argmax()), heads)
    matrix = Matrix(
        title="Share of the attention that has moved",
        quantity="A",
        values=as_values(moved),
        scale=from_zero(moved),
        row_axis="layer",
        column_axis="head",
        max_height=34 * layers + 20,
        row_names=tuple(str(each + 1) for each in range(layers)),
        column_names=tuple(str(each + 1) for each in range(heads)),
        caption="Half the sum of |right − left| along a row of A, on average over all tokens: 0 if nothing has moved, "
        "1 if everything has. Always layer 1 with layer 1, head 1 with head 1.",
        origin=worked_out(
            "elsewhere",
            *(
                Origin("block.attention.weights", ("column", "*", "*"), "row+1", side=side)
                for side in ("right", "left")
            ),
        ),
    )
    if not moved.any():
        return view(f"All {layers * heads} heads look at the same places on both sides: no weight differs.", (matrix,))
    return view(
        f"In the same head of the same layer, {percent(moved.mean())} of the attention has moved on average: most in "
        f"layer {first + 1}, head {which + 1} ({percent(moved.max())}), least {percent(moved.min())}.",
        (matrix,),
    )


def _weight(side: Side, key: str) -> Origin:
    """How much the chosen token looks at ``key`` in the chosen head, or on average over all heads."""
    head = "*" if side.head == MEAN else side.head - 1
    weight = Origin("block.attention.weights", (head, side.token, key), side.layer, side=side.name)
    return worked_out("mean", weight) if side.head == MEAN else weight


def _signed(value: Tensor) -> str:
    """A difference with its sign."""
    return ("+" if value > 0 else "") + number(value)
