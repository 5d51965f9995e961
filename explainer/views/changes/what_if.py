"""One forward pass as it is and as it becomes with changes: the prediction, every layer, and where a token looks."""

from collections.abc import Collection, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from explainer.experiments.similarity import attention_moved
from explainer.notation.wording import number, percent, the_token
from explainer.origins import Origin, worked_out
from explainer.panels import Bars, Picture, Pixels, Tiles, View
from explainer.views.arrays import as_values, grid_size_of, on_grid
from explainer.views.compose import view
from explainer.views.scales import each, from_zero, symmetric
from vit_core.attention_maps import one_head
from vit_core.logit_lens import most_probable
from vit_core.trace import ForwardTrace

PATCHES, HEAD = "patches", "changed_head"  # what a click on the picture and on the grid of heads chooses
CHANGED = "changed"  # the side of the pass with the changes; the plain pass is the page's own


def prediction(
    before: Float[Tensor, " classes"], after: Float[Tensor, " classes"], labels: Sequence[str], count: int = 5
) -> View:
    """The most probable classes before or after the changes, each with its shift.

    Args:
        before: the probabilities of the plain pass.
        after: those with the changes.
        labels: the names of the classes.
        count: how many of each are shown; with other winners there are more rows.
    """
    leading = dict.fromkeys([*most_probable(before, count), *most_probable(after, count)])
    shown = sorted(leading, key=lambda c: -float(torch.maximum(before[c], after[c])))
    was, now = int(before.argmax()), int(after.argmax())
    moved = percent((after - before).abs().sum() / 2)
    bars = Bars(
        title="Prediction: before (pale) and after",
        quantity="y",
        labels=tuple(labels[c] for c in shown),
        values=as_values(after[shown]),
        before=as_values(before[shown]),
        format=".1%",
        low=0.0,
        high=1.0,
        selected=shown.index(now),
        origin=Origin("trace.probabilities", ("listed",), listed=tuple(shown), side=CHANGED),
        caption=f"After each bar: the probability now, and its shift in percentage points. {moved} of all "
        "probability has moved to other classes.",
    )
    answer = (
        f"The prediction stays {labels[was]}: {percent(before[was])} before, {percent(after[was])} after."
        if was == now
        else f"The prediction changes from {labels[was]} ({percent(before[was])} before, {percent(after[was])} "
        f"after) to {labels[now]} ({percent(before[now])} before, {percent(after[now])} after)."
    )
    return view(f"{answer} {moved} of all probability has moved.", (bars,))


def picture(pixels: Pixels, grid_size: int, marked: Collection[int], words: str) -> View:
    """The picture as the model sees it, to be changed patch by patch: a click or a stroke chooses ``PATCHES``.

    Args:
        pixels: with the changes.
        grid_size: patches per side.
        marked: the patches that have been changed.
        words: what a click does.
    """
    panel = Picture(
        title="The image, as the model sees it now",
        quantity="image",
        pixels=pixels,
        grid_size=grid_size,
        brush=PATCHES,
        marked=tuple(sorted(marked)),
        caption=words,
        tensors=("trace.image",),
    )
    count = f"{len(marked)} of {grid_size**2} patches changed" if marked else "No patch changed"
    return view(f"The image in {grid_size} × {grid_size} patches. {count}. {words}", (panel,))


def heads(trace: ForwardTrace, token: int, removed: Collection[tuple[int, int]]) -> View:
    """Every head of every layer as a tile with where one token looks; a click takes a head out or brings it back.

    Args:
        trace: the forward pass with the changes.
        token: the token that looks.
        removed: layer and head, both from 1, of those taken out.
    """
    side, num_heads = grid_size_of(trace.hidden_states[0].shape[0]), trace.attention_weights[0].shape[0]
    maps = on_grid(torch.stack([weights[:, token, 1:] for weights in trace.attention_weights]).flatten(0, 1))
    places = [(layer, head) for layer in range(1, trace.num_layers + 1) for head in range(1, num_heads + 1)]
    tiles = Tiles(
        title=f"{trace.num_layers} layers × {num_heads} heads",
        quantity="A",
        values=maps,
        scales=each(maps),
        columns=num_heads,
        labels=tuple(f"layer {layer}, head {head}" for layer, head in places),
        picks=tuple({HEAD: f"{layer}.{head}"} for layer, head in places),
        tile_size=64,
        crossed=tuple(places.index(place) for place in removed if place in places),
        origin=Origin(
            "block.attention.weights", (f"tile%{num_heads}", token, "place+1"), f"tile//{num_heads}+1", side=CHANGED
        ),
        caption=f"Click on a head, or press Enter on it, to take it out, and again to bring it back. Each tile shows "
        f"where {the_token(token, side)} looks.",
    )
    names = ", ".join(f"layer {layer}, head {head}" for layer, head in sorted(removed))
    return view(
        f"A grid of {len(places)} attention heads. "
        + (f"Taken out: {names}." if names else "None of them is taken out."),
        (tiles,),
    )


def attention(
    before: ForwardTrace, after: ForwardTrace, layer: int, head: int, token: int, pixels: tuple[Pixels, Pixels]
) -> View:
    """Where a token looked, where it looks now, and the difference.

    Args:
        before: the plain pass.
        after: the pass with the changes.
        layer: 1..L.
        head: 1..k.
        token: the token that looks; a click on a patch chooses another.
        pixels: the picture before and after, as the model sees it.
    """
    was, now = (one_head(trace.attention(layer), head) for trace in (before, after))
    side, name = grid_size_of(len(was)), the_token(token, grid_size_of(len(was)))
    maps, shared = [on_grid(weights[token, 1:]) for weights in (was, now)], from_zero(was[token, 1:], now[token, 1:])
    difference = now[token] - was[token]
    moved = attention_moved(before, after)
    common = {"grid_size": side, "token": token, "pick_tokens": True, "quantity": "A"}
    origins = [
        Origin("block.attention.weights", (head - 1, token, "token"), layer, side=whose) for whose in ("", CHANGED)
    ]
    titles = (f"Before: layer {layer}, head {head}", "After, on the same scale")
    pictures = [
        Picture(
            title=title,
            pixels=seen,
            overlay=values,
            scale=shared,
            class_value=float(weights[token, 0]),
            caption=f"{name[0].upper()}{name[1:]}; weight on the class token, not drawn: {number(weights[token, 0])}.",
            origin=origin,
            **common,  # type: ignore[arg-type]
        )
        for title, seen, values, weights, origin in zip(titles, pixels, maps, (was, now), origins, strict=True)
    ]
    third = Picture(
        title="After minus before",
        pixels=pixels[1],
        overlay=on_grid(difference[1:]),
        scale=symmetric(difference[1:]),
        class_value=float(difference[0]),
        origin=worked_out("difference", *origins[::-1]),
        caption=f"{percent(difference.abs().sum() / 2)} of this token's attention has moved; on average over all "
        f"tokens {percent(moved[layer - 1, head - 1])}.",
        **common,  # type: ignore[arg-type]
    )
    most = moved.flatten().argmax()
    place = divmod(int(most), moved.shape[1])
    return view(
        f"Layer {layer}, head {head}: {percent(difference.abs().sum() / 2)} of the attention of {name} has moved. "
        f"The head that moved most is head {place[1] + 1} of layer {place[0] + 1}, {percent(moved.max())} on average "
        "over the tokens.",
        (*pictures, third),
    )
