"""Two forward passes side by side, layer by layer: lengths, directions, CKA, and what the head would say."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cosine_similarity

from explainer.experiments.sides import Side, beside_each_other, shared_classes, why_not
from explainer.experiments.similarity import layer_similarity, token_cosines
from explainer.notation.wording import number, percent, sentence, subscript, token_name
from explainer.origins import Origin, cosine_of, norm_of, worked_out
from explainer.panels import Matrix, Panel, Plot, Scale, Series, Tiles, View
from explainer.views.arrays import as_values, on_grid, whole_numbers
from explainer.views.attention import tile_columns
from explainer.views.changes.two_sides import DIFFERENCE, difference_of, refuse
from explainer.views.compose import view
from vit_core.logit_lens import lens_probabilities, most_probable

COLOURS = ("y", "q", "k", "v", "E_pos", "A")  # told apart by colour; the line's label says the class


def norms(left: Side, right: Side) -> View:
    """How long the chosen token's state is after every layer, on both sides, and the difference."""
    lengths = [torch.stack([z[side.token].norm() for z in side.trace.hidden_states]) for side in (left, right)]
    plot = Plot(
        title="Length of the chosen token",
        x_label="layer (0: before the first)",
        y_label="length (norm)",
        low=0.0,
        selected_x=float(left.layer),
        pick="layer",
        weight=1.4,
        caption=f"Left: {left.the_token}. Right: {right.the_token}.",
        series=tuple(
            Series(side.title, whole_numbers(range(len(values))), as_values(values), colour, origin=_length(side))
            for side, values, colour in zip((left, right), lengths, ("z", "q"), strict=True)
        ),
    )
    summary = ", ".join(
        f"on the {side.name} from {number(values[0])} to {number(values[-1])}"
        for side, values in zip((left, right), lengths, strict=True)
    )
    if obstacle := why_not(left, right, "layers"):
        return view(f"Over the layers the token's length goes {summary}. Layers cannot be paired: {obstacle}.", (plot,))
    difference = lengths[1] - lengths[0]
    at = int(difference.abs().argmax())
    most = f"is largest after layer {at}: {number(difference[at])}" if difference.any() else "is 0 in every layer"
    minus = Plot(
        title=DIFFERENCE,
        x_label="layer (0: before the first)",
        y_label="length (norm)",
        quantity="mlp",
        selected_x=float(left.layer),
        pick="layer",
        low=0.0 if difference.min() >= 0 < difference.max() else None,
        high=0.0 if difference.max() <= 0 > difference.min() else None,
        series=(
            Series(
                "difference",
                whole_numbers(range(len(difference))),
                as_values(difference),
                "mlp",
                origin=difference_of(_length(right), _length(left)),
            ),
        ),
    )
    return view(
        f"Over the layers the token's length goes {summary}. The difference {most}.",
        (plot, minus),
    )


