"""Two of anything, side by side: the left, the right, both on one scale, and the right minus the left.

What one size keeps from being subtracted is left out, and the sentence of the view says which size.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from explainer.experiments.sides import SharedClass, Side, beside_each_other, shared_classes, why_not
from explainer.notation.wording import number, percent, sentence, token_name
from explainer.origins import Origin, cosine_of, one_each
from explainer.panels import Bars, Panel, Picture, Tiles, View
from explainer.views.arrays import as_values, on_grid
from explainer.views.changes.two_sides import DIFFERENCE, PICK, difference_of, difference_tiles, of_token
from explainer.views.compose import view
from explainer.views.scales import symmetric
from vit_core.logit_lens import most_probable

COSINE_CAPTION = "Cosine from −1 to 1."


def pictures(left: Side, right: Side) -> View:
    """Both pictures as the model sees them, and the difference of their brightness, pixel by pixel."""
    panels: list[Panel] = [
        Picture(
            title=side.title,
            quantity="image",
            pixels=side.pixels,
            grid_size=side.config.grid_size,
            token=side.token,
            pick_tokens=True,
            pick_as=PICK[side.name],
            tensors=("trace.image",),
            caption=f"{side.config.image_size} × {side.config.image_size} pixels, {side.config.grid_size} × "
            f"{side.config.grid_size} patches. Chosen: {side.the_token}.",
        )
        for side in (left, right)
    ]
    if obstacle := why_not(left, right, "pixels"):
        return view(f"The images cannot be subtracted pixel by pixel: {obstacle}.", tuple(panels))
    brightness = [torch.from_numpy(side.pixels.astype("float32")).mean(-1) / 255 for side in (left, right)]
    difference = brightness[1] - brightness[0]
    moved = difference.abs() > 0.5 / 255
    summary = (
        f"{percent(moved.float().mean())} of the pixels differ in brightness, by {percent(difference.abs().mean())} of "
        f"its range on average and by at most {percent(difference.abs().max())}."
        if moved.any()
        else f"Both sides see the same image: of its {difference.numel():,} pixels none differs in brightness."
    )
    panels.append(difference_tiles(difference, "image", "Brightness, the mean of red, green and blue, from 0 to 1."))
    return view(summary, tuple(panels))


def predictions(left: Side, right: Side, count: int = 5) -> View:
    """The most probable classes of both sides with their probabilities, and by how much these differ.

    Args:
        left: one side.
        right: the other.
        count: how many classes of each side; with other ones there are more rows.
    """
    both = shared_classes(left, right)
    probabilities = left.trace.probabilities, right.trace.probabilities
    tops = most_probable(probabilities[0], count), most_probable(probabilities[1], count)
    rows, classes = beside_each_other(both, tops)
    panels: list[Panel] = [
        _probabilities(side, p, numbers) for side, p, numbers in zip((left, right), probabilities, classes, strict=True)
    ]
    best = [int(p.argmax()) for p in probabilities]
    summary = "; ".join(
        f"{side.name}: {side.labels[c]} with {percent(p[c])}"
        for side, p, c in zip((left, right), probabilities, best, strict=True)
    )
    if not both:
        return view(
            f"{sentence(summary)}. The two models know {len(left.labels)} and {len(right.labels)} classes and have no "
            "name of a class in common, so no probability can be subtracted from another.",
            tuple(panels),
        )
    changes = _gained(probabilities, both)
    if rows:
        shown = _gained(probabilities, rows)
        ends = symmetric(shown)
        panels.append(
            Bars(
                title=DIFFERENCE,
                quantity="mlp",
                labels=tuple(each.name for each in rows),
                values=as_values(shown),
                format=".1%",
                low=ends.low,
                high=ends.high,
                caption="Difference of the probabilities, class by class.",
                origin=one_each(
                    *(
                        difference_of(
                            Origin("trace.probabilities", (each.right,)), Origin("trace.probabilities", (each.left,))
                        )
                        for each in rows
                    )
                ),
            )
        )
    most, least = int(changes.argmax()), int(changes.argmin())
    if not changes.any():
        return view(f"{sentence(summary)}. None of {len(both)} probabilities differs.", tuple(panels))
    moved = (
        f"most of all, {both[most].name} gains {_points(changes[most])}, {both[least].name} loses "
        f"{_points(-changes[least])}"
        if changes[most] > 0 > changes[least]
        else f"{both[int(changes.abs().argmax())].name} moves most, by {_points(changes.abs().max())}"
    )
    total = (
        f"together {percent(changes.abs().sum() / 2)} of the probability has moved"
        if left.labels == right.labels
        else f"the two class lists have {len(both)} names in common, and only those are compared"
    )
    return view(f"{sentence(summary)}. {sentence(moved)}; {total}.", tuple(panels))


def positions(left: Side, right: Side) -> View:
    """How alike the chosen token's position is to all others, on both sides, and the difference."""
    of = [_position_cosines(side) for side in (left, right)]
    scale = symmetric(torch.ones(1))
    panels: list[Panel] = [
        Tiles(
            title=side.title,
            quantity="E_pos",
            values=on_grid(cosines)[None],
            scales=(scale,),
            columns=1,
            token=side.token or None,
            tile_size=320,
            origin=_position_cosine(side),
            caption=f"{sentence(side.the_token)} with every patch position. {COSINE_CAPTION}",
        )
        for side, cosines in zip((left, right), of, strict=True)
    ]
    if obstacle := why_not(left, right, "grid"):
        return view(f"The similarities of the positions cannot be subtracted: {obstacle}.", tuple(panels))
    difference = of[1] - of[0]
    panels.append(
        difference_tiles(
            torch.from_numpy(on_grid(difference)),
            "E_pos",
            "Orange: more alike on the right.",
            left.token,
            difference_of(_position_cosine(right), _position_cosine(left)),
        )
    )
    if not difference.any():
        summary = f"Both sides have the same positions: none of {len(difference)} similarities differs."
        return view(summary, tuple(panels))
    most = int(difference.abs().argmax())
    return view(
        f"The similarities{of_token(left, right)} with all positions differ by {number(difference.abs().mean())} "
        f"on average, most for {token_name(most + 1, left.config.grid_size)}: {number(of[0][most])} on the left, "
        f"{number(of[1][most])} on the right.",
        tuple(panels),
    )


