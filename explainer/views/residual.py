"""The skip paths (Eq. 2 and 3): how long the two terms of a residual sum are, and where the update is large."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cosine_similarity

from explainer.notation.wording import number, subscript, the_token, token_name
from explainer.origins import norm_of, one_each, worked_out
from explainer.panels import Bars, Origin, Pixels, Strip, Strips, Tiles, View
from explainer.views.arrays import as_values, grid_size_of, on_grid
from explainer.views.compose import view
from explainer.views.scales import from_zero, symmetric

Part = Literal["attention", "mlp"]


def symbols(part: Part, layer: int) -> tuple[str, str, str]:
    """Skip, update and sum of a layer as Eq. 2 (attention) and Eq. 3 (MLP) write them, in plain text."""
    before, middle, after = f"z{subscript(layer - 1)}", f"z′{subscript(layer)}", f"z{subscript(layer)}"
    return (before, f"MSA(LN({before}))", middle) if part == "attention" else (middle, f"MLP(LN({middle}))", after)


def norms(
    before: Float[Tensor, "tokens hidden"],
    update: Float[Tensor, "tokens hidden"],
    after: Float[Tensor, "tokens hidden"],
    token: int,
    part: Part,
    layer: int,
    pixels: Pixels | None = None,
) -> View:
    """One residual sum: its terms for one token in real values and lengths, and the lengths of all tokens.

    Args:
        before: the skip path, ``block.input`` (Eq. 2) or ``block.after_attention`` (Eq. 3).
        update: what is added, ``block.attention.output`` or ``block.mlp.output``.
        after: the sum, ``block.after_attention`` or ``block.output``.
        token: the row, 0..N.
        part: which of the two sums, for the symbols.
        layer: 1..L, for the symbols.
        pixels: the picture, drawn under the maps if given.
    """
    side, name = grid_size_of(before.shape[0]), the_token(token, grid_size_of(before.shape[0]))
    start, added, end = symbols(part, layer)
    scale = symmetric(before[token], update[token], after[token])
    lengths = [float(each[token].norm()) for each in (before, update, after)]
    cosine = float(cosine_similarity(before[token], update[token], dim=0))
    ratios = update.norm(dim=1) / before.norm(dim=1)
    tensors = ("input", "after_attention") if part == "attention" else ("after_attention", "output")
    three = tuple(f"block.{name}" for name in (tensors[0], f"{part}.output", tensors[1]))
    strips = Strips(
        title=f"{end} of {name}",
        weight=2.0,
        strips=(
            Strip(start, as_values(before[token]), scale, origin=Origin(f"block.{tensors[0]}", (token, "place"))),
            Strip(
                added,
                as_values(update[token]),
                scale,
                "v" if part == "attention" else "mlp",
                "+",
                Origin(f"block.{part}.output", (token, "place")),
            ),
            Strip(end, as_values(after[token]), scale, "z", "=", Origin(f"block.{tensors[1]}", (token, "place"))),
        ),
    )
    bars = Bars(
        title="Their lengths (norms)",
        labels=(start, added, end),
        values=as_values(before.new_tensor(lengths)),
        caption=f"Cosine between skip and update {number(cosine)}: 1: the same direction, 0: a right angle, −1: "
        "the opposite direction.",
        origin=one_each(*(norm_of(name, token) for name in three)),
    )
    maps = on_grid(before.new_tensor([[*each.norm(dim=1)[1:].tolist()] for each in (before, update, after)]))
    largest = int(ratios[1:].argmax()) + 1
    tiles = Tiles(
        title="Lengths over the image",
        values=maps,
        scales=(from_zero(maps),),
        labels=(start, added, end),
        columns=3,
        backdrop=pixels,
        token=token or None,
        tile_size=200,
        weight=3.0,
        origin=one_each(*(norm_of(name, "place+1") for name in three)),
        caption="The class token, which has no place: "
        + ", ".join(number(each[0].norm()) for each in (before, update, after))
        + ".",
    )
    ratio = Tiles(
        title="Update over skip",
        quantity="v" if part == "attention" else "mlp",
        values=on_grid(ratios[1:])[None],
        scales=(from_zero(ratios[1:]),),
        labels=(f"‖{added}‖ / ‖{start}‖",),
        columns=1,
        backdrop=pixels,
        token=token or None,
        tile_size=200,
        origin=worked_out("quotient", norm_of(three[1], "place+1"), norm_of(three[0], "place+1")),
        caption=f"Largest at {token_name(largest, side)}: {number(ratios[largest])}. Class token: {number(ratios[0])}.",
    )
    return view(
        f"Layer {layer}: for {name} the skip path has norm {number(lengths[0])}, the update {number(lengths[1])} "
        f"({number(ratios[token])} of it), the sum {number(lengths[2])}; the cosine between the two is "
        f"{number(cosine)}. The update is largest against the skip at {token_name(largest, side)}, "
        f"{number(ratios[largest])}.",
        (bars, strips),
        (tiles, ratio),
    )