def cosines(left: Side, right: Side) -> View:
    """Whether a token points the same way on both sides: every token after every layer.

    Raises:
        ValueError: if the two do not have the same layers, patches and hidden size.
    """
    refuse(why_not(left, right, "layers", "grid", "hidden"))
    of = token_cosines(left.trace, right.trace)
    count, side = of.shape[0], left.config.grid_size
    patches = of[:, 1:].mean(1)
    tiles = Tiles(
        title="Every patch after every layer",
        values=on_grid(of[:, 1:]),
        scales=(_cosine_scale(of),),
        columns=tile_columns(count, 7),
        selected=left.layer,
        labels=tuple(f"layer {each}" if each else "z₀" for each in range(count)),
        picks=tuple({"layer": max(1, each)} for each in range(count)),
        token=left.token or None,
        tile_size=150,
        caption="Cosine of z_{ℓ} on the left with z_{ℓ} on the right, patch by patch; 1: the same direction.",
        origin=cosine_of(_state("left", "place+1", "tile"), _state("right", "place+1", "tile")),
    )
    plot = Plot(
        title="Class token, and the patches' mean",
        x_label="layer (0: before the first)",
        y_label="cosine",
        selected_x=float(left.layer),
        pick="layer",
        high=1.0,
        series=(
            Series(
                "class token",
                whole_numbers(range(count)),
                as_values(of[:, 0]),
                "class_token",
                origin=cosine_of(_state("left", 0, "point"), _state("right", 0, "point")),
            ),
            Series(
                "mean of the patches",
                whole_numbers(range(count)),
                as_values(patches),
                "z",
                origin=worked_out(
                    "mean_cosine",
                    *(
                        Origin("trace.hidden_states", (f"1-{left.config.num_patches}", "*"), "point", side=name)
                        for name in ("left", "right")
                    ),
                ),
            ),
        ),
    )
    least = int(of[-1, 1:].argmin()) + 1
    return view(
        f"After the last layer the class token has the cosine {number(of[-1, 0])} with that of the other side, the "
        f"patches {number(patches[-1])} on average, the least {token_name(least, side)} with "
        f"{number(of[-1, least])}; after layer {left.layer} it is {number(of[left.layer, 0])} and "
        f"{number(patches[left.layer])}.",
        (plot,),
        (tiles,),
    )


def across_layers(left: Side, right: Side) -> View:
    """The chosen layer of the left with that of the right: whether a token points the same way, patch by patch.

    Raises:
        ValueError: if the two do not have the same patches and hidden size.
    """
    refuse(why_not(left, right, "grid", "hidden"))
    states = left.trace.hidden_states[left.layer].double(), right.trace.hidden_states[right.layer].double()
    of = cosine_similarity(states[0], states[1], dim=1).clamp(-1, 1).float()
    tiles = Tiles(
        title=f"z{subscript(left.layer)} on the left with z{subscript(right.layer)} on the right",
        columns=1,
        values=on_grid(of[1:])[None],
        scales=(_cosine_scale(of),),
        token=left.token or None,
        tile_size=320,
        origin=cosine_of(_state("left", "place+1", left.layer), _state("right", "place+1", right.layer)),
        caption="Cosine, patch by patch; 1: the same direction.",
    )
    most, least = int(of[1:].argmax()) + 1, int(of[1:].argmin()) + 1
    side = left.config.grid_size
    return view(
        f"Left after layer {left.layer}, right after layer {right.layer}: the class token has the cosine "
        f"{number(of[0])}, the patches {number(of[1:].mean())} on average, from {number(of[least])} "
        f"({token_name(least, side)}) to {number(of[most])} ({token_name(most, side)}).",
        (tiles,),
    )


def layers_alike(left: Side, right: Side) -> View:
    """CKA: how alike every layer of the left and every layer of the right arrange the patches.

    Raises:
        ValueError: if the two do not have the same patches, or too few.
    """
    refuse(why_not(left, right, "grid"))
    of = layer_similarity(left.trace, right.trace)
    names = [tuple(f"{each}" for each in range(count)) for count in of.shape]
    matrix = Matrix(
        title="CKA of every layer with every layer",
        tensors=("block.output",),
        values=as_values(of),
        scale=Scale(min(0.0, float(of.min())), 1.0),
        row_axis="layer, left",
        column_axis="layer, right",
        row=left.layer,
        column=right.layer,
        row_names=names[0],
        column_names=names[1],
        max_height=34 * of.shape[0] + 20,
        caption="1: the patches have the same relations on both sides, up to a rotation and one scale; 0: no "
        f"more alike than by chance. Over {left.config.num_patches} patches of one image, the unbiased "
        "estimate.",
    )
    best = [int(each) for each in of[1:, 1:].argmax(1)]
    partner = best[left.layer - 1] + 1
    return view(
        f"CKA of layer {left.layer} on the left with layer {right.layer} on the right: "
        f"{number(of[left.layer, right.layer])}. What layer {left.layer} has made is most like what layer {partner} on "
        f"the right has ({number(of[left.layer, partner])}); the last two have {number(of[-1, -1])}.",
        (matrix,),
    )


