"""What changes do to the states of the tokens, layer by layer and patch by patch."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from explainer.experiments.effects import Effect
from explainer.notation.wording import number, percent, subscript, token_name
from explainer.origins import Origin, cosine_of, worked_out
from explainer.panels import Pixels, Plot, Series, Tiles, View
from explainer.views.arrays import as_values, grid_size_of, on_grid
from explainer.views.changes.what_if import CHANGED
from explainer.views.compose import view
from explainer.views.scales import from_zero
from vit_core.trace import check_layer


def moved_at(token: int | str, layer: str = "point") -> Origin:
    """How far a token has moved; "*" is all of them together."""
    of = (Origin("trace.hidden_states", (token, "*"), layer, side=side) for side in (CHANGED, ""))
    return worked_out("moved", *of)


def _states(token: int | str) -> tuple[Origin, Origin]:
    """A token's state with the changes and without."""
    first, second = (Origin("trace.hidden_states", (token,), "point", side=side) for side in (CHANGED, ""))
    return first, second


def over_layers(effect: Effect, layer: int, token: int) -> View:
    """How far every z_l has moved, and which way it points now, from before layer 1 to the end.

    Args:
        effect: of the changes.
        layer: the chosen layer, marked; a click chooses another.
        token: the chosen token, which has a line of its own; 0 is the class token, which always has one.
    """
    last = len(effect.moved) - 1
    check_layer(layer, last)
    side, states = grid_size_of(effect.moved.shape[1]), as_values(torch.arange(last + 1).float())
    chosen = [] if token == 0 else [token]

    def plot(
        title: str,
        caption: str,
        y_label: str,
        values: Float[Tensor, "states tokens"],
        together: Float[Tensor, " states"],
        name: str,
        low: float | None,
        origin: Callable[[int | str], Origin | None],
    ) -> Plot:
        return Plot(
            title=title,
            quantity="z",
            caption=caption,
            x_label="layer (0: before the first)",
            y_label=y_label,
            low=low,
            selected_x=float(layer),
            pick="layer",
            height=300,
            series=(
                Series("class token", states, as_values(values[:, 0]), "class_token", origin=origin(0)),
                Series(name, states, as_values(together), "z", origin=origin("*")),
                *(
                    Series(token_name(each, side), states, as_values(values[:, each]), "image", origin=origin(each))
                    for each in chosen
                ),
            ),
        )

    moved = plot(
        "How far z has moved",
        f"‖z changed − z‖ / ‖z‖. After layer {layer}: class token {percent(effect.moved[layer, 0])}, all tokens "
        f"{percent(effect.moved_all[layer])}.",
        "difference / length",
        effect.moved,
        effect.moved_all,
        "all tokens",
        0.0,
        moved_at,
    )
    means = effect.cosines.mean(1)
    turned = plot(
        "Its direction",
        f"1: the same direction. After layer {layer}: class token {number(effect.cosines[layer, 0])}, on average "
        f"{number(means[layer])}.",
        "cosine with z before",
        effect.cosines,
        means,
        "mean of all tokens",
        None,
        lambda token: (
            cosine_of(*_states(token))
            if token != "*"
            else worked_out(
                "mean_cosine",
                *(Origin("trace.hidden_states", ("*", "*"), "point", side=side) for side in (CHANGED, "")),
            )
        ),
    )
    first = effect.first
    start = "Nothing has moved." if first is None else f"The first state to differ is z{subscript(first)}."
    return view(
        f"{start} After layer {layer} the class token has moved by {percent(effect.moved[layer, 0])} of its length and "
        f"all tokens by {percent(effect.moved_all[layer])}; at the end by {percent(effect.moved[-1, 0])} and "
        f"{percent(effect.moved_all[-1])}. The class token's cosine with what it was ends at "
        f"{number(effect.cosines[-1, 0])}.",
        (moved, turned),
    )


def spread(effect: Effect, layer: int, pixels: Pixels) -> View:
    """How far each patch's token has moved, over the picture, after every layer.

    Args:
        effect: of the changes.
        layer: the chosen layer, framed; a click chooses another.
        pixels: the picture as it was.
    """
    maps, last = on_grid(effect.moved[:, 1:]), len(effect.moved) - 1
    reached, first = (effect.moved[:, 1:] > 0).sum(1).tolist(), effect.first
    count = effect.moved.shape[1] - 1
    start = (
        "No patch has changed."
        if first is None
        else (
            f"The first state to differ is z{subscript(first)}, in {reached[first]} of {count} patches; at the end "
            f"{reached[-1]} differ."
        )
    )
    tiles = Tiles(
        title="How it spreads over the image",
        quantity="z",
        values=maps,
        scales=(from_zero(maps),),
        labels=tuple(f"z{subscript(at)}" for at in range(last + 1)),
        columns=min(last + 1, 7),
        selected=layer,
        picks=tuple({"layer": max(at, 1)} for at in range(last + 1)),
        backdrop=pixels,
        tile_size=150,
        origin=moved_at("place+1", "tile"),
        caption=f"The same measure for each patch, ‖z changed − z‖ / ‖z‖, on one scale. {start}",
    )
    return view(
        f"Change of every patch's token before layer 1 and after each of {last} layers. {start} The largest change, "
        f"{number(maps.max())} of the token's length, is in "
        f"z{subscript(int(maps.reshape(last + 1, -1).max(axis=1).argmax()))}.",
        (tiles,),
    )
