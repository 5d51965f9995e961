"""Where a token looks: over the picture, and in every head."""

from collections.abc import Sequence
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, stack

from explainer.notation.wording import number, the_token, token_name
from explainer.panels import (
    Looks,
    Origin,
    Picture,
    Pixels,
    Scale,
    Tiles,
    Values,
    View,
)
from explainer.views.arrays import as_values, grid_size_of, on_grid
from explainer.views.compose import view
from explainer.views.scales import each, from_zero
from vit_core.attention_maps import one_head
from vit_core.trace import check_layer

ALL_LAYERS_UP_TO = 2**20  # weights: of a small model all layers are sent together


def looks(
    weights: Sequence[Float[Tensor, "heads tokens tokens"]], layer: int, head: int, token: int, pixels: Pixels
) -> View:
    """The picture under the pointer: where each token looks and who looks at it, in every head.

    Args:
        weights: A of every layer, ``trace.attention_weights``. For a large model only the chosen one is shown.
        layer: the chosen layer, 1..L.
        head: the chosen head, 1..k.
        token: the token shown until the pointer is on another.
        pixels: the picture as the model sees it.
    """
    check_layer(layer, len(weights))
    of_layer = weights[layer - 1]
    of_head = one_head(of_layer, head)
    count, side = of_layer.shape[0], grid_size_of(of_layer.shape[-1])
    is_small = len(weights) * of_layer.numel() <= ALL_LAYERS_UP_TO
    name = the_token(token, side)
    most, by = int(of_head[token].argmax()), int(of_head[:, token].argmax())
    panel = Looks(
        title="Where a token looks, and who looks at it",
        quantity="A",
        pixels=pixels,
        grid_size=side,
        weights=as_values(stack(tuple(weights)) if is_small else of_layer[None]),
        layers=tuple(range(1, len(weights) + 1)) if is_small else (layer,),
        layer=layer,
        head=head,
        token=token,
    )
    return view(
        f"The attention of layer {layer}, {head_count(count)} with {side * side + 1} tokens, to be explored from patch "
        f"to patch. In head {head}, {name} gives its largest weight, {number(of_head[token, most])}, to "
        f"{the_token(most, side)}; the largest weight that it gets itself, {number(of_head[by, token])}, is from "
        f"{the_token(by, side)}.",
        (panel,),
    )


def over_picture(weights: Float[Tensor, "heads tokens tokens"], head: int, token: int, pixels: Pixels) -> View:
    """Where a token looks, over the picture, as light and as heat; and how strongly every patch looks at it.

    Args:
        weights: A of the layer, ``block.attention.weights`` or ``trace.attention(layer)``.
        head: 1..k.
        token: the token that looks; a click on a patch chooses another.
        pixels: the picture as the model sees it.
    """
    of_head = one_head(weights, head)
    side, name = grid_size_of(of_head.shape[0]), the_token(token, grid_size_of(of_head.shape[0]))
    looks, seen = on_grid(of_head[token, 1:]), on_grid(of_head[1:, token])
    scale, best = from_zero(looks), int(of_head[token, 1:].argmax()) + 1
    left_out = f"weight on the class token, not drawn: {number(of_head[token, 0])}"
    common = {"pixels": pixels, "grid_size": side, "token": token, "pick_tokens": True, "quantity": "A"}
    given = common | {
        "class_value": float(of_head[token, 0]),
        "origin": Origin("block.attention.weights", (head - 1, token, "token")),
    }
    return view(
        f"Head {head}: {name} looks most at {token_name(best, side)} (weight {number(of_head[token, best])}); its "
        f"weight on the class token is {number(of_head[token, 0])}. The patch that looks most at it is "
        f"{token_name(int(seen.argmax()) + 1, side)} ({number(seen.max())}).",
        (
            _picture(
                "Where it looks: the light", f"Head {head}, {name}; {left_out}.", looks, scale, "spotlight", given
            ),
            _picture("Where it looks: the weights", "The same weights as colours.", looks, scale, "heat", given),
            _picture(
                "Who looks at it",
                f"The column of A: at most {number(seen.max())} from a patch, {number(of_head[0, token])} from the "
                "class token.",
                seen,
                from_zero(seen),
                "heat",
                common
                | {
                    "class_value": float(of_head[0, token]),
                    "origin": Origin("block.attention.weights", (head - 1, "token", token)),
                },
            ),
        ),
    )


def heads(
    weights: Float[Tensor, "heads tokens tokens"], token: int, pixels: Pixels, head: int, *, shared: bool = False
) -> View:
    """Where one token looks in every head of a layer.

    Args:
        weights: A of the layer.
        token: the token that looks.
        pixels: the picture as the model sees it.
        head: the chosen head, 1..k; a click on a tile chooses another.
        shared: one colour scale for all heads, instead of one for each.
    """
    one_head(weights, head)
    side, count = grid_size_of(weights.shape[-1]), weights.shape[0]
    name = the_token(token, side)
    maps = on_grid(weights[:, token, 1:])
    class_weights = weights[:, token, 0]
    strongest = int(maps.max(axis=(1, 2)).argmax())
    scales = (from_zero(maps),) if shared else each(maps)
    tiles = Tiles(
        title=f"All {head_count(count)}: where {name} looks",
        quantity="A",
        values=maps,
        scales=scales,
        labels=tuple(f"head {h + 1}" for h in range(count)),
        columns=tile_columns(count),
        selected=head - 1,
        picks=tuple({"head": h + 1} for h in range(count)),
        backdrop=pixels,
        token=token or None,
        tile_size=170,
        origin=Origin("block.attention.weights", ("tile", token, "place+1")),
        caption="Every map starts at 0. The weight on the class token is left out; it is between "
        f"{number(class_weights.min())} and {number(class_weights.max())}.",
    )
    best = int(weights[strongest, token, 1:].argmax()) + 1
    return view(
        f"{head_count(count)}: the sharpest is head {strongest + 1}, in which {name} gives "
        f"{token_name(best, side)} the weight {number(weights[strongest, token, best])}; the chosen head {head} "
        f"gives its strongest patch {number(maps[head - 1].max())}.",
        (tiles,),
    )


def tile_columns(count: int, most: int = 6) -> int:
    """Tiles per row: as many as fill all rows, at most ``most``."""
    return next((columns for columns in range(min(count, most), 2, -1) if count % columns == 0), min(count, most))


def _picture(
    title: str, caption: str, overlay: Values, scale: Scale, mode: Literal["heat", "spotlight"], common: Any
) -> Picture:
    return Picture(title=title, caption=caption, overlay=overlay, scale=scale, mode=mode, **common)


def head_count(count: int) -> str:
    """ "1 head", "4 heads"."""
    return "1 head" if count == 1 else f"{count} heads"