def logit_lens(left: Side, right: Side, count: int = 2) -> View:
    """The prediction read off after every layer on both sides, and the difference.

    Args:
        left: one side.
        right: the other.
        count: how many of the classes that win in the end are followed, of each side.
    """
    read = lens_probabilities(left.model, left.trace), lens_probabilities(right.model, right.trace)
    tops = most_probable(read[0][-1], count), most_probable(read[1][-1], count)
    rows, classes = beside_each_other(shared_classes(left, right), tops)
    high = min(1.0, 1.05 * max(float(p.max()) for p in read))
    panels: list[Panel] = [
        _over_layers(
            side.title,
            [(side.labels[c], p[:, c], _read_off(side.name, c)) for c in numbers],
            side.layer,
            low=0.0,
            high=high,
        )
        for side, p, numbers in zip((left, right), read, classes, strict=True)
    ]
    settled = [_settled(p) for p in read]
    summary = "; ".join(
        f"{side.name}, {side.labels[int(p[-1].argmax())]} leads from layer {first} on"
        for side, p, first in zip((left, right), read, settled, strict=True)
    )
    obstacle = why_not(left, right, "layers") or ("" if rows else "no class that wins has a name on both sides")
    if obstacle:
        return view(f"{sentence(summary)}. The curves cannot be subtracted: {obstacle}.", tuple(panels))
    changes = [read[1][:, each.right] - read[0][:, each.left] for each in rows]
    lines = [
        (each.name, values, difference_of(_read_off("right", each.right), _read_off("left", each.left)))
        for each, values in zip(rows, changes, strict=True)
    ]
    panels.append(_over_layers(DIFFERENCE, lines, left.layer))
    if not any(values.any() for values in changes):
        return view(
            f"{sentence(summary)}. No probability differs after any layer from 0 to {left.config.num_layers}.",
            tuple(panels[:2]),
            tuple(panels[2:]),
        )
    layer, which = divmod(int(torch.stack(changes, dim=1).abs().argmax()), len(rows))
    most = rows[which]
    return view(
        f"{sentence(summary)}. The two differ most after layer {layer}, in {most.name}: "
        f"{percent(read[0][layer, most.left])} on the left, {percent(read[1][layer, most.right])} on the right.",
        tuple(panels[:2]),
        tuple(panels[2:]),
    )


def _cosine_scale(cosines: Tensor) -> Scale:
    """Up to 1 from the least, so that small turns are seen, too; with zero in the middle if some are negative."""
    least = float(cosines.min())
    return Scale(-1.0, 1.0, diverging=True) if least < 0 else Scale(min(least, 0.999), 1.0)


def _over_layers(
    title: str,
    lines: Sequence[tuple[str, Tensor, Origin]],
    layer: int,
    low: float | None = None,
    high: float | None = None,
) -> Plot:
    series = tuple(
        Series(name, whole_numbers(range(len(values))), as_values(values), colour, origin=origin)
        for (name, values, origin), colour in zip(lines, COLOURS, strict=False)
    )
    return Plot(
        title=title,
        quantity="y",
        series=series,
        x_label="layer (0: before the first)",
        y_label="probability",
        selected_x=float(layer),
        low=low,
        high=high,
    )


def _length(side: Side) -> Origin:
    """Of the chosen token's state."""
    return norm_of("trace.hidden_states", side.token, layer="point", side=side.name)


def _state(side: str, token: int | str, layer: int | str) -> Origin:
    return Origin("trace.hidden_states", (token,), layer, side=side)


def _read_off(side: str, label: int) -> Origin:
    """What the head would predict after a layer."""
    return Origin("lens.probabilities", (label,), "point", side=side)


def _settled(probabilities: Float[Tensor, "states classes"]) -> int:
    """The first layer from which on the class that wins in the end leads."""
    wins = probabilities.argmax(1) == probabilities[-1].argmax()
    return len(wins) - int((~wins).flip(0).float().argmax()) if bool((~wins).any()) else 0