def _probabilities(side: Side, probabilities: Float[Tensor, " classes"], classes: list[int]) -> Bars:
    best = int(probabilities.argmax())
    return Bars(
        title=side.title,
        quantity="y",
        labels=tuple(side.labels[c] for c in classes),
        values=as_values(probabilities[classes]),
        format=".1%",
        low=0.0,
        high=1.0,
        selected=classes.index(best),
        caption=f"Of {len(side.labels)} classes.",
        origin=Origin("trace.probabilities", ("listed",), listed=tuple(classes), side=side.name),
    )


def _gained(probabilities: tuple[Tensor, Tensor], classes: Sequence[SharedClass]) -> Float[Tensor, " shared"]:
    left, right = probabilities
    return right[[each.right for each in classes]] - left[[each.left for each in classes]]


def _position_cosine(side: Side) -> Origin:
    """Of the chosen token's position with that of every patch."""
    others, own = (Origin("trace.positions", (token,), side=side.name) for token in ("place+1", side.token))
    return cosine_of(others, own)


def _position_cosines(side: Side) -> Float[Tensor, " patches"]:
    rows = normalize(side.position_embedding, dim=1)
    return (rows[1:] @ rows[side.token]).clamp(-1, 1)


def _points(difference: Tensor) -> str:
    """A difference of two shares: "8.8 percentage points"."""
    return percent(difference).replace("%", "percentage points")
